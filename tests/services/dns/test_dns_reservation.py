"""Places and names under a real PostgreSQL's locks."""

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contracts import PlacementStrategy
from services.dns.models import CapacityWait, Placement
from services.dns.placement import Need, Weights, Wish
from services.dns.reservation import ReleasePlace, ReservePlace, Waiting
from shared.host_claims import ClaimHosts, HostProblem, HostRefused
from shared.models import BaseDomain, ProjectDomain, Server
from shared.writes import Write, apply_all

LEAST_LOADED = PlacementStrategy.LEAST_LOADED
SMALL, LARGE = Need(512, 500), Need(4096, 2000)


def arrivals() -> Iterator[datetime]:
    yield from (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number) for number in count())


ARRIVALS = arrivals()


def reserve(
    project: UUID,
    strategy: PlacementStrategy = LEAST_LOADED,
    *,
    region: str | None = None,
    need: Need = SMALL,
    by_type: str | None = None,
) -> ReservePlace:
    wish = Wish(project_id=project, since=next(ARRIVALS), strategy=strategy, region=region, need=need)
    return ReservePlace(wish=wish, weights=Weights(), by_type=by_type)


async def add_servers(engine: AsyncEngine, *servers: tuple[int, str]) -> None:
    rows = [
        {"name": f"s{n}", "coolify_uuid": f"c{n}", "region": region, "ipv4": f"192.0.2.{n}", "capacity": capacity}
        for n, (capacity, region) in enumerate(servers, 1)
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(Server), rows)
        await connection.execute(insert(BaseDomain), [{"name": "vrs.example"}])


async def write(engine: AsyncEngine, *writes: tuple[UUID, Write]) -> list[Any]:
    async with engine.begin() as connection:
        return await apply_all(connection, writes)


async def order(engine: AsyncEngine, project: UUID, wanted: ReservePlace | None = None) -> Any:
    claim = ClaimHosts((f"p-{project}.vrs.example",), "vrs.example")
    return (await write(engine, (project, claim), (project, wanted or reserve(project))))[1]


async def used(engine: AsyncEngine) -> list[int]:
    async with engine.connect() as connection:
        return list((await connection.scalars(select(Server.used).order_by(Server.id))).all())


async def test_concurrent_orders_never_exceed_the_capacity(engine: AsyncEngine) -> None:
    await add_servers(engine, (5, "fsn"), (3, "nbg"), (0, "hel"))
    results = await asyncio.gather(*(order(engine, uuid4()) for _ in range(30)))
    placed = [result for result in results if isinstance(result, Placement)]
    assert len(placed) == 8
    assert Counter(each.server_id for each in placed) == {1: 5, 2: 3}
    assert await used(engine) == [5, 3, 0]
    assert all(
        isinstance(result, Waiting) and len(result.considered) == 3 for result in results if result not in placed
    )


async def test_200_orders_at_once_from_several_processes_never_exceed_the_capacity(
    engine: AsyncEngine, postgres: str
) -> None:
    await add_servers(engine, *[(15, "fsn")] * 10)
    program = "import sys; from tests.services.dns.test_dns_reservation import order_many; order_many(*sys.argv[1:])"
    url = str(engine.url.set(password=None))
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", program, url, "100", stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    told = [(await process.communicate())[0].split() for process in processes]
    placed, waiting = (sum(int(numbers[nth]) for numbers in told) for nth in range(2))
    assert (placed, waiting) == (150, 50)
    assert await used(engine) == [15] * 10
    async with engine.connect() as connection:
        held = (await connection.scalars(select(Placement.server_id))).all()
        assert await connection.scalar(select(func.count()).select_from(CapacityWait)) == 50
    assert Counter(held) == dict.fromkeys(range(1, 11), 15)


def order_many(url: str, number: str) -> None:
    """Order `number` projects at once, ten transactions at a time; print how many have a place and how many wait."""

    async def run() -> Counter[type]:
        engine = create_async_engine(url, pool_size=10, max_overflow=0)
        try:
            return Counter(map(type, await asyncio.gather(*(order(engine, uuid4()) for _ in range(int(number))))))
        finally:
            await engine.dispose()

    counted = asyncio.run(run())
    print(counted[Placement], counted[Waiting])  # noqa: T201 - read by the test


async def test_concurrent_groups_of_orders_and_releases_leave_exact_counts(engine: AsyncEngine) -> None:
    await add_servers(engine, (20, "fsn"), (20, "nbg"), (20, "hel"))
    groups = [[uuid4() for _ in range(5)] for _ in range(8)]

    async def live(group: list[UUID]) -> None:
        claims = [(each, ClaimHosts((f"p-{each}.vrs.example",), "vrs.example")) for each in group]
        await write(engine, *claims, *((each, reserve(each)) for each in group))
        await write(engine, *((each, ReleasePlace()) for each in group[:2]))

    await asyncio.gather(*map(live, groups))
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(Placement)) == 24
    assert sum(await used(engine)) == 24


async def test_a_project_keeps_its_place_whatever_it_asks_for_later(engine: AsyncEngine) -> None:
    await add_servers(engine, (5, "fsn"), (5, "nbg"))
    project = uuid4()
    first = await order(engine, project)
    again = await order(engine, project, reserve(project, PlacementStrategy.REGION, region="nbg"))
    assert (again.server_id, again.reason, again.placed_at) == (first.server_id, first.reason, first.placed_at)
    assert await used(engine) == [1, 0]


