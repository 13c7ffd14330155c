"""Watches every deployment that a step waits for with one call, however many wait.

Coolify has no events that could be trusted (its webhook is unsigned, not sent for cancellations and not repeated), so
``GET /deployments``, which lists what is queued or in progress, is the truth: what has left the list is over.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum, auto

from services.deploy.budget import Budget, Lane
from services.deploy.coolify import Coolify
from services.deploy.coolify_errors import NotFoundError
from services.deploy.coolify_models import Deployment, DeploymentStatus, Server
from shared.service import Kernel

DEPLOYMENT = "deployment:"
QUEUE = "queue:"
FRESH = 30.0
"""Seconds for which a list is believed; the queue limit of a server is believed ten times as long."""


def deployment_key(deployment: str) -> str:
    """The wake key of a step that waits for this deployment."""
    return DEPLOYMENT + deployment


def queue_key(server: str) -> str:
    """The wake key of a step that waits for room in this server's deployment queue."""
    return QUEUE + server


class Sighting(Enum):
    """What the newest list says about a deployment."""

    LIVE = auto()
    STUCK = auto()  # live, and nothing has moved for too long
    NOT_SEEN = auto()  # not listed, or there is no fresh list: ask


@dataclass(frozen=True, slots=True)
class _Seen:
    deployment: Deployment
    since: float  # in its present status


class DeploymentWatch:
    """The newest list, and the loop that fetches it and wakes whom it concerns.

    A deployment in progress is stuck when it has been so for `stuck_after` seconds. One that is queued is not, as long
    as anything moves on its server: a full queue may take longer than that.
    """

    def __init__(
        self, coolify: Coolify, budget: Budget, *, stuck_after: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._coolify = coolify
        self._budget = budget
        self._stuck_after = stuck_after
        self._clock = clock
        self._listed_at: float | None = None
        self._seen: dict[str, _Seen] = {}
        self._moved: dict[str | None, tuple[frozenset[str], float]] = {}
        self._servers: dict[str, tuple[Server, float]] = {}

    async def run(self, kernel: Kernel) -> None:
        """Look as often as the polls' part of the request budget allows, for ever."""
        while True:
            await self.look(kernel)
            await asyncio.sleep(self._budget.poll_interval)

    async def look(self, kernel: Kernel) -> None:
        """Fetch the list once, if anybody waits, and wake whose deployment is over or stuck, or whose queue has room.

        The keys are read first: what was parked before Coolify made its list cannot be missing there by chance.
        """
        keys = [key for prefix in (DEPLOYMENT, QUEUE) for key in await kernel.parked_keys(prefix)]
        if not keys:
            return
        live = await self._coolify.live_deployments()
        self._note(live)
        for key in keys:
            prefix, _, uuid = key.partition(":")
            if prefix + ":" == QUEUE:
                if (room := await self._room(uuid, live)) > 0:
                    await kernel.wake(key, most=room)
            elif self.sighting(uuid) is not Sighting.LIVE:
                await kernel.wake(key)

    def sighting(self, deployment: str) -> Sighting:
        """What is known without asking Coolify."""
        now, seen = self._clock(), self._seen.get(deployment)
        if seen is None or self._listed_at is None or now - self._listed_at > FRESH:
            return Sighting.NOT_SEEN
        moved = seen.since
        if seen.deployment.status is DeploymentStatus.QUEUED:
            moved = max(moved, self._moved[seen.deployment.server_name][1])
        return Sighting.STUCK if now - moved >= self._stuck_after else Sighting.LIVE

    def is_full(self, server: str) -> bool:
        """Whether the newest list leaves no room in the server's queue. False where nothing is known: ask Coolify.

        However many wait for room, they cost no request while there is none.
        """
        known = self._servers.get(server)
        if known is None or self._listed_at is None or self._clock() - self._listed_at > FRESH:
            return False
        return _room_of(known[0], [seen.deployment for seen in self._seen.values()]) <= 0

    def _note(self, live: Iterable[Deployment]) -> None:
        now = self._clock()
        seen: dict[str, _Seen] = {}
        listed: dict[str | None, set[str]] = {}
        for deployment in live:
            before = self._seen.get(deployment.uuid)
            unchanged = before is not None and before.deployment.status is deployment.status
            seen[deployment.uuid] = _Seen(deployment, before.since if before and unchanged else now)
            listed.setdefault(deployment.server_name, set()).add(f"{deployment.uuid} {deployment.status}")
        moved: dict[str | None, tuple[frozenset[str], float]] = {}
        for server, entries in listed.items():
            old = self._moved.get(server)
            moved[server] = old if old is not None and old[0] == entries else (frozenset(entries), now)
        self._seen, self._moved, self._listed_at = seen, moved, now

    async def _room(self, server: str, live: Iterable[Deployment]) -> int:
        """How many more deployments the server's queue takes."""
        now, known = self._clock(), self._servers.get(server)
        if known is None or now - known[1] > 10 * FRESH:
            try:
                known = self._servers[server] = (await self._coolify.server(server, Lane.POLL), now)
            except NotFoundError:
                return 1  # the step that is woken meets this error itself
        return _room_of(known[0], live)


def _room_of(server: Server, live: Iterable[Deployment]) -> int:
    queued = [
        deployment
        for deployment in live
        if deployment.server_name == server.name and deployment.status is DeploymentStatus.QUEUED
    ]
    return server.settings.deployment_queue_limit - len(queued)
