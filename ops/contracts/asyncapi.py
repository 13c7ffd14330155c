"""The one AsyncAPI 3 document of the system.

FastStream generates channels, operations and payloads from what each service's broker declares. What it does not know
is added from where the kernel has it: the queues' arguments and bindings, the exchanges of dead letters and replays,
the headers, the examples, and what becomes of an event that cannot be handled.
"""

from importlib.metadata import version
from typing import Any

from faststream.specification import AsyncAPI

from contracts import CONTENT_TYPE, EVENTS, EVENTS_EXCHANGE, Event
from contracts.story import EXAMPLES
from ops.contracts.failure_paths import DEAD_LETTER_HEADERS, failure_path
from ops.contracts.schemas import plain, tidy
from ops.contracts.system import PLACEHOLDERS, consumers_of, publishers_of
from shared.messaging.broker import ServiceBroker
from shared.messaging.topology import (
    DEAD_EXCHANGE,
    TO_EXCHANGE,
    Queue,
    consumer_queue,
    dead_queue,
    queue_name,
)
from shared.service import Service

Json = dict[str, Any]

TITLE = "VRS provisioning"
INTRODUCTION = (
    "Takes a paid order and, minutes later, has the customer's project live under its own domain. Independent services "
    "react to each other's events; nobody coordinates them. Every event is a CloudEvent 1.0 in structured JSON mode "
    "on the topic exchange `vrs.events`, under its routing key."
)
EXTENSIONS = (
    "`x-arguments` and `x-bindings` of a queue are what it is declared with; `x-failure` of an operation is what "
    "becomes of an event that it cannot handle."
)
BINDING_VERSION = "0.3.0"
EVENT_HEADERS: Json = {
    "event-id": {"type": "string", "format": "uuid", "description": "The event's `id`."},
    "type": {"type": "string", "description": "The event's `type`; also the AMQP property of that name."},
    "correlation-id": {"type": "string", "format": "uuid", "description": "Also the AMQP property of that name."},
}
"""For tools that look at headers only. The body says the same; publishers of other systems may leave them out."""


def document(services: tuple[Service, ...]) -> Json:
    """Everything that `services` say and hear, and how it fails."""
    drawn = _drawn(services)
    return {
        "asyncapi": drawn["asyncapi"],
        "info": {
            "title": TITLE,
            "version": version("vrs-provisioning"),
            "description": f"{INTRODUCTION}\n\n{EXTENSIONS}",
        },
        "defaultContentType": CONTENT_TYPE,
        "servers": {"rabbitmq": _server(drawn)},
        "channels": _event_channels() | _queue_channels(drawn, services) | _dead_channels(services),
        "operations": _sends(drawn, services) | _receives(drawn, services) | _dead_operations(services),
        "components": {
            "messages": {event.__name__: _message(event) for event in EVENTS.values()} | {"DeadLetter": _dead_letter()},
            "schemas": dict(sorted(tidy(drawn["components"]["schemas"]).items())),
        },
    }


def _drawn(services: tuple[Service, ...]) -> Json:
    brokers = [ServiceBroker(PLACEHOLDERS["VRS_AMQP_URL"], service) for service in services]
    drawn: Json = AsyncAPI(*brokers, title=TITLE).to_specification().to_jsonable()
    return drawn


def _server(drawn: Json) -> Json:
    (server,) = drawn["servers"].values()
    return {
        "host": "{host}",
        "protocol": server["protocol"],
        "protocolVersion": server["protocolVersion"],
        "description": "RabbitMQ 3.10 or newer; host, user and virtual host come from whoever runs it.",
        "variables": {"host": {"description": "Host and port."}},
    }


def _event_channels() -> Json:
    return {
        event.routing_key(): {
            "address": event.routing_key(),
            "summary": f"Where {event.__name__} is said. Bind a queue of your own to hear it.",
            "messages": {event.__name__: {"$ref": f"#/components/messages/{event.__name__}"}},
            "bindings": {"amqp": _exchange(EVENTS_EXCHANGE)},
        }
        for event in EVENTS.values()
    }


def _queue_channels(drawn: Json, services: tuple[Service, ...]) -> Json:
    channels = {}
    for service in services:
        for consumer in service.consumers:
            queue = consumer_queue(service.name, consumer.event)
            channel = drawn["channels"][queue.name]
            binding = channel["bindings"]["amqp"]
            del binding["queue"]["vhost"]
            binding["queue"] |= _declared(queue)
            channels[queue.name] = {
                "address": channel["address"],
                "summary": f"The queue in which {service.name} hears {consumer.event.__name__}.",
                "messages": {consumer.event.__name__: {"$ref": f"#/components/messages/{consumer.event.__name__}"}},
                "bindings": channel["bindings"],
            }
    return channels


