"""Answers what the marketplace asks about domains: whether one is free, what it costs. A few at a time."""

import asyncio
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from services.dns.registrar import Registrar
from shared.errors import PermanentError, TemporaryError
from shared.messaging.trouble import DATABASE_ERRORS, lasts, reason_of
from shared.models import Availability, DomainOffer
from shared.service import Background, Kernel

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
"""Seconds."""

AT_ONCE = 3
"""At a look: the calls go through the session that sets records, too."""

PATIENCE = timedelta(seconds=30)
"""Whoever asked has long given up by then."""

KEEP = timedelta(hours=1)

_now = func.clock_timestamp()
_OPEN = (
    select(DomainOffer.domain)
    .where(DomainOffer.answered_at.is_(None), DomainOffer.asked_at > _now - PATIENCE)
    .order_by(DomainOffer.asked_at)
    .limit(AT_ONCE)
)
_OLD = delete(DomainOffer).where(DomainOffer.asked_at < _now - KEEP)


async def answer_what_is_asked(registrar: Registrar, engine: AsyncEngine) -> int:
    """Answer the oldest open questions; return how many there were.

    Raises:
        TemporaryError, PermanentError: INWX is in trouble; the question stays open until nobody waits any more.

    """
    async with engine.connect() as connection:
        domains = (await connection.scalars(_OPEN)).all()
    for domain in domains:
        values = await _answer(registrar, domain)
        async with engine.begin() as connection:
            await connection.execute(
                update(DomainOffer).where(DomainOffer.domain == domain).values(values | {"answered_at": _now})
            )
    return len(domains)


async def _answer(registrar: Registrar, domain: str) -> dict[str, object]:
    offer = await registrar.offer(domain)
    availability = Availability.FREE
    if not offer.is_free:
        offer = await registrar.transfer_offer(domain)
        availability = Availability.TAKEN if offer.cents is not None else Availability.IMPOSSIBLE
    priced = {"currency": offer.currency, "is_premium": offer.is_premium} if offer.cents is not None else {}
    return {"availability": availability, "cents": offer.cents, **priced}


def answer_offers(registrar: Registrar, engine: AsyncEngine) -> Background:
    """Look twice a second, for as long as the service runs; forget old answers."""

    async def run(kernel: Kernel) -> None:
        del kernel
        looks = 0
        while True:
            try:
                await answer_what_is_asked(registrar, engine)
                if looks % 120 == 0:
                    async with engine.begin() as connection:
                        await connection.execute(_OLD)
            except (TemporaryError, PermanentError, *DATABASE_ERRORS) as error:
                if lasts(error):
                    raise
                log.warning("a question about a domain is not answered", error=reason_of(error))
                await asyncio.sleep(LOOK_EVERY * 10)
            looks += 1
            await asyncio.sleep(LOOK_EVERY)

    return run
