"""What steps have said, as the log keeps it: the exact bytes of each event, one per line."""

from collections.abc import Iterable
from contextlib import suppress
from typing import TypeVar

from contracts import CloudEvent, ContractError, Event, decode

EventT = TypeVar("EventT", bound=Event)


def newest(contract: type[EventT], emitted: Iterable[bytes | None]) -> CloudEvent[EventT] | None:
    """Find the newest event of `contract`; `emitted` are the log's columns of that name, the newest first.

    What cannot be read as such an event counts as another one.
    """
    for lines in emitted:
        for line in reversed((lines or b"").splitlines()):
            with suppress(ContractError):
                return decode(line, contract)
    return None
