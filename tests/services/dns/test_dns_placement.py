"""The choice of a server, over any snapshot."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from contracts import PlacementStrategy
from services.dns.placement import Candidate, Choice, NoRoom, choose

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
            active=draw(st.booleans()),
            last_placed_at=draw(st.none() | st.datetimes(START.replace(tzinfo=None), timezones=st.just(UTC))),
        )
        for number in range(1, draw(st.integers(0, 6)) + 1)
    ]


strategies = st.sampled_from(PlacementStrategy)
regions = st.none() | st.sampled_from(REGIONS)


@given(servers(), strategies, regions)
def test_the_winner_is_active_has_room_and_is_where_it_must_be(
    snapshot: list[Candidate], strategy: PlacementStrategy, region: str | None
) -> None:
    choice = choose(snapshot, strategy, region=region)
    eligible = [each for each in snapshot if each.active and each.free and region in (None, each.region)]
    if isinstance(choice, NoRoom):
        assert not eligible
    else:
        assert choice.server in eligible


@given(servers(), strategies, regions, st.randoms())
def test_the_order_of_the_snapshot_does_not_matter(
    snapshot: list[Candidate], strategy: PlacementStrategy, region: str | None, random: object
) -> None:
    first = choose(snapshot, strategy, region=region)
    shuffled = list(snapshot)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # a random.Random
    second = choose(shuffled, strategy, region=region)
    assert (isinstance(first, Choice) and first.server) == (isinstance(second, Choice) and second.server)


@given(servers(), regions)
def test_least_loaded_takes_nobody_with_a_higher_load_than_another(
    snapshot: list[Candidate], region: str | None
) -> None:
    choice = choose(snapshot, PlacementStrategy.LEAST_LOADED, region=region)
    if isinstance(choice, Choice):
        eligible = [each for each in snapshot if each.active and each.free and region in (None, each.region)]
        assert choice.server.load == min(each.load for each in eligible)


@given(servers(), strategies, regions)
def test_each_server_gets_a_verdict(snapshot: list[Candidate], strategy: PlacementStrategy, region: str | None) -> None:
    choice = choose(snapshot, strategy, region=region)
    verdicts = {each["server"]: each["verdict"] for each in choice.considered}
    assert verdicts.keys() == {each.name for each in snapshot}
    winners = [name for name, verdict in verdicts.items() if verdict == "chosen"]
    assert winners == ([choice.server.name] if isinstance(choice, Choice) else [])


def test_round_robin_visits_all_before_it_comes_back() -> None:
    snapshot = {n: Candidate(id=n, name=f"server-{n}", region="fsn", capacity=10, used=n) for n in range(1, 5)}
    visited = []
    for turn in range(8):
        choice = choose(list(snapshot.values()), PlacementStrategy.ROUND_ROBIN)
        assert isinstance(choice, Choice)
        visited.append(choice.server.id)
        placed = START + timedelta(microseconds=turn)
        snapshot[choice.server.id] = replace(choice.server, used=choice.server.used + 1, last_placed_at=placed)
    assert visited == [1, 2, 3, 4, 1, 2, 3, 4]


def test_the_reason_names_the_winner_and_why() -> None:
    snapshot = [
        Candidate(id=1, name="fsn-1", region="fsn", capacity=10, used=9),
        Candidate(id=2, name="fsn-2", region="fsn", capacity=20, used=4),
        Candidate(id=3, name="nbg-1", region="nbg", capacity=20, used=0),
    ]
    choice = choose(snapshot, PlacementStrategy.REGION, region="fsn")
    assert isinstance(choice, Choice)
    assert (
        choice.reason == "fsn-2 by region: lowest load, 4 of 20 places taken, among 2 servers with room in region fsn"
    )
    assert [each["verdict"] for each in choice.considered] == ["had room", "chosen", "not in region fsn"]
