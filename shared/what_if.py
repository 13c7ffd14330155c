"""What the desk asks the service that chooses servers: where so many orders would go."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import PlacementStrategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """So many orders of one kind, after those that wait already. Without a strategy the type's own, or the setting."""

    orders: int
    plan: str
    project_type: str
    strategy: PlacementStrategy | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerForecast:
    """A server as it is, and how many of the orders it would get: `waiting` of those that wait, `new` of the others.

    `load_before` and `load_after` are the weighted shares, 0 when empty; `verdict` is why it takes no more, if so.
    """

    server: str
    region: str
    capacity: int
    used: int
    waiting: int
    new: int
    load_before: float
    load_after: float
    verdict: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The answer: how many of the new orders get a place, and how many would wait; `waiting_now` wait already."""

    strategy: PlacementStrategy
    placed: int
    would_wait: int
    waiting_now: int
    servers: list[ServerForecast]


WhatIf = Callable[[AsyncConnection, Question], Awaitable[Forecast]]
"""Changes nothing. Raises `ValueError` for a plan that there is not."""
