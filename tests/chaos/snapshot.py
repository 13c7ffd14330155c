"""Everything that a run left behind, read from outside: simulators, database, queues, and what was heard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import text

from contracts import CloudEvent, MailDomainRequested, PluginsChanged, ProjectOrdered
from tests.chaos.bus import Bus, Heard, Letter
from tests.chaos.disturb import Interruption
from tests.chaos.faults import Vendor
from tests.chaos.market import Market
from tests.chaos.plan import PlannedOrder, Second
from tests.chaos.stage import Stage

TABLES = (
    "projects",
    "cancellations",
    "provisioning_log",
    "open_steps",
    "outbox",
    "servers",
    "placements",
    "project_domains",
    "added_domains",
    "app_routes",
    "watched_domains",
    "dns_records",
    "domain_registrations",
    "domain_transfers",
    "mail_domains",
    "mail_records",
    "deployments",
    "core_tokens",
    "watched_cores",
    "licenses",
    "mails",
)
LICENSES = """
    SELECT p.vrs_id AS project_id, l.plugin, l.vrs_state AS state FROM licenses l JOIN projects p ON p.id = l.project_id
"""

Row = dict[str, Any]


@dataclass
class Snapshot:
    """What the checker judges. Rows are as in the database, `zones` and `coolify` as the simulators show them.

    `ordered` and `changed` (its plugins) are by project id, `cancelled` names each cancellation's event with its
    project. `seconds` are the projects to which a second domain was given, `wishes` the ids of the events that said so;
    `mails` are the wishes for mail by project id, `senders` the sender domains as Brevo shows them.
    `struck` are the faults that really hit a vendor's call.
    """

    ordered: dict[str, CloudEvent[ProjectOrdered]]
    changed: dict[str, CloudEvent[PluginsChanged]]
    elsewhere: set[str]
    cancelled: list[tuple[str, str]]
    seconds: dict[str, PlannedOrder]
    wishes: set[str]
    mails: dict[str, CloudEvent[MailDomainRequested]]
    senders: list[Row]
    tables: dict[str, list[Row]]
    zones: list[Row]
    charges: list[Row]
    coolify: Row
    containers: list[Row]
    inbox: list[Row]
    struck: dict[Vendor, list[Row]]
    queues: dict[str, int]
    heard: dict[str, Heard]
    different: set[str]
    letters: dict[str, Letter]
    interruptions: list[Interruption]
    rows_of: dict[tuple[str, str], list[Row]] = field(default_factory=dict)

    def hosts(self, project_id: str) -> tuple[str, ...]:
        """The names under which the project must answer now."""
        second = self.seconds.get(project_id)
        has_second = second is not None and second.second is not Second.LOST
        more = second_hosts(second) if second is not None and has_second else ()
        return (*hosts_of(self.ordered[project_id].data), *more, *self.moved(project_id))

    def moved(self, project_id: str) -> tuple[str, ...]:
        """The names of a domain that has come from another registrar for the project."""
        domains = [row["domain"] for row in self.of("domain_transfers", project_id) if row["stage"] == "transferred"]
        return tuple(host for domain in domains for host in (domain, f"www.{domain}"))

    @property
    def owners(self) -> dict[str, str]:
        """Whose each name is, or was."""
        names = {host: project for project, event in self.ordered.items() for host in hosts_of(event.data)}
        names |= {host: project for project in self.ordered for host in self.moved(project)}
        return names | {host: project for project, order in self.seconds.items() for host in second_hosts(order)}

    def of(self, table: str, project_id: str) -> Sequence[Row]:
        """The rows of one project; the index is made at the first question."""
        if not self.rows_of:
            for name, rows in self.tables.items():
                for row in rows:
                    key = row.get("vrs_id") if name == "projects" else row.get("project_id")
                    self.rows_of.setdefault((name, str(key)), []).append(row)
        return self.rows_of.get((table, project_id), [])


def second_hosts(order: PlannedOrder) -> tuple[str, ...]:
    """The names of the second domain that a project was given."""
    return order.second_domain, f"www.{order.second_domain}"


def hosts_of(order: ProjectOrdered) -> tuple[str, ...]:
    """The names under which the project must answer."""
    return (order.fqdn,) if order.own_domain is None else (order.own_domain, f"www.{order.own_domain}")


async def take(
    stage: Stage, bus: Bus, market: Market, interruptions: Sequence[Interruption], elsewhere: set[str]
) -> Snapshot:
    """Read everything. Call when nothing moves any more, or what is read does not fit together."""
    simulators = stage.simulators
    assert simulators.inwx
    assert simulators.brevo
    assert simulators.coolify
    assert simulators.core
    struck = {vendor: (await _get(stage.http, stage.control_url(vendor)))["struck"] for vendor in Vendor}
    return Snapshot(
        ordered=dict(market.ordered),
        changed=dict(market.changed),
        elsewhere=elsewhere,
        cancelled=[(str(event.subject), str(event.id)) for event in market.cancelled],
        seconds={str(event.subject): market.seconds[str(event.subject)] for event in market.wishes},
        wishes={str(event.id) for event in market.wishes},
        mails=dict(market.mails),
        senders=await _get(stage.http, f"{simulators.brevo.control_url}/domains"),
        tables={table: await _rows(stage, table) for table in TABLES},
        zones=await _get(stage.http, f"{simulators.inwx.control_url}/zones"),
        charges=(await _get(stage.http, f"{simulators.inwx.control_url}/domains"))["charges"],
        coolify=await _get(stage.http, f"{simulators.coolify.url}/_state"),
        containers=await _get(stage.http, f"{simulators.core.url}/_apps"),
        inbox=await simulators.mails(),
        struck=struck,
        queues=await bus.depths(),
        heard=dict(bus.heard),
        different=set(bus.different),
        letters=dict(bus.letters),
        interruptions=list(interruptions),
    )


async def _rows(stage: Stage, table: str) -> list[Row]:
    order = "id" if table == "provisioning_log" else "1"
    rows = LICENSES if table == "licenses" else f"SELECT * FROM {table}"
    async with stage.database.autocommit.begin() as connection:
        found = await connection.execute(text(f"{rows} ORDER BY {order}"))
        return [dict(row) for row in found.mappings()]


async def _get(http: httpx.AsyncClient, url: str) -> Any:
    return (await http.get(url)).raise_for_status().json()


def moment(row: Mapping[str, Any], key: str = "at") -> datetime:
    """A time in a simulator's answer."""
    return datetime.fromisoformat(str(row[key]))
