"""Who waits for a place gets it in the order in which the orders came, under a real PostgreSQL's locks."""

from uuid import UUID, uuid4

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import PlacementStrategy
from services.dns.capacity import wake_for_free_places
from services.dns.models import CapacityWait, Placement
from services.dns.outcomes import capacity_key
from services.dns.placement import Weights
from services.dns.reservation import ReleasePlace, ReservePlace, Waiting
from shared.host_claims import ClaimHosts
from shared.models import Server
from shared.service import Announcement
from tests.services.dns.test_dns_reservation import LARGE, SMALL, add_servers, order, reserve, used, write

PACK = PlacementStrategy.PACK


class Desk:
    """Counts wakes; implements `shared.service.Kernel`."""

    def __init__(self) -> None:
        self.woken: list[str] = []

    async def parked_keys(self, prefix: str) -> list[str]:
        raise AssertionError("whoever waits stands in dns's own table")

    async def wake(self, key: str, most: int | None = None) -> int:
        self.woken.append(key)
        return 1

    async def announce(self, announcement: Announcement) -> bool:
        raise AssertionError("dns announces nothing")


async def woken(engine: AsyncEngine) -> list[str]:
    desk = Desk()
    assert await wake_for_free_places(desk, engine, Weights()) == len(desk.woken)
    return desk.woken


async def run(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


async def waiting(engine: AsyncEngine, *orders: ReservePlace) -> list[UUID]:
    """Have the orders wait; their projects' ids."""
    for each in orders:
        assert isinstance(await order(engine, each.wish.project_id, each), Waiting)
    return [each.wish.project_id for each in orders]


async def waits(engine: AsyncEngine) -> set[UUID]:
    async with engine.connect() as connection:
        return set((await connection.scalars(select(CapacityWait.project_id))).all())


async def test_a_newcomer_does_not_take_the_place_of_whoever_has_waited(engine: AsyncEngine) -> None:
    await add_servers(engine, (0, "fsn"))
    first, second = await waiting(engine, *(reserve(uuid4()) for _ in range(2)))
    await run(engine, "UPDATE servers SET capacity = 1")
    newcomer = await order(engine, uuid4())
    assert isinstance(newcomer, Waiting)
    assert newcomer.ahead == 2
    assert newcomer.considered[0]["verdict"] == "its free places are kept for orders that came before"
    assert isinstance(await order(engine, second), Waiting)
    assert isinstance(await order(engine, first), Placement)
    assert await used(engine) == [1]
    assert await waits(engine) == {second, newcomer.wish.project_id}


async def test_within_one_group_the_earlier_order_goes_first(engine: AsyncEngine) -> None:
    await add_servers(engine, (1, "fsn"))
    early, late = reserve(uuid4()), reserve(uuid4())
    projects = [late.wish.project_id, early.wish.project_id]
    claims = [(each, ClaimHosts((f"p-{each}.vrs.example",), "vrs.example")) for each in projects]
    *_, for_late, for_early = await write(engine, *claims, (projects[0], late), (projects[1], early))
    assert isinstance(for_early, Placement)
    assert isinstance(for_late, Waiting)


async def test_whoever_waits_is_woken_when_a_place_is_free_oldest_first_and_no_more_than_there_are(
    engine: AsyncEngine,
) -> None:
    await add_servers(engine, (0, "fsn"), (0, "nbg"))
    north, first, second = await waiting(engine, reserve(uuid4(), region="nbg"), reserve(uuid4()), reserve(uuid4()))
    assert await woken(engine) == []
    await run(engine, "UPDATE servers SET capacity = 1 WHERE region = 'fsn'")
    assert await woken(engine) == [capacity_key(first)]
    await run(engine, "UPDATE servers SET capacity = 5")
    assert await woken(engine) == [capacity_key(north), capacity_key(first), capacity_key(second)]
    for change, back in (
        ("state = 'draining'", "state = 'active'"),
        ("reach = 'unreachable'", "reach = 'usable'"),
        ("ram_mb = 100", "ram_mb = NULL"),
    ):
        await run(engine, f"UPDATE servers SET {change}")
        assert await woken(engine) == []
        await run(engine, f"UPDATE servers SET {back}")
    assert len(await woken(engine)) == 3


async def test_a_cancelled_project_keeps_no_place_from_others(engine: AsyncEngine) -> None:
    await add_servers(engine, (0, "fsn"))
    [gone] = await waiting(engine, reserve(uuid4()))
    await run(engine, "UPDATE servers SET capacity = 1")
    await write(engine, (gone, ReleasePlace()))
    assert isinstance(await order(engine, uuid4()), Placement)
    assert await waits(engine) == set()


async def test_a_project_that_lost_its_name_keeps_no_place_from_others(engine: AsyncEngine) -> None:
    await add_servers(engine, (0, "fsn"))
    [nameless] = await waiting(engine, reserve(uuid4()))
    await run(engine, "UPDATE servers SET capacity = 1")
    await run(engine, "DELETE FROM project_domains")
    assert await write(engine, (nameless, reserve(nameless))) == [None]
    assert isinstance(await order(engine, uuid4()), Placement)


async def test_a_large_plan_that_fits_nowhere_does_not_hold_up_a_small_one(engine: AsyncEngine) -> None:
    await add_servers(engine, (9, "fsn"))
    await run(engine, "UPDATE servers SET ram_mb = 1024")
    [large] = await waiting(engine, reserve(uuid4(), need=LARGE))
    small = [await order(engine, uuid4()) for _ in range(3)]
    assert [type(each) for each in small] == [Placement, Placement, Waiting]
    assert small[2].considered[0]["verdict"] == "full: 0 MB of memory left, 512 needed"
    await run(engine, "UPDATE servers SET ram_mb = 5120")
    assert await woken(engine) == [capacity_key(large)]


async def test_memory_and_cores_are_counted_and_given_back(engine: AsyncEngine) -> None:
    await add_servers(engine, (9, "fsn"))
    large, small = reserve(uuid4(), need=LARGE), reserve(uuid4(), need=SMALL)
    for each in (large, small):
        await order(engine, each.wish.project_id, each)
    counted = select(Server.used, Server.ram_mb_used, Server.cpu_millicores_used)
    async with engine.connect() as connection:
        assert (await connection.execute(counted)).one() == (2, 4608, 2500)
    await write(engine, *((each.wish.project_id, ReleasePlace()) for each in (large, small)))
    async with engine.connect() as connection:
        assert (await connection.execute(counted)).one() == (0, 0, 0)


async def test_a_project_type_has_its_own_strategy_unless_the_order_says_so(engine: AsyncEngine) -> None:
    await add_servers(engine, (9, "fsn"), (9, "nbg"))
    await order(engine, uuid4())
    await run(engine, "INSERT INTO type_placements VALUES ('shop', 'pack')")
    asked = [reserve(uuid4(), by_type=by_type) for by_type in ("shop", "vrs-core", None)]
    placed = [await order(engine, each.wish.project_id, each) for each in asked]
    assert [(each.strategy, each.server_id) for each in placed] == [
        (PACK, 1),
        (PlacementStrategy.LEAST_LOADED, 2),
        (PlacementStrategy.LEAST_LOADED, 2),
    ]
