"""Which server a project goes to: pure functions over a snapshot of the servers."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from contracts import PlacementStrategy
from shared.models import ServerReach

_NEVER = datetime.min.replace(tzinfo=UTC)

_AWAY = {
    ServerReach.UNREACHABLE: "Coolify does not reach it",
    ServerReach.UNUSABLE: "Coolify cannot use it",
    ServerReach.UNKNOWN: "Coolify does not know it",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much each share counts in a server's load."""

    ram: float = 1.0
    cpu: float = 1.0
    projects: float = 1.0


@dataclass(frozen=True, slots=True)
class Need:
    """What a project's plan may use: MiB of memory, thousandths of a core."""

    ram_mb: int = 0
    cpu_millicores: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A server as it was when the choice was made. What nobody has said of its memory and cores is None.

    `kept` places are free and promised to orders that came before.
    """

    id: int
    name: str
    region: str
    capacity: int
    used: int
    kept: int = 0
    ram_mb: int | None = None
    ram_mb_used: int = 0
    cpu_millicores: int | None = None
    cpu_millicores_used: int = 0
    active: bool = True
    reach: ServerReach = ServerReach.USABLE
    last_placed_at: datetime | None = None

    def with_one_more(self, need: Need, placed_at: datetime, *, kept: bool) -> "Candidate":
        """The server with a place taken, or kept, for a project that needs so much."""
        return replace(
            self,
            used=self.used + (not kept),
            kept=self.kept + kept,
            ram_mb_used=self.ram_mb_used + need.ram_mb,
            cpu_millicores_used=self.cpu_millicores_used + need.cpu_millicores,
            last_placed_at=placed_at,
        )

    def obstacle(self, need: Need, region: str | None) -> str | None:
        """Why it cannot take a project, None if it can. Memory is a limit as places are; cores only make it slower."""
        if not self.active:
            return "takes no new projects"
        if self.reach is not ServerReach.USABLE:
            return _AWAY[self.reach]
        if region is not None and self.region != region:
            return f"not in region {region}"
        if self.used >= self.capacity:
            return "full"
        if self.used + self.kept >= self.capacity:
            return "its free places are kept for orders that came before"
        if self.ram_mb is not None and self.ram_mb_used + need.ram_mb > self.ram_mb:
            return f"full: {max(self.ram_mb - self.ram_mb_used, 0)} MB of memory left, {need.ram_mb} needed"
        return None

    def load(self, weights: Weights) -> float:
        """The weighted mean of the shares that are taken, 0 when empty. What is not known does not count."""
        taken = (self.used + self.kept) / self.capacity if self.capacity else 1.0
        total, weight = weights.projects * taken, weights.projects
        if self.ram_mb:
            total, weight = total + weights.ram * self.ram_mb_used / self.ram_mb, weight + weights.ram
        if self.cpu_millicores:
            total += weights.cpu * self.cpu_millicores_used / self.cpu_millicores
            weight += weights.cpu
        return total / weight if weight else taken

    def shares(self) -> str:
        """What is taken, in words."""
        said = [f"{self.used} of {self.capacity} places"]
        if self.ram_mb:
            said.append(f"{self.ram_mb_used / self.ram_mb:.0%} of its memory")
        if self.cpu_millicores:
            said.append(f"{self.cpu_millicores_used / self.cpu_millicores:.0%} of its cores")
        return f"{', '.join(said)} taken"


@dataclass(frozen=True, slots=True)
class Choice:
    """The winner and why; `considered` names each server with its verdict."""

    server: Candidate
    strategy: PlacementStrategy
    reason: str
    considered: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Nobody could take the project; `considered` says for each server why not."""

    considered: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A project that wants a place. `since` is when its order came; a `region` is binding under every strategy."""

    project_id: UUID
    since: datetime
    strategy: PlacementStrategy
    region: str | None = None
    need: Need = Need()


Pick = tuple[Candidate, str]
"""The winner, and what makes it one."""


def least_loaded(servers: Sequence[Candidate], weights: Weights) -> Pick:
    """Take the server with the lowest load."""
    winner = min(servers, key=lambda server: (server.load(weights), server.id))
    return winner, f"lowest load ({winner.load(weights):.2f}; {winner.shares()})"


def round_robin(servers: Sequence[Candidate], weights: Weights) -> Pick:
    """Take the server whose last placement is longest ago."""
    del weights
    winner = min(servers, key=lambda server: (server.last_placed_at or _NEVER, server.id))
    last = winner.last_placed_at
    if last is None:
        return winner, "never used before"
    return winner, f"its last placement was longest ago ({last:%Y-%m-%d %H:%M:%S} UTC)"


def region(servers: Sequence[Candidate], weights: Weights) -> Pick:
    """Take the least loaded server of the region whose servers are the least loaded on average."""
    regions: dict[str, list[Candidate]] = defaultdict(list)
    for server in servers:
        regions[server.region].append(server)
    loads = {name: sum(each.load(weights) for each in there) / len(there) for name, there in regions.items()}
    where = min(regions, key=lambda name: (loads[name], name))
    winner, why = least_loaded(regions[where], weights)
    return winner, f"region {where} has the lowest load ({loads[where]:.2f}), in it {why}"


def pack(servers: Sequence[Candidate], weights: Weights) -> Pick:
    """Take the fullest server that has room: one is filled before the next is begun."""
    winner = min(servers, key=lambda server: (-server.load(weights), server.id))
    return winner, f"fullest that has room ({winner.load(weights):.2f}; {winner.shares()})"


STRATEGIES: Mapping[PlacementStrategy, Callable[[Sequence[Candidate], Weights], Pick]] = {
    PlacementStrategy.LEAST_LOADED: least_loaded,
    PlacementStrategy.ROUND_ROBIN: round_robin,
    PlacementStrategy.REGION: region,
    PlacementStrategy.PACK: pack,
}
"""Each chooses among servers that have room; equals are decided by the lower id, so equal snapshots choose alike."""


def choose(servers: Collection[Candidate], wish: Wish, weights: Weights) -> Choice | NoRoom:
    """Choose among the servers that can take the project."""
    obstacles = {server.id: server.obstacle(wish.need, wish.region) for server in servers}
    able = [server for server in servers if obstacles[server.id] is None]
    if not able:
        return NoRoom(_considered(servers, obstacles, weights))
    winner, why = STRATEGIES[wish.strategy](able, weights)
    among = f"{len(able)} server{'s' if len(able) > 1 else ''} with room"
    where = f" in region {wish.region}" if wish.region else ""
    reason = f"{winner.name} by {wish.strategy}: {why}, among {among}{where}"
    return Choice(winner, wish.strategy, reason, _considered(servers, obstacles | {winner.id: "chosen"}, weights))


def allot(
    servers: Collection[Candidate],
    wishes: Collection[Wish],
    weights: Weights,
    *,
    now: datetime,
    absent: Collection[UUID] = (),
) -> dict[UUID, Choice | NoRoom]:
    """Give places in the order in which the orders came, which is that of the result; equals by their ids.

    Of a project in `absent` the place is only kept: it has waited longer and takes it when it comes. The chosen server
    is as it is with the project on it, `last_placed_at` included.
    """
    left = {server.id: server for server in servers}
    given: dict[UUID, Choice | NoRoom] = {}
    hopeless: dict[tuple[str | None, Need], NoRoom] = {}
    for nth, wish in enumerate(sorted(wishes, key=lambda wish: (wish.since, wish.project_id))):
        choice = hopeless.get((wish.region, wish.need)) or choose(left.values(), wish, weights)
        if isinstance(choice, NoRoom):
            hopeless[wish.region, wish.need] = choice
        else:
            # A microsecond apart: the next one of this round must see who was last.
            placed_at = now + timedelta(microseconds=nth)
            server = choice.server.with_one_more(wish.need, placed_at, kept=wish.project_id in absent)
            left[server.id] = server
            choice = replace(choice, server=server)
        given[wish.project_id] = choice
    return given


def _considered(
    servers: Collection[Candidate], verdicts: Mapping[int, str | None], weights: Weights
) -> list[dict[str, Any]]:
    return [
        {
            "server": server.name,
            "region": server.region,
            "used": server.used,
            "capacity": server.capacity,
            "load": round(server.load(weights), 3),
            "verdict": verdicts[server.id] or "had room",
        }
        for server in servers
    ]
