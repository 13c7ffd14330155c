"""Each promise broken, in what a run left behind as the checker reads it."""

import copy
import dataclasses
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.chaos.effects import LATE
from tests.chaos.findings import Wrong
from tests.chaos.plan import PlannedOrder, Second
from tests.chaos.snapshot import Row, Snapshot
from tests.chaos.stories import CONVERGED, DELAYED

Plant = Callable[[Snapshot, str, str], None]
"""Changes a snapshot; gets a live and a cancelled project of it."""


def a_live_project(snapshot: Snapshot) -> str:
    cancelled = {project for project, _ in snapshot.cancelled}
    orders = snapshot.ordered.items()
    left = cancelled | snapshot.seconds.keys()
    return next(project for project, order in orders if project not in left and order.data.base_domain)


def a_row(snapshot: Snapshot, project: str) -> Row:
    rows = snapshot.of("provisioning_log", project)
    return copy.deepcopy(next(row for row in rows if row["status"] == "completed"))


def app_of(snapshot: Snapshot, project: str) -> Row:
    found: Row = next(each for each in snapshot.coolify["applications"] if each["name"] == f"vrs-{project}")
    return found


def lost_record(snapshot: Snapshot, live: str, _: str) -> None:
    host = snapshot.ordered[live].data.fqdn
    for zone in snapshot.zones:
        zone["records"] = [row for row in zone["records"] if row["name"] != host]


def a_second(snapshot: Snapshot) -> PlannedOrder:
    """The order of a live project that has a second domain."""
    cancelled = {project for project, _ in snapshot.cancelled}
    there = (order for project, order in snapshot.seconds.items() if project not in cancelled)
    return next(order for order in there if order.second is not Second.LOST)


def lost_domain(snapshot: Snapshot, _live: str, _: str) -> None:
    domain = a_second(snapshot).second_domain
    snapshot.containers = [each for each in snapshot.containers if each["fqdn"] != domain]


def never_connected(snapshot: Snapshot, _live: str, _: str) -> None:
    snapshot.of("added_domains", str(a_second(snapshot).project_id))[0]["connected_at"] = None


def other_primary(snapshot: Snapshot, _live: str, _: str) -> None:
    for row in snapshot.of("project_domains", str(a_second(snapshot).project_id)):
        row["is_primary"] = row["host"].startswith("www.")


def lost_app(snapshot: Snapshot, live: str, _: str) -> None:
    applications = snapshot.coolify["applications"]
    snapshot.coolify["applications"] = [each for each in applications if each["name"] != f"vrs-{live}"]


