"""Drift at INWX, each kind planted: how it is found, and what its repair does and leaves alone."""

from datetime import UTC, datetime

import pytest

from contracts import DnsRecord, MailRecordType, RecordType
from services.dns.models import ManagedRecord
from shared.errors import TemporaryError
from shared.reconcile.finding import Caution, RepairRefusedError, repair
from tests.choreography.events import Story
from tests.choreography.facts import BASE_DOMAIN
from tests.choreography.vendors import Inwx
from tests.reconcile.tenancy import Tenancy

FOREIGN = DnsRecord(name=f"shop.{BASE_DOMAIN}", type=RecordType.A, content="192.0.2.77")


async def lose(tenancy: Tenancy, story: Story) -> str:
    row = await tenancy.row(ManagedRecord, story)
    await tenancy.call("nameserver.deleteRecord", {"id": row.record_id})
    return str(row.record_id)


async def test_nothing_is_off_where_all_is_as_written_down_and_strangers_share_the_zone(tenancy: Tenancy) -> None:
    await tenancy.project()
    await tenancy.project()
    await tenancy.set_record(FOREIGN)
    assert await tenancy.drifts(tenancy.dns) == []
    assert (await tenancy.inwx.calls())["nameserver.info"] == 1 + 2  # the zone, then each project's name


