"""Checks the outside world: records, apps, deployments, containers, places. Each effect once, none left behind."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from contracts import DomainConnected, RoutesChanged
from tests.chaos.faults import Vendor
from tests.chaos.findings import Finding, Wrong
from tests.chaos.mail import is_of_mail, mail
from tests.chaos.plan import Second
from tests.chaos.snapshot import Row, Snapshot, hosts_of, moment

DNS_TYPES = ("A", "AAAA", "CNAME")
OF_LIVE_PROJECTS = (
    *("placements", "project_domains", "dns_records", "domain_registrations", "domain_transfers", "deployments"),
    *("core_tokens", "watched_cores", "added_domains", "app_routes", "watched_domains", "mail_domains", "mail_records"),
)
"""Tables that have nothing of a cancelled project."""

LATE = "slow"
LATE_WITHIN = timedelta(minutes=1)
"""How long after it came a call that is slow is carried out at the latest."""


def effects(snapshot: Snapshot, live: set[str], cancelled: set[str]) -> Iterator[Finding]:
    """Compare what the vendors have with what must be there: everything of the live, nothing of the cancelled."""
    yield from _records(snapshot, live)
    yield from _charges(snapshot, live)
    yield from _transfers(snapshot, live)
    yield from mail(snapshot, live)
    yield from _applications(snapshot, live, cancelled)
    yield from _containers(snapshot, live)
    yield from _seconds(snapshot, live)
    yield from _rows(snapshot, cancelled)
    yield from _licences(snapshot, live, cancelled)
    yield from _places(snapshot)


def configured(snapshot: Snapshot, project: str) -> Row | None:
    """The facts of the project's DnsConfigured."""
    found = [e for e in snapshot.heard.values() if e.project_id == project and e.type == "vrs.dns.configured.v1"]
    return json.loads(found[0].body)["data"] if found else None


def _records(snapshot: Snapshot, live: set[str]) -> Iterator[Finding]:
    owners = snapshot.owners
    facts = _configured_by_project(snapshot)
    wanted: Counter[tuple[str, str, str]] = Counter()
    for project in live & facts.keys():  # of the others the story tells
        server = facts[project]["server"]
        theirs = hosts_of(snapshot.ordered[project].data) if project in snapshot.elsewhere else ()
        for host in set(snapshot.hosts(project)) - set(theirs):
            wanted[host, "A", server["ipv4"]] += 1
            if server.get("ipv6"):
                wanted[host, "AAAA", server["ipv6"]] += 1
    found = Counter(
        (row["name"], row["type"], row["content"])
        for zone in snapshot.zones
        if zone["account"] is not None
        for row in zone["records"]
        if row["type"] in DNS_TYPES and not is_of_mail(row)
    )
    for record in (wanted - found).elements():
        yield Finding(
            Wrong.LOST, owners[record[0]], f"the record {' '.join(record)} is not at INWX", "zones, dns_records"
        )
    for record in (found - wanted).elements():
        project = owners.get(record[0], "unknown")
        wrong = Wrong.DOUBLED if project in live else Wrong.LEFT_BEHIND
        yield Finding(wrong, project, f"the record {' '.join(record)} is at INWX", "zones, dns_records")


def _charges(snapshot: Snapshot, live: set[str]) -> Iterator[Finding]:
    owners = {event.data.fqdn: project for project, event in snapshot.ordered.items() if event.data.registration}
    paid = Counter(charge["domain"] for charge in snapshot.charges)
    for domain, times in paid.items():
        if times > 1:
            what = f"{domain} was paid for {times} times"
            yield Finding(Wrong.DOUBLED, owners.get(domain, "unknown"), what, "inwx /_control/domains")
    for domain, project in owners.items():
        if project in live and not paid[domain]:
            yield Finding(Wrong.LOST, project, f"{domain} was never paid for", "inwx /_control/domains")


