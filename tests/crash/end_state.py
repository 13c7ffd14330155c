"""What the world holds of each project when all is over, without what no two projects share: ids, names, numbers."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

from contracts import EVENTS, ServiceName
from shared.messaging.topology import dead_queue, queue_name
from tests.choreography.events import Story
from tests.choreography.facts import BASE_DOMAIN
from tests.crash.observer import KILLED, Sighting
from tests.crash.world import World

EndState = dict[str, Any]
SETTLED = ("completed", "superseded", "cancelled")
ATTEMPTS = ("waiting", "parked", "retrying")
"""What the log says of tries that came before the end. On a busy machine a shortened timeout may pass now and then."""

CONSUMING = [service for service in ServiceName if service is not ServiceName.MARKETPLACE]
QUEUES = [
    *(dead_queue(service).name for service in CONSUMING),
    *(queue_name(service, event) for service in CONSUMING for event in EVENTS.values() if service in event.required_by),
]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")
"""The public key of a project's container."""

_OWNERSHIP = re.compile(r"brevo-code:[0-9a-f]{32}")

_COOLIFY_ID = re.compile(r"\b(?=[a-z]*[0-9])[a-z0-9]{24}\b")


async def end_states(world: World, stories: Iterable[Story]) -> dict[Story, EndState]:
    """The end state of each project, by aspect."""
    zones = await world.inwx._get(f"{world.inwx.control_url}/zones")
    records = [row for zone in zones if zone["domain"] == BASE_DOMAIN for row in zone["records"]]
    zone_of = {zone["domain"]: zone["records"] for zone in zones}
    senders = await world.brevo.domains()
    charges = await world.inwx.charges()
    apps = await world.coolify.applications()
    projects = await world.coolify._get(f"{world.coolify.coolify.url}/_state", "projects")
    environments = [environment["name"] for project in projects for environment in project["environments"]]
    hosts = await world.cores.hosts()
    inbox = await world.mailbox.mails()
    tables = {table: await _rows(world, statement) for table, statement in _TABLES.items()}
    found: dict[Story, EndState] = {}
    for story in stories:
        rows = {table: by_project.get(story.project_id, []) for table, by_project in tables.items()}
        mailed = {f"<{row.message_id}>" for row in rows["mails"]}
        log = rows["log"]
        names = (story.fqdn, story.second, story.moving_domain)
        found[story] = {
            "state": [row.state for row in rows["state"]],
            "undone": [sorted(row.undone) for row in rows["cancellations"]],
            "records": sorted((row["type"], row["content"]) for row in records if row["name"] == story.fqdn),
            "records of its second domain": sorted(
                (row["type"], row["content"]) for row in zone_of.get(story.second, ()) if row["type"] in ("A", "AAAA")
            ),
            "own zone": sorted(
                (row["type"], _plain(story, row["name"]), _plain(story, row["content"]))
                for row in zone_of.get(story.fqdn, ())
                if row["type"] not in ("SOA", "NS")
            ),
            "its moving zone": sorted(
                (row["type"], row["content"])
                for zone in zones
                if zone["domain"] == story.moving_domain and zone["account"]
                for row in zone["records"]
            ),
            "sender domain": senders.get(story.fqdn),
            "mail domain rows": [(row.sender, row.mx, row.is_ready) for row in rows["mail domain rows"]],
            "mail record rows": [(row.slot, row.answered, row.is_merged) for row in rows["mail record rows"]],
            "paid for": [charges.count(domain) for domain in (story.fqdn, story.moving_domain)],
            "transfer rows": [(row.stage, row.cents, row.has_code) for row in rows["transfer rows"]],
            "registration rows": [(row.stage, row.cents) for row in rows["registration rows"]],
            "apps": [_app(story, app) for app in apps if str(story.project_id) in app["name"]],
            "environments": sum(str(story.project_id) in name for name in environments),
            "hosts": sum(f".{host}".endswith(tuple(f".{name}" for name in names)) for host in hosts),
            "domains": sorted((_plain(story, row.host), row.is_primary) for row in rows["domains"]),
            "wishes": [(row.is_wanted, row.revision, row.since, row.works) for row in rows["wishes"]],
            "mails": sorted(
                {(mail["message_id"], _plain(story, mail["subject"])) for mail in inbox if mail["message_id"] in mailed}
            ),
            "completed": sorted(
                (row.consumer, row.status, _plain(story, row.message), _said(story, row.emitted))
                for row in log
                if row.status in SETTLED
            ),
            "trouble": sorted(
                (row.consumer, row.status, row.message) for row in log if row.status not in (*SETTLED, *ATTEMPTS)
            ),
            "dns rows": [(row.type, row.content, row.holder, row.answered) for row in rows["dns rows"]],
            "deploy rows": [(row.stage, row.retries) for row in rows["deploy rows"]],
            "watched": len(rows["watched"]),
            "has a token": bool(rows["tokens"]),
            "licences": [(row.plugin, row.state) for row in rows["licences"]],
            "places": len(rows["places"]),
            "mail rows": sorted((row.recipient, _plain(story, row.subject), row.sent) for row in rows["mails"]),
            "open": len(rows["open"]),
        }
        found[story]["mails"] = sorted(subject for _, subject in found[story]["mails"])
    return found


def differences(expected: EndState, found: EndState) -> list[str]:
    """Where an end state is another than that of an undisturbed run, a line each."""
    return [
        f"{aspect}: {found[aspect]!r} instead of {expected[aspect]!r}"
        for aspect in expected
        if found[aspect] != expected[aspect]
    ]