async def test_records_for_mail_are_no_strays(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    for name, kind, content in (
        (f"brevo1._domainkey.{story.fqdn}", "CNAME", "b1.x.dkim.brevo.com"),
        (story.fqdn, "TXT", "v=spf1 include:spf.brevo.com ~all"),
        (story.fqdn, "MX", "inbound1.sendinblue.com"),
    ):
        params = {"domain": BASE_DOMAIN, "name": name, "type": kind, "content": content, "ttl": 300}
        await tenancy.call("nameserver.createRecord", params)
    assert await tenancy.drifts(tenancy.dns) == []
    await tenancy.cancel(story)
    assert await tenancy.drifts(tenancy.dns) == ["orphaned"]  # its address, and nothing else


async def test_a_record_for_mail_that_is_gone_or_has_lost_our_part_is_found_with_the_command_that_sets_it_again(
    tenancy: Tenancy,
) -> None:
    story = await tenancy.project()
    dkim, spf = f"brevo1._domainkey.{story.fqdn}", "v=spf1 mx include:spf.brevo.com -all"
    await tenancy.mail_record(story, "dkim-1", dkim, MailRecordType.CNAME, "b1.x.dkim.brevo.com")
    spf_id = await tenancy.mail_record(story, "spf", story.fqdn, MailRecordType.TXT, spf)
    assert await tenancy.drifts(tenancy.dns) == []
    await tenancy.call("nameserver.updateRecord", {"id": spf_id, "content": spf.replace("mx", "mx include:x.example")})
    assert await tenancy.drifts(tenancy.dns) == []  # what others have a part in
    await tenancy.call("nameserver.updateRecord", {"id": spf_id, "content": "v=spf1 mx -all"})
    row = next(each for each in await tenancy.sql("SELECT * FROM mail_records") if each.slot == "dkim-1")
    await tenancy.call("nameserver.deleteRecord", {"id": row.record_id})
    found = {each.drift.value: each for each in await tenancy.look(tenancy.dns)}
    assert sorted(found) == sorted(await tenancy.drifts(tenancy.dns)) == ["different", "missing"]
    assert f"`vrs domains mail {story.project_id} {story.fqdn}`" in found["missing"].advice
    assert (found["missing"].thing, found["different"].vendor) == (
        f"CNAME {dkim} ({row.record_id})",
        "v=spf1 mx -all, TTL 300",
    )
    anew = {"domain": BASE_DOMAIN, "name": dkim, "type": "CNAME", "content": row.content, "ttl": 300}
    await tenancy.call("nameserver.createRecord", anew)
    assert await tenancy.drifts(tenancy.dns) == ["different"]
    await tenancy.open_step(story, "dns.maildomain-requested", "parked")
    assert await tenancy.drifts(tenancy.dns) == ["in progress"]


async def test_a_record_that_is_missing_is_made_again(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    lost = await lose(tenancy, story)
    assert await tenancy.drifts(tenancy.dns) == ["missing"]
    assert "again at INWX" in await tenancy.repaired(tenancy.dns)
    assert await tenancy.inwx.records(story) == [(story.fqdn, "A", "203.0.113.10")]
    assert (await tenancy.row(ManagedRecord, story)).record_id not in (None, lost)
    assert await tenancy.drifts(tenancy.dns) == []
    [told] = await tenancy.told(story)
    assert told.startswith(f"Reconciled: created A {story.fqdn} 203.0.113.10 again")


async def test_a_repair_without_an_answer_leaves_its_intent_and_is_done_at_the_next_time(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    await lose(tenancy, story)
    await tenancy.inwx.break_("nameserver.createRecord", "error", times=1)
    with pytest.raises(TemporaryError):
        await tenancy.repaired(tenancy.dns)
    assert (await tenancy.row(ManagedRecord, story)).record_id is None
    await tenancy.repaired(tenancy.dns)
    assert len(await tenancy.inwx.records(story)) == 1
    assert await tenancy.drifts(tenancy.dns) == []


async def test_a_record_that_somebody_changed_is_set_again(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    row = await tenancy.row(ManagedRecord, story)
    await tenancy.call("nameserver.updateRecord", {"id": row.record_id, "content": "192.0.2.1", "ttl": 600})
    assert await tenancy.drifts(tenancy.dns) == ["different"]
    await tenancy.repaired(tenancy.dns)
    assert await tenancy.inwx.records(story) == [(story.fqdn, "A", "203.0.113.10")]
    assert await tenancy.drifts(tenancy.dns) == []


async def test_a_record_that_somebody_made_anew_is_written_down(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    await lose(tenancy, story)
    anew = await tenancy.set_record(story.records()[0])
    assert await tenancy.drifts(tenancy.dns) == ["different"]
    await tenancy.repaired(tenancy.dns)
    assert (await tenancy.row(ManagedRecord, story)).record_id == anew
    assert await tenancy.drifts(tenancy.dns) == []


async def test_a_second_record_of_a_name_is_deleted_only_if_named_and_only_if_it_leads_to_a_server_of_ours(
    tenancy: Tenancy,
) -> None:
    story = await tenancy.project()
    [ours] = story.records()
    await tenancy.set_record(ours, content="192.0.2.9")
    [finding] = await tenancy.look(tenancy.dns)
    assert (finding.drift.value, finding.repair) == ("doubled", None)
    assert "provisioning did not set it" in finding.advice
    await tenancy.sql("UPDATE servers SET ipv4 = '192.0.2.9'")
    [finding] = await tenancy.look(tenancy.dns)
    assert finding.repair is not None
    assert finding.repair.caution is Caution.NAMED
    await repair(tenancy.dns, finding)
    assert await tenancy.inwx.records(story) == [(story.fqdn, "A", "203.0.113.10")]


async def test_a_record_that_came_true_after_its_cancellation_is_an_orphan_and_a_stranger_of_that_name_is_none(
    tenancy: Tenancy,
) -> None:
    story = await tenancy.project()
    await tenancy.cancel(story)
    assert await tenancy.drifts(tenancy.dns) == ["orphaned"]
    await tenancy.set_record(story.records()[0], content="192.0.2.9")
    assert await tenancy.drifts(tenancy.dns) == ["orphaned"]
    assert "nothing needs it" in await tenancy.repaired(tenancy.dns)
    assert await tenancy.inwx.records(story) == [(story.fqdn, "A", "192.0.2.9")]
    assert await tenancy.drifts(tenancy.dns) == []


async def test_an_orphan_whose_name_another_project_has_taken_is_left_alone(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    await tenancy.cancel(story)
    [finding] = await tenancy.look(tenancy.dns)
    await tenancy.sql(
        "INSERT INTO project_domains (host, project_id, is_primary) VALUES (:host, gen_random_uuid(), true)",
        host=story.fqdn,
    )
    with pytest.raises(RepairRefusedError, match="another project's"):
        await repair(tenancy.dns, finding)
    assert len(await tenancy.inwx.records(story)) == 1


async def test_what_a_project_left_that_nobody_knows_is_told_with_the_command_that_undoes_it(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    await tenancy.sql("DELETE FROM projects")
    [finding] = await tenancy.look(tenancy.dns)
    assert (finding.drift.value, finding.repair) == ("orphaned", None)
    assert finding.advice == f"there is no such project: `vrs cancel {story.project_id}`"
    await tenancy.sql("UPDATE dns_records SET record_id = NULL")
    assert [each.repair for each in await tenancy.look(tenancy.dns)] == [None]


@pytest.mark.parametrize("step", ["running", "waiting", "parked", "dead"])
async def test_a_project_with_an_open_step_is_in_progress_and_is_not_touched(tenancy: Tenancy, step: str) -> None:
    story = await tenancy.project()
    await lose(tenancy, story)
    [finding] = await tenancy.look(tenancy.dns)
    await tenancy.open_step(story, "dns.project-ordered", step)
    assert await tenancy.drifts(tenancy.dns) == ["in progress"]
    assert finding.repair is not None
    with pytest.raises(RepairRefusedError, match=f"its step is {step}"):
        await finding.repair.run()
    assert await tenancy.inwx.records(story) == []


async def test_a_repair_that_was_found_before_a_cancellation_does_nothing(tenancy: Tenancy) -> None:
    story = await tenancy.project()
    await lose(tenancy, story)
    [finding] = await tenancy.look(tenancy.dns)
    await tenancy.cancel(story, undone=False)
    assert await tenancy.drifts(tenancy.dns) == ["in progress"]
    assert finding.repair is not None
    with pytest.raises(RepairRefusedError, match="its cancellation is under way"):
        await finding.repair.run()
    assert await tenancy.inwx.records(story) == []


async def test_a_create_without_an_answer_is_in_progress_until_its_grace_is_over(
    tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = await tenancy.project()
    found = await tenancy.row(ManagedRecord, story)
    await tenancy.sql("UPDATE dns_records SET record_id = NULL, intended_at = :now", now=datetime.now(UTC))
    monkeypatch.setattr(tenancy.dns, "_drifts", type(tenancy.dns._drifts)(tenancy.dns._drifts.repairs, 3600))  # type: ignore[attr-defined]  # behind the protocol
    assert await tenancy.drifts(tenancy.dns) == ["in progress"]
    await tenancy.sql("UPDATE dns_records SET intended_at = now() - interval '2 hours'")
    assert await tenancy.drifts(tenancy.dns) == ["unanswered"]
    await tenancy.open_step(story, "dns.project-ordered", "dead")  # it waits for a person, who may take weeks
    assert await tenancy.drifts(tenancy.dns) == ["unanswered"]
    await tenancy.repaired(tenancy.dns)
    assert (await tenancy.row(ManagedRecord, story)).record_id == found.record_id
    assert (await tenancy.inwx.calls())["nameserver.createRecord"] == 1


async def test_a_zone_that_is_not_in_the_account_is_named(tenancy: Tenancy) -> None:
    await tenancy.project()
    await tenancy.sql("UPDATE dns_records SET zone = 'gone.example'")
    [missing] = [each for each in await tenancy.look(tenancy.dns) if each.drift.value == "missing"]
    assert missing.advice == "the account has no zone gone.example: create it at INWX"


async def test_without_an_answer_of_inwx_nothing_is_said_to_be_missing(tenancy: Tenancy, inwx: Inwx) -> None:
    await tenancy.project()
    await inwx.break_("nameserver.info", "empty")
    with pytest.raises(TemporaryError):
        await tenancy.look(tenancy.dns)
