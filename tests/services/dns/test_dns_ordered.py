"""ProjectOrdered against the INWX simulator: what is set, what is waited for, what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts import CapacityNeeded, RecordType, ServerVerdict
from services.dns.inwx_errors import OutcomeUnknownError
from services.dns.models import ManagedRecord
from shared.errors import PermanentError, TemporaryError
from shared.host_claims import HostProblem, HostRefused
from shared.models import ProjectOrder, ProvisioningState
from shared.outcome import Later, Parked
from tests.services.dns.world import CREATE, INFO, IPV4, IPV6, Project, World, configured, order


async def test_a_subdomain_is_set_with_one_look_and_one_create(world: World) -> None:
    project = Project(world, order())
    await world.inwx.user()
    before = await world.calls()
    outcome = await project.configure()
    event = configured(outcome)
    calls = {call: count - before.get(call, 0) for call, count in (await world.calls()).items()}

    assert {call: count for call, count in calls.items() if count} == {INFO: 1, CREATE: 1}
    [row] = await world.records("vrs.example", project.order.fqdn)
    assert (row["type"], row["content"], row["ttl"]) == ("A", IPV4, 300)
    assert [(each.name, each.type, each.content) for each in event.records] == [(event.fqdn, RecordType.A, IPV4)]
    assert (event.server.name, event.placement_reason) == ("fsn-1", "fsn-1 by least_loaded")
    assert [each.record_id for each in project.rows(ManagedRecord)] == [row["id"]]
    assert list(outcome.detail["name_servers"].values()) == [{f"{event.fqdn} A": IPV4}] * 2
    [facts] = project.rows(ProjectOrder)
    assert (facts.fqdn, facts.customer_email) == (event.fqdn, "erika@example.com")


async def test_a_server_with_ipv6_gets_both_addresses(world: World) -> None:
    project = Project(world, order(), ipv6=IPV6)
    event = configured(await project.configure())
    assert [(each.type, each.content) for each in event.records] == [(RecordType.A, IPV4), (RecordType.AAAA, IPV6)]


async def test_an_own_domain_in_our_account_gets_apex_and_www(world: World) -> None:
    project = Project(world, order(own_domain="kunde-mit-domain.example"))
    event = configured(await project.configure())
    assert [each.name for each in event.records] == ["kunde-mit-domain.example", "www.kunde-mit-domain.example"]
    assert len(await world.records("kunde-mit-domain.example")) == 2
    assert {row.zone for row in project.rows(ManagedRecord)} == {"kunde-mit-domain.example"}


async def test_handling_the_order_again_changes_nothing(world: World) -> None:
    project = Project(world, order(), ipv6=IPV6)
    first = configured(await project.configure())
    before = await world.records("vrs.example")
    assert configured(await project.configure()) == first
    assert await world.records("vrs.example") == before


async def test_a_wait_for_the_last_name_server_costs_no_call_to_inwx(world: World) -> None:
    await world.control(propagation=[0.0, 600.0])
    project = Project(world, order())
    outcome = await project.configure()
    assert isinstance(outcome, Later)
    assert world.running.dns_servers[1] in outcome.message
    assert 0.3 <= outcome.after <= 5
    before = await world.calls()

    assert isinstance(await project.configure(), Later)
    await world.control(propagation=[0.0, 0.0])
    configured(await project.configure())
    assert await world.calls() == before


async def test_the_wait_between_two_looks_grows_with_its_age(world: World) -> None:
    await world.control(propagation=600.0)
    project = Project(world, order())
    await project.configure()
    [row] = project.rows(ManagedRecord)
    for age, after in ((10, 1.0), (600, 5.0)):
        row.intended_at = datetime.now(UTC) - timedelta(seconds=age)
        outcome = await project.configure()
        assert isinstance(outcome, Later)
        assert outcome.after == pytest.approx(after, abs=0.1)


async def test_a_record_that_vanished_during_a_long_wait_is_set_again(world: World) -> None:
    await world.control(propagation=600.0)
    project = Project(world, order())
    await project.configure()
    [row] = project.rows(ManagedRecord)
    await world.inwx.delete_record("vrs.example", row.record_id, name=row.name)
    row.seen_at = datetime.now(UTC) - timedelta(minutes=6)
    await world.control(propagation=0.0)
    configured(await project.configure())
    assert [each["id"] for each in await world.records("vrs.example")] == [
        each.record_id for each in project.rows(ManagedRecord)
    ]


@pytest.mark.parametrize("kind", ["lost_answer", "error_after", "malformed", "empty"])
async def test_a_lost_answer_to_a_create_makes_no_second_record(hasty_world: World, kind: str) -> None:
    project = Project(hasty_world, order(), ipv6=IPV6)
    await hasty_world.fault(CREATE, kind, **({"seconds": 1} if kind == "lost_answer" else {}))
    configured(await project.configure())
    rows = await hasty_world.records("vrs.example", project.order.fqdn)
    assert sorted(row["type"] for row in rows) == ["A", "AAAA"]
    assert {row["id"] for row in rows} == {row.record_id for row in project.rows(ManagedRecord)}


async def test_a_create_whose_answer_and_look_were_lost_is_adopted_by_the_next_try(hasty_world: World) -> None:
    project = Project(hasty_world, order())
    # The first look succeeds; the create and the look after it get no answer.
    looks = 0
    records = hasty_world.inwx.records

    async def second_look_fails(zone: str, *, name: str | None = None) -> Any:
        nonlocal looks
        looks += 1
        if looks == 2:
            await hasty_world.fault(INFO, "error")
        return await records(zone, name=name)

    hasty_world.inwx.records = second_look_fails  # type: ignore[method-assign]  # arms a fault at the right moment
    await hasty_world.fault(CREATE, "lost_answer", seconds=1)
    with pytest.raises(TemporaryError):
        await project.configure()
    [intent] = project.rows(ManagedRecord)
    assert intent.is_unanswered

    configured(await project.configure())
    [row] = await hasty_world.records("vrs.example", project.order.fqdn)
    assert [each.record_id for each in project.rows(ManagedRecord)] == [row["id"]]
    assert (await hasty_world.calls())[CREATE] == 1


async def test_a_create_that_was_not_done_is_done_by_the_next_try(world: World) -> None:
    project = Project(world, order())
    await world.fault(CREATE, "error")
    with pytest.raises(OutcomeUnknownError):
        await project.configure()
    configured(await project.configure())
    assert len(await world.records("vrs.example", project.order.fqdn)) == 1


async def test_the_record_follows_the_server_to_a_new_address(world: World) -> None:
    project = Project(world, order())
    configured(await project.configure())
    [before] = await world.records("vrs.example", project.order.fqdn)
    project.ipv4 = "192.0.2.77"
    [row] = project.rows(ManagedRecord)
    row.seen_at = None
    configured(await project.configure())
    [after] = await world.records("vrs.example", project.order.fqdn)
    assert (after["id"], after["content"]) == (before["id"], "192.0.2.77")


async def test_a_corrected_order_leaves_nothing_of_the_first_one(world: World) -> None:
    project = Project(world, order())
    configured(await project.configure())
    old = project.order.fqdn
    project.order = order()
    assert configured(await project.configure()).fqdn == project.order.fqdn
    assert await world.records("vrs.example", old) == []
    assert [row.name for row in project.rows(ManagedRecord)] == [project.order.fqdn]


async def test_a_young_unanswered_create_of_another_name_is_waited_for(world: World) -> None:
    project = Project(world, order(), grace=60.0)
    await world.fault(CREATE, "error")
    with pytest.raises(OutcomeUnknownError):
        await project.configure()
    project.order = order()
    outcome = await project.configure()
    assert isinstance(outcome, Later)
    assert outcome.after == pytest.approx(60, abs=5)


@pytest.mark.parametrize(
    ("kind", "content"), [("A", "192.0.2.99"), ("A", IPV4), ("CNAME", "shop.example"), ("AAAA", "2001:db8::99")]
)
async def test_a_record_of_somebody_else_is_a_clear_end_and_stays(world: World, kind: str, content: str) -> None:
    project = Project(world, order())
    name = project.order.fqdn
    stranger = await world.stranger("vrs.example", name=name, type=kind, content=content)
    with pytest.raises(PermanentError, match=f"{name} {kind} {content}") as caught:
        await project.configure()
    assert caught.value.code == "dns_conflict"
    assert caught.value.customer_text is not None
    assert [row["id"] for row in await world.records("vrs.example", name)] == [stranger]
    assert project.rows(ManagedRecord) == []
    await project.cancel()
    assert [row["id"] for row in await world.records("vrs.example", name)] == [stranger]


async def test_a_base_domain_without_a_zone_in_the_account_is_a_clear_end(world: World) -> None:
    project = Project(world, order(base_domain="not-ours.example"))
    with pytest.raises(PermanentError, match=r"not-ours\.example") as caught:
        await project.configure()
    assert caught.value.code == "zone_not_in_account"


@pytest.mark.parametrize("problem", HostProblem)
async def test_a_refused_name_is_a_clear_end_before_any_call(world: World, problem: HostProblem) -> None:
    project = Project(world, order(), refused=HostRefused(problem, "kunde.vrs.example"))
    with pytest.raises(PermanentError, match=r"kunde\.vrs\.example") as caught:
        await project.configure()
    assert caught.value.code == problem
    assert caught.value.customer_text is not None
    assert await world.calls() == {}


@pytest.mark.parametrize("region", [None, "fsn"])
async def test_without_room_the_order_waits_for_capacity_and_says_so_once(world: World, region: str | None) -> None:
    project = Project(world, order(region=region), has_room=False)
    outcome = await project.configure()
    assert isinstance(outcome, Parked)
    assert (outcome.key, outcome.until_woken) == (f"capacity:{project.project_id}", True)
    assert outcome.state is ProvisioningState.WAITING_FOR_CAPACITY
    assert outcome.detail["considered"] == [{"server": "fsn-1", "verdict": "full"}]
    [needed] = outcome.events
    assert isinstance(needed, CapacityNeeded)
    assert (needed.fqdn, needed.plan, needed.region, needed.ahead) == (project.order.fqdn, "starter", region, 2)
    assert needed.considered == (ServerVerdict(server="fsn-1", verdict="full"),)
    assert (await project.configure()).events == ()
    assert await world.calls() == {}
    project.has_room = True
    configured(await project.configure())
