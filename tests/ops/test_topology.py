"""``vrs doctor --queues`` and ``vrs topology``: what a real broker holds, made wrong on purpose."""

import json

import pytest
from aiormq.abc import AbstractChannel, AbstractConnection, DeliveredMessage

from ops.topology.comparison import compare
from ops.topology.expected import MIGRATING
from shared.messaging.topology import declare
from tests.ops.conftest import Vrs
from tests.ops.queues import DEAD, WORKING, otherwise

OTHERS = [
    f"dns.{event}"
    for event in (
        *("project-cancelled", "registration-requested", "maildomain-requested", "transfer-requested"),
        *("domain-added", "domain-removed", "domain-connected", "primary-changed"),
    )
]
"""The queues of dns beside the one that is looked at."""


async def ignore(message: DeliveredMessage) -> None:
    """Whoever consumes."""


async def test_the_doctor_names_everything_that_is_wrong_with_its_remedy(
    vrs: Vrs, channel: AbstractChannel, amqp_url: str
) -> None:
    await declare(channel, [otherwise(DEAD, x_delivery_limit=5), otherwise(WORKING, x_overflow=None, x_max_length=9)])
    await channel.queue_declare("dns.core-retired")
    await channel.queue_declare(WORKING.name + MIGRATING, durable=True)
    await channel.exchange_delete("vrs.to")
    await channel.basic_publish(b"dead", exchange="vrs.dead", routing_key=WORKING.name)
    ended = await vrs("doctor", "dns", "--queues", "--json", VRS_AMQP_URL=amqp_url)
    found = json.loads(ended.out)
    await channel.queue_delete("dns.core-retired")
    assert (ended.code, ended.err) == (1, "")
    assert {(fault["what"], fault["wrong"], fault["remedy"]) for fault in found["faults"]} == {
        ("vrs.to", "the exchange is missing", "vrs topology declare"),
        (
            "dns.project-ordered",
            "x-max-length is 9, expected not set; x-overflow is not set, expected reject-publish",
            "vrs topology migrate --dry-run; vrs topology migrate",
        ),
        ("dns.project-ordered", "nobody consumes it, 0 messages wait", "vrs run dns"),
        *((queue, "the queue is missing", "vrs topology declare") for queue in OTHERS),
        (
            "dns.dead",
            "x-delivery-limit is 5, expected 1000000",
            "vrs topology migrate --dry-run; vrs topology migrate",
        ),
        (
            "dns.project-ordered.migrating",
            "a migration was interrupted, 0 messages wait",
            "vrs topology migrate",
        ),
        (
            "dns.core-retired",
            "no service consumes it any more; deleting it destroys the 0 messages in it",
            "rabbitmqctl -p / delete_queue dns.core-retired",
        ),
    }
    assert "VRS_RABBITMQ_API_URL" in found["not_checked"][0]


async def test_the_doctor_has_nothing_to_say_of_a_topology_that_is_declared_and_consumed(
    vrs: Vrs, channel: AbstractChannel, connection: AbstractConnection, amqp_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VRS_DATABASE_URL", "postgresql://127.0.0.1:1/vrs")
    monkeypatch.setenv("VRS_AMQP_URL", amqp_url)
    declared = await vrs("topology", "declare", VRS_AMQP_URL=amqp_url)
    assert (declared.code, declared.err) == (0, "")
    for queue in ("dns.project-ordered", *OTHERS):
        await channel.basic_consume(queue, ignore)
    await channel.basic_publish(b"dead", exchange="vrs.dead", routing_key=WORKING.name)
    found = await compare(connection, ["dns"], None)
    assert found.faults == []
    assert {line.name: (line.ready, line.consumers) for line in found.queues} == {
        "dns.project-ordered": (0, 1),
        **dict.fromkeys(OTHERS, (0, 1)),
        "dns.dead": (1, 0),
    }
    for line in found.queues:
        assert line.real is not None
        assert line.real["arguments"] == line.expected["arguments"]
    assert "VRS_DATABASE_URL does not answer" in found.not_checked[-1]
