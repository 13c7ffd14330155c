"""What a handler is given beside its event: who it works for, and how to write down what it is about to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID

from contracts import Locale, Plugin
from shared.models import ProvisioningState, Table
from shared.writes import Write

Row = TypeVar("Row", bound=Table)


@dataclass(frozen=True, slots=True)
class AppImage:
    """The Docker image that runs a project type, and the port on which it answers."""

    name: str
    tag: str
    port: int


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What was ordered, as the kernel read it when this try began.

    `image` is its type's, None if none is listed. The customer's name and address are empty once they are forgotten.
    """

    state: ProvisioningState
    slug: str
    fqdn: str
    base_domain: str | None
    project_type: str
    plan: str
    plugins: tuple[Plugin, ...]
    locale: Locale
    customer_name: str
    customer_email: str
    ordered_at: datetime
    image: AppImage | None = None


class Step(Protocol):
    """One try of one step."""

    @property
    def event_id(self) -> UUID:
        """The consumed event's id."""

    @property
    def project_id(self) -> UUID:
        """The project's id in all events."""

    @property
    def correlation_id(self) -> UUID:
        """The order's whole story."""

    @property
    def attempt(self) -> int:
        """Counts from 1; `Later` and `Parked` count nothing."""

    @property
    def opened_at(self) -> datetime:
        """When the step was first claimed, UTC."""

    @property
    def said_at(self) -> datetime:
        """When the consumed event was said, by its publisher's clock, UTC."""

    @property
    def project(self) -> ProjectFacts | None:
        """What was ordered; None if the project is not known (yet)."""

    async def record(self, *writes: Write) -> Sequence[Any]:
        """Write down what this try reserves or is about to make; return each write's result.

        A group commit under the project's lock. Every try records before its first vendor write, even if the
        row is there: it is the fence that keeps out a try whose lease is lost or whose project is cancelled.

        Raises:
            StepVoidError: this try may not act any more. Let it pass.

        """

    async def rows(self, model: type[Row]) -> list[Row]:
        """Read the project's rows of a table of this service or the log, oldest key first."""
