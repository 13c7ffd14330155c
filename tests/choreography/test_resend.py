"""A mail that was sent is sent once more for each wish, as it was, whatever happens on the way."""

from collections.abc import Callable
from typing import Any

import pytest

from contracts import CloudEvent, ServiceName
from services.notify.app import notify
from shared.messaging.topology import queue_name
from shared.models import ProvisioningState
from tests.choreography.events import Story
from tests.choreography.facts import CUSTOMER
from tests.choreography.system import System
from tests.choreography.vendors import Mailbox

RESEND = "notify.resend-requested"
Tells = Callable[[Story], CloudEvent[Any]]


async def mailed(system: System, story: Story, event: CloudEvent[Any]) -> str:
    """Have notify tell the event; return the Message-ID of the customer's mail."""
    await system.publish(event)
    await system.logged(queue_name(ServiceName.NOTIFY, type(event.data)), event, "completed")
    [row] = await system.sql(
        "SELECT message_id FROM mails WHERE event_id = :id AND recipient = 'customer'", id=event.id
    )
    return str(row.message_id)


@pytest.fixture
async def story(system: System) -> Story:
    story = Story()
    await system.know(story, ProvisioningState.LIVE)
    return story


@pytest.mark.parametrize(
    "tells",
    [Story.ordered, Story.healthy, Story.records_needed, Story.registered, Story.failed, Story.cancelled],
)
async def test_each_wish_sends_a_customers_mail_once_more_as_it_was(
    system: System, mailbox: Mailbox, story: Story, tells: Tells
) -> None:
    async with system.running(notify):
        message_id = await mailed(system, story, tells(story))
        wishes = [story.resend_requested(message_id) for _ in range(2)]
        await system.publish(*wishes, *wishes)
        for wish in wishes:
            await system.logged(RESEND, wish, "completed")
            await system.publish(wish)
        await system.is_claimed(RESEND)
    first, *again = await mailbox.mails(CUSTOMER.email)
    assert len(again) == len(wishes)
    assert {(mail["subject"], mail["text"], mail["html"]) for mail in again} == {
        (first["subject"], first["text"], first["html"])
    }
    assert len({mail["message_id"] for mail in [first, *again]}) == 1 + len(wishes)


async def test_a_mail_is_sent_again_to_the_address_that_is_known_now_and_to_nobody_who_is_forgotten(
    system: System, mailbox: Mailbox, story: Story
) -> None:
    async with system.running(notify):
        message_id = await mailed(system, story, story.healthy())
        for address in ("new@example.org", ""):
            await system.sql(
                "UPDATE project_orders SET customer_email = :address WHERE project_id = :id",
                address=address,
                id=story.project_id,
            )
            await system.publish(wish := story.resend_requested(message_id))
            await system.logged(RESEND, wish, "completed")
    assert [mail["to"] for mail in await mailbox.mails()] == [[CUSTOMER.email], ["new@example.org"]]


async def test_a_wish_about_a_mail_that_nobody_knows_is_a_dead_letter_and_fails_no_project(
    system: System, mailbox: Mailbox, story: Story
) -> None:
    async with system.running(notify):
        await system.publish(wish := story.resend_requested("unknown@vrs.example"))
        await system.dies(RESEND, wish, code="unknown_mail")
    assert await mailbox.mails() == []
    assert await system.state(story) == ProvisioningState.LIVE


async def test_a_resent_mail_that_the_server_defers_arrives_once(
    system: System, mailbox: Mailbox, story: Story
) -> None:
    async with system.running(notify):
        message_id = await mailed(system, story, story.healthy())
        await mailbox.break_("RCPT", "refused", code=451, times=1)
        await system.publish(wish := story.resend_requested(message_id))
        await system.logged(RESEND, wish, "retrying", "completed", hurried=True)
    assert len(await mailbox.mails(CUSTOMER.email)) == 2
