"""notify hears what concerns people: each event is one mail to each of its readers, whatever happens on the way."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from contracts import CloudEvent, ProjectCancelled, ProvisioningFailed, ServiceName
from contracts.mail_examples import MAIL_READY
from services.notify.app import notify
from shared.messaging.topology import queue_name
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import CUSTOMER
from tests.choreography.system import System
from tests.choreography.vendors import Mailbox
from tests.shared.messaging.harness import until

Tells = Callable[[Story], CloudEvent[Any]]

TEAM = "team@vrs.example"
CANCELLED = "notify.project-cancelled"
FAILED = "notify.provisioning-failed"


def mail_ready(story: Story) -> CloudEvent[Any]:
    """What dns says when mail can be sent under a domain."""
    return story.event(MAIL_READY, ServiceName.DNS)


READERS: dict[Tells, list[str]] = {
    Story.ordered: [CUSTOMER.email],
    Story.healthy: [CUSTOMER.email],
    Story.records_needed: [CUSTOMER.email],
    Story.connected: [CUSTOMER.email],
    Story.capacity_needed: [TEAM],
    Story.registered: [CUSTOMER.email],
    Story.registration_held: [TEAM],
    Story.mail_records_needed: [CUSTOMER.email],
    Story.mail_records_wrong: [TEAM],
    mail_ready: [CUSTOMER.email],
    Story.transfer_started: [CUSTOMER.email],
    Story.transfer_failed: [TEAM, CUSTOMER.email],
    Story.transferred: [CUSTOMER.email],
    Story.domain_expiring: [TEAM],
    Story.certificate_expiring: [TEAM],
    Story.webhook_disabled: [TEAM],
    Story.delayed: [TEAM],
    Story.failed: [TEAM, CUSTOMER.email],
    Story.cancelled: [CUSTOMER.email],
}
ALL = list(READERS)
TO_CUSTOMERS = [Story.healthy, Story.records_needed, Story.connected, Story.registered]
ABOUT_THE_WAY = [Story.ordered, *TO_CUSTOMERS, Story.delayed]


@pytest.mark.parametrize("tells", ALL)
async def test_an_event_is_mailed_to_its_readers(system: System, mailbox: Mailbox, tells: Tells) -> None:
    story = await known(system)
    async with system.running(notify):
        await system.publish(event := tells(story))
        await system.logged(consumer(event), event, "completed")
    assert sorted(await readers(mailbox)) == sorted(READERS[tells])


@pytest.mark.parametrize("tells", ALL)
async def test_an_event_that_comes_three_times_is_mailed_once(system: System, mailbox: Mailbox, tells: Tells) -> None:
    story = await known(system)
    event = tells(story)
    async with system.running(notify):
        await system.publish(event, event)
        await system.logged(consumer(event), event, "completed")
        await system.publish(event)
        await system.is_claimed(consumer(event))
    assert len(await system.log(consumer(event), event)) == 1
    assert sorted(await readers(mailbox)) == sorted(READERS[tells])


@pytest.mark.parametrize("tells", TO_CUSTOMERS)
async def test_an_event_before_its_order_is_mailed_once_the_project_is_known(
    system: System, mailbox: Mailbox, tells: Tells
) -> None:
    story = Story()
    async with system.running(notify):
        await system.publish(event := tells(story))
        await system.logged(consumer(event), event, "waiting")
        assert await readers(mailbox) == []
        await system.know(story, ProvisioningState.APP_DEPLOYED)
        await system.logged(consumer(event), event, "waiting", "completed", hurried=True)
    assert await readers(mailbox) == READERS[tells]


async def test_an_order_is_confirmed_before_its_project_is_known(system: System, mailbox: Mailbox) -> None:
    async with system.running(notify):
        await system.publish(order := Story().ordered())
        await system.logged(consumer(order), order, "completed")
    assert await readers(mailbox) == [CUSTOMER.email]


async def test_an_order_that_is_said_again_under_another_id_is_confirmed_once(system: System, mailbox: Mailbox) -> None:
    story = await known(system)
    async with system.running(notify):
        for order in (story.ordered(), story.ordered()):
            await system.publish(order)
            await system.logged(consumer(order), order, "completed")
    assert await readers(mailbox) == [CUSTOMER.email]


@pytest.mark.parametrize("tells", [Story.failed, Story.delayed])
async def test_a_failure_or_delay_of_an_unknown_project_is_mailed_to_the_case_workers(
    system: System, mailbox: Mailbox, tells: Tells
) -> None:
    async with system.running(notify):
        await system.publish(event := tells(Story()))
        await system.logged(consumer(event), event, "completed")
    assert await readers(mailbox) == [TEAM]


async def test_a_webhook_that_was_switched_off_is_mailed_though_it_is_about_no_project(
    system: System, mailbox: Mailbox
) -> None:
    disabled = [Story(project_id=UUID(int=0)).webhook_disabled() for _ in range(2)]
    async with system.running(notify):
        await system.publish(*disabled)
        for event in disabled:
            await system.logged(consumer(event), event, "completed")
    assert [mail["subject"] for mail in await mailbox.mails(TEAM)] == ["Webhook abgeschaltet: hooks.example"] * 2


async def test_a_cancellation_of_an_unknown_project_is_mailed_to_nobody(system: System, mailbox: Mailbox) -> None:
    async with system.running(notify):
        await system.publish(event := Story().cancelled())
        await system.logged(CANCELLED, event, "completed")
    assert await readers(mailbox) == []


@pytest.mark.parametrize("tells", ABOUT_THE_WAY)
async def test_an_event_after_the_end_of_its_project_is_mailed_to_nobody(
    system: System, mailbox: Mailbox, tells: Tells
) -> None:
    story = await known(system)
    await system.mark_cancelled(story, undone=ProjectCancelled.undone_by)
    async with system.running(notify):
        await system.publish(event := tells(story))
        assert await system.has_no_trace(consumer(event), event)
    assert await readers(mailbox) == []


async def test_a_failure_of_a_cancelled_project_is_mailed_for_it_may_be_the_undo_that_failed(
    system: System, mailbox: Mailbox
) -> None:
    story = await known(system)
    async with system.running(notify):
        await system.publish(cancellation := story.cancelled())
        await system.logged(CANCELLED, cancellation, "completed")
        await system.publish(failed := story.failed())
        await system.logged(FAILED, failed, "completed")
    assert await readers(mailbox) == [CUSTOMER.email, TEAM, CUSTOMER.email]


async def test_a_cancellation_that_is_tried_again_does_not_stop_the_mail_about_a_failed_undo(
    system: System, mailbox: Mailbox
) -> None:
    story = await known(system)
    await mailbox.break_("RCPT", "refused", code=451)
    async with system.running(notify):
        await system.publish(cancellation := story.cancelled())
        await until(lambda: system.log(CANCELLED, cancellation))
        await system.publish(failed := story.failed())
        await until(lambda: system.log(FAILED, failed))
        await mailbox.mend()
        await system.tries(CANCELLED, cancellation)
        await system.tries(FAILED, failed)
    assert await readers(mailbox) == [CUSTOMER.email, TEAM, CUSTOMER.email]


async def test_another_cancellation_of_a_cancelled_project_is_not_mailed_again(
    system: System, mailbox: Mailbox
) -> None:
    story = await known(system)
    async with system.running(notify):
        for event in (story.cancelled(), story.cancelled()):
            await system.publish(event)
            await system.logged(CANCELLED, event, "completed")
    assert await readers(mailbox) == [CUSTOMER.email]


async def test_two_cancellations_at_the_same_moment_are_mailed_once(system: System, mailbox: Mailbox) -> None:
    story = await known(system)
    await mailbox.break_("DATA", "slow", seconds=0.5)
    async with system.running(notify):
        await system.publish(*(events := [story.cancelled() for _ in range(3)]))
        for event in events:
            await system.logged(CANCELLED, event, "completed")
    assert await readers(mailbox) == [CUSTOMER.email]


async def test_a_cancellation_stops_a_mail_that_the_server_does_not_take_yet(system: System, mailbox: Mailbox) -> None:
    story = await known(system)
    await mailbox.break_("DATA", "refused", code=451, times=1)
    async with system.running(notify):
        await system.publish(live := story.healthy())
        await system.logged(consumer(live), live, "retrying")
        await system.publish(cancellation := story.cancelled())
        await system.logged(CANCELLED, cancellation, "completed")
        await system.logged(consumer(live), live, "retrying", "cancelled")
    [mail] = await mailbox.mails()
    assert mail["subject"] == f"Ihr Projekt {story.fqdn} wird abgeschaltet"


@pytest.mark.parametrize("tells", ALL)
async def test_a_mail_that_the_server_defers_arrives_once(system: System, mailbox: Mailbox, tells: Tells) -> None:
    story = await known(system)
    await mailbox.break_("RCPT", "refused", code=451, times=1)  # of two readers the second gets theirs at once
    async with system.running(notify):
        await system.publish(event := tells(story))
        rows = await system.logged(consumer(event), event, "retrying", "completed", hurried=True)
    assert [row.attempt for row in rows] == [1, 2]
    assert rows[0].detail["code"] == "smtp_451"
    assert sorted(await readers(mailbox)) == sorted(READERS[tells])


@pytest.mark.parametrize("tells", ALL)
async def test_a_mail_that_the_server_refuses_is_a_dead_letter_whose_replay_arrives(
    system: System, mailbox: Mailbox, tells: Tells
) -> None:
    story = await known(system)
    before = await system.state(story)
    await mailbox.break_("RCPT", "refused", code=550)
    async with system.running(notify):
        await system.publish(event := tells(story))
        letter = await system.dies(consumer(event), event, code="smtp_550")
        await mailbox.mend()
        await system.replay(letter)
        rows = await system.logged(consumer(event), event, "dead", "completed")
    assert rows[-1].attempt == 2
    assert sorted(await readers(mailbox)) == sorted(READERS[tells])
    assert system.said(ProvisioningFailed, story) == []  # a mail about a mail about a failure would never end
    assert await system.state(story) in (before, ProvisioningState.CANCELLING)


async def known(system: System) -> Story:
    story = Story()
    await system.know(story, ProvisioningState.APP_DEPLOYED)
    return story


def consumer(event: CloudEvent[Any]) -> str:
    return queue_name(ServiceName.NOTIFY, type(event.data))


async def readers(mailbox: Mailbox) -> list[str]:
    """Whom the mails that arrived were for, oldest first."""
    return [address for mail in await mailbox.mails() for address in mail["to"]]
