"""When each service compared itself with its vendor."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table


class Reconciliation(Table):
    """A service's daily comparison with its vendor. Owner: the service named.

    `due_at`: the next one; whoever takes it moves it on, so that of several instances one does it. `off` counts what
    the last one found that was not as written down, and did not repair. Without `ended_at` it goes on, or was killed.
    """

    __tablename__ = "reconciliations"
    service: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    off: Mapped[int | None]
