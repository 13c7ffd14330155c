"""dns hears ProjectOrdered and ProjectCancelled: a place, the records, DnsConfigured; and all of it undone."""

import pytest

from contracts import DnsConfigured, DnsReleased, ServiceName
from services.dns.app import dns
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Inwx

ORDERED = "dns.project-ordered"
CANCELLED = "dns.project-cancelled"
CREATE, DELETE = "nameserver.createRecord", "nameserver.deleteRecord"


@pytest.fixture(autouse=True)
async def _seeded(system: System) -> None:
    await system.seed()


async def test_an_order_gets_a_place_and_records_and_is_told_on(system: System, inwx: Inwx) -> None:
    story = Story()
    order = story.ordered()
    async with system.running(dns):
        await system.publish(order)
        said = await system.hears(DnsConfigured, story)
        await system.logged(ORDERED, order, "completed")
    assert await inwx.records(story) == [(story.fqdn, "A", "203.0.113.10"), (story.fqdn, "AAAA", "2001:db8::10")]
    assert said.data.fqdn == story.fqdn
    assert said.data.server.name == "srv-tenants-1"
    assert (said.causationid, said.correlationid) == (order.id, order.correlationid)
    assert await system.state(story) == ProvisioningState.DNS_CONFIGURED
    assert await places(system) == 1


async def test_an_order_that_comes_three_times_is_carried_out_once(system: System, inwx: Inwx) -> None:
    story = Story()
    order = story.ordered()
    async with system.running(dns):
        await system.publish(order, order)
        await system.logged(ORDERED, order, "completed")
        await system.publish(order)
        await system.is_claimed(ORDERED)
        await system.hears(DnsConfigured, story)
    assert len(await system.log(ORDERED, order)) == 1
    assert (await inwx.calls())[CREATE] == 2  # A and AAAA
    assert await places(system) == 1


async def test_a_cancellation_before_the_order_leaves_a_mark_that_stops_the_order(system: System, inwx: Inwx) -> None:
    story = Story()
    order, cancellation = story.ordered(), story.cancelled()
    async with system.running(dns):
        await system.publish(cancellation)
        await system.logged(CANCELLED, cancellation, "completed")
        await system.publish(order)
        assert await system.has_no_trace(ORDERED, order)
    assert await system.state(story) is None
    assert system.said(DnsConfigured, story) == []
    assert CREATE not in await inwx.calls()
    assert await places(system) == 0


async def test_an_order_after_the_end_of_its_project_has_no_effect(system: System, inwx: Inwx) -> None:
    story = Story()
    async with system.running(dns):
        await system.publish(first := story.ordered())
        await system.logged(ORDERED, first, "completed")
        await system.end(story, ServiceName.DNS)
        before = await inwx.calls()
        await system.publish(late := story.ordered())
        assert await system.has_no_trace(ORDERED, late)
    assert await inwx.calls() == before
    assert len(system.said(DnsConfigured, story)) == 1
    assert await system.state(story) == ProvisioningState.CANCELLED


async def test_an_order_outlasts_trouble_at_inwx_and_sets_each_record_once(system: System, inwx: Inwx) -> None:
    story = Story()
    order = story.ordered()
    await inwx.break_(CREATE, "error_after", times=1)  # A is there, and nobody was told
    await inwx.break_(CREATE, "error", times=1)  # AAAA is not
    async with system.running(dns):
        await system.publish(order)
        rows = await system.logged(ORDERED, order, "retrying", "completed", hurried=True)
        await system.hears(DnsConfigured, story)
    assert [row.attempt for row in rows] == [1, 2]
    assert rows[0].detail["code"] == "inwx_create_unanswered"
    assert [kind for _, kind, _ in await inwx.records(story)] == ["A", "AAAA"]
    assert await places(system) == 1


async def test_an_order_that_inwx_refuses_is_a_dead_letter_whose_replay_goes_on(system: System, inwx: Inwx) -> None:
    story = Story()
    order = story.ordered()
    await inwx.break_(CREATE, "refused", code=2201)
    async with system.running(dns):
        await system.publish(order)
        letter = await system.fails(ORDERED, order, code="inwx_2201", story=story)
        assert system.said(DnsConfigured, story) == []
        await inwx.mend()
        await system.replay(letter)
        rows = await system.logged(ORDERED, order, "dead", "completed")
        await system.hears(DnsConfigured, story)
        await system.replay(letter)  # a second time: nothing is left to be done
        await system.is_claimed(ORDERED)
    assert rows[1].attempt == 2
    assert len(await system.log(ORDERED, order)) == 2
    assert [kind for _, kind, _ in await inwx.records(story)] == ["A", "AAAA"]
    assert await system.state(story) == ProvisioningState.DNS_CONFIGURED


