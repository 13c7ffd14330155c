"""Whether a new order would get a place at once."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import ConfigDict
from sqlalchemy import select, text

from contracts import Slug
from services.marketplace.api.answers import Answer
from services.marketplace.dependencies import Db, MayRead
from shared.errors import FieldProblem, WrongFieldsError
from shared.models import Server, ServerReach, ServerState
from shared.plans import Plan, read_plans

router = APIRouter(prefix="/api/v1/capacity", tags=["capacity"])

_OPEN = select(Server.region, Server.capacity, Server.used, Server.ram_mb, Server.ram_mb_used).where(
    Server.state == ServerState.ACTIVE, Server.reach == ServerReach.USABLE
)
_WAITING = text("SELECT count(*) FROM capacity_waits")


class RegionCapacity(Answer):
    """The servers of a region that take new projects, and how many more of them have room."""

    region: str
    servers: int
    free: int


class CapacityAnswer(Answer):
    """How many more projects have room now; an order beyond that waits, and goes on by itself."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"free": 12, "waiting": 0, "regions": [{"region": "fsn1", "servers": 2, "free": 12}]}]
        }
    )

    free: int
    waiting: int
    """Orders that wait for a place already, and get one first."""
    regions: list[RegionCapacity]


@router.get("")
async def capacity(
    _: MayRead,
    database: Db,
    plan: Annotated[Slug | None, Query(description="Count only places with memory for this plan.")] = None,
    region: Annotated[Slug | None, Query(description="Only this region.")] = None,
) -> CapacityAnswer:
    """Tell how many more projects have room."""
    plans = read_plans()
    if plan is not None and plan not in plans:
        there = ", ".join(sorted(plans))
        raise WrongFieldsError(FieldProblem("plan", f"{plan!r} is none; there are {there}"), where="query")
    async with database.autocommit.begin() as connection:
        rows = (await connection.execute(_OPEN if region is None else _OPEN.where(Server.region == region))).all()
        waiting: int = (await connection.execute(_WAITING)).scalar_one()
    free: dict[str, list[int]] = {}
    for row in rows:
        places = _places(row.capacity - row.used, row.ram_mb, row.ram_mb_used, plans[plan] if plan else None)
        free.setdefault(row.region, []).append(places)
    regions = [
        RegionCapacity(region=name, servers=len(places), free=sum(places)) for name, places in sorted(free.items())
    ]
    return CapacityAnswer(free=sum(each.free for each in regions), waiting=waiting, regions=regions)


def _places(free: int, ram_mb: int | None, ram_mb_used: int, plan: Plan | None) -> int:
    if plan is None or ram_mb is None:
        return free
    return max(0, min(free, (ram_mb - ram_mb_used) // plan.ram_mb))
