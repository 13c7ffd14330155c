"""Which server a project goes to: pure functions over a snapshot of the servers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts import PlacementStrategy

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A server as it was when the choice was made."""

    id: int
    name: str
    region: str
    capacity: int
    used: int
    active: bool = True
    last_placed_at: datetime | None = None

    @property
    def free(self) -> int:
        """Places that are left."""
        return self.capacity - self.used

    @property
    def load(self) -> float:
        """Share of places taken, 0 to 1; a server without any place is full."""
        return self.used / self.capacity if self.capacity else 1.0


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


def choose(servers: Sequence[Candidate], strategy: PlacementStrategy, *, region: str | None = None) -> Choice | NoRoom:
    """Choose among the active servers with room; a `region` that was named is binding under every strategy.

    ``least_loaded`` and ``region`` take the smallest share of taken places, ``round_robin`` the server whose last
    placement is longest ago. Equals are decided by the lower id, so the same snapshot gives the same choice.
    """
    eligible = [server for server in servers if not _obstacle(server, region)]
    if not eligible:
        return NoRoom(_considered(servers, region, None))
    if strategy is PlacementStrategy.ROUND_ROBIN:
        winner = min(eligible, key=lambda server: (server.last_placed_at or _NEVER, server.id))
    else:
        winner = min(eligible, key=lambda server: (server.load, server.id))
    reason = _reason(winner, strategy, region, len(eligible))
    return Choice(winner, strategy, reason, _considered(servers, region, winner))


def _obstacle(server: Candidate, region: str | None) -> str | None:
    if not server.active:
        return "takes no new projects"
    if region is not None and server.region != region:
        return f"not in region {region}"
    if server.free <= 0:
        return "full"
    return None


def _reason(winner: Candidate, strategy: PlacementStrategy, region: str | None, eligible: int) -> str:
    if strategy is PlacementStrategy.ROUND_ROBIN:
        last = winner.last_placed_at
        why = f"its last placement was longest ago ({last:%Y-%m-%d %H:%M:%S} UTC)" if last else "never used before"
    else:
        why = f"lowest load, {winner.used} of {winner.capacity} places taken"
    among = f"{eligible} server{'s' if eligible > 1 else ''} with room" + (f" in region {region}" if region else "")
    return f"{winner.name} by {strategy}: {why}, among {among}"


def _considered(servers: Sequence[Candidate], region: str | None, winner: Candidate | None) -> list[dict[str, Any]]:
    return [
        {
            "server": server.name,
            "region": server.region,
            "used": server.used,
            "capacity": server.capacity,
            "verdict": "chosen" if server is winner else _obstacle(server, region) or "had room",
        }
        for server in servers
    ]
