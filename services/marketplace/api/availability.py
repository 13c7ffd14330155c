"""Whether a name can be had, before it is ordered."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from services.marketplace.api.answers import Answer
from services.marketplace.dependencies import Configured, Db, MayRead
from shared.errors import FieldProblem, WrongFieldsError
from shared.host_claims import HostProblem, HostRefused, obstacle, own_hosts
from shared.hosts import as_shown, as_stored
from shared.models import Availability
from shared.names import free_name, slug_of
from shared.offers import Offer, offer_of

router = APIRouter(prefix="/api/v1/availability", tags=["availability"])

Typed = Annotated[str, Query(min_length=1, max_length=253, pattern=r"^[^\x00-\x1f\x7f]+$")]


class OfferAnswer(Answer):
    """What INWX says of a domain, some minutes old at most."""

    availability: Availability
    cents: int | None
    """What the first year of a free domain costs, or the transfer to us of one that is taken; null if unknown."""
    currency: str | None
    is_premium: bool
    """Whether its registry asks more for it than for others."""


class AvailabilityAnswer(Answer):
    """Whether a host name is free now. Only an order holds it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "host": "baeckerei-sommer.vrs.example",
                    "shown": "baeckerei-sommer.vrs.example",
                    "available": False,
                    "problem": "host_taken",
                    "detail": "baeckerei-sommer.vrs.example belongs to another project",
                    "suggestion": "baeckerei-sommer-2",
                }
            ]
        }
    )

    host: str
    """In A-labels."""
    shown: str
    """As people read it."""
    available: bool
    problem: HostProblem | None
    detail: str | None
    suggestion: str | None
    """A slug that is free; null if the host is, or for a domain of the customer's."""
    offer: OfferAnswer | None = None
    """Whether the domain can be registered, and for what; null below a base domain, or if nobody knows just now."""


@router.get("/slug")
async def slug_availability(
    _: MayRead,
    database: Db,
    name: Annotated[Typed, Query(description="A slug, or what a customer types: a slug is made of it.")],
    base_domain: Annotated[Typed, Query(description="One of our base domains.")],
) -> AvailabilityAnswer:
    """Check a name below one of our base domains."""
    zone = _stored("base_domain", base_domain)
    slug = slug_of(name)
    async with database.autocommit.begin() as connection:
        refused = await obstacle(connection, (f"{slug}.{zone}",), zone)
        suggested = None
        if refused and refused.problem is not HostProblem.UNKNOWN_BASE_DOMAIN:
            suggested = await connection.run_sync(free_name, name, base_domain=zone)
    return _answer(f"{slug}.{zone}", refused, suggested)


@router.get("/domain")
async def domain_availability(
    _: MayRead,
    database: Db,
    settings: Configured,
    domain: Annotated[Typed, Query(description="A domain of the customer's.")],
) -> AvailabilityAnswer:
    """Check that no project has this domain, and that it is none of ours; ask what its registry would say."""
    host = _stored("domain", domain)
    async with database.autocommit.begin() as connection:
        refused = await obstacle(connection, own_hosts(host), None)
    offer = None if refused else await offer_of(database, host, wait=settings.offer_seconds)
    return _answer(host, refused, None, offer)


def _stored(field: str, typed: str) -> str:
    try:
        return as_stored(typed)
    except ValueError as error:
        raise WrongFieldsError(FieldProblem(field, str(error)), where="query") from error


def _answer(
    host: str, refused: HostRefused | None, suggested: str | None, offer: Offer | None = None
) -> AvailabilityAnswer:
    return AvailabilityAnswer(
        host=host,
        shown=as_shown(host),
        available=refused is None,
        problem=refused.problem if refused else None,
        detail=refused.sentence if refused else None,
        suggestion=suggested,
        offer=OfferAnswer.model_validate(offer, from_attributes=True) if offer else None,
    )
