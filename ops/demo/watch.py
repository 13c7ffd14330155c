"""Looks at the orders' log while they go live."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import AppDeployed, CoreHealthy, DnsConfigured, ProjectOrdered, ServiceName
from ops.story import ProjectLine, Waiting, log_rows, project_lines
from shared.messaging.topology import queue_name
from shared.models import LogStatus, ProvisioningState
from shared.orders import Order

STEPS = {
    "dns": queue_name(ServiceName.DNS, ProjectOrdered),
    "deploy": queue_name(ServiceName.DEPLOY, DnsConfigured),
    "bootstrap": queue_name(ServiceName.BOOTSTRAP, AppDeployed),
    "notify": queue_name(ServiceName.NOTIFY, CoreHealthy),
}
"""The consumers on the way to live and notified, by the name under which they are shown."""


@dataclass(slots=True)
class Watched:
    """An order and what is known of it. Durations are in seconds."""

    order: Order
    rows: list[Row[Any]] = field(default_factory=list)
    line: ProjectLine | None = None

    def completed(self, step: str) -> Row[Any] | None:
        """The log row that completed a step of `STEPS`."""
        consumer = STEPS[step]
        return next((row for row in self.rows if row.consumer == consumer and row.status is LogStatus.COMPLETED), None)

    def waiting(self, step: str) -> Waiting | None:
        """The open step of this name."""
        return (
            next((open_ for open_ in self.line.waiting if open_.consumer == STEPS[step]), None) if self.line else None
        )

    def since_order(self, row: Row[Any]) -> float:
        """How long after the order the row was written."""
        elapsed: float = (row.at - self.order.time).total_seconds()
        return elapsed

    @property
    def status(self) -> ProvisioningState:
        """Where the project stands."""
        return (self.line.state if self.line else None) or ProvisioningState.ORDERED

    @property
    def is_done(self) -> bool:
        """Live, and the customer has been told."""
        return self.status is ProvisioningState.LIVE and self.completed("notify") is not None

    @property
    def has_failed(self) -> bool:
        """A step was given up."""
        return self.status is ProvisioningState.FAILED

    @property
    def seconds(self) -> float | None:
        """From the order to live; None before."""
        row = self.completed("bootstrap")
        return None if row is None else self.since_order(row)

    def waits_for(self) -> str:
        """What keeps it from being done, in words."""
        if self.line is not None and self.line.waiting:
            return "; ".join(map(str, self.line.waiting))
        missing = next((consumer for step, consumer in STEPS.items() if self.completed(step) is None), None)
        return f"nothing open; {missing} has not begun"


class Watch:
    """All orders of a demo. `seconds` is how long it had lasted at the last look."""

    def __init__(self, engine: AsyncEngine, orders: Sequence[Order]) -> None:
        self._engine = engine
        self._last = 0
        self._began = time.monotonic()
        self.seconds = 0.0
        self.orders = {order.subject: Watched(order) for order in orders}

    @property
    def is_over(self) -> bool:
        """Whether each order is done or given up."""
        return all(watched.is_done or watched.has_failed for watched in self.orders.values())

    @property
    def all_live(self) -> bool:
        """Whether each order is done."""
        return all(watched.is_done for watched in self.orders.values())

    async def look(self) -> list[tuple[Watched, Row[Any]]]:
        """Read what is new; return the new log rows with their orders."""
        ids = list(self.orders)
        rows = await log_rows(self._engine, ids, after=self._last)
        for line in await project_lines(self._engine, ids):
            self.orders[line.project_id].line = line
        news = [(self.orders[row.project_id], row) for row in rows]
        for watched, row in news:
            watched.rows.append(row)
            self._last = row.id
        self.seconds = time.monotonic() - self._began
        return news
