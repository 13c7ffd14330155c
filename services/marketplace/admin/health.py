"""How the services are: what each says of itself where we know its address, else whether it listens to its queues."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import httpx
from pydantic import AnyHttpUrl

from contracts import ServiceName
from services.marketplace.admin.bus import Depth, depths
from services.marketplace.settings import MarketplaceSettings

PATIENCE = 3.0
"""Seconds that a service is given to answer."""

KEPT = timedelta(seconds=15)


class Health(StrEnum):
    """How a service is."""

    READY = "ready"
    NOT_READY = "not ready"
    AWAY = "away"
    LISTENS = "listens"  # its address is not known; its queues have listeners
    SILENT = "silent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """`reasons` are the service's own sentences, in English, or why it could not be asked."""

    service: ServiceName
    health: Health
    reasons: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Felt:
    """What was seen at `at`. `queues` is None if RabbitMQ did not answer."""

    at: datetime
    services: Sequence[ServiceHealth]
    queues: Sequence[Depth] | None


class Pulse:
    """Looks at services and queues, at most every quarter of a minute."""

    def __init__(self, settings: MarketplaceSettings) -> None:
        self._settings = settings
        self._felt: Felt | None = None

    async def read(self) -> Felt:
        """How they are."""
        now = datetime.now(UTC)
        if self._felt is None or now - self._felt.at > KEPT:
            queues = await depths(self._settings.amqp_url.get_secret_value())
            self._felt = Felt(now, await _look(self._settings.health_urls, queues), queues)
        return self._felt


async def _look(urls: Mapping[ServiceName, AnyHttpUrl], queues: Sequence[Depth] | None) -> list[ServiceHealth]:
    """Ask every service, all at once; one whose address nobody has told is judged by its queues."""
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as http:
        return list(
            await asyncio.gather(
                *(
                    _ask(http, service, str(urls[service])) if service in urls else _by_queues(service, queues)
                    for service in ServiceName
                )
            )
        )


async def _ask(http: httpx.AsyncClient, service: ServiceName, url: str) -> ServiceHealth:
    try:
        answer = await http.get(url)
    except httpx.HTTPError as error:
        return ServiceHealth(service, Health.AWAY, (str(error) or type(error).__name__,))
    if answer.status_code == httpx.codes.OK:
        return ServiceHealth(service, Health.READY)
    try:
        reasons = answer.json()["reasons"]
    except (ValueError, KeyError, TypeError):
        reasons = []
    said = [str(reason) for reason in reasons] if isinstance(reasons, list) else []
    return ServiceHealth(service, Health.NOT_READY, said or [f"answered {answer.status_code}"])


async def _by_queues(service: ServiceName, queues: Sequence[Depth] | None) -> ServiceHealth:
    mine = [queue for queue in queues or () if queue.name.startswith(f"{service}.") and queue.name != f"{service}.dead"]
    if not mine:
        return ServiceHealth(service, Health.UNKNOWN)
    silent = [queue.name for queue in mine if not queue.consumers]
    return ServiceHealth(service, Health.SILENT if silent else Health.LISTENS, silent)
