"""The demo's outcome as one JSON object."""

import json
from collections.abc import Sequence
from typing import Any

from ops.demo.watch import Watch, Watched
from ops.story import emitted_of, log_as_json


def report(watch: Watch, mails: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Everything about every order; `mails` are the SMTP sink's. For ``json.dumps(…, default=plain)``."""
    return {
        "orders": [_order(watched, mails) for watched in watch.orders.values()],
        "seconds": round(watch.seconds, 3),
    }


def _order(watched: Watched, mails: Sequence[dict[str, Any]]) -> dict[str, Any]:
    order = watched.order
    sent = {f"<{message_id}>" for row in watched.rows for message_id in row.detail.get("message_ids", ())}
    return {
        "project_id": str(order.subject),
        "slug": order.data.slug,
        "fqdn": order.data.fqdn,
        "status": watched.status.value,
        "seconds": None if watched.seconds is None else round(watched.seconds, 3),
        "events": in_causal_order([order.encode(), *(event for row in watched.rows for event in emitted_of(row))]),
        "log": [log_as_json(row) for row in watched.rows],
        "mails": [
            {"to": address, "subject": mail["subject"]}
            for mail in mails
            if mail["message_id"] in sent
            for address in mail["to"]
        ],
    }


def in_causal_order(bodies: Sequence[bytes]) -> list[dict[str, Any]]:
    """Decode events and sort them: each after its cause, the earlier first. One whose cause is missing comes last."""
    events = sorted(map(json.loads, bodies), key=lambda event: (event["time"], event["id"]))
    effects: dict[str | None, list[dict[str, Any]]] = {}
    for event in events:
        effects.setdefault(event.get("causationid"), []).append(event)
    ordered: list[dict[str, Any]] = []
    causes: list[str | None] = [None]
    for cause in causes:
        caused = effects.pop(cause, [])
        ordered += caused
        causes += [event["id"] for event in caused]
    return ordered + [event for left in effects.values() for event in left]
