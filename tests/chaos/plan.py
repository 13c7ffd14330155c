"""What will go wrong and when, drawn from a seed before anything starts: the same seed, the same plan."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Any
from uuid import UUID

from contracts import ServiceName
from tests.chaos.faults import Fault, Vendor, catalogue
from tests.chaos.pace import Pace

CONSUMING = (ServiceName.DNS, ServiceName.DEPLOY, ServiceName.BOOTSTRAP, ServiceName.NOTIFY)
BASE_DOMAINS = ("vrs.example", "vrs-projects.example")
PLANS = ("starter", "business", "enterprise")
PLUGINS = ("shop", "blog", "crm", "wiki", "forum", "mail")


class Kind(StrEnum):
    """A kind of disturbance, as the table names it."""

    KILL = "service killed, restarted"
    STOP = "service stopped in order, restarted"
    FREEZE = "service frozen"
    LONG_FREEZE = "service frozen longer than a lease"
    TWIN = "service frozen longer than a lease, a second instance takes over"
    BROKER_RESTART = "broker restarted"
    BROKER_KILL = "broker killed, restarted"
    DATABASE_RESTART = "database restarted"
    DATABASE_STOP = "database stopped at once, restarted"
    DATABASE_KILL = "database killed, restarted"
    CUT_REFUSED = "network: connections refused"
    CUT_RESET = "network: connections reset"
    CUT_SILENT = "network: silence, then it goes on"
    CUT_ANSWERS = "network: answers are lost"
    CUT_SLOW = "network: slow"
    VENDOR = "vendor in trouble"
    COPIES = "events copied on the bus"
    OLD_COPIES = "old events copied, out of order"
    SHUFFLED = "messages taken from a queue, given back in another order"
    NO_ROOM = "servers full"
    REPLAY = "dead letters replayed"


CUTS = (Kind.CUT_REFUSED, Kind.CUT_RESET, Kind.CUT_SILENT, Kind.CUT_ANSWERS, Kind.CUT_SLOW)
WEIGHTS = {
    Kind.KILL: 10,
    Kind.STOP: 3,
    Kind.FREEZE: 5,
    **dict.fromkeys(CUTS, 3),
    Kind.VENDOR: 22,
    Kind.COPIES: 14,
    Kind.OLD_COPIES: 10,
    Kind.SHUFFLED: 10,
    Kind.NO_ROOM: 2,
    Kind.REPLAY: 4,
}
HEAVY = (
    (Kind.BROKER_RESTART, Kind.BROKER_KILL),
    (Kind.DATABASE_RESTART, Kind.DATABASE_STOP, Kind.DATABASE_KILL),
    (Kind.LONG_FREEZE, Kind.TWIN),
)
"""They stop everything for a while, so one of each line in `HEAVY_EVERY` seconds is enough."""

HEAVY_EVERY = 50.0
PER_SECOND = 0.9
"""Of all others."""

ORDERS_UNTIL = 0.85
"""Part of the time in which orders come."""

CANCELLED = 0.25
STAGES = ("vrs.project.ordered.v1", "vrs.dns.configured.v1", "vrs.app.deployed.v1", "vrs.core.healthy.v1")
CANCELLED_TWICE = 0.2
CANCELLED_FIRST = 0.06
OWN_DOMAIN = 0.06
HELD_ELSEWHERE = 0.04
CHANGES_PLUGINS = 0.3
MOVES_EVERY = 15
SECOND_DOMAIN = 0.15


class Second(StrEnum):
    """What becomes of the second domain that a live project is given."""

    KEPT = "kept"
    PRIMARY = "primary"
    LOST = "lost"  # when it works
    AGAIN = "again"  # added, removed and added at once


@dataclass(frozen=True, slots=True)
class Disturbance:
    """`at` and `seconds` are in seconds from the first order. `target` is a service, ``service>broker`` or a vendor.

    `seed` decides what is decided only when it happens: which event, which message.
    """

    at: float
    kind: Kind
    target: str
    seconds: float
    seed: int
    fault: Fault | None = None

    def __str__(self) -> str:
        what = f" {json.dumps(self.fault.body)}" if self.fault else ""
        return f"{self.kind}: {self.target}{what}, {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """One customer. `cancelled_at` are moments, perhaps before `at`; `elsewhere`: they hold the domain themselves;
    `new`: it is to be registered; `moves`: once live, a domain of theirs comes from another registrar.

    `cancelled_after`: a type of event and so many seconds after it was heard of the project.

    `second`: whether it is given a second domain, and what becomes of that.

    `marked`: the marketplace sets the cancellation mark with its own commit, else only the event says it.

    `changes_plugins_after`: so many seconds after the project is live, its customer buys a plugin and gives one up.
    """

    at: float
    project_id: UUID
    slug: str
    base_domain: str | None
    own_domain: str | None
    elsewhere: bool
    new: bool
    moves: bool
    plan: str
    plugins: tuple[str, ...]
    locale: str
    cancelled_at: tuple[float, ...]
    cancelled_after: tuple[str, float] | None
    marked: bool
    changes_plugins_after: float | None
    second: Second | None

    @property
    def second_domain(self) -> str:
        """The domain that it is given when it is live, if any."""
        return f"{self.slug}-2.example"

    @property
    def mail_domain(self) -> str | None:
        """The domain under which it is to send mail once that works, if any: one whose zone is in our account."""
        if self.second in (Second.KEPT, Second.PRIMARY):
            return self.second_domain
        return None if self.elsewhere else self.own_domain

    @property
    def changes_mind(self) -> bool:
        """Whether the project is to be cancelled."""
        return bool(self.cancelled_at or self.cancelled_after)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything, in the order of time."""

    seed: int
    seconds: float
    orders: tuple[PlannedOrder, ...]
    disturbances: tuple[Disturbance, ...]


