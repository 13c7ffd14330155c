"""dns hears DomainRegistrationRequested, which it says itself: the domain is bought, once, and the order goes on."""

from uuid import uuid4

import pytest

from contracts import (
    CloudEvent,
    DnsConfigured,
    DomainRegistered,
    DomainRegistrationHeld,
    DomainRegistrationRequested,
    ServiceName,
)
from services.dns.app import dns
from shared.models import ProvisioningState
from shared.registrations import answer_registration
from shared.transaction import begin
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Inwx

ORDERED = "dns.project-ordered"
REGISTRATION = "dns.registration-requested"
CANCELLED = "dns.project-cancelled"
BUY = "domain.create"


@pytest.fixture(autouse=True)
async def _seeded(system: System) -> None:
    await system.seed()


def a_story() -> Story:
    return Story(own_domain=f"neu-{uuid4().hex[:8]}.example", is_new=True)


async def requested(system: System, story: Story) -> CloudEvent[DomainRegistrationRequested]:
    """Order; the registration has been asked for."""
    await system.publish(story.ordered())
    return await system.hears(DomainRegistrationRequested, story)


async def test_a_registration_is_paid_for_once_and_its_order_goes_on(system: System, inwx: Inwx) -> None:
    story = a_story()
    async with system.running(dns):
        event = await requested(system, story)
        await system.logged(REGISTRATION, event, "parked", "completed", hurried=True)
        registered = await system.hears(DomainRegistered, story)
        configured = await system.hears(DnsConfigured, story)
    assert (registered.data.cents, registered.causationid) == (465, event.id)
    assert configured.data.fqdn == story.fqdn
    assert await inwx.charges() == [story.fqdn]
    assert len(await inwx.records(story, zone=story.fqdn)) == 2
    assert await system.state(story) == ProvisioningState.DNS_CONFIGURED


async def test_a_registration_that_comes_three_times_is_paid_for_once(system: System, inwx: Inwx) -> None:
    story = a_story()
    await inwx.set(registration_seconds=3600)
    async with system.running(dns):
        event = await requested(system, story)
        await system.logged(REGISTRATION, event, "parked")
        await system.publish(event, event)
        await system.is_claimed(REGISTRATION)
        await system.looks_again(event)
        assert await system.state(story) == ProvisioningState.WAITING_FOR_DOMAIN
    assert await inwx.charges() == [story.fqdn]
    assert (await inwx.calls())[BUY] == 1


async def test_a_registration_before_its_order_waits_until_the_project_is_known(system: System, inwx: Inwx) -> None:
    story = a_story()
    async with system.running(dns):
        await system.publish(early := story.registration_requested())
        await system.logged(REGISTRATION, early, "waiting")
        assert BUY not in await inwx.calls()
        await system.publish(story.ordered())
        await system.hears(DnsConfigured, story)
        await system.logged(REGISTRATION, early, "waiting", "completed", hurried=True)
    assert await inwx.charges() == [story.fqdn]


async def test_a_registration_of_a_cancelled_project_has_no_effect(system: System, inwx: Inwx) -> None:
    story = a_story()
    async with system.running(dns):
        await requested(system, story)
        await system.hears(DnsConfigured, story)
        await system.end(story, ServiceName.DNS)
        before = await inwx.calls()
        await system.publish(late := story.registration_requested())
        assert await system.has_no_trace(REGISTRATION, late)
    assert await inwx.calls() == before
    assert await inwx.charges() == [story.fqdn]


async def test_a_registration_outlasts_trouble_at_inwx_and_is_paid_for_once(system: System, inwx: Inwx) -> None:
    story = a_story()
    await inwx.set(registration_seconds=0.5)  # who asks again in this time pays again
    await inwx.break_(BUY, "error_after", times=1)
    await inwx.break_("domain.info", "refused", code=2400, times=1)
    async with system.running(dns):
        event = await requested(system, story)
        retries = await system.tries(REGISTRATION, event)
        await system.hears(DnsConfigured, story)
    assert {row.detail["code"] for row in retries} == {"inwx_2400", "inwx_http_502"}
    assert await inwx.charges() == [story.fqdn]


async def test_a_registration_that_is_held_waits_for_a_case_worker_and_goes_on_when_answered(
    system: System, inwx: Inwx
) -> None:
    story = a_story()
    await inwx.set(premium={story.fqdn: 90})
    async with system.running(dns):
        event = await requested(system, story)
        held = await system.hears(DomainRegistrationHeld, story)
        assert (held.data.reason, held.data.cents, held.causationid) == ("too_expensive", 9000, event.id)
        assert await system.state(story) == ProvisioningState.WAITING_FOR_DOMAIN
        async with begin(system.database) as transaction:
            await answer_registration(transaction, story.project_id, max_cents=9000)
        await system.hears(DnsConfigured, story)
    assert await inwx.charges() == [story.fqdn]
    assert len(system.said(DomainRegistrationHeld, story)) == 1


async def test_a_registration_that_cannot_sign_in_is_a_dead_letter_whose_replay_goes_on(
    system: System, inwx: Inwx
) -> None:
    story = a_story()
    await inwx.break_(BUY, "refused", code=2200)
    async with system.running(dns):
        event = await requested(system, story)
        letter = await system.fails(REGISTRATION, event, code="inwx_2200", story=story)
        assert await inwx.charges() == []
        await inwx.mend()
        await system.replay(letter)
        await system.hears(DnsConfigured, story)
    assert await inwx.charges() == [story.fqdn]


async def test_a_cancellation_lets_the_domain_expire_and_pays_nothing_more(system: System, inwx: Inwx) -> None:
    story = a_story()
    async with system.running(dns):
        await requested(system, story)
        await system.hears(DnsConfigured, story)
        await system.publish(cancellation := story.cancelled())
        [row] = await system.logged(CANCELLED, cancellation, "completed")
    assert f"{story.fqdn} stays registered until" in row.message
    domains = await inwx._get(f"{inwx.control_url}/domains", "domains")
    assert [each["renewalMode"] for each in domains if each["domain"] == story.fqdn] == ["AUTOEXPIRE"]
    assert await inwx.records(story, zone=story.fqdn) == []
    assert await system.sql("SELECT 1 FROM domain_registrations") == []
