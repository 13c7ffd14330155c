"""What a service may do in PostgreSQL: the least that its code needs, each grant beside the code that needs it."""

from dataclasses import dataclass
from enum import StrEnum

from shared.models import Cancellation, OpenStep, Outbox, Project, ProjectOrder, ProjectType, ProvisioningLog, Table


class May(StrEnum):
    """A privilege on a table."""

    READ = "SELECT"
    ADD = "INSERT"
    CHANGE = "UPDATE"
    REMOVE = "DELETE"


@dataclass(frozen=True, slots=True)
class Grant:
    """What may be done with a table. `columns` are all that may be changed, every one if there are none.

    Another service's table, whose model is that service's own, is given by its name.
    """

    table: type[Table] | str
    may: tuple[May, ...]
    columns: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The table's name."""
        if isinstance(self.table, str):
            return self.table
        name: str = self.table.__tablename__
        return name


@dataclass(frozen=True, slots=True)
class Call:
    """A function that may be called; it acts with the rights of its owner."""

    function: str


ALL = (May.READ, May.ADD, May.CHANGE, May.REMOVE)

_SCHEMA = Grant("vrs_alembic_version", (May.READ,))  # `vrs doctor` in the service's container

OF_KERNEL = (
    _SCHEMA,
    Grant(OpenStep, ALL),
    Grant(Outbox, ALL),
    Grant(ProvisioningLog, (May.READ, May.ADD)),  # append-only
    Grant(Cancellation, (May.READ, May.ADD, May.CHANGE), ("undone",)),
    Grant(Project, (May.READ, May.CHANGE), ("provisioning_state", "step_due_at")),
    Grant(ProjectOrder, (May.READ,)),
    Grant(ProjectType, (May.READ,)),
)
"""Of every service that consumes events."""

OF_SPEAKER = (
    _SCHEMA,
    Grant(Outbox, ALL),
    Grant(ProvisioningLog, (May.ADD,)),  # what was confirmed goes with the statement that writes logs and states too
    Grant(Project, (May.READ, May.CHANGE), ("provisioning_state", "step_due_at")),
)
"""Of a service that only says what others have committed."""