async def unfinished(world: World) -> list[str]:
    """What is still to be done, or died, a line each."""
    problems = []
    for what, statement in (
        ("open steps", "SELECT count(*) FROM open_steps"),
        ("outbox rows", "SELECT count(*) FROM outbox"),
        ("dead steps in the log", "SELECT count(*) FROM provisioning_log WHERE status = 'dead'"),
    ):
        [(count,)] = await world.system.sql(statement)
        if count:
            problems.append(f"{count} {what}")
    for queue in QUEUES:
        declared = await world.system.channel.queue_declare(queue, passive=True)
        if declared.message_count:
            problems.append(f"{declared.message_count} messages in {queue}")
    return problems


async def left_behind(world: World, states: dict[Story, EndState]) -> list[str]:
    """What is in the world and belongs to no project's end state, a line each."""
    [(used,)] = await world.system.sql("SELECT sum(used) FROM servers")
    there = {
        "places": used,
        "records": len(await world.inwx.records()),
        "apps": len(await world.coolify.applications()),
        "hosts": len(await world.cores.hosts()),
    }
    ours = {aspect: sum(_size(state[aspect]) for state in states.values()) for aspect in there}
    return [
        f"{there[aspect]} {aspect}, {ours[aspect]} of projects" for aspect in there if there[aspect] != ours[aspect]
    ]


async def second_copies(world: World) -> Counter[str]:
    """How many copies too many of each mail arrived, by project id."""
    inbox = Counter(mail["message_id"].strip("<>") for mail in await world.mailbox.mails())
    rows = await world.system.sql("SELECT message_id, project_id FROM mails")
    return Counter({str(row.project_id): inbox[row.message_id] - 1 for row in rows if inbox[row.message_id] > 1})


def excused_copies(journal: Iterable[Sighting]) -> Counter[str]:
    """How often, by project id, a kill came after a mail was given to the server and before that was committed."""
    handed: Counter[tuple[str, str]] = Counter()
    excused: Counter[str] = Counter()
    for seen in journal:
        step = (seen.project, seen.consumer)
        if seen.point == KILLED:
            for project, _ in handed:
                excused[project] += 1
            handed.clear()
        elif seen.point == "before mail":
            handed[step] += 1
        elif seen.point in ("record committed", "ending committed"):
            handed.pop(step, None)
    return excused


_TABLES = {
    "state": "SELECT vrs_id AS project_id, provisioning_state AS state FROM projects",
    "cancellations": "SELECT project_id, undone FROM cancellations",
    "log": "SELECT project_id, consumer, status, message, emitted FROM provisioning_log",
    "mails": "SELECT project_id, message_id, recipient, subject, sent_at IS NOT NULL AS sent FROM mails",
    "dns rows": "SELECT project_id, type, content, holder, record_id IS NOT NULL AS answered FROM dns_records"
    " ORDER BY type, content",
    "mail domain rows": "SELECT project_id, sender, mx, ready_at IS NOT NULL AS is_ready FROM mail_domains",
    "mail record rows": "SELECT project_id, slot, record_id IS NOT NULL AS answered, is_merged FROM mail_records"
    " ORDER BY slot",
    "transfer rows": "SELECT project_id, stage, cents, auth_code IS NOT NULL AS has_code FROM domain_transfers",
    "registration rows": "SELECT project_id, stage, cents FROM domain_registrations",
    "domains": "SELECT project_id, host, is_primary FROM project_domains",
    "wishes": "SELECT project_id, is_wanted, revision, since, connected_at IS NOT NULL AS works FROM added_domains",
    "deploy rows": "SELECT project_id, stage, retries FROM deployments",
    "watched": "SELECT project_id FROM watched_cores",
    "tokens": "SELECT project_id FROM core_tokens",
    "licences": "SELECT p.vrs_id AS project_id, l.plugin, l.vrs_state AS state FROM licenses l"
    " JOIN projects p ON p.id = l.project_id ORDER BY l.plugin",
    "places": "SELECT project_id FROM placements",
    "open": "SELECT project_id FROM open_steps",
}


async def _rows(world: World, statement: str) -> dict[Any, list[Any]]:
    found: dict[Any, list[Any]] = {}
    for row in await world.system.sql(statement):
        found.setdefault(row.project_id, []).append(row)
    return found


def _app(story: Story, app: dict[str, Any]) -> tuple[Any, ...]:
    return (
        _plain(story, app["fqdn"]),
        app["status"],
        app["image"],
        app["tag"],
        app["running"],
        sorted(app["env"]),
        app["variable_rows"],
        [deployment["status"] for deployment in app["deployments"]],
    )


def _said(story: Story, emitted: bytes | None) -> list[tuple[str, str]]:
    events = [json.loads(line) for line in bytes(emitted or b"").splitlines()]
    return [(event["type"], _plain(story, json.dumps(event["data"], sort_keys=True))) for event in events]


def _plain(story: Story, words: str) -> str:
    dashed = story.fqdn.replace(".", "-")
    for what, name in (
        (story.fqdn, "FQDN"),
        (dashed, "FQDN"),
        (story.slug, "SLUG"),
        (str(story.project_id), "PROJECT"),
    ):
        words = words.replace(what, name)
    words = _OWNERSHIP.sub("CODE", words)
    return re.sub(r"\d+", "#", _COOLIFY_ID.sub("ID", _UUID.sub("ID", _KEY.sub("KEY", words))))


def _size(value: Any) -> int:
    return value if isinstance(value, int) else len(value)
