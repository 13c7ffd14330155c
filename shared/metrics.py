"""What a service counts, for Prometheus; ``/metrics`` on the health port shows it.

Steps and groups are counted in plain numbers and turned into Prometheus's form when somebody asks: its own histograms
take a lock for every value, which thousands of steps a second would pay for. Gauges about the database are read when
somebody asks as well; every instance of a service shows the same, so take `max` of them, not `sum`.
"""

from bisect import bisect_left
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from time import monotonic
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from shared.messaging.topology import DEAD_EXCHANGE
from shared.outbox import Message
from shared.tracing import span

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
ORDER_SECONDS = (
    5.0,
    10.0,
    20.0,
    30.0,
    60.0,
    120.0,
    300.0,
    600.0,
    1200.0,
    1800.0,
    3600.0,
    14_400.0,
    86_400.0,
    604_800.0,
)
HTTP_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
MEMBERS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)

DONE = "done"

Labels = tuple[str, ...]


class EndedTry(NamedTuple):
    """A try whose end is committed. `ordered_at` is given if its project is live by it."""

    consumer: str
    event_type: str
    outcome: str
    seconds: float
    said_at: datetime
    ordered_at: datetime | None


class PlainHistogram:
    """Counts per bucket and a sum, by labels. Only for the event loop's own thread."""

    def __init__(self, name: str, words: str, labels: Sequence[str], bounds: Sequence[float]) -> None:
        self._name, self._words, self._labels, self._bounds = name, words, labels, bounds
        self._counts: defaultdict[Labels, list[int]] = defaultdict(lambda: [0] * (len(bounds) + 1))
        self._sums: defaultdict[Labels, float] = defaultdict(float)

    def observe(self, labels: Labels, value: float) -> None:
        """Count one value."""
        self._counts[labels][bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def collect(self) -> Iterator[Metric]:
        """Give Prometheus what was counted."""
        yield self.family()

    def family(self) -> HistogramMetricFamily:
        """What Prometheus reads."""
        family = HistogramMetricFamily(self._name, self._words, labels=self._labels)
        bounds = [*map(str, self._bounds), "+Inf"]
        for labels, counts in self._counts.items():
            buckets = [(bound, float(count)) for bound, count in zip(bounds, accumulate(counts), strict=True)]
            family.add_metric(labels, buckets, sum_value=self._sums[labels])
        return family


class Kernel:
    """What the kernel counts: once per group, not once per event."""

    def __init__(self) -> None:
        self._outcomes: Tally[Labels] = Tally()
        self._handling = PlainHistogram(
            "vrs_step_seconds", "How long a try of a step took.", ("consumer", "outcome"), SECONDS
        )
        self._critical = PlainHistogram(
            "vrs_critical_seconds", "From when an event was made to when it was handled.", ("consumer",), SECONDS
        )
        self._live = PlainHistogram(
            "vrs_project_live_seconds", "From the order to the project being live.", (), ORDER_SECONDS
        )
        self._dead_letters: Tally[Labels] = Tally()
        self._groups = PlainHistogram(
            "vrs_group_size", "How many were claimed, committed or published at once.", ("service", "what"), MEMBERS
        )

    def group(self, service: str, what: str, size: int) -> None:
        """Count a group that was claimed, committed or published."""
        if size:
            self._groups.observe((service, what), size)

    def ended(self, tries: Iterable[EndedTry]) -> None:
        """Count tries whose end is committed."""
        now = datetime.now(UTC)
        for each in tries:
            self._outcomes[each.consumer, each.event_type, each.outcome] += 1
            self._handling.observe((each.consumer, each.outcome), each.seconds)
            if each.outcome == DONE:
                self._critical.observe((each.consumer,), max(0.0, (now - each.said_at).total_seconds()))
            if each.ordered_at is not None:
                self._live.observe((), (now - each.ordered_at).total_seconds())

    def published(self, service: str, messages: Sequence[Message]) -> None:
        """Count what RabbitMQ has answered for; a dead letter that is said twice after a crash counts twice."""
        self.group(service, "publish", len(messages))
        for message in messages:
            if message.exchange == DEAD_EXCHANGE:
                self._dead_letters[message.routing_key, str(message.headers.get("vrs-code"))] += 1

    def collect(self) -> Iterator[Metric]:
        """Give Prometheus what was counted."""
        outcomes = CounterMetricFamily(
            "vrs_steps", "Tries that ended, by event and outcome.", labels=("consumer", "type", "outcome")
        )
        for labels, count in self._outcomes.items():
            outcomes.add_metric(labels, count)
        dead = CounterMetricFamily("vrs_dead_letters", "Dead letters, by reason.", labels=("consumer", "code"))
        for labels, count in self._dead_letters.items():
            dead.add_metric(labels, count)
        yield outcomes
        yield dead
        yield self._live.family()
        yield self._handling.family()
        yield self._critical.family()
        yield self._groups.family()


REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
KERNEL = Kernel()
REGISTRY.register(KERNEL)

VENDOR_SECONDS = Histogram(
    "vrs_vendor_call_seconds",
    "Calls of a vendor, by outcome.",
    ("vendor", "outcome"),
    buckets=SECONDS,
    registry=REGISTRY,
)
READY = Gauge("vrs_ready", "Whether the service can do its work, as /health/ready says.", registry=REGISTRY)
BACKGROUND_FAILING = Gauge(
    "vrs_background_failing",
    "Whether work beside the steps has failed again and again.",
    ("background",),
    registry=REGISTRY,
)
DATABASE_ANSWERS = Gauge("vrs_database_up", "Whether PostgreSQL answered for the gauges.", registry=REGISTRY)
OUTBOX = Gauge(
    "vrs_outbox_messages", "What is committed and not yet taken by RabbitMQ.", ("service",), registry=REGISTRY
)
OUTBOX_AGE = Gauge("vrs_outbox_oldest_seconds", "Age of the oldest of them.", ("service",), registry=REGISTRY)
OPEN_STEPS = Gauge("vrs_open_steps", "Steps in the waiting room.", ("consumer", "state"), registry=REGISTRY)
DEAD_LETTERS_WAITING = Gauge(
    "vrs_dead_letters_waiting", "Dead steps that nobody has discarded.", ("service", "consumer"), registry=REGISTRY
)
WEBHOOKS_OFF = Counter(
    "vrs_webhooks_switched_off", "Webhooks that were switched off because nobody took what was sent.", registry=REGISTRY
)
WEBHOOK_TRIES = Counter(
    "vrs_webhook_tries", "Tries to deliver to a webhook, by how they ended.", ("outcome",), registry=REGISTRY
)
WEBHOOKS_WAITING = Gauge("vrs_webhook_deliveries", "Deliveries that are not taken yet.", registry=REGISTRY)
WEBHOOKS_AGE = Gauge("vrs_webhook_oldest_seconds", "Age of the oldest of them.", registry=REGISTRY)
PROJECTS = Gauge("vrs_projects", "Projects by provisioning state.", ("state",), registry=REGISTRY)
WAITS_FOR_PEOPLE = Gauge(
    "vrs_waits_for_people",
    "Registrations and transfers of which a case worker was asked.",
    ("what",),
    registry=REGISTRY,
)
ENDING = Gauge(
    "vrs_ending", "What ends within a week and nobody has seen to, by what it is.", ("kind",), registry=REGISTRY
)
RECONCILIATION_OFF = Gauge(
    "vrs_reconciliation_off", "What the last daily comparison has left to people.", ("service",), registry=REGISTRY
)
RECONCILIATION_UNFINISHED = Gauge(
    "vrs_reconciliation_unfinished_seconds",
    "Since when a daily comparison has not come to its end; 0: it has.",
    ("service",),
    registry=REGISTRY,
)
HTTP_REQUESTS = PlainHistogram(
    "vrs_http_request_seconds", "Until the answer to a request began.", ("method", "route", "status"), HTTP_SECONDS
)
REGISTRY.register(HTTP_REQUESTS)


@contextmanager
def vendor_call(vendor: str) -> Iterator[list[str]]:
    """Time a call of `vendor`. Put its outcome into the list, else it is "ok", or the exception's class name."""
    outcome: list[str] = []
    began = monotonic()
    try:
        with span(vendor):
            yield outcome
    except BaseException as error:
        outcome.append(type(error).__name__)
        raise
    finally:
        VENDOR_SECONDS.labels(vendor, outcome[0] if outcome else "ok").observe(monotonic() - began)
