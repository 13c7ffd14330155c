"""RabbitMQ's definitions: exchanges, queues, bindings, and a user for each service that may touch only its own."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from contracts import EVENTS_EXCHANGE, ProjectOrdered, ServiceName
from shared.dead_letters.queues import LOCK
from shared.forget import FORGET
from shared.messaging.topology import (
    DEAD_EXCHANGE,
    TO_EXCHANGE,
    Queue,
    dead_queue,
    own_queues,
    published_by,
    queue_name,
)
from shared.service import Service

OPERATOR = "vrs"
"""The user of the desk and of migrations, who may do everything."""

VHOST = "/"
HASHING = "rabbit_password_hashing_sha256"
EXCHANGES = (EVENTS_EXCHANGE, TO_EXCHANGE, DEAD_EXCHANGE)


def user_of(service: ServiceName) -> str:
    """The user that `service` logs in as."""
    return f"vrs-{service}"


def password_hash(password: str) -> str:
    """What RabbitMQ stores of a password: a salt of four bytes and SHA-256 of salt and password, in base64."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def definitions(services: Sequence[Service], hashes: Mapping[str, str]) -> dict[str, Any]:
    """What RabbitMQ imports. `hashes` are by user; one without has no password and cannot log in with one."""
    queues = {queue.name: queue for service in services for queue in own_queues(service)}
    users = [(OPERATOR, ["administrator"]), *((user_of(service.name), []) for service in services)]
    return {
        "vhosts": [{"name": VHOST}],
        "users": [
            {"name": name, "password_hash": hashes.get(name, ""), "hashing_algorithm": HASHING, "tags": tags}
            for name, tags in users
        ],
        "permissions": [
            {"user": OPERATOR, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"},
            *(_permissions(service, services) for service in services),
        ],
        "topic_permissions": [each for service in services for each in _topic_permissions(service, services)],
        "exchanges": [
            {"name": name, "vhost": VHOST, "type": "topic", "durable": True, "auto_delete": False, "arguments": {}}
            for name in EXCHANGES
        ],
        "queues": [
            {
                "name": queue.name,
                "vhost": VHOST,
                "durable": True,
                "auto_delete": False,
                "arguments": dict(queue.arguments),
            }
            for queue in queues.values()
        ],
        "bindings": [binding for queue in queues.values() for binding in _bindings(queue)],
    }


def _bindings(queue: Queue) -> list[dict[str, Any]]:
    return [
        {
            "source": exchange,
            "vhost": VHOST,
            "destination": queue.name,
            "destination_type": "queue",
            "routing_key": routing_key,
            "arguments": {},
        }
        for exchange, routing_key in queue.bindings
    ]


def _permissions(service: Service, services: Sequence[Service]) -> dict[str, str]:
    """Declaring and binding its own queues, dead letters to `vrs.dead`, events to `vrs.events`; nothing else's.

    Whoever replays also takes the desk's lock, reads everybody's dead letters and writes where replays go. Whoever
    forgets reads the dead letters in which a customer's contact may lie.
    """
    own = [queue.name for queue in own_queues(service)]
    may_read, may_declare, may_write = [*own, *(EXCHANGES if own else ())], own, [*own, EVENTS_EXCHANGE]
    if FORGET in service.grants:
        may_read = [*may_read, *(dead_queue(listener).name for listener in ProjectOrdered.required_by)]
    if service.replays:
        may_read = [*may_read, *(dead_queue(each.name).name for each in services if each.consumers)]
        may_declare, may_write = [*own, LOCK], [*may_write, TO_EXCHANGE]
    if own or service.replays:
        may_write = [*may_write, DEAD_EXCHANGE]
    return {
        "user": user_of(service.name),
        "vhost": VHOST,
        "configure": _only(may_declare),
        "write": _only(may_write),
        "read": _only(dict.fromkeys(may_read)),
    }


def _topic_permissions(service: Service, services: Sequence[Service]) -> list[dict[str, str]]:
    """Under which routing keys it may publish (write), and bind (read)."""
    own = own_queues(service)
    consumers = [queue_name(each.name, consumer.event) for each in services for consumer in each.consumers]
    says = {
        EVENTS_EXCHANGE: [event.routing_key() for event in published_by(service)],
        DEAD_EXCHANGE: consumers if service.replays else [queue.name for queue in own],
        TO_EXCHANGE: consumers if service.replays else [],
    }
    return [
        {
            "user": user_of(service.name),
            "vhost": VHOST,
            "exchange": exchange,
            "write": _only(keys),
            "read": _only([key for queue in own for source, key in queue.bindings if source == exchange]),
        }
        for exchange, keys in says.items()
    ]


def _only(names: Iterable[str]) -> str:
    """The regular expression that matches these names; for none the empty one, which RabbitMQ takes for nothing."""
    listed = "|".join(re.escape(name) for name in names)
    return f"^({listed})$" if listed else "^$"
