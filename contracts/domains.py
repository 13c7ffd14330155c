"""What is said of the domains of a project beside the one that it was ordered under."""

from typing import ClassVar

from pydantic import StrictBool

from contracts.event import Event, HostName


class DomainAdded(Event):
    """The project is to answer under this domain, too; with ``primary`` it moves there, the old address redirecting."""

    type: ClassVar[str] = "vrs.domain.added.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)

    domain: HostName
    """The domain."""
    primary: StrictBool
    """Whether it becomes the project's address."""
