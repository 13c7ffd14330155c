"""Inside a service's process: writes down each crash point that it reaches, and dies at the one it was told."""

import asyncio
import json
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from structlog.contextvars import get_contextvars

from contracts import EVENTS, ServiceName
from ops import services
from shared.crash_points import CrashPoint, observe
from shared.messaging import intake, say, schedule
from shared.messaging.job import Job
from shared.messaging.steps import LiveStep
from shared.messaging.topology import queue_name
from shared.outbox import Message

LOOK_EVERY = 0.2
RENEWALS = 5000
LARGEST_GROUP = 3

KILLED = "killed"
TURNS = 5
"""Turns of the event loop after which what was put into a channel's write queue is in the socket."""


@dataclass(frozen=True)
class Arm:
    """Where to die: when `consumer` reaches `point` the `nth` time for `projects`, and has for `several` of them."""

    id: str
    consumer: str
    point: CrashPoint
    projects: list[str]
    nth: int = 1
    several: int = 1


class Sighting(NamedTuple):
    """A point as the journal has it, one line for each project of a group."""

    point: str
    consumer: str
    project: str
    event: str


def run(name: str, settings: dict[str, str], log: Path, folder: Path) -> None:
    """Become ``vrs run`` with many renewals, small groups, and this observer."""
    schedule.LOOK_EVERY = LOOK_EVERY
    schedule.RENEWALS = RENEWALS
    intake.LARGEST_GROUP = say.LARGEST_GROUP = LARGEST_GROUP
    observe(Observer(ServiceName(name), folder))
    services._run(name, settings, log)


def journal_of(folder: Path, service: str) -> Path:
    """The file of all that the processes of a service have reached."""
    return folder / f"{service}.journal"


def read_journal(folder: Path, service: str) -> list[Sighting]:
    """What the processes of a service have reached up to now, oldest first."""
    path = journal_of(folder, service)
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [Sighting(*line.rstrip("\n").split("\t")) for line in lines if line.endswith("\n")]


def arm(folder: Path, service: str, where: Arm | None) -> None:
    """Tell the process of `service`, and those that come after it, where to die."""
    path = folder / f"{service}.arm"
    if where is None:
        path.unlink(missing_ok=True)
        return
    path.with_suffix(".new").write_text(json.dumps(asdict(where)))
    path.with_suffix(".new").replace(path)


class Observer:
    """Hears of each point. The journal survives the process; so does what it knows about events and outbox rows."""

    def __init__(self, service: ServiceName, folder: Path) -> None:
        self._service = service
        self._arm_file = folder / f"{service}.arm"
        self._consumers = {seen.event: seen.consumer for seen in read_journal(folder, service) if seen.event}
        self._journal = os.open(journal_of(folder, service), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._rows: dict[UUID, Sighting] = {}
        self._armed: Arm | None = None
        self._changed: int | None = None
        self._count = 0
        self._projects: set[str] = set()

    def __call__(self, point: CrashPoint, about: Iterable[Any] | None) -> None:
        seen = list(self._about(point, about))
        if not seen:
            return
        os.write(self._journal, "".join("\t".join(line) + "\n" for line in seen).encode())
        armed = self._read_arm()
        if armed is None or armed.point is not point:
            return
        found = {line.project for line in seen if line.consumer == armed.consumer} & set(armed.projects)
        if not found:
            return
        was_met = self._meets(armed)
        self._count += 1
        self._projects |= found
        if self._meets(armed) and not was_met:
            self._die(armed, TURNS if point in (CrashPoint.ACKED, CrashPoint.PUBLISHED) else 0)

    def _meets(self, armed: Arm) -> bool:
        return self._count >= armed.nth and len(self._projects) >= armed.several

    def _die(self, armed: Arm, turns: int) -> None:
        if turns:
            asyncio.get_running_loop().call_soon(self._die, armed, turns - 1)
            return
        os.write(self._journal, f"{KILLED}\t{armed.id}\t\t\n".encode())
        os.kill(os.getpid(), signal.SIGKILL)

    def _read_arm(self) -> Arm | None:
        try:
            changed = self._arm_file.stat().st_mtime_ns
            if changed != self._changed:
                found = json.loads(self._arm_file.read_text())
                self._armed = Arm(**found | {"point": CrashPoint(found["point"])})
                self._changed, self._count, self._projects = changed, 0, set()
        except FileNotFoundError:
            self._armed = self._changed = None
        return self._armed

    def _about(self, point: CrashPoint, about: Iterable[Any] | None) -> Iterator[Sighting]:
        if about is None:
            context = get_contextvars()
            if "consumer" in context:
                yield Sighting(point, context["consumer"], context["project"], context["causation"])
            return
        for each in about:
            if (seen := self._of(point, each)) is not None:
                yield seen

    def _of(self, point: CrashPoint, each: Any) -> Sighting | None:
        match each:
            case UUID():
                return self._rows[each]._replace(point=point) if each in self._rows else None
            case Message():
                event = json.loads(each.body)
                consumer = self._consumers.get(str(event.get("causationid")), self._service.value)
                self._rows[each.id] = Sighting(point, consumer, event["subject"], event["id"])
                return self._rows[each.id]
            case LiveStep():
                return Sighting(point, each.queue, str(each.project_id), str(each.event_id))
            case Job() | (Job(), _):
                return self._of(point, each.step if isinstance(each, Job) else each[0].step)
        event = json.loads(each.body)
        consumer = queue_name(self._service, EVENTS[event["type"]])
        self._consumers[event["id"]] = consumer
        return Sighting(point, consumer, event["subject"], event["id"])
