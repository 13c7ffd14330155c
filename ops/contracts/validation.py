"""An integrator's event against its contract, judged by what the services themselves read it with."""

import json
from difflib import get_close_matches
from typing import Any

from contracts import EVENTS, CloudEvent, ContractError, Event, ProjectOrdered, decode
from contracts.cloud_event import Refusal
from ops.failure import CommandError


def contract_named(name: str) -> type[Event]:
    """The event of this type, routing key or class name.

    Raises:
        CommandError: there is none.

    """
    for event in EVENTS.values():
        if name in (event.type, event.routing_key(), event.__name__):
            return event
    raise CommandError(f"there is no event {name!r}; {_suggestion(name)}", exit_code=2)


def validate(body: bytes, contract: type[Event] | None) -> CloudEvent[Any]:
    """Read `body` as an event of `contract`, or of the one that its own ``type`` names.

    Raises:
        ContractError: it is refused, for the reason for which a service would refuse it.

    """
    named = _type_of(body)
    if contract is None and isinstance(named, str) and named not in EVENTS:
        raise ContractError(Refusal.UNKNOWN_TYPE, [f"type: there is no event {named[:100]!r}; {_suggestion(named)}"])
    try:
        return decode(body, contract or (EVENTS[named] if isinstance(named, str) else ProjectOrdered))
    except ContractError as error:
        if contract is None and error.refusal is Refusal.UNKNOWN_TYPE:  # nobody has said what it should be
            found = "missing" if named is None else repr(named)[:100]
            raise ContractError(error.refusal, [f"type: is {found}; there are {', '.join(EVENTS)}"]) from None
        raise


def _type_of(body: bytes) -> Any:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return message.get("type") if isinstance(message, dict) else None


def _suggestion(name: str) -> str:
    close = get_close_matches(name, EVENTS, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(EVENTS)}"