def plan(seed: int, *, orders: int, seconds: float, pace: Pace) -> Plan:
    """Draw a plan. Nothing but the arguments decides."""
    random = Random(seed)
    return Plan(
        seed,
        seconds,
        tuple(sorted(_orders(random, orders, seconds), key=lambda order: order.at)),
        tuple(sorted(_disturbances(random, seconds, pace), key=lambda disturbance: disturbance.at)),
    )


def _orders(random: Random, count: int, seconds: float) -> Iterator[PlannedOrder]:
    for number in range(1, count + 1):
        at = random.uniform(0, seconds * ORDERS_UNTIL)
        slug = f"c{number}-{random.randrange(16**6):06x}"
        lot = random.random()
        own = f"{slug}.example" if lot < OWN_DOMAIN + HELD_ELSEWHERE else None
        moves = own is None and number % MOVES_EVERY == 0  # not drawn: what a seed means stays
        yield PlannedOrder(
            at=at,
            project_id=UUID(int=random.getrandbits(128), version=4),
            slug=slug,
            base_domain=None if own else random.choice(BASE_DOMAINS),
            own_domain=own,
            elsewhere=lot < HELD_ELSEWHERE,
            new=HELD_ELSEWHERE <= lot < HELD_ELSEWHERE + OWN_DOMAIN / 2,
            moves=moves,
            plan=random.choice(PLANS),
            plugins=tuple(sorted(random.sample(PLUGINS, random.randrange(4)))),
            locale=random.choice(("de", "en")),
            **_cancellations(random, at, seconds),
            marked=random.random() < 1 / 2,
            changes_plugins_after=random.uniform(0, 3) if random.random() < CHANGES_PLUGINS else None,
            second=random.choice(list(Second)) if random.random() < SECOND_DOMAIN and not moves else None,
        )


def _cancellations(random: Random, at: float, seconds: float) -> dict[str, Any]:
    """Before the order, a while after it, after an event of the project; some of them twice."""
    first: tuple[float, ...] = ()
    after: tuple[str, float] | None = None
    lot = random.random()
    if lot < CANCELLED_FIRST:
        first = (max(0.0, at - random.uniform(0, 3)),)
    elif lot < CANCELLED / 2:
        first = (min(seconds, at + random.expovariate(1 / 8)),)
    elif lot < CANCELLED:
        after = (random.choice(STAGES), random.choice((0.0, random.uniform(0, 2))))
    twice = tuple(each + random.uniform(0, 2) for each in first if random.random() < CANCELLED_TWICE)
    return {"cancelled_at": (*first, *twice), "cancelled_after": after}


def _disturbances(random: Random, seconds: float, pace: Pace) -> Iterator[Disturbance]:
    faults = catalogue(pace)
    random.shuffle(faults)
    kinds = _kinds(random, seconds)
    for nth, (at, kind) in enumerate(kinds):
        fault = faults[nth % len(faults)] if kind is Kind.VENDOR else None
        yield Disturbance(
            at=at,
            kind=kind,
            target=_target(random, kind, fault),
            seconds=_duration(random, kind, pace),
            seed=random.getrandbits(32),
            fault=fault,
        )


def _kinds(random: Random, seconds: float) -> list[tuple[float, Kind]]:
    """Each light kind once, then by weight; of the heavy ones a few, in turn."""
    kinds = list(WEIGHTS)
    kinds += random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=max(0, round(seconds * PER_SECOND) - len(kinds)))
    for group in HEAVY:
        turns = random.sample(group, len(group))
        kinds += [turns[nth % len(turns)] for nth in range(max(1, round(seconds / HEAVY_EVERY)))]
    random.shuffle(kinds)
    return [(random.uniform(0.02, 0.95) * seconds, kind) for kind in kinds]


def _target(random: Random, kind: Kind, fault: Fault | None) -> str:
    if fault is not None:
        return fault.vendor.value
    if kind in CUTS:
        service = random.choice(list(ServiceName))
        return f"{service}>{random.choice(('broker', 'database'))}"
    if kind in (Kind.KILL, Kind.STOP, Kind.FREEZE):
        return random.choice(list(ServiceName)).value
    if kind in (Kind.LONG_FREEZE, Kind.TWIN):
        return random.choice(CONSUMING).value
    return "broker" if "broker" in kind else "database" if "database" in kind else "bus"


def _duration(random: Random, kind: Kind, pace: Pace) -> float:
    if kind in (Kind.LONG_FREEZE, Kind.TWIN):
        return pace.long_freeze
    return random.uniform(pace.moment, pace.while_)


__all__ = ["Disturbance", "Fault", "Kind", "Plan", "PlannedOrder", "Second", "Vendor", "plan"]
