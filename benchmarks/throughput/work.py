"""The work that is measured, and what makes it exact: N orders, four steps each, one completed row a step."""

from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import insert, text

from contracts import (
    AppDeployed,
    CloudEvent,
    Contact,
    CoreHealthy,
    DnsConfigured,
    Event,
    Locale,
    ProjectOrdered,
    ServiceName,
    uuid7,
)
from shared.database import Database
from shared.messaging.topology import queue_name
from shared.models import BaseDomain, Project, ProjectOrder, ProvisioningState

BASE_DOMAIN = "vrs.example"
INSERT_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Link:
    """One of the four steps: who takes what, the project's state after it, the event that it says."""

    service: ServiceName
    event: type[Event]
    state: ProvisioningState | None
    says: type[Event] | None

    @property
    def queue(self) -> str:
        """The consumer's name, in the log and at the broker."""
        return queue_name(self.service, self.event)


CHAIN = (
    Link(ServiceName.DNS, ProjectOrdered, ProvisioningState.DNS_CONFIGURED, DnsConfigured),
    Link(ServiceName.DEPLOY, DnsConfigured, ProvisioningState.APP_DEPLOYED, AppDeployed),
    Link(ServiceName.BOOTSTRAP, AppDeployed, ProvisioningState.LIVE, CoreHealthy),
    Link(ServiceName.NOTIFY, CoreHealthy, None, None),
)

_DONE = text("""
    SELECT count(*) FILTER (WHERE service = 'notify') AS last, count(*) AS rows,
           count(DISTINCT (project_id, service)) AS distinct
    FROM provisioning_log WHERE status = 'completed' AND id > :since
""")
_ROWS_MADE = text("SELECT coalesce(pg_sequence_last_value('provisioning_log_id_seq'), 0)")
_LIVE = text("""
    SELECT count(*) FROM projects p
    WHERE p.provisioning_state = 'live'
      AND EXISTS (SELECT FROM provisioning_log l WHERE l.project_id = p.vrs_id AND l.id > :since)
""")


@dataclass(frozen=True, slots=True)
class Exactness:
    """What the database says after a run."""

    rows: int
    distinct: int
    live: int

    def problem(self, orders: int) -> str | None:
        """Why the run does not count; None if it was exact."""
        expected = orders * len(CHAIN)
        if (self.rows, self.distinct, self.live) == (expected, expected, orders):
            return None
        return f"{self.rows} rows, {self.distinct} of them distinct, {self.live} live; expected {expected} and {orders}"


def make_orders(count: int) -> list[CloudEvent[ProjectOrdered]]:
    """`count` orders as the marketplace says them."""
    return [
        CloudEvent.of(
            ProjectOrdered(
                slug=f"bench-{uuid4().hex[:12]}",
                base_domain=BASE_DOMAIN,
                plan="starter",
                customer=Contact(name="Bäckerei Schmidt", email="kunde@example.com"),
            ),
            source=ServiceName.MARKETPLACE.value,
            project_id=uuid7(),
        )
        for _ in range(count)
    ]


async def make_base_domain(database: Database) -> None:
    """Write what every order refers to."""
    async with database.engine.begin() as connection:
        await connection.execute(insert(BaseDomain).values(name=BASE_DOMAIN))


async def know(database: Database, orders: list[CloudEvent[ProjectOrdered]]) -> None:
    """Write the projects as the marketplace does before it publishes; not part of what is measured."""
    async with database.engine.begin() as connection:
        for start in range(0, len(orders), INSERT_AT_ONCE):
            some = orders[start : start + INSERT_AT_ONCE]
            await connection.execute(insert(Project), [_project(order) for order in some])
            await connection.execute(insert(ProjectOrder), [_order(order) for order in some])
    async with database.autocommit.begin() as connection:
        await connection.execute(text("VACUUM ANALYZE projects, project_orders"))


async def rows_made(database: Database) -> int:
    """The highest id that a log row has: repeated commits leave gaps."""
    async with database.autocommit.begin() as connection:
        return int((await connection.execute(_ROWS_MADE)).scalar_one())


async def finished(database: Database, since: int) -> int:
    """How many orders have their last row, among the rows with ids above `since`."""
    async with database.autocommit.begin() as connection:
        return int((await connection.execute(_DONE, {"since": since})).one().last)


async def exactness(database: Database, since: int) -> Exactness:
    """Count what the run has left: rows with ids above `since`."""
    async with database.autocommit.begin() as connection:
        done = (await connection.execute(_DONE, {"since": since})).one()
        live = (await connection.execute(_LIVE, {"since": since})).scalar_one()
        return Exactness(done.rows, done.distinct, int(live))


def _project(order: CloudEvent[ProjectOrdered]) -> dict[str, object]:
    return {
        "vrs_id": order.subject,
        "name": order.data.slug,
        "slug": order.data.slug,
        "provisioning_state": ProvisioningState.ORDERED,
    }


def _order(order: CloudEvent[ProjectOrdered]) -> dict[str, object]:
    correlation: UUID = order.correlation_id
    return {
        "project_id": order.subject,
        "correlation_id": correlation,
        "slug": order.data.slug,
        "fqdn": order.data.fqdn,
        "base_domain": BASE_DOMAIN,
        "project_type": order.data.project_type,
        "plan": order.data.plan,
        "plugins": [],
        "locale": Locale.DE,
        "customer_name": order.data.customer.name,
        "customer_email": order.data.customer.email,
        "ordered_at": order.time,
    }