def _transfers(snapshot: Snapshot, live: set[str]) -> Iterator[Finding]:
    paid = Counter(charge["domain"] for charge in snapshot.charges)
    for row in snapshot.tables["domain_transfers"]:
        project, domain = str(row["project_id"]), row["domain"]
        if project in live and (row["stage"] != "transferred" or not paid[domain]):
            what = f"the transfer of {domain} is {row['stage']}, paid for {paid[domain]} times"
            yield Finding(Wrong.LOST, project, what, "domain_transfers, inwx /_control/domains")
        if row["auth_code"] is not None:
            yield Finding(Wrong.LEFT_BEHIND, project, f"the auth code of {domain} is still there", "domain_transfers")
        if not any(each["domain"] == domain and _has_mail(each) for each in snapshot.zones if each["account"]):
            yield Finding(Wrong.LOST, project, f"the mail records of {domain} were not copied", "zones")


def _has_mail(zone: Row) -> bool:
    return any(record["type"] == "MX" for record in zone["records"])


def _configured_by_project(snapshot: Snapshot) -> dict[str, Row]:
    return {
        event.project_id: json.loads(event.body)["data"]
        for event in snapshot.heard.values()
        if event.type == "vrs.dns.configured.v1"
    }


def _applications(snapshot: Snapshot, live: set[str], cancelled: set[str]) -> Iterator[Finding]:
    by_project: defaultdict[str, list[Row]] = defaultdict(list)
    for application in snapshot.coolify["applications"]:
        by_project[application["name"].removeprefix("vrs-")].append(application)
    environments = Counter(
        environment["name"].removeprefix("project-")
        for project in snapshot.coolify["projects"]
        for environment in project["environments"]
        if environment["name"].startswith("project-")
    )
    facts = _configured_by_project(snapshot)
    for project in live:
        found = by_project.pop(project, [])
        if not found:
            yield Finding(Wrong.LOST, project, "it has no app at Coolify", "coolify /_state")
        if len(found) > 1:
            yield Finding(Wrong.DOUBLED, project, f"it has {len(found)} apps at Coolify", "coolify /_state")
        if environments.pop(project, 0) != 1:
            yield Finding(Wrong.LOST, project, "it has no environment at Coolify", "coolify /_state")
        for application in found[:1]:
            yield from _application(snapshot, project, application, facts.get(project))
    for project, left in by_project.items():
        for application in left:
            what = f"app {application['uuid']} is at Coolify, {application['status']}"
            yield Finding(Wrong.LEFT_BEHIND, project, what, "coolify /_state, deploy.log")
    for project in environments:
        where = "coolify /_state, deploy.log"
        known = "" if project in cancelled else " of a project that is neither live nor cancelled"
        yield Finding(Wrong.LEFT_BEHIND, project, f"its environment is at Coolify{known}", where)


def _application(snapshot: Snapshot, project: str, application: Row, facts: Row | None) -> Iterator[Finding]:
    where = f"coolify /_state, application {application['uuid']}"
    if not application["status"].startswith("running"):
        yield Finding(Wrong.LOST, project, f"its app is {application['status']}", where)
    if facts and application["server"] != facts["server"]["id"]:
        yield Finding(Wrong.STORY, project, f"its app is on {application['server']}, its records lead elsewhere", where)
    finished = [each for each in application["deployments"] if each["status"] == "finished"]
    if len(finished) > 1 + _routes(snapshot, project) and not _came_late(snapshot, application):
        what = f"the same version was deployed {len(finished)} times for one event"
        yield Finding(Wrong.DOUBLED, project, what, where)
    row = next(iter(snapshot.of("deployments", project)), None)
    token = application["env"].get("VRS_BOOTSTRAP_TOKEN", "")
    if row is None or row["application"] != application["uuid"]:
        yield Finding(Wrong.STORY, project, "deploy has written down another app", f"deployments, {where}")
    elif hashlib.sha256(token.encode()).digest() != bytes(row["token_hash"] or b""):
        yield Finding(Wrong.STORY, project, "deploy has written down another token than the app's", where)


def _routes(snapshot: Snapshot, project: str) -> int:
    """How often the project's domains were changed: each time its app may be deployed once."""
    said = [
        event for event in snapshot.heard.values() if (event.project_id, event.type) == (project, RoutesChanged.type)
    ]
    return len({json.loads(event.body)["data"]["revision"] for event in said})


