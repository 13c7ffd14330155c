"""dns hears MailDomainRequested: mail under the customer's domain is made possible, once, and undone."""

from uuid import uuid4

import pytest

from contracts import (
    CloudEvent,
    DnsConfigured,
    MailDomainReady,
    MailDomainReleased,
    MailDomainRequested,
    MailRecordsNeeded,
    ServiceName,
)
from services.dns.app import dns
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Brevo, Inwx

MAIL = "dns.maildomain-requested"
CREATE = "create_domain"
RECORDS = 5
"""Of mail without MX."""


@pytest.fixture(autouse=True)
async def _seeded(system: System) -> None:
    await system.seed()


async def a_story(inwx: Inwx) -> Story:
    """A project under a domain whose zone is ours."""
    story = Story(own_domain=f"kunde-{uuid4().hex[:8]}.example")
    await inwx.set(zone={"account": "demo", "domain": story.fqdn})
    return story


async def with_records(system: System, story: Story) -> None:
    """Order; the project's own records are set."""
    await system.publish(story.ordered())
    await system.hears(DnsConfigured, story)


async def requested(system: System, story: Story) -> CloudEvent[MailDomainRequested]:
    await with_records(system, story)
    await system.publish(event := story.mail_requested())
    return event


async def mail_records(inwx: Inwx, story: Story) -> list[tuple[str, str, str]]:
    return [row for row in await inwx.records(zone=story.fqdn) if row[1] not in ("A", "AAAA")]


async def test_mail_is_set_up_once_said_and_undone_with_its_project(system: System, inwx: Inwx, brevo: Brevo) -> None:
    story = await a_story(inwx)
    async with system.running(dns):
        event = await requested(system, story)
        ready = await system.hears(MailDomainReady, story)
        assert (ready.data.domain, len(ready.data.records), ready.causationid) == (story.fqdn, RECORDS, event.id)
        assert len(await mail_records(inwx, story)) == RECORDS
        assert await brevo.domains() == {story.fqdn: True}
        assert await system.state(story) == ProvisioningState.DNS_CONFIGURED
        await system.publish(event)
        await system.is_claimed(MAIL)
        await system.end(story, ServiceName.DNS)
        released = await system.hears(MailDomainReleased, story)
    assert (released.data.sender_removed, len(released.data.records)) == (True, RECORDS)
    assert await inwx.records(zone=story.fqdn) == []
    assert await brevo.domains() == {}
    assert (await brevo.calls())[CREATE] == 1
    assert await system.sql("SELECT 1 FROM mail_domains UNION ALL SELECT 1 FROM mail_records") == []


async def test_mail_that_is_asked_for_before_the_order_waits_until_the_project_is_known(
    system: System, inwx: Inwx, brevo: Brevo
) -> None:
    story = await a_story(inwx)
    async with system.running(dns):
        await system.publish(early := story.mail_requested())
        await system.logged(MAIL, early, "waiting")
        assert await brevo.domains() == {}
        await with_records(system, story)
        await system.logged(MAIL, early, "waiting", "completed", hurried=True)
    assert len(await mail_records(inwx, story)) == RECORDS


async def test_mail_for_a_cancelled_project_has_no_effect(system: System, inwx: Inwx, brevo: Brevo) -> None:
    story = await a_story(inwx)
    async with system.running(dns):
        await with_records(system, story)
        await system.end(story, ServiceName.DNS)
        await system.publish(late := story.mail_requested())
        assert await system.has_no_trace(MAIL, late)
    assert await brevo.calls() == {}


async def test_mail_outlasts_trouble_at_brevo_and_inwx_and_sets_everything_once(
    system: System, inwx: Inwx, brevo: Brevo
) -> None:
    story = await a_story(inwx)
    await brevo.break_(CREATE, "error_after", times=1)
    await brevo.break_("authenticate_domain", "rate_limited", times=1)
    async with system.running(dns):
        await with_records(system, story)
        await inwx.break_("nameserver.createRecord", "error_after", times=1)
        await system.publish(event := story.mail_requested())
        retries = await system.tries(MAIL, event)
    assert {row.detail["code"] for row in retries} == {"brevo_502", "brevo_429"}
    assert (await brevo.calls())[CREATE] == 1
    assert len(await mail_records(inwx, story)) == RECORDS


async def test_mail_that_brevo_refuses_is_a_dead_letter_whose_replay_goes_on_and_the_project_stays_what_it_is(
    system: System, inwx: Inwx, brevo: Brevo
) -> None:
    story = await a_story(inwx)
    await brevo.break_("*", "refused", code=403)
    async with system.running(dns):
        event = await requested(system, story)
        letter = await system.dies(MAIL, event, code="brevo_403")
        assert await system.state(story) == ProvisioningState.DNS_CONFIGURED
        await brevo.mend()
        await system.replay(letter)
        await system.hears(MailDomainReady, story)
    assert await brevo.domains() == {story.fqdn: True}


async def test_mail_under_a_domain_that_is_held_elsewhere_waits_for_its_owner_and_goes_on_by_itself(
    system: System, inwx: Inwx, brevo: Brevo
) -> None:
    story = Story(own_domain=f"fremd-{uuid4().hex[:8]}.example")
    own = [{"name": "@", "type": "TXT", "content": "v=spf1 mx -all"}]
    await inwx.set(elsewhere={"zone": story.fqdn, "records": own})
    async with system.running(dns):
        await system.publish(story.ordered(), story.mail_requested())
        needed = await system.hears(MailRecordsNeeded, story)
        assert not needed.data.is_ours
        assert "v=spf1 mx include:spf.brevo.com -all" in [each.content for each in needed.data.records]
        records = [{"name": each.name, "type": each.type, "content": each.content} for each in needed.data.records]
        await inwx.set(elsewhere={"zone": story.fqdn, "records": records})
        ready = await system.hears(MailDomainReady, story)
        assert ready.data.spf_lookups == 2
    assert await brevo.domains() == {story.fqdn: True}