async def test_a_placement_follows_its_server_to_a_new_address(engine: AsyncEngine) -> None:
    await add_servers(engine, (5, "fsn"))
    project = uuid4()
    await order(engine, project)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE servers SET ipv4 = '192.0.2.77', ipv6 = '2001:db8::77'"))
    assert str((await order(engine, project)).server.ipv4) == "192.0.2.77"
    async with engine.connect() as connection:
        assert (await connection.scalar(select(Placement.target)))["ipv6"] == "2001:db8::77"  # type: ignore[index]  # a JSON object


async def test_a_place_is_given_back_once(engine: AsyncEngine) -> None:
    await add_servers(engine, (2, "fsn"))
    first, second = uuid4(), uuid4()
    await order(engine, first)
    await order(engine, second)
    for _ in range(2):
        await write(engine, (first, ReleasePlace()))
    assert await used(engine) == [1]


async def test_round_robin_goes_around_within_one_group_and_the_next(engine: AsyncEngine) -> None:
    await add_servers(engine, (9, "fsn"), (9, "fsn"), (9, "fsn"))
    chosen = []
    for _ in range(2):
        group = [uuid4() for _ in range(3)]
        claims = [(each, ClaimHosts((f"p-{each}.vrs.example",), "vrs.example")) for each in group]
        results = await write(
            engine, *claims, *((each, reserve(each, PlacementStrategy.ROUND_ROBIN)) for each in group)
        )
        chosen += [result.server_id for result in results[3:]]
    assert chosen == [1, 2, 3, 1, 2, 3]


async def test_a_draining_server_takes_nobody_and_still_gets_places_back(engine: AsyncEngine) -> None:
    await add_servers(engine, (5, "fsn"), (1, "nbg"))
    project = uuid4()
    await order(engine, project)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE servers SET state = 'draining' WHERE id = 1"))
    assert (await order(engine, uuid4())).server_id == 2
    assert isinstance(await order(engine, uuid4()), Waiting)
    await write(engine, (project, ReleasePlace()))
    assert await used(engine) == [0, 1]


async def test_the_database_refuses_more_places_than_a_server_has(engine: AsyncEngine) -> None:
    await add_servers(engine, (1, "fsn"))
    with pytest.raises(IntegrityError, match="used_within_capacity"):
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE servers SET used = 2"))


@pytest.mark.parametrize("slug", ["www", "mail-2", "deep"])
async def test_a_name_that_is_reserved_or_is_a_base_domain_itself_is_given_to_nobody(
    engine: AsyncEngine, slug: str
) -> None:
    await add_servers(engine, (9, "fsn"))
    async with engine.begin() as connection:
        await connection.execute(insert(BaseDomain).values(name="deep.vrs.example"))
    [refused] = await write(engine, (uuid4(), ClaimHosts((f"{slug}.vrs.example",), "vrs.example")))
    assert refused == HostRefused(HostProblem.RESERVED, f"{slug}.vrs.example")


async def test_of_two_projects_that_want_a_name_one_gets_it_and_the_other_no_place(engine: AsyncEngine) -> None:
    await add_servers(engine, (9, "fsn"))
    claim = ClaimHosts(("kunde.vrs.example",), "vrs.example")
    results = await asyncio.gather(
        *(write(engine, (project, claim), (project, reserve(project))) for project in (uuid4() for _ in range(8)))
    )
    assert sum(refused is None for refused, _ in results) == 1
    assert {refused for refused, _ in results} == {None, HostRefused(HostProblem.TAKEN, "kunde.vrs.example")}
    assert sum(isinstance(place, Placement) for _, place in results) == 1
    assert await used(engine) == [1]


async def test_whoever_is_refused_one_name_keeps_none(engine: AsyncEngine) -> None:
    await add_servers(engine, (9, "fsn"))
    await write(engine, (uuid4(), ClaimHosts(("www.kunde.example",), None)))
    [refused] = await write(engine, (uuid4(), ClaimHosts(("kunde.example", "www.kunde.example"), None)))
    assert refused == HostRefused(HostProblem.TAKEN, "www.kunde.example")
    async with engine.connect() as connection:
        assert (await connection.scalars(select(ProjectDomain.host))).all() == ["www.kunde.example"]


async def test_claiming_again_changes_nothing_and_a_corrected_order_gives_up_its_old_names(engine: AsyncEngine) -> None:
    await add_servers(engine, (9, "fsn"))
    project = uuid4()
    for _ in range(2):
        assert await write(engine, (project, ClaimHosts(("kunde.example", "www.kunde.example"), None))) == [None]
    assert await write(engine, (project, ClaimHosts(("www.kunde.example",), None))) == [None]
    async with engine.connect() as connection:
        rows = (await connection.execute(select(ProjectDomain.host, ProjectDomain.is_primary))).all()
    assert rows == [("www.kunde.example", True)]


@pytest.mark.parametrize(
    ("claim", "problem"),
    [
        (ClaimHosts(("a.other.example",), "other.example"), HostProblem.UNKNOWN_BASE_DOMAIN),
        (ClaimHosts(("a.vrs.example", "www.a.vrs.example"), None), HostProblem.UNDER_BASE_DOMAIN),
        (ClaimHosts(("vrs.example", "www.vrs.example"), None), HostProblem.UNDER_BASE_DOMAIN),
    ],
)
async def test_base_domains_are_known_and_their_names_given_by_slug(
    engine: AsyncEngine, claim: ClaimHosts, problem: HostProblem
) -> None:
    await add_servers(engine, (9, "fsn"))
    refused, place = await write(engine, (project := uuid4(), claim), (project, reserve(project)))
    assert refused.problem is problem
    assert place is None