def _came_late(snapshot: Snapshot, application: Row) -> bool:
    """Whether one of its deployments was carried out by a call whose caller had given up."""
    late = [moment(hit) for hit in snapshot.struck[Vendor.COOLIFY] if (hit["call"], hit["kind"]) == ("deploy", LATE)]
    of_this = [each for each in snapshot.coolify["deployments"] if each["application_uuid"] == application["uuid"]]
    return any(at <= moment(each, "created_at") <= at + LATE_WITHIN for at in late for each in of_this)


def _containers(snapshot: Snapshot, live: set[str]) -> Iterator[Finding]:
    owners = snapshot.owners
    wanted = {host for project in live for host in snapshot.hosts(project)}
    found = {container["fqdn"]: container for container in snapshot.containers}
    tokens = {row["name"].removeprefix("vrs-"): row["env"] for row in snapshot.coolify["applications"]}
    for host in sorted(wanted - found.keys()):
        yield Finding(Wrong.LOST, owners[host], f"nothing serves {host}", "core /_apps")
    for host in sorted(found.keys() - wanted):
        project = owners.get(host, "unknown")
        yield Finding(Wrong.LEFT_BEHIND, project, f"a container serves {host}", "core /_apps, deploy.log")
    for host in sorted(wanted & found.keys()):
        told = tokens.get(owners[host], {})
        if found[host]["env"].get("VRS_BOOTSTRAP_TOKEN") != told.get("VRS_BOOTSTRAP_TOKEN"):
            yield Finding(Wrong.STORY, owners[host], f"{host} runs with an older token than its app has", "core /_apps")


def _seconds(snapshot: Snapshot, live: set[str]) -> Iterator[Finding]:
    """A second domain works, is the primary one where that was wished, and was told of once each time it came."""
    for project in live & snapshot.seconds.keys():
        order = snapshot.seconds[project]
        primary = order.second_domain if order.second is Second.PRIMARY else snapshot.ordered[project].data.fqdn
        found = [row["host"] for row in snapshot.of("project_domains", project) if row["is_primary"]]
        if found != [primary]:
            yield Finding(Wrong.STORY, project, f"{found} is the primary domain, not {primary}", "project_domains")
        stands = [(row["is_wanted"], bool(row["connected_at"])) for row in snapshot.of("added_domains", project)]
        wished = order.second is not Second.LOST
        if not any(is_wanted == wished and (has_come or not wished) for is_wanted, has_come in stands):
            yield Finding(Wrong.LOST, project, f"{order.second_domain} is not {order.second}", "table added_domains")
    told = Counter(
        (event.project_id, json.loads(event.body)["data"]["since"])
        for event in snapshot.heard.values()
        if event.type == DomainConnected.type
    )
    for (project, since), times in told.items():
        if times > 1:
            what = f"that its second domain of revision {since} works was said {times} times"
            yield Finding(Wrong.DOUBLED, project, what, f"vrs log {project}")


def _rows(snapshot: Snapshot, cancelled: set[str]) -> Iterator[Finding]:
    for project in cancelled:
        for table in OF_LIVE_PROJECTS:
            if rows := snapshot.of(table, project):
                yield Finding(Wrong.LEFT_BEHIND, project, f"{len(rows)} rows in {table}", f"table {table}")


def _licences(snapshot: Snapshot, live: set[str], cancelled: set[str]) -> Iterator[Finding]:
    """The live have exactly the licences that were ordered or bought last, the cancelled none."""
    for project in snapshot.ordered.keys() & (live | cancelled):
        last = snapshot.changed.get(project, snapshot.ordered[project])
        wanted = Counter(plugin.name for plugin in last.data.plugins) if project in live else Counter()
        found = Counter(row["plugin"] for row in snapshot.of("licenses", project) if row["state"] != "ended")
        for wrong, plugins in ((Wrong.LOST, wanted - found), (Wrong.LEFT_BEHIND, found - wanted)):
            if plugins:
                yield Finding(wrong, project, f"its licences: {', '.join(plugins.elements())}", "table licenses")


def _places(snapshot: Snapshot) -> Iterator[Finding]:
    taken: Counter[Any] = Counter(row["server_id"] for row in snapshot.tables["placements"])
    for server in snapshot.tables["servers"]:
        if server["used"] != taken[server["id"]]:
            what = f"server {server['name']} counts {server['used']} places, {taken[server['id']]} are taken"
            yield Finding(Wrong.LEFT_BEHIND, "none", what, "tables servers, placements")
