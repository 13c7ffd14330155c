"""What the metrics of a service say of its daily comparison with its vendor."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import ServiceName
from shared.metrics import RECONCILIATION_OFF, RECONCILIATION_UNFINISHED
from shared.models import Reconciliation
from shared.service import Measure

_AGE = func.extract("epoch", func.clock_timestamp() - Reconciliation.began_at)


def reconciliation_of(service: ServiceName) -> Measure:
    """A measure of what the last comparison has left to people, and of how long one goes on that has not ended."""
    last = select(Reconciliation.off, Reconciliation.ended_at, _AGE.label("age")).where(
        Reconciliation.service == service.value, Reconciliation.began_at.is_not(None)
    )

    async def measure(connection: AsyncConnection) -> None:
        row = (await connection.execute(last)).one_or_none()
        if row is None:
            return
        if row.off is not None:
            RECONCILIATION_OFF.labels(service.value).set(row.off)
        RECONCILIATION_UNFINISHED.labels(service.value).set(float(row.age) if row.ended_at is None else 0)

    return measure
