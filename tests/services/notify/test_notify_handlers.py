"""Who hears of what, once, whatever the mail server does in between."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from contracts import (
    CapacityNeeded,
    CoreHealthy,
    CustomerText,
    DnsRecord,
    DnsRecordsNeeded,
    Locale,
    Plugin,
    ProjectCancelled,
    ProvisioningDelayed,
    ProvisioningFailed,
    RecordType,
    ServerVerdict,
    ServiceName,
)
from services.notify.handlers import (
    tell_cancelled,
    tell_capacity_needed,
    tell_delayed,
    tell_failed,
    tell_live,
    tell_records_needed,
)
from services.notify.models import Mail, MailRecipient
from services.notify.post import Post
from services.notify.smtp import MailDeferredError, MailRefusedError, SmtpUnreachableError
from shared.errors import TemporaryError
from shared.models import ProvisioningState
from shared.outcome import Done, Outcome
from shared.step import ProjectFacts
from tests.in_memory_step import InMemoryStep
from tests.services.notify.conftest import LINKS

FQDN = "a.vrs.example"
LIVE = CoreHealthy(
    fqdn=FQDN, url=f"https://{FQDN}/", core_version="1.4.2", plugins=(Plugin(name="shop", version="2.1.0"),)
)
FAILED = ProvisioningFailed(
    step=ServiceName.DEPLOY,
    reason_code="coolify_422",
    message="Coolify answers 422: correct the image, then replay",
    customer_text=CustomerText(de="Das Bild fehlt.", en="The image is missing."),
    dead_letter_id=uuid4(),
)


def a_step(*, locale: Locale = Locale.DE, name: str = "Anna Muster", email: str = "anna@example.org") -> InMemoryStep:
    return InMemoryStep(
        project=ProjectFacts(
            state=ProvisioningState.LIVE,
            slug="a",
            fqdn=FQDN,
            base_domain="vrs.example",
            project_type="vrs-core",
            plan="basic",
            plugins=(),
            locale=locale,
            customer_name=name,
            customer_email=email,
            ordered_at=datetime.now(UTC),
        )
    )


def next_try(step: InMemoryStep) -> InMemoryStep:
    again = InMemoryStep(project_id=step.project_id, project=step.project, tables=step.tables, attempt=2)
    again.event_id = step.event_id
    return again


def completed(step: InMemoryStep, outcome: Outcome) -> list[Mail]:
    assert isinstance(outcome, Done)
    assert outcome.state is None
    for write in outcome.writes:
        step.apply(write)
    return written_down(step)


def written_down(step: InMemoryStep) -> list[Mail]:
    return [row for row in step.tables.values() if isinstance(row, Mail)]


async def test_the_customer_hears_that_the_project_is_live(post: Post, sink: Any) -> None:
    step = a_step()
    outcome = await tell_live(post, LIVE, step)
    [mail] = await sink.mails()
    assert (mail["from"], mail["to"]) == ("noreply@vrs.example", ["anna@example.org"])
    assert mail["headers"]["To"] == "Anna Muster <anna@example.org>"
    assert mail["headers"]["From"] == "VRS <noreply@vrs.example>"
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    assert mail["subject"] == f"{FQDN} ist online"
    assert f"https://{FQDN}/" in mail["text"]
    assert "shop 2.1.0" in mail["html"]
    [row] = completed(step, outcome)
    assert mail["message_id"] == f"<{row.message_id}>"
    assert row.message_id.endswith("@vrs.example")
    assert (row.project_id, row.event_id, row.recipient) == (step.project_id, step.event_id, MailRecipient.CUSTOMER)
    assert row.subject == mail["subject"]
    assert row.sent_at is not None


async def test_what_customers_get_links_to_their_status_page_and_what_case_workers_get_does_not(
    post: Post, sink: Any
) -> None:
    step = a_step()
    await tell_live(post, LIVE, step)
    await tell_failed(post, FAILED, a_step())
    link = LINKS.link(step.project_id)
    first, *others = await sink.mails()
    assert link.startswith("https://market.example/status/")
    assert link in first["text"]
    assert f'<a href="{link}">Stand Ihres Projekts ansehen</a>' in first["html"]
    assert {mail["to"][0] for mail in others if "/status/" in mail["text"]} == {"anna@example.org"}


async def test_the_order_decides_about_the_language(post: Post, sink: Any) -> None:
    await tell_live(post, LIVE, a_step(locale=Locale.EN))
    assert [mail["subject"] for mail in await sink.mails()] == [f"{FQDN} is online"]


async def test_the_log_names_the_mail_and_hides_the_address(post: Post) -> None:
    outcome = await tell_live(post, LIVE, a_step())
    assert outcome.message == f"mailed to customer a…@example.org ({FQDN} ist online)"


async def test_the_customer_hears_which_records_to_set(post: Post, sink: Any) -> None:
    records = (
        DnsRecord(name="kunde.example", type=RecordType.A, content="203.0.113.10"),
        DnsRecord(name="www.kunde.example", type=RecordType.AAAA, content="2a01:4f8::1"),
    )
    event = DnsRecordsNeeded(fqdn="kunde.example", records=records, found=("kunde.example A 192.0.2.1",))
    await tell_records_needed(post, event, a_step())
    [mail] = await sink.mails()
    for form in (mail["text"], mail["html"]):
        for fact in ("kunde.example", "203.0.113.10", "AAAA", "www.kunde.example", "2a01:4f8::1", "192.0.2.1"):
            assert fact in form


async def test_each_case_worker_hears_that_an_order_waits_for_a_server(post: Post, sink: Any) -> None:
    servers = tuple(ServerVerdict(server=f"tenants-{number}", verdict="full") for number in range(1, 25))
    event = CapacityNeeded(fqdn=FQDN, plan="starter", region="fsn1", ahead=4, considered=servers)
    await tell_capacity_needed(post, event, a_step(locale=Locale.EN))
    mails = await sink.mails()
    assert [mail["to"] for mail in mails] == [["erika@desk.example"], ["max@desk.example"]]
    assert {mail["subject"] for mail in mails} == {f"Kein Platz auf den Servern: {FQDN} wartet"}
    for form in (mails[0]["text"], mails[0]["html"]):
        for fact in ("fsn1", "starter", "tenants-20: full", "Dazu 4 weitere."):
            assert fact in form
        assert "tenants-21" not in form


async def test_each_case_worker_hears_that_a_step_is_late(post: Post, sink: Any) -> None:
    event = ProvisioningDelayed(step=ServiceName.DNS, reason="not visible yet", due_at=datetime.now(UTC))
    outcome = await tell_delayed(post, event, a_step(locale=Locale.EN))
    mails = await sink.mails()
    assert [mail["to"] for mail in mails] == [["erika@desk.example"], ["max@desk.example"]]
    assert {mail["subject"] for mail in mails} == {f"Verspätet: {FQDN} (Domain und DNS)"}
    assert "case worker e…@desk.example" in outcome.message


async def test_case_workers_and_customer_hear_that_a_step_was_given_up(post: Post, sink: Any) -> None:
    step = a_step(locale=Locale.EN)
    outcome = await tell_failed(post, FAILED, step)
    erika, _, anna = await sink.mails()
    assert erika["subject"] == f"Fehlgeschlagen: {FQDN} (Installation auf dem Server)"
    for fact in (FAILED.message, "coolify_422", str(FAILED.dead_letter_id), str(step.project_id)):
        assert fact in erika["text"]
    assert anna["to"] == ["anna@example.org"]
    assert "The image is missing." in anna["text"]
    assert "Coolify" not in anna["text"]
    assert len({row.message_id for row in completed(step, outcome)}) == 3


@pytest.mark.parametrize("project", [True, False], ids=["of a known project", "of an unknown project"])
async def test_of_an_event_that_cannot_be_read_only_case_workers_hear(post: Post, sink: Any, project: bool) -> None:
    step = a_step() if project else InMemoryStep()
    await tell_failed(post, FAILED.model_copy(update={"reason_code": "contract_invalid"}), step)
    assert [mail["to"] for mail in await sink.mails()] == [["erika@desk.example"], ["max@desk.example"]]


async def test_a_cancellation_is_confirmed(post: Post, sink: Any) -> None:
    event = ProjectCancelled(reason="does not pay", requested_by="desk")
    await tell_cancelled(post, event, a_step())
    [mail] = await sink.mails()
    assert mail["subject"] == f"Ihr Projekt {FQDN} wird abgeschaltet"
    assert "does not pay" not in mail["text"]


async def test_a_cancellation_before_the_order_is_known_is_told_to_nobody(post: Post, sink: Any) -> None:
    outcome = await tell_cancelled(post, ProjectCancelled(reason="x", requested_by="desk"), InMemoryStep())
    assert isinstance(outcome, Done)
    assert await sink.mails() == []


async def test_an_unknown_order_is_waited_for(post: Post) -> None:
    with pytest.raises(TemporaryError) as unknown:
        await tell_live(post, LIVE, InMemoryStep())
    assert unknown.value.code == "unknown_project"


async def test_a_mail_is_written_down_before_it_is_sent(post: Post, sink: Any) -> None:
    step = a_step()
    await sink.breaks("DATA", "refused", code=451)
    with pytest.raises(MailDeferredError):
        await tell_live(post, LIVE, step)
    assert [row.sent_at for row in written_down(step)] == [None]


async def test_a_second_try_sends_only_what_was_not_accepted(post: Post, sink: Any) -> None:
    step = a_step()
    await sink.breaks("RCPT", "refused", code=450)
    with pytest.raises(MailDeferredError, match=r"not mailed to case worker e…@desk\.example"):
        await tell_failed(post, FAILED, step)
    assert [mail["to"] for mail in await sink.mails()] == [["max@desk.example"], ["anna@example.org"]]
    again = next_try(step)
    rows = completed(again, await tell_failed(post, FAILED, again))
    assert [mail["to"] for mail in (await sink.mails())[2:]] == [["erika@desk.example"]]
    assert all(row.sent_at for row in rows)
    assert len(rows) == 3


async def test_a_repeated_step_sends_nothing(post: Post, sink: Any) -> None:
    step = a_step()
    completed(step, await tell_live(post, LIVE, step))
    assert isinstance(await tell_live(post, LIVE, next_try(step)), Done)
    assert len(await sink.mails()) == 1


async def test_a_mail_whose_250_was_lost_is_sent_again_with_the_same_message_id(post: Post, sink: Any) -> None:
    step = a_step()
    await sink.breaks("DATA", "lost_answer")
    with pytest.raises(SmtpUnreachableError):
        await tell_live(post, LIVE, step)
    completed(step, await tell_live(post, LIVE, next_try(step)))
    first, second = await sink.mails()
    assert first["message_id"] == second["message_id"]


async def test_one_refused_address_keeps_nobody_else_from_hearing(post: Post, sink: Any) -> None:
    step = a_step()
    await sink.breaks("RCPT", "refused", code=550)
    with pytest.raises(MailRefusedError, match="answers 550") as refused:
        await tell_failed(post, FAILED, step)
    assert refused.value.code == "smtp_550"
    assert len(await sink.mails()) == 2


async def test_what_another_try_can_deliver_counts_before_what_it_cannot(post: Post, sink: Any) -> None:
    await sink.breaks("RCPT", "refused", code=550)
    await sink.breaks("RCPT", "refused", code=450)
    with pytest.raises(MailDeferredError) as deferred:
        await tell_failed(post, FAILED, a_step())
    assert "550" in str(deferred.value)
    assert "450" in str(deferred.value)


async def test_without_a_mail_server_nothing_is_tried_twice(post: Post, sink: Any) -> None:
    await sink.breaks("DATA", "lost_answer")
    with pytest.raises(SmtpUnreachableError):
        await tell_failed(post, FAILED, a_step())
    assert len(await sink.mails()) == 1


async def test_a_case_worker_who_is_the_customer_gets_both_mails(post: Post, sink: Any) -> None:
    step = a_step(email="erika@desk.example")
    await tell_failed(post, FAILED, step)
    assert len({mail["message_id"] for mail in await sink.mails()}) == 3


@pytest.mark.parametrize(
    "name",
    [
        "Anna\r\nBcc: all@example.org",
        "Anna\u2028Bcc: all@example.org",
        'Anna" <x@y.example>, "',
        "Müller, Söhne & Co",
        "",
        " ",
    ],
)
async def test_a_name_adds_no_header_and_no_recipient(post: Post, sink: Any, name: str) -> None:
    await tell_live(post, LIVE, a_step(name=name))
    [mail] = await sink.mails()
    assert mail["to"] == ["anna@example.org"]
    assert set(mail["headers"]) == {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"),
    }
