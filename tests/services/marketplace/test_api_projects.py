"""Projects over HTTP: followed, cancelled, retried; names and previews."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import event

from contracts import ProjectCancelled, decode
from shared.messaging.cancellation import mark_undone
from shared.models import Scope
from tests.dead_letters.conftest import Desk, desk  # noqa: F401 - a fixture
from tests.services.marketplace.api import BASE, Api, running_api
from tests.services.marketplace.test_api_changes import NO_MORE_LINES
from tests.shared.messaging.harness import until


async def test_a_list_and_a_project_cost_the_same_number_of_queries_however_many_there_are(api: Api) -> None:
    async def queries(path: str) -> int:
        said: list[str] = []
        event.listen(
            api.database.engine.sync_engine,
            "before_cursor_execute",
            count := lambda *arguments: said.append(arguments[2]),
        )
        assert (await api.call("GET", path)).status_code == 200
        event.remove(api.database.engine.sync_engine, "before_cursor_execute", count)
        return len(said)

    project_id = await api.ordered()
    await queries("/projects")  # notes that the key is used
    one = await queries("/projects?q=vrs"), await queries(f"/projects/{project_id}")
    for _ in range(4):
        await api.ordered()
    assert (await queries("/projects?q=vrs"), await queries(f"/projects/{project_id}")) == one
    assert max(one) <= 3


async def test_the_story_is_told_in_pages(api: Api) -> None:
    project_id = await api.ordered()
    for number in range(5):
        await api.log(project_id, f"entry {number}")
    told, after = [], 0
    while True:
        page = (await api.call("GET", f"/projects/{project_id}/log?limit=2&after={after}")).json()
        told.append([entry["message"] for entry in page["entries"]])
        if page["next"] is None:
            break
        after = page["next"]
    assert told == [["entry 0", "entry 1"], ["entry 2", "entry 3"], ["entry 4"]]


async def heard(lines: AsyncIterator[str], count: int) -> list[tuple[str, str]]:
    """The next events of a stream: (event, data)."""
    found: list[tuple[str, str]] = []
    kind = ""
    async with asyncio.timeout(30):
        while len(found) < count:
            name, _, value = (await anext(lines)).partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                found.append((kind, json.loads(value)["message"] if kind == "log" else value))
    return found


async def test_what_happens_is_told_as_it_happens_and_nothing_twice_after_a_reconnect(api: Api) -> None:
    project_id = await api.ordered()
    other = await api.ordered()
    await api.log(project_id, "before")
    headers = {"Authorization": f"Bearer {api.keys[Scope.PROJECTS_READ]}"}
    path = f"/api/v1/projects/{project_id}/events"
    async with api.http.stream("GET", path, headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        assert sorted(await heard(lines, 2)) == [("log", "before"), ("state", "ordered")]
        await api.log(other, "somebody else's")
        await api.log(project_id, "now")
        await api.sql("UPDATE projects SET provisioning_state = 'live' WHERE vrs_id = :id", id=project_id)
        assert sorted(await heard(lines, 2)) == [("log", "now"), ("state", "live")]
    [[last]] = await api.sql("SELECT max(id) FROM provisioning_log WHERE project_id = :id", id=project_id)
    await api.log(project_id, "while away")
    async with api.http.stream("GET", path, headers=headers | {"Last-Event-ID": str(last)}) as stream:
        assert sorted(await heard(stream.aiter_lines(), 2)) == [("log", "while away"), ("state", "live")]
    feed = api.app.state.feed
    await until(lambda: not feed._followers and feed._looking.done())


async def test_a_cancellation_is_marked_said_and_shown_until_it_is_done(api: Api) -> None:
    project_id = await api.ordered()
    path = f"/projects/{project_id}/cancellation"
    assert (await api.call("GET", path)).status_code == 404
    answer = await api.call("POST", path, Scope.PROJECTS_WRITE, json={"reason": "ordered twice", "keep_volumes": False})
    assert answer.status_code == 202
    told = answer.json()
    assert (told["reason"], told["done"]) == ("ordered twice", False)
    assert {part["service"]: part["state"] for part in told["parts"]} == dict.fromkeys(
        ("bootstrap", "deploy", "dns"), "asked"
    )
    [[body]] = await api.sql("SELECT body FROM outbox WHERE routing_key = 'project.cancelled.v1'")
    said = decode(bytes(body), ProjectCancelled)
    [[story]] = await api.sql("SELECT correlation_id FROM project_orders")
    assert (said.subject, said.data.keep_volumes, said.correlation_id) == (project_id, False, story)
    assert said.data.requested_by == told["requested_by"]
    assert (await api.call("GET", f"/projects/{project_id}")).json()["state"] == "cancelling"
    async with api.database.engine.begin() as connection:
        for service in ProjectCancelled.undone_by:
            await mark_undone(connection, service, [project_id])
    assert (await api.call("GET", path)).json()["done"] is True
    again = await api.call("POST", path, json={"reason": "once more"})
    assert (again.status_code, again.json()["reason"]) == (202, "ordered twice")
    assert len(await api.sql("SELECT 1 FROM outbox WHERE routing_key = 'project.cancelled.v1'")) == 1


async def test_a_failed_step_is_retried_and_goes_on(desk: Desk) -> None:  # noqa: F811 - the fixture
    [dead, other] = await desk.bury(2)
    async with running_api(desk.database, desk.amqp_url) as api:
        path = f"/projects/{dead.subject}/retry"
        failed = (await api.call("GET", f"/projects/{dead.subject}")).json()
        assert (failed["state"], [step["state"] for step in failed["waiting"]]) == ("failed", ["dead"])
        for statement in NO_MORE_LINES.split(";\n"):
            await desk.sql(statement)
        refused = await api.call("POST", path, json={"reason": "cannot be written down"})
        assert (refused.status_code, len(await desk.dead())) == (503, 2)
        await desk.sql("DROP TRIGGER no_more_lines ON staff_actions")
        async with desk.harness.running():
            answer = await api.call("POST", path, Scope.PROJECTS_WRITE, json={"reason": "the zone is there"})
            assert answer.status_code == 202, answer.text
            assert [step["event_id"] for step in answer.json()["retried"]] == [str(dead.id)]
            await until(lambda: desk.sql("SELECT 1 FROM provisioning_log WHERE status = 'completed'"), within=30)
        assert [letter.event_id for letter in await desk.dead()] == [other.id]
        nothing = await api.call("POST", path, json={"reason": "again"})
        assert (nothing.status_code, "no step of project" in nothing.text) == (409, True)
        done = await desk.sql("SELECT by, reason FROM desk_actions")
        [[kind, by, reason, detail]] = await desk.sql("SELECT kind::text, by, reason, detail FROM staff_actions")
        assert (kind, by[-6:], reason, done) == ("retried", " (API)", "the zone is there", [(by, reason)])
        assert detail == {"steps": [failed["waiting"][0]["consumer"]]}


async def test_a_retry_without_a_broker_says_when_to_try_again(api: Api) -> None:
    project_id = await api.ordered()
    await api.sql(
        "INSERT INTO open_steps (consumer, event_id, project_id, body, state, attempt, token, due_at)"
        " VALUES ('dns.project-ordered', gen_random_uuid(), :id, '', 'dead', 3, 1, now())",
        id=project_id,
    )
    answer = await api.call("POST", f"/projects/{project_id}/retry", json={"reason": "x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.parametrize(
    ("query", "host", "problem", "suggestion"),
    [
        (f"slug?name=frei&base_domain={BASE}", "frei.vrs.example", None, None),
        (f"slug?name=Bäckerei&base_domain={BASE}", "baeckerei.vrs.example", "host_taken", "baeckerei-2"),
        (f"slug?name=www&base_domain={BASE}", "projekt-www.vrs.example", None, None),
        ("slug?name=a&base_domain=other.example", "a.other.example", "base_domain_unknown", None),
        ("domain?domain=Müller.example", "xn--mller-kva.example", None, None),
        ("domain?domain=a.vrs.example", "a.vrs.example", "own_domain_under_base_domain", None),
        ("domain?domain=taken.example", "taken.example", "host_taken", None),
    ],
)
async def test_a_name_is_checked_before_it_is_ordered(
    api: Api, query: str, host: str, problem: str | None, suggestion: str | None
) -> None:
    await api.ordered(slug="baeckerei")
    await api.ordered(base_domain=None, own_domain="taken.example")
    told = (await api.call("GET", f"/availability/{query}", Scope.PROJECTS_READ)).json()
    assert (told["host"], told["available"], told["problem"]) == (host, problem is None, problem)
    assert told["suggestion"] == suggestion
    wrong = await api.call("GET", "/availability/domain?domain=a..b")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "domain")


async def look(api: Api, link: str) -> httpx.Response:
    return await api.http.get(link, follow_redirects=False)


async def test_a_preview_link_works_as_often_and_as_long_as_it_was_meant_to(api: Api) -> None:
    project_id = await api.ordered(slug="vorschau")
    path = f"/projects/{project_id}/previews"
    made = (await api.call("POST", path, Scope.PREVIEWS, json={"hours": 1, "uses": 2})).json()
    endless = (await api.call("POST", path, Scope.PREVIEWS, json={})).json()
    for _ in range(2):
        seen = await look(api, made["link"])
        assert (seen.status_code, seen.headers["location"]) == (303, "https://vorschau.vrs.example/")
    assert (await look(api, made["link"])).status_code == 404
    listed = (await api.call("GET", path, Scope.PREVIEWS)).json()["previews"]
    assert [(each["id"], each["uses"], each["uses_left"]) for each in listed] == [
        (endless["id"], 0, None),
        (made["id"], 2, 0),
    ]
    assert "link" not in listed[0]
    assert datetime.fromisoformat(listed[0]["expires_at"]) > datetime.fromisoformat(listed[0]["created_at"])
    assert (await look(api, endless["link"])).status_code == 303
    assert (await api.call("DELETE", f"/projects/{uuid4()}/previews/{endless['id']}")).status_code == 404
    assert (await api.call("DELETE", f"{path}/{endless['id']}", Scope.PREVIEWS)).status_code == 204
    assert (await look(api, endless["link"])).status_code == 404
    over = (await api.call("POST", path, json={})).json()
    await api.sql("UPDATE preview_accesses SET expires_at = created_at + interval '1 microsecond'")
    assert (await look(api, over["link"])).status_code == 404
    token = over["link"].rpartition("/")[2]
    kept: list[Any] = await api.sql("SELECT CAST(p AS text) FROM preview_accesses p")
    assert not any(token in row for (row,) in kept)


async def test_a_project_that_is_not_there_is_a_problem_everywhere(api: Api) -> None:
    nobody = UUID(int=7)
    for path in ("", "/log", "/events", "/cancellation", "/previews"):
        answer = await api.call("GET", f"/projects/{nobody}{path}")
        assert (answer.status_code, answer.json()["detail"]) == (404, f"there is no project {nobody}")
