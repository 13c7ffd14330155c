"""What the broker says to a group of messages, and the queues it really has."""

from collections.abc import AsyncIterator
from uuid import uuid4

import aiormq
import pytest
from aiormq.channel import Channel
from pamqp import commands as spec

from contracts import EVENTS, AppDeployed, DnsConfigured, ProjectOrdered, ServiceName
from shared.messaging.publish import Said, publish
from shared.messaging.topology import consumer_queue, dead_queue, declare, queues_of
from shared.outbox import Message
from shared.outcome import Done, Outcome
from shared.service import Consumer, Service
from shared.step import Step


@pytest.fixture
async def channel(amqp_url: str) -> AsyncIterator[Channel]:
    connection = await aiormq.connect(amqp_url)
    opened = await connection.channel(on_return_raises=False)
    assert isinstance(opened, Channel)
    yield opened
    await connection.close()


async def handle(event: DnsConfigured, step: Step) -> Outcome:
    return Done(message="done")


DEPLOY = Service(
    name=ServiceName.DEPLOY, consumers=(Consumer(event=DnsConfigured, handler=handle),), publishes=(AppDeployed,)
)


def message(routing_key: str, body: bytes = b"{}", *, exchange: str = "vrs.events") -> Message:
    return Message(uuid4(), exchange, routing_key, body, {}, required=True)


async def test_taken_and_returned_messages_of_one_group_are_told_apart(channel: Channel) -> None:
    await declare(channel, queues_of(DEPLOY))
    group = [message("dns.configured.v1" if number % 3 else "nobody.listens.v1") for number in range(60)]
    answers = await publish(channel, group)
    assert answers == [Said.TAKEN if number % 3 else Said.RETURNED for number in range(60)]
    assert not channel.message_id_delivery_tag


async def test_a_message_for_a_full_queue_is_refused(channel: Channel) -> None:
    await declare(channel, [])
    await channel.queue_declare("full", exclusive=True, arguments={"x-max-length": 0, "x-overflow": "reject-publish"})
    await channel.queue_bind("full", "vrs.events", "full.v1")
    assert await publish(channel, [message("full.v1")]) == [Said.REFUSED]


async def test_a_body_larger_than_a_frame_arrives_whole(channel: Channel) -> None:
    await declare(channel, queues_of(DEPLOY))
    body = bytes(range(256)) * 4000
    assert (
        await publish(channel, [message("dns.configured.v1", body), message("dns.configured.v1", b"")])
        == [Said.TAKEN] * 2
    )
    first = await channel.basic_get("deploy.dns-configured", no_ack=True)
    second = await channel.basic_get("deploy.dns-configured", no_ack=True)
    assert (first.body, second.body) == (body, b"")


async def test_a_missing_exchange_fails_the_whole_group(channel: Channel) -> None:
    with pytest.raises(aiormq.exceptions.AMQPError):
        await publish(channel, [message("a", exchange="no.such.exchange"), message("b")])


async def test_publishing_through_a_closed_channel_raises_at_once(channel: Channel) -> None:
    await channel.close()
    with pytest.raises(ConnectionError):
        await publish(channel, [message("a")])


async def test_declaring_twice_changes_nothing_and_other_arguments_are_refused(channel: Channel) -> None:
    for _ in range(2):
        await declare(channel, queues_of(DEPLOY))
    with pytest.raises(aiormq.exceptions.ChannelPreconditionFailed):
        await channel.queue_declare("deploy.dead", durable=True, arguments={"x-queue-type": "quorum"})


def test_a_publisher_declares_the_queues_that_must_hear_it() -> None:
    names = [queue.name for queue in queues_of(DEPLOY)]
    assert names == [
        "deploy.dns-configured",
        "deploy.dead",
        "bootstrap.app-deployed",
        "notify.provisioning-failed",
        "bootstrap.dead",
        "notify.dead",
    ]


def test_every_required_listener_has_a_queue_name_of_its_own() -> None:
    names = [consumer_queue(service, event).name for event in EVENTS.values() for service in event.required_by]
    assert len(names) == len(set(names))


async def test_peeking_at_a_dead_letter_a_thousand_times_does_not_destroy_it(channel: Channel) -> None:
    await declare(channel, [dead_queue(ServiceName.DEPLOY)])
    await publish(channel, [message("deploy.dns-configured", b"dead", exchange="vrs.dead")])
    for _ in range(1000):
        peeked = await channel.basic_get("deploy.dead")
        assert isinstance(peeked.delivery, spec.Basic.GetOk)
        assert peeked.delivery.delivery_tag is not None
        await channel.basic_reject(peeked.delivery.delivery_tag, requeue=True)


async def test_a_message_sent_to_one_consumer_reaches_only_that_one(channel: Channel) -> None:
    await declare(channel, [consumer_queue(ServiceName.DNS, ProjectOrdered), *queues_of(DEPLOY)])
    await publish(channel, [message("deploy.dns-configured", exchange="vrs.to")])
    assert isinstance((await channel.basic_get("deploy.dns-configured", no_ack=True)).delivery, spec.Basic.GetOk)
    assert isinstance((await channel.basic_get("dns.project-ordered", no_ack=True)).delivery, spec.Basic.GetEmpty)