def _dead_channels(services: tuple[Service, ...]) -> Json:
    letter = {"DeadLetter": {"$ref": "#/components/messages/DeadLetter"}}
    parameters = {"consumer": {"description": "The queue of the consumer, for example `dns.project-ordered`."}}
    channels: Json = {
        exchange: {
            "address": "{consumer}",
            "summary": summary,
            "parameters": parameters,
            "messages": letter,
            "bindings": {"amqp": _exchange(exchange)},
        }
        for exchange, summary in (
            (DEAD_EXCHANGE, "Where dead letters go, under the queue they died in."),
            (TO_EXCHANGE, "Straight to one consumer: where a dead letter is replayed."),
        )
    }
    for service in services:
        if service.consumers:
            queue = dead_queue(service.name)
            channels[queue.name] = {
                "address": queue.name,
                "summary": f"The dead letters of {service.name}. Nothing expires here.",
                "messages": letter,
                "bindings": {
                    "amqp": {
                        "is": "queue",
                        "queue": {"name": queue.name, "durable": True, "exclusive": False, "autoDelete": False}
                        | _declared(queue),
                        "bindingVersion": BINDING_VERSION,
                    }
                },
            }
    return channels


def _exchange(name: str) -> Json:
    return {
        "is": "routingKey",
        "exchange": {"name": name, "type": "topic", "durable": True, "autoDelete": False},
        "bindingVersion": BINDING_VERSION,
    }


def _declared(queue: Queue) -> Json:
    bindings = [{"exchange": exchange, "routingKey": routing_key} for exchange, routing_key in queue.bindings]
    return {"x-arguments": dict(queue.arguments), "x-bindings": bindings}


def _sends(drawn: Json, services: tuple[Service, ...]) -> Json:
    operations = {}
    for event in EVENTS.values():
        for service in publishers_of(services, event):
            said = drawn["operations"][f"{service.name}.{event.routing_key()}"]
            operations[f"{service.name}.says.{event.hyphenated()}"] = {
                "action": said["action"],
                "title": f"{service.name} says {event.__name__}",
                "channel": {"$ref": f"#/channels/{event.routing_key()}"},
                "messages": [{"$ref": f"#/channels/{event.routing_key()}/messages/{event.__name__}"}],
                "bindings": said["bindings"],
                "x-service": service.name.value,
                "x-required-by": [listener.value for listener in event.required_by],
            }
    return operations


def _receives(drawn: Json, services: tuple[Service, ...]) -> Json:
    operations = {}
    for event in EVENTS.values():
        for service, consumer in consumers_of(services, event):
            queue = queue_name(service.name, event)
            heard = drawn["operations"][queue]
            operations[f"{service.name}.hears.{event.hyphenated()}"] = {
                "action": heard["action"],
                "title": f"{service.name} hears {event.__name__}",
                "summary": plain(drawn["channels"][queue]["description"]),
                "channel": {"$ref": f"#/channels/{queue}"},
                "messages": [{"$ref": f"#/channels/{queue}/messages/{event.__name__}"}],
                "bindings": heard["bindings"],
                "x-service": service.name.value,
                "x-failure": failure_path(service.name, consumer),
            }
    return operations


def _dead_operations(services: tuple[Service, ...]) -> Json:
    operations: Json = {
        "replay": {
            "action": "send",
            "title": "An operator replays a dead letter",
            "summary": "Same bytes, same headers. What is completed stays so; what is dead is tried again, with a new "
            "deadline.",
            "channel": {"$ref": f"#/channels/{TO_EXCHANGE}"},
        }
    }
    for service in services:
        if service.consumers:
            operations[f"{service.name}.gives-up"] = {
                "action": "send",
                "title": f"{service.name} gives up",
                "summary": f"The event goes to {dead_queue(service.name).name} with the reason in its headers.",
                "channel": {"$ref": f"#/channels/{DEAD_EXCHANGE}"},
                "x-service": service.name.value,
            }
    return operations


def _message(event: type[Event]) -> Json:
    description = plain(event.__doc__ or "")
    return {
        "name": event.__name__,
        "title": event.__name__,
        "summary": description.split("\n")[0],
        "description": description,
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "headers": {"type": "object", "properties": EVENT_HEADERS},
        "payload": {"$ref": f"#/components/schemas/{event.__name__}Event"},
        "bindings": {"amqp": {"messageType": event.type, "bindingVersion": BINDING_VERSION}},
        "examples": [
            {"name": event.hyphenated(), "payload": EXAMPLES[event.type].model_dump(mode="json", exclude_none=True)}
        ],
        "x-changes": list(event.changes),
    }


def _dead_letter() -> Json:
    return {
        "name": "DeadLetter",
        "title": "A dead letter",
        "summary": "An event that a service gave up on: its exact bytes, whatever they are, and why.",
        "contentType": CONTENT_TYPE,
        "headers": {"type": "object", "properties": EVENT_HEADERS | DEAD_LETTER_HEADERS},
    }