async def test_a_cancellation_takes_back_the_records_and_the_place(system: System, inwx: Inwx) -> None:
    story = Story()
    async with system.running(dns):
        await set_up(system, story)
        await system.publish(cancellation := story.cancelled())
        await system.logged(CANCELLED, cancellation, "completed")
        said = await system.hears(DnsReleased, story)
        assert (said.data.fqdn, len(said.data.records), said.data.server) == (story.fqdn, 2, "srv-tenants-1")
        assert said.causationid == cancellation.id
        assert await inwx.records(story) == []
        assert await places(system) == 0
        assert await system.state(story) == ProvisioningState.CANCELLING  # deploy and bootstrap have not undone theirs
        await set_up(system, Story(slug=story.slug))  # the name is free again


async def test_a_cancellation_that_comes_three_times_undoes_once(system: System, inwx: Inwx) -> None:
    story = Story()
    async with system.running(dns):
        await set_up(system, story)
        cancellation = story.cancelled()
        await system.publish(cancellation, cancellation)
        await system.logged(CANCELLED, cancellation, "completed")
        await system.publish(cancellation)
        await system.is_claimed(CANCELLED)
        await system.hears(DnsReleased, story)
    assert len(await system.log(CANCELLED, cancellation)) == 1
    assert (await inwx.calls())[DELETE] == 2
    assert await places(system) == 0


async def test_a_cancellation_closes_an_order_that_waits_and_takes_back_what_it_did(system: System, inwx: Inwx) -> None:
    story = Story()
    order = story.ordered()
    await inwx.set(propagation=3600)
    async with system.running(dns):
        await system.publish(order)
        await system.logged(ORDERED, order, "waiting")
        await system.publish(cancellation := story.cancelled())
        await system.logged(CANCELLED, cancellation, "completed")
        await system.logged(ORDERED, order, "waiting", "cancelled")
    assert await inwx.records(story) == []
    assert system.said(DnsConfigured, story) == []
    assert await places(system) == 0


async def test_another_cancellation_of_a_cancelled_project_finds_nothing_to_undo(system: System, inwx: Inwx) -> None:
    story = Story()
    async with system.running(dns):
        await set_up(system, story)
        await system.end(story, ServiceName.DNS)
        before = await inwx.calls()
        await system.publish(late := story.cancelled())
        await system.logged(CANCELLED, late, "completed")
        said = await system.said_in_all(DnsReleased, story)
    assert await inwx.calls() == before
    assert [(event.data.fqdn, len(event.data.records)) for event in said] == [(story.fqdn, 2)]
    assert await system.state(story) == ProvisioningState.CANCELLED
    assert await places(system) == 0


async def test_a_cancellation_outlasts_trouble_at_inwx(system: System, inwx: Inwx) -> None:
    story = Story()
    async with system.running(dns):
        await set_up(system, story)
        await inwx.break_(DELETE, "refused", code=2400, times=2)
        await system.publish(cancellation := story.cancelled())
        rows = await system.logged(CANCELLED, cancellation, "retrying", "retrying", "completed", hurried=True)
        await system.hears(DnsReleased, story)
    assert [row.attempt for row in rows] == [1, 2, 3]
    assert await inwx.records(story) == []
    assert await places(system) == 0


async def test_a_cancellation_that_inwx_refuses_is_a_dead_letter_whose_replay_goes_on(
    system: System, inwx: Inwx
) -> None:
    story = Story()
    async with system.running(dns):
        await set_up(system, story)
        await inwx.break_(DELETE, "refused", code=2201)
        await system.publish(cancellation := story.cancelled())
        letter = await system.fails(CANCELLED, cancellation, code="inwx_2201", story=story)
        assert await places(system) == 1
        await inwx.mend()
        await system.replay(letter)
        await system.logged(CANCELLED, cancellation, "dead", "completed")
        await system.hears(DnsReleased, story)
    assert await inwx.records(story) == []
    assert await places(system) == 0
    assert await system.state(story) == ProvisioningState.CANCELLING


async def set_up(system: System, story: Story) -> None:
    """Have the project's records set."""
    await system.publish(order := story.ordered())
    await system.logged(ORDERED, order, "completed")


async def places(system: System) -> int:
    """How many places are taken."""
    used: int = (await system.sql("SELECT sum(used) FROM servers"))[0][0]
    return used