def lost_project(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.tables["projects"] = [row for row in snapshot.tables["projects"] if str(row["vrs_id"]) != live]


def lost_mail(snapshot: Snapshot, live: str, _: str) -> None:
    ids = {f"<{row['message_id']}>" for row in snapshot.tables["mails"] if str(row["project_id"]) == live}
    snapshot.inbox = [mail for mail in snapshot.inbox if mail["message_id"] not in ids]


def never_told(snapshot: Snapshot, live: str, cancelled: str) -> None:
    lost_mail(snapshot, live, cancelled)
    snapshot.tables["mails"] = [row for row in snapshot.tables["mails"] if str(row["project_id"]) != live]


def lost_event(snapshot: Snapshot, live: str, _: str) -> None:
    event = next(e for e in snapshot.heard.values() if e.project_id == live and e.type == "vrs.app.deployed.v1")
    del snapshot.heard[event.id]


def lost_mark(snapshot: Snapshot, _: str, cancelled: str) -> None:
    rows = snapshot.tables["cancellations"]
    snapshot.tables["cancellations"] = [row for row in rows if str(row["project_id"]) != cancelled]


def lost_letter(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.tables["provisioning_log"].append(
        a_row(snapshot, live) | {"status": "dead", "detail": {"code": "inwx_2201", "dead_letter_id": "gone"}}
    )


def double_record(snapshot: Snapshot, live: str, _: str) -> None:
    zone = next(zone for zone in snapshot.zones if zone["domain"] == snapshot.ordered[live].data.base_domain)
    zone["records"].append({"name": snapshot.ordered[live].data.fqdn, "type": "A", "content": "203.0.113.99"})


def double_app(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.coolify["applications"].append({**app_of(snapshot, live), "uuid": "second"})


def double_deployment(snapshot: Snapshot, live: str, _: str) -> None:
    application, today = app_of(snapshot, live), datetime.now(UTC)
    late = {"call": "deploy", "kind": LATE, "at": (today - timedelta(days=1)).isoformat()}  # it explains another one
    snapshot.struck = {vendor: [late] for vendor in snapshot.struck}
    application["deployments"] += [{"uuid": f"again{n}", "status": "finished"} for n in range(2)]
    again = {"application_uuid": application["uuid"], "created_at": today.isoformat()}
    snapshot.coolify["deployments"].append(again)


def double_completion(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.tables["provisioning_log"].append(a_row(snapshot, live))


def double_event(snapshot: Snapshot, live: str, _: str) -> None:
    row = next(r for r in snapshot.of("provisioning_log", live) if r["emitted"] and r["status"] == "completed")
    row["emitted"] = row["emitted"] + b"\n" + row["emitted"]


def double_delay(snapshot: Snapshot, live: str, _: str) -> None:
    event = {"type": DELAYED, "subject": live, "data": {"due_at": "2026-01-01T00:00:00Z"}}
    told = [json.dumps({**event, "id": f"late{n}"}).encode() for n in range(2)]
    rows = [a_row(snapshot, live) | {"status": "waiting", "emitted": each} for each in told]
    snapshot.tables["provisioning_log"] += rows


def double_mail(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.interruptions, snapshot.struck = [], {vendor: [] for vendor in snapshot.struck}
    ids = {f"<{row['message_id']}>" for row in snapshot.tables["mails"] if str(row["project_id"]) == live}
    snapshot.inbox.append(next(mail for mail in snapshot.inbox if mail["message_id"] in ids))


def told_twice(snapshot: Snapshot, live: str, _: str) -> None:
    row = next(row for row in snapshot.tables["mails"] if str(row["project_id"]) == live and row["sent_at"])
    event = next(e for e in snapshot.heard.values() if e.project_id == live and e.type == "vrs.core.healthy.v1")
    row["event_id"] = event.id
    mail = next(mail for mail in snapshot.inbox if mail["message_id"] == f"<{row['message_id']}>")
    snapshot.tables["mails"].append({**row, "message_id": "second@vrs.example"})
    snapshot.inbox.append({**mail, "message_id": "<second@vrs.example>"})


def left_record(snapshot: Snapshot, _: str, cancelled: str) -> None:
    zone = next(zone for zone in snapshot.zones if zone["domain"] == "vrs.example")
    zone["records"].append({"name": snapshot.ordered[cancelled].data.fqdn, "type": "A", "content": "203.0.113.10"})


def left_app(snapshot: Snapshot, live: str, cancelled: str) -> None:
    snapshot.coolify["applications"].append({**app_of(snapshot, live), "name": f"vrs-{cancelled}"})


def left_environment(snapshot: Snapshot, _: str, cancelled: str) -> None:
    snapshot.coolify["projects"][0]["environments"].append({"name": f"project-{cancelled}"})


def left_place(snapshot: Snapshot, _: str, cancelled: str) -> None:
    snapshot.tables["placements"].append({"project_id": cancelled, "server_id": 1})


def left_count(snapshot: Snapshot, _live: str, _: str) -> None:
    snapshot.tables["servers"][0]["used"] += 1


def not_at_its_end(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.of("projects", live)[0]["provisioning_state"] = "dns_configured"


def waits_for_ever(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.tables["open_steps"].append(
        {"project_id": live, "consumer": "deploy.dns-configured", "state": "parked", "reason": "waits"}
    )


def unsaid(snapshot: Snapshot, _live: str, _: str) -> None:
    snapshot.tables["outbox"].append({"owner": "dns", "routing_key": "dns.configured.v1", "attempts": 9})


def left_in_a_queue(snapshot: Snapshot, _live: str, _: str) -> None:
    snapshot.queues["deploy.dns-configured"] = 1


def unexplained_death(snapshot: Snapshot, live: str, _: str) -> None:
    row = a_row(snapshot, live) | {"status": "dead", "detail": {"code": "unexpected", "dead_letter_id": "x"}}
    snapshot.tables["provisioning_log"].append(row)
    snapshot.letters["x"] = type("Known", (), {"id": "x"})()


def wrong_cause(snapshot: Snapshot, live: str, _: str) -> None:
    row = next(
        r for r in snapshot.of("provisioning_log", live) if r["consumer"] == "deploy.dns-configured" and r["emitted"]
    )
    event = json.loads(row["emitted"])
    row["emitted"] = json.dumps({**event, "causationid": event["id"]}).encode()


def missing_step(snapshot: Snapshot, live: str, _: str) -> None:
    log = snapshot.tables["provisioning_log"]
    gone = next(
        r
        for r in snapshot.of("provisioning_log", live)
        if r["consumer"] == "bootstrap.app-deployed" and r["status"] == "completed"
    )
    log.remove(gone)


def other_bytes(snapshot: Snapshot, live: str, _: str) -> None:
    event = next(e for e in snapshot.heard.values() if e.project_id == live and e.type == "vrs.dns.configured.v1")
    snapshot.heard[event.id] = dataclasses.replace(event, body=event.body + b" ")


def said_by_nobody(snapshot: Snapshot, live: str, _: str) -> None:
    event = next(iter(snapshot.heard.values()))
    snapshot.heard["strange"] = dataclasses.replace(event, id="strange", project_id=live, type="vrs.app.removed.v1")


def half_undone(snapshot: Snapshot, _: str, cancelled: str) -> None:
    snapshot.of("cancellations", cancelled)[0]["undone"] = ["dns"]


def other_token(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.of("deployments", live)[0]["token_hash"] = b"another"


def bought_twice(snapshot: Snapshot, live: str, _: str) -> None:
    snapshot.charges += [{"account": "demo", "domain": snapshot.ordered[live].data.fqdn, "euros": 4.65}] * 2


def never_bought(snapshot: Snapshot, live: str, _: str) -> None:
    del live  # whichever live projects have had their domains registered
    snapshot.charges.clear()


def never_converged(snapshot: Snapshot, live: str, _: str) -> None:
    del live  # whichever has changed its plugins
    cancelled = {project for project, _ in snapshot.cancelled}
    found = (event for event in snapshot.heard.values() if event.type == CONVERGED)
    event = next(event for event in found if event.project_id not in cancelled)
    snapshot.heard[event.id] = dataclasses.replace(event, cause="another")


def converged_twice(snapshot: Snapshot, live: str, _: str) -> None:
    del live  # whichever has changed its plugins
    event = next(event for event in snapshot.heard.values() if event.type == CONVERGED)
    snapshot.heard["again"] = dataclasses.replace(event, id="again")


def lost_licence(snapshot: Snapshot, live: str, _: str) -> None:
    del live  # whichever has one
    next(row for row in snapshot.tables["licenses"] if row["state"] == "active")["state"] = "ended"


def kept_licence(snapshot: Snapshot, _: str, cancelled: str) -> None:
    snapshot.tables["licenses"].append({"project_id": cancelled, "plugin": "shop", "state": "active"})


def kept_token(snapshot: Snapshot, _: str, cancelled: str) -> None:
    snapshot.tables["core_tokens"].append({"project_id": cancelled})


def lost_sender(snapshot: Snapshot, live: str, _: str) -> None:
    del live  # whichever live projects send mail
    snapshot.senders.clear()


def kept_sender(snapshot: Snapshot, _live: str, _: str) -> None:
    row = {"domain_name": "nobody.example", "authenticated": True, "verified": True}
    snapshot.senders.append(row)


def double_mail_record(snapshot: Snapshot, live: str, _: str) -> None:
    del live  # whichever sends mail
    zone = next(zone for zone in snapshot.zones for row in zone["records"] if row["type"] == "TXT")
    zone["records"].append(next(row for row in zone["records"] if row["type"] == "TXT"))


PLANTS: dict[Plant, Wrong] = {
    **dict.fromkeys((lost_record, lost_app, lost_project, lost_mail, never_told), Wrong.LOST),
    **dict.fromkeys((lost_domain, never_connected, lost_sender), Wrong.LOST),
    other_primary: Wrong.STORY,
    **dict.fromkeys((lost_event, lost_mark, lost_letter, never_bought, never_converged, lost_licence), Wrong.LOST),
    **dict.fromkeys((double_record, double_app, double_deployment, double_completion), Wrong.DOUBLED),
    **dict.fromkeys((double_event, double_delay, double_mail, told_twice, bought_twice), Wrong.DOUBLED),
    **dict.fromkeys((converged_twice, double_mail_record), Wrong.DOUBLED),
    **dict.fromkeys((left_record, left_app, left_environment, left_place, left_count), Wrong.LEFT_BEHIND),
    **dict.fromkeys((kept_licence, kept_token, kept_sender), Wrong.LEFT_BEHIND),
    **dict.fromkeys((not_at_its_end, waits_for_ever, unsaid, left_in_a_queue), Wrong.STUCK),
    unexplained_death: Wrong.DEAD_LETTER,
    **dict.fromkeys((wrong_cause, missing_step, other_bytes, said_by_nobody, half_undone, other_token), Wrong.STORY),
}
