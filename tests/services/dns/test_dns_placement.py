"""The choice of a server, over any snapshot."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts import PlacementStrategy
from services.dns.placement import Candidate, Choice, Need, NoRoom, Weights, Wish, allot, choose
from shared.models import ServerReach

START = datetime(2026, 1, 1, tzinfo=UTC)
REGIONS = ("fsn", "nbg", "hel")


@st.composite
def servers(draw: st.DrawFn) -> list[Candidate]:
    return [
        Candidate(
            id=number,
            name=f"server-{number}",
            region=draw(st.sampled_from(REGIONS)),
            capacity=(capacity := draw(st.integers(0, 5))),
            used=draw(st.integers(0, capacity)),
            ram_mb=draw(st.none() | st.just(4096)),
            ram_mb_used=draw(st.integers(0, 4096)),
            cpu_millicores=draw(st.none() | st.just(4000)),
            cpu_millicores_used=draw(st.integers(0, 9000)),
            active=draw(st.booleans()),
            reach=draw(st.sampled_from(ServerReach)),
            last_placed_at=draw(st.none() | st.datetimes(START.replace(tzinfo=None), timezones=st.just(UTC))),
        )
        for number in range(1, draw(st.integers(0, 6)) + 1)
    ]


wishes = st.builds(
    Wish,
    project_id=st.uuids(),
    since=st.just(START),
    strategy=st.sampled_from(PlacementStrategy),
    region=st.none() | st.sampled_from(REGIONS),
    need=st.sampled_from((Need(), Need(512, 500), Need(4096, 2000))),
)
weights = st.builds(Weights, ram=st.integers(0, 3), cpu=st.integers(0, 3), projects=st.integers(0, 3))


def can_take(server: Candidate, wish: Wish) -> bool:
    return (
        server.active
        and server.reach is ServerReach.USABLE
        and wish.region in (None, server.region)
        and server.used < server.capacity
        and (server.ram_mb is None or server.ram_mb_used + wish.need.ram_mb <= server.ram_mb)
    )


def wish(strategy: PlacementStrategy, region: str | None = None, need: Need = Need(512, 500)) -> Wish:  # noqa: B008 - frozen
    return Wish(project_id=uuid4(), since=START, strategy=strategy, region=region, need=need)


def server(number: int, *, capacity: int = 10, used: int = 0, region: str = "fsn", **more: Any) -> Candidate:
    return Candidate(id=number, name=f"server-{number}", region=region, capacity=capacity, used=used, **more)


def winner(snapshot: list[Candidate], strategy: PlacementStrategy, weights: Weights = Weights(), **more: Any) -> int:  # noqa: B008 - frozen
    choice = choose(snapshot, wish(strategy, **more), weights)
    assert isinstance(choice, Choice)
    return choice.server.id


@given(servers(), wishes, weights)
def test_the_winner_can_take_the_project_and_without_one_nobody_can(
    snapshot: list[Candidate], wish: Wish, weights: Weights
) -> None:
    choice = choose(snapshot, wish, weights)
    able = [each for each in snapshot if can_take(each, wish)]
    if isinstance(choice, NoRoom):
        assert not able
    else:
        assert choice.server in able


@given(servers(), wishes, weights, st.randoms())
def test_the_order_of_the_snapshot_does_not_matter(
    snapshot: list[Candidate], wish: Wish, weights: Weights, random: Any
) -> None:
    first = choose(snapshot, wish, weights)
    random.shuffle(shuffled := list(snapshot))
    second = choose(shuffled, wish, weights)
    assert (isinstance(first, Choice) and first.server) == (isinstance(second, Choice) and second.server)


@given(servers(), wishes, weights)
def test_least_loaded_takes_the_lowest_load_and_pack_the_highest(
    snapshot: list[Candidate], wish: Wish, weights: Weights
) -> None:
    able = [each for each in snapshot if can_take(each, wish)]
    for strategy, best in ((PlacementStrategy.LEAST_LOADED, min), (PlacementStrategy.PACK, max)):
        choice = choose(snapshot, replace(wish, strategy=strategy), weights)
        if isinstance(choice, Choice):
            assert choice.server.load(weights) == best(each.load(weights) for each in able)


@given(servers(), wishes)
def test_each_server_gets_a_verdict(snapshot: list[Candidate], wish: Wish) -> None:
    choice = choose(snapshot, wish, Weights())
    verdicts = {each["server"]: each["verdict"] for each in choice.considered}
    assert verdicts.keys() == {each.name for each in snapshot}
    winners = [name for name, verdict in verdicts.items() if verdict == "chosen"]
    assert winners == ([choice.server.name] if isinstance(choice, Choice) else [])


@given(servers(), st.lists(wishes, max_size=12, unique_by=lambda wish: wish.project_id), st.randoms())
def test_places_are_given_in_order_of_arrival_however_the_orders_are_shuffled(
    snapshot: list[Candidate], arrived: list[Wish], random: Any
) -> None:
    queue = [replace(each, since=START + timedelta(seconds=nth)) for nth, each in enumerate(arrived)]
    random.shuffle(shuffled := list(queue))
    given = allot(snapshot, shuffled, Weights(), now=START)
    assert list(given) == [each.project_id for each in queue]
    taken = Counter(choice.server.id for choice in given.values() if isinstance(choice, Choice))
    for each in snapshot:
        assert each.used + taken[each.id] <= each.capacity or not taken[each.id]
    for size in range(len(queue)):  # who comes later changes nothing for who came before
        earlier = allot(snapshot, queue[:size], Weights(), now=START)
        assert {project: type(choice) for project, choice in earlier.items()} == {
            project: type(given[project]) for project in earlier
        }


def test_round_robin_visits_all_before_it_comes_back() -> None:
    snapshot = [server(n, used=n) for n in range(1, 5)]
    queue = [replace(wish(PlacementStrategy.ROUND_ROBIN), since=START + timedelta(seconds=n)) for n in range(8)]
    given = allot(snapshot, queue, Weights(), now=START)
    assert [choice.server.id for choice in given.values() if isinstance(choice, Choice)] == [1, 2, 3, 4, 1, 2, 3, 4]


def test_the_weights_decide_which_share_counts() -> None:
    by_memory = server(1, used=1, ram_mb=1000, ram_mb_used=400, cpu_millicores=1000, cpu_millicores_used=200)
    by_cores = server(2, used=2, ram_mb=1000, ram_mb_used=100, cpu_millicores=1000, cpu_millicores_used=500)
    by_places = server(3, used=0, ram_mb=1000, ram_mb_used=300, cpu_millicores=1000, cpu_millicores_used=800)
    snapshot = [by_memory, by_cores, by_places]
    strategy = PlacementStrategy.LEAST_LOADED
    assert winner(snapshot, strategy, Weights(ram=1, cpu=0, projects=0)) == 2
    assert winner(snapshot, strategy, Weights(ram=0, cpu=1, projects=0)) == 1
    assert winner(snapshot, strategy, Weights(ram=0, cpu=0, projects=1)) == 3
    assert by_memory.load(Weights(ram=2, cpu=1, projects=1)) == pytest.approx((2 * 0.4 + 0.2 + 0.1) / 4)
    assert server(4, used=5).load(Weights(ram=1, cpu=1, projects=0)) == 0.5  # nothing else is known of it


def test_pack_fills_one_server_before_the_next() -> None:
    queue = [replace(wish(PlacementStrategy.PACK), since=START + timedelta(seconds=n)) for n in range(5)]
    given = allot([server(1, capacity=2), server(2, capacity=3)], queue, Weights(), now=START)
    assert [choice.server.id for choice in given.values() if isinstance(choice, Choice)] == [1, 1, 2, 2, 2]


def test_region_takes_the_emptiest_server_of_the_emptiest_region() -> None:
    snapshot = [server(1, used=0), server(2, used=9), server(3, used=2, region="nbg"), server(4, used=3, region="nbg")]
    assert winner(snapshot, PlacementStrategy.REGION) == 3
    assert winner(snapshot, PlacementStrategy.REGION, region="fsn") == 1
    assert winner(snapshot, PlacementStrategy.LEAST_LOADED) == 1


def test_the_receipt_says_who_was_considered_and_why_the_winner_won() -> None:
    snapshot = [
        server(1, used=9),
        server(2, capacity=20, used=4, ram_mb=8192, ram_mb_used=2048),
        server(3, region="nbg"),
        server(4, active=False),
        server(5, reach=ServerReach.UNREACHABLE),
        server(6, used=10),
        server(7, ram_mb=1024, ram_mb_used=1024),
    ]
    choice = choose(snapshot, wish(PlacementStrategy.LEAST_LOADED, "fsn"), Weights())
    assert isinstance(choice, Choice)
    assert choice.reason == (
        "server-2 by least_loaded: lowest load (0.23; 4 of 20 places, 25% of its memory taken), "
        "among 2 servers with room in region fsn"
    )
    assert [(each["server"], each["verdict"]) for each in choice.considered] == [
        ("server-1", "had room"),
        ("server-2", "chosen"),
        ("server-3", "not in region fsn"),
        ("server-4", "takes no new projects"),
        ("server-5", "Coolify does not reach it"),
        ("server-6", "full"),
        ("server-7", "full: 0 MB of memory left, 512 needed"),
    ]
