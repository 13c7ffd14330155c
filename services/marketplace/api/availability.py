"""Whether a name can be had, before it is ordered."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict

from services.marketplace.api.answers import Answer
from services.marketplace.dependencies import Db, MayRead
from shared.errors import FieldProblem, WrongFieldsError
from shared.host_claims import HostProblem, HostRefused, obstacle, own_hosts
from shared.hosts import as_shown, as_stored
from shared.names import free_name, slug_of

router = APIRouter(prefix="/api/v1/availability", tags=["availability"])

Typed = Annotated[str, Query(min_length=1, max_length=253, pattern=r"^[^\x00-\x1f\x7f]+$")]


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
    _: MayRead, database: Db, domain: Annotated[Typed, Query(description="A domain of the customer's.")]
) -> AvailabilityAnswer:
    """Check that no project has this domain, and that it is none of ours. Whether it is registered is not checked."""
    host = _stored("domain", domain)
    async with database.autocommit.begin() as connection:
        refused = await obstacle(connection, own_hosts(host), None)
    return _answer(host, refused, None)


def _stored(field: str, typed: str) -> str:
    try:
        return as_stored(typed)
    except ValueError as error:
        raise WrongFieldsError(FieldProblem(field, str(error)), where="query") from error


def _answer(host: str, refused: HostRefused | None, suggested: str | None) -> AvailabilityAnswer:
    return AvailabilityAnswer(
        host=host,
        shown=as_shown(host),
        available=refused is None,
        problem=refused.problem if refused else None,
        detail=refused.sentence if refused else None,
        suggestion=suggested,
    )
