"""Stands in for a service's kernel where only announcements matter: commits them, with no broker to say them to."""

import json
from dataclasses import dataclass, field
from typing import Any

from contracts import ServiceName
from shared.database import Database
from shared.messaging.announce import announce
from shared.service import Announcement


@dataclass
class Announcer:
    """Implements `shared.service.Kernel.announce`; `said` is the data of each event that was committed."""

    database: Database
    service: ServiceName
    said: list[dict[str, Any]] = field(default_factory=list)

    async def announce(self, announcement: Announcement) -> bool:
        messages = await announce(self.database, self.service, announcement)
        self.said += [json.loads(message.body)["data"] for message in messages]
        return bool(messages)

    async def wake(self, key: str, most: int | None = None) -> int:
        raise NotImplementedError

    async def parked_keys(self, prefix: str) -> list[str]:
        raise NotImplementedError
