"""What a domain costs, asked of dns by way of the database: the marketplace has no account at INWX."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.models import Availability, DomainOffer

FRESH = timedelta(minutes=5)
"""For so long an answer counts."""

MOST_OPEN = 100
"""Questions that wait for an answer; whoever asks beyond that is told nothing."""

LOOK_EVERY = 0.1


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether a domain is free, and what its first year costs; of one that is taken, what its transfer to us costs."""

    availability: Availability
    cents: int | None
    currency: str | None
    is_premium: bool


_now = func.clock_timestamp()
_ANSWER = select(DomainOffer.availability, DomainOffer.cents, DomainOffer.currency, DomainOffer.is_premium).where(
    DomainOffer.answered_at > _now - FRESH
)
_OPEN = select(func.count()).select_from(DomainOffer).where(DomainOffer.answered_at.is_(None))
_EMPTY = {"answered_at": None, "availability": None, "cents": None, "currency": None, "is_premium": None}


async def offer_of(database: Database, domain: str, *, wait: float) -> Offer | None:
    """Ask about a domain (A-labels); None if dns has not answered within `wait` seconds. Asks nobody if that is 0."""
    if wait <= 0:
        return None
    deadline = time.monotonic() + wait
    async with database.autocommit.begin() as connection:
        if (known := await _answer(connection, domain)) is not None:
            return known
        if (await connection.scalar(_OPEN) or 0) >= MOST_OPEN:
            return None
        question = insert(DomainOffer).values({"domain": domain, "asked_at": _now})
        again = question.on_conflict_do_update(index_elements=["domain"], set_={"asked_at": _now} | _EMPTY)
        await connection.execute(again)
    while time.monotonic() < deadline:
        await asyncio.sleep(LOOK_EVERY)
        async with database.autocommit.begin() as connection:
            if (known := await _answer(connection, domain)) is not None:
                return known
    return None


async def _answer(connection: AsyncConnection, domain: str) -> Offer | None:
    row = (await connection.execute(_ANSWER.where(DomainOffer.domain == domain))).one_or_none()
    return None if row is None else Offer(row.availability, row.cents, row.currency, bool(row.is_premium))
