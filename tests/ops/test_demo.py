"""The demo as a person starts it: the whole choreography, and its end whatever happens."""

import asyncio
import json
import os
import re
import signal
import sys
from typing import Any

import pytest

from contracts import EVENTS, decode
from ops.demo.copies import example_orders
from ops.demo.report import in_causal_order
from ops.failure import CommandError
from ops.places import ELSEWHERE, ORDERS
from tests.ops.conftest import Marked, Vrs, environment
from tests.ops.test_stack import gone

QUICK = ("--deploy-seconds", "0.2", "--boot-seconds", "0.2", "--latency", "0")
STORY = ["vrs.project.ordered.v1", "vrs.dns.configured.v1", "vrs.app.deployed.v1", "vrs.core.healthy.v1"]

WAY = ["dns.project-ordered", "deploy.dns-configured", "bootstrap.app-deployed", "notify.core-healthy"]
REGISTRATION = {"vrs.registration.requested.v1", "vrs.domain.registered.v1"}


async def test_every_order_goes_live_and_the_json_tells_all_about_it(program: Vrs, marked: Marked) -> None:
    ended = await program("demo", "--orders", "5", "--json", *QUICK, VRS_DATABASE_URL=None, **marked.variables)
    assert ended.code == 0, ended.err
    told = json.loads(ended.out)
    assert [order["status"] for order in told["orders"]] == ["live"] * 5
    assert len({order["slug"] for order in told["orders"]}) == 5
    assert len({order["fqdn"] for order in told["orders"]}) == 5
    for order in told["orders"]:
        registers = bool(order["events"][0]["data"].get("registration"))
        said = [event["type"] for event in order["events"]]
        assert [each for each in said if each not in REGISTRATION] == STORY
        assert set(said) - set(STORY) == (REGISTRATION if registers else set())
        for event in order["events"]:
            assert str(decode(json.dumps(event).encode(), EVENTS[event["type"]]).subject) == order["project_id"]
        done = [row["consumer"] for row in order["log"] if row["status"] == "completed"]
        beside = {"notify.project-ordered", *(["notify.domain-registered"] if registers else [])}
        assert beside <= set(done)
        done = [consumer for consumer in done if consumer not in beside]
        assert done[:registers] == ["dns.registration-requested"][:registers]
        assert done[registers:] == [
            "dns.project-ordered",
            "deploy.dns-configured",
            "bootstrap.app-deployed",
            "notify.core-healthy",
        ]
        customer = order["events"][0]["data"]["customer"]["email"]
        assert [mail["to"] for mail in order["mails"]] == [customer] * (2 + registers)
        assert 0 < order["seconds"] <= told["seconds"]
    await gone(marked)


async def test_without_a_terminal_each_change_is_a_line_and_the_end_a_timeline(program: Vrs, amqp_url: str) -> None:
    ended = await program("demo", *QUICK, VRS_AMQP_URL=amqp_url)
    assert ended.code == 0, ended.err
    for order in example_orders(ORDERS, None):
        changes = [line for line in ended.out.splitlines() if f"  {order.data.slug}  " in line]
        assert any("dns completed: " in line for line in changes)
        assert any("notify completed: " in line for line in changes)
        assert f"{order.data.slug}  https://{order.data.fqdn}  live after" in ended.out
    [elsewhere] = example_orders(ELSEWHERE, None)
    told = [
        f"To: {elsewhere.data.customer.email}",  # the mail that says which records to set
        f"Name: www.{elsewhere.data.fqdn}",
        f"{elsewhere.data.slug}  the customer sets these records",
        f"{elsewhere.data.slug}  https://{elsewhere.data.fqdn}  live after",
        "comes from another registrar",
        "is transferred to us for",
        "works and is the primary domain.",
        "mail is to be sent under",
        "Mail can be sent under",
    ]
    assert [each for each in told if each not in ended.out] == []
    assert [ended.out.index(each) for each in told] == sorted(ended.out.index(each) for each in told)
    assert "\x1b" not in ended.out


async def test_a_demo_that_is_late_fails_and_says_what_each_order_waits_for(
    program: Vrs, amqp_url: str, marked: Marked
) -> None:
    hopeless = ("--deadline", "5", "--deploy-seconds", "60")
    ended = await program("demo", *hopeless, VRS_AMQP_URL=amqp_url, **marked.variables)
    assert ended.code == 1
    for order in example_orders(ORDERS, None):
        step = r"(dns\.project-ordered|dns\.registration-requested|deploy\.dns-configured)"
        assert re.search(rf"{order.data.slug} is not live: {step} is parked: ", ended.out)
    await gone(marked)


@pytest.mark.parametrize("after", ["Starting the system", "dns completed"])
async def test_ctrl_c_ends_everything_that_was_started(marked: Marked, after: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ops", "demo", "--deploy-seconds", "60"),
        env=environment(**marked.variables) | {"PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    while after.encode() not in await process.stdout.readline():
        assert not process.stdout.at_eof()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the whole group
    await process.communicate()
    assert process.returncode == 128 + signal.SIGINT
    await gone(marked)


async def test_a_service_that_does_not_start_ends_the_demo_with_its_reason(
    program: Vrs, amqp_url: str, marked: Marked
) -> None:
    ended = await program("demo", VRS_AMQP_URL=amqp_url, VRS_CASE_WORKERS="nobody", **marked.variables)
    assert ended.code == 1
    assert "notify has ended; see " in ended.err
    assert "VRS_CASE_WORKERS" in ended.err
    assert "Traceback" not in ended.err
    await gone(marked)


def test_copies_have_slugs_and_own_domains_of_their_own() -> None:
    files = len(list(ORDERS.glob("*.json")))
    orders = example_orders(ORDERS, 3 * files + 1)
    assert len(orders) == 3 * files + 1
    for values in ({order.data.slug for order in orders}, {order.data.fqdn for order in orders}):
        assert len(values) == len(orders)
    assert len({order.subject for order in orders}) == len(orders)


def test_a_folder_without_orders_is_said(tmp_path: Any) -> None:
    with pytest.raises(CommandError, match="no orders"):
        example_orders(tmp_path, None)


def test_events_are_told_each_after_its_cause() -> None:
    def event(name: str, cause: str | None, time: str) -> bytes:
        return json.dumps({"id": name, "time": time} | ({"causationid": cause} if cause else {})).encode()

    bodies = [
        event("c", "b", "3"),
        event("late", "a", "9"),
        event("b", "a", "2"),
        event("a", None, "5"),
        event("x", "?", "1"),
    ]
    assert [told["id"] for told in in_causal_order(bodies)] == ["a", "b", "late", "c", "x"]
