"""dns hears DomainTransferRequested: the domain is transferred, paid for once, and the project moves to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr

from contracts import (
    CloudEvent,
    DnsConfigured,
    DomainAdded,
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferRequested,
    DomainTransferStarted,
    ServiceName,
)
from services.dns.app import dns
from services.marketplace.app import marketplace
from shared.models import ProvisioningState
from shared.seal import Seal
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer, withdraw_transfer
from tests.choreography.events import Story
from tests.choreography.facts import MAX_CENTS, OWNER
from tests.choreography.system import System
from tests.choreography.vendors import Inwx
from tests.shared.messaging.harness import until
from tests.stored import is_told, tables_with

TRANSFER = "dns.transfer-requested"
CANCELLED = "dns.project-cancelled"
ORDER = "domain.transfer"
CODE = "code-4711-secret"
KEY = Fernet.generate_key().decode()
MAIL = {"name": "@", "type": "MX", "content": "mail.provider.example", "prio": 10}


@pytest.fixture(autouse=True)
async def _seeded(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VRS_TRANSFER_KEY", KEY)
    await system.seed()


async def ask(system: System, story: Story, code: str = CODE) -> None:
    """What the marketplace commits when a case worker asks for the transfer, or answers one that has failed."""
    request = TransferRequest(
        domain=story.moving_domain, auth_code=SecretStr(code), registrant=OWNER, max_cents=MAX_CENTS
    )
    async with begin(system.database) as transaction:
        await ask_for_transfer(transaction, story.project_id, request, Seal(SecretStr(KEY)), by="case worker")


@asynccontextmanager
async def asked_for(system: System, inwx: Inwx, story: Story, code: str = CODE) -> AsyncIterator[None]:
    """The project has its address, and the transfer was asked for; both services run."""
    await inwx.set(elsewhere={"zone": story.moving_domain, "records": [MAIL], "auth_code": CODE})
    async with system.running(dns, marketplace):
        await system.publish(story.ordered())
        await system.hears(DnsConfigured, story)
        await ask(system, story, code)
        yield


async def asking(system: System, story: Story) -> CloudEvent[DomainTransferRequested]:
    return await system.hears(DomainTransferRequested, story)


async def test_a_transfer_is_paid_for_once_keeps_the_mail_and_moves_the_project(system: System, inwx: Inwx) -> None:
    story = Story()
    async with asked_for(system, inwx, story):
        event = await asking(system, story)
        started = await system.hears(DomainTransferStarted, story)
        arrived = await system.hears(DomainTransferred, story)
        added = await system.hears(DomainAdded, story)
        await system.logged(TRANSFER, event, "parked", "completed", hurried=True)
    assert {each.causationid for each in (started, arrived, added)} == {event.id}
    assert (started.data.kept_records, arrived.data.cents) == (1, 465)
    assert added.data == DomainAdded(domain=story.moving_domain, primary=True)
    assert await inwx.charges() == [story.moving_domain]
    zone = await inwx.records(zone=story.moving_domain)
    assert {(kind, content) for _, kind, content in zone} >= {("MX", MAIL["content"]), ("A", "203.0.113.10")}
    assert await system.state(story) == ProvisioningState.DNS_CONFIGURED
    [row] = await system.sql("SELECT stage, auth_code, registrant FROM domain_transfers")
    assert tuple(row) == ("transferred", None, None)


async def test_a_transfer_that_comes_three_times_is_paid_for_once(system: System, inwx: Inwx) -> None:
    story = Story()
    await inwx.set(transfer_seconds=3600)
    async with asked_for(system, inwx, story):
        await system.hears(DomainTransferStarted, story)
        event = await asking(system, story)
        await system.publish(event, event)
        await system.is_claimed(TRANSFER)
        await system.looks_again(event)
    assert await inwx.charges() == [story.moving_domain]
    assert (await inwx.calls())[ORDER] == 1


async def test_a_transfer_before_its_order_waits_until_the_project_has_an_address(system: System, inwx: Inwx) -> None:
    story = Story()
    async with system.running(dns):
        await system.publish(early := story.transfer_requested())
        await system.logged(TRANSFER, early, "waiting")
        assert ORDER not in await inwx.calls()
        await system.publish(story.ordered())
        await system.hears(DnsConfigured, story)
        await system.tries(TRANSFER, early)
    assert (await system.log(TRANSFER, early))[-1].message == f"Nobody wants {story.moving_domain} any more."


async def test_a_transfer_of_a_cancelled_project_has_no_effect(system: System, inwx: Inwx) -> None:
    story = Story()
    async with asked_for(system, inwx, story):
        await system.hears(DomainTransferred, story)
        await system.end(story, ServiceName.DNS)
        before = await inwx.calls()
        await system.publish(late := story.transfer_requested())
        assert await system.has_no_trace(TRANSFER, late)
    assert await inwx.calls() == before
    assert await inwx.charges() == [story.moving_domain]


async def test_a_transfer_outlasts_trouble_at_inwx_and_is_paid_for_once(system: System, inwx: Inwx) -> None:
    story = Story()
    await inwx.set(transfer_seconds=0.5)  # who asks again in this time pays again
    await inwx.break_(ORDER, "error_after", times=1)
    await inwx.break_("domain.info", "refused", code=2400, times=1)
    async with asked_for(system, inwx, story):
        event = await asking(system, story)
        retries = await system.tries(TRANSFER, event)
        await system.hears(DomainTransferred, story)
    assert {row.detail["code"] for row in retries} == {"inwx_2400", "inwx_http_502"}
    assert len(system.said(DomainTransferStarted, story)) == 1
    assert await inwx.charges() == [story.moving_domain]


async def test_a_wrong_code_is_told_once_and_goes_on_when_a_case_worker_has_another(system: System, inwx: Inwx) -> None:
    story = Story()
    async with asked_for(system, inwx, story, "wrong-0815-code"):
        failed = await system.hears(DomainTransferFailed, story)
        assert (failed.data.problem, failed.data.cents) == ("auth_code_wrong", 465)
        [row] = await system.sql("SELECT stage, auth_code FROM domain_transfers")
        assert tuple(row) == ("failed", None)
        await ask(system, story)
        await system.hears(DomainTransferred, story)
    assert len(system.said(DomainTransferRequested, story)) == 1
    assert await inwx.charges() == [story.moving_domain]
    codes = (CODE, "wrong-0815-code")
    assert await tables_with(system.database, *codes) == set()
    assert not any(is_told(event.encode().decode(), *codes) for event in system.heard)


async def test_a_transfer_that_cannot_sign_in_is_a_dead_letter_whose_replay_goes_on(system: System, inwx: Inwx) -> None:
    story = Story()
    await inwx.break_(ORDER, "refused", code=2200)
    async with asked_for(system, inwx, story):
        event = await asking(system, story)
        letter = await system.dies(TRANSFER, event, code="inwx_2200")
        assert await system.state(story) == ProvisioningState.DNS_CONFIGURED  # the project lives where it did
        assert CODE not in f"{letter}"
        await inwx.mend()
        await system.replay(letter)
        await system.hears(DomainTransferred, story)
    assert await inwx.charges() == [story.moving_domain]


async def test_a_dead_transfer_that_is_withdrawn_is_undone_and_its_replay_finds_nothing(
    system: System, inwx: Inwx
) -> None:
    story = Story()
    await inwx.break_(ORDER, "refused", code=2200)
    async with asked_for(system, inwx, story):
        event = await asking(system, story)
        letter = await system.dies(TRANSFER, event, code="inwx_2200")
        async with begin(system.database) as transaction:
            await withdraw_transfer(transaction, story.project_id, story.moving_domain, by="case worker")

        async def is_undone() -> bool:
            return await system.sql("SELECT 1 FROM domain_transfers") == []

        await until(is_undone)
        await system.replay(letter)
        *_, row = await system.logged(TRANSFER, event, "dead", "completed")
    assert row.message == f"Nobody wants {story.moving_domain} any more."
    assert await inwx.charges() == []


async def test_a_cancellation_gives_a_transfer_up_and_never_deletes_the_domain(system: System, inwx: Inwx) -> None:
    story = Story()
    await inwx.set(transfer_seconds=3600)
    async with asked_for(system, inwx, story):
        await system.hears(DomainTransferStarted, story)
        await system.publish(cancellation := story.cancelled())
        [row] = await system.logged(CANCELLED, cancellation, "completed")
    assert f"{story.moving_domain} stays where it was" in row.message
    assert await inwx.charges() == []
    assert "domain.delete" not in await inwx.calls()
    assert await system.sql("SELECT 1 FROM domain_transfers") == []


async def test_a_transfer_that_is_withdrawn_ends_and_its_names_are_free(system: System, inwx: Inwx) -> None:
    story, other = Story(), Story()
    async with asked_for(system, inwx, story, "wrong-0815-code"):
        await system.hears(DomainTransferFailed, story)
        async with begin(system.database) as transaction:
            await withdraw_transfer(transaction, story.project_id, story.moving_domain, by="case worker")
        event = await asking(system, story)
        *_, row = await system.logged(TRANSFER, event, "parked", "completed")  # it is woken
        assert "was withdrawn" in row.message
        for table in ("domain_transfers", "transfer_withdrawals", "project_domains WHERE is_coming"):
            assert await system.sql(f"SELECT 1 FROM {table}") == []
        await system.publish(other.ordered())
        await system.hears(DnsConfigured, other)
        async with begin(system.database) as transaction:
            request = TransferRequest(
                domain=story.moving_domain, auth_code=SecretStr(CODE), registrant=OWNER, max_cents=MAX_CENTS
            )
            await ask_for_transfer(transaction, other.project_id, request, Seal(SecretStr(KEY)), by="case worker")
        await system.hears(DomainTransferred, other)
    assert await inwx.charges() == [story.moving_domain]
