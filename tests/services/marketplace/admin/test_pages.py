"""Every page as every role, in both languages, with its headers, and how often it asks the database."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import event

from services.marketplace.admin.needs import MOST
from shared.database import Database
from shared.models import StaffRole
from tests.services.marketplace.admin.browser import Desk
from tests.services.marketplace.admin.made import Batch, fill, project
from tests.services.marketplace.admin.test_holds import hold

OPEN = {("GET", "/login"), ("POST", "/login")}
OPERATORS = {
    ("GET", "/changes"),
    ("POST", "/servers"),
    ("POST", "/servers/{name}/state"),
    ("POST", "/servers/{name}/remove"),
    ("POST", "/problems/{group}/replay"),
    ("GET", "/letters/{consumer}/{event_id:uuid}"),
    ("POST", "/letters/{consumer}/{event_id:uuid}/preview"),
    ("POST", "/letters/{consumer}/{event_id:uuid}/send"),
    ("POST", "/letters/{consumer}/{event_id:uuid}/note"),
}
ADMINS = {
    ("POST", "/domains"),
    ("POST", "/domains/remove"),
    ("POST", "/offer/prices"),
    ("POST", "/offer/bundles"),
    ("POST", "/offer/types"),
}
ENGLISH = ("What needs me", "Projects", "New order", "Servers", "Base domains", "Prices and products", "Overview")


async def paths(desk: Desk) -> dict[str, str]:
    """Every page that is read, by its route."""
    made = await fill(desk.database)
    browser = await desk.signed_in(StaffRole.ADMIN)
    await hold(desk.database, made["baeckerei-sommer"], "sommer.example", "refused")
    await browser.get("/")
    group = re.findall(r"/problems/([0-9a-f]+)", browser.page)[0]
    filled = {"{project_id:uuid}": str(made["baeckerei-sommer"]), "{group}": group, "{name}": "srv-1"}
    filled["{consumer}/{event_id:uuid}"] = await letter_of(desk)

    def fill_in(path: str) -> str:
        for name, value in filled.items():
            path = path.replace(name, value)
        return path

    return {path: fill_in(path) for _method, path in desk.routes()}


async def letter_of(desk: Desk) -> str:
    """The path of a dead step."""
    [(consumer, event_id), *_] = await desk.sql("SELECT consumer, event_id FROM open_steps WHERE state = 'dead'")
    return f"{consumer}/{event_id}"


async def test_no_page_answers_without_sign_in_nor_to_a_role_that_may_not(desk: Desk) -> None:
    filled = await paths(desk)
    nobody = desk.browser()
    everybody = {role: await desk.signed_in(role) for role in StaffRole}
    walked = set()
    for method, path in desk.routes():
        if (method, path) in OPEN:
            continue
        needed = StaffRole.CASE_WORKER
        needed = StaffRole.OPERATOR if (method, path) in OPERATORS else needed
        needed = StaffRole.ADMIN if (method, path) in ADMINS else needed
        where = filled[path]
        if method == "GET":
            answer = await nobody.get(where)
        else:
            answer = await nobody.send(where, on="/login")
        assert (answer.status_code, "/admin/login" in answer.headers["location"]) == (303, True), path
        for role, browser in everybody.items():
            if path == "/logout" or (method == "POST" and role.includes(needed)):
                continue  # what those do who may is for the journeys
            answer = await (browser.get(where) if method == "GET" else browser.send(where))
            assert answer.status_code == (200 if role.includes(needed) else 403), (role, method, path)
            walked.add((method, path, role))
    assert len(walked) > 40
    assert set(desk.routes()) >= OPERATORS | ADMINS


async def test_live_news_need_a_sign_in(desk: Desk) -> None:
    made = await fill(desk.database)
    answer = await desk.browser().get(f"/projects/{made['goldberg']}/live")
    assert answer.status_code == 401


async def test_every_page_speaks_german_and_allows_no_foreign_and_no_inline_script(desk: Desk) -> None:
    filled = await paths(desk)
    browser = await desk.signed_in(StaffRole.ADMIN, "de")
    for method, path in desk.routes():
        if method != "GET":
            continue
        answer = await browser.get(filled[path])
        if path == "/login":
            continue
        assert answer.status_code == 200, path
        assert '<html lang="de"' in browser.page
        words = re.sub(r"<[^>]+>", " ", browser.page)
        assert not [english for english in ENGLISH if english in words], path
        assert answer.headers["cache-control"] == "no-store"
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert not re.search(
            r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|https?://(?!desk\.example)[^\"]*\.(js|css)",
            browser.page,
        ), path


async def test_what_is_shown_is_escaped(desk: Desk) -> None:
    made = await fill(desk.database)
    browser = await desk.signed_in()
    where = f"/projects/{made['goldberg']}"
    await browser.follow(f"{where}/note", {"text": "<script>alert(1)</script>"})
    assert "<script>alert" not in browser.page
    assert "&lt;script&gt;alert" in browser.page
    await browser.get("/projects?q=%22%3E%3Cscript%3E")
    assert "<script>" not in browser.page


@contextmanager
def counted(database: Database) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


async def test_a_page_asks_the_database_as_often_for_many_projects_as_for_few(desk: Desk) -> None:
    made = await fill(desk.database)
    project = f"/projects/{made['baeckerei-sommer']}"
    few = await desk.signed_in(StaffRole.OPERATOR)
    letter = f"/letters/{await letter_of(desk)}"
    pages = ("/", "/projects", project, letter, "/servers", "/offer", "/order", "/domains", "/changes")
    for path in pages:
        await few.get(path)  # what is kept for a minute is read
    first = {}
    for path in pages:
        with counted(desk.database) as seen:
            assert (await few.get(path)).status_code == 200
        first[path] = len(seen)
    for _ in range(3):
        await fill_more(desk, made["baeckerei-sommer"])
    for path in pages:
        with counted(desk.database) as seen:
            assert (await few.get(path)).status_code == 200
        assert len(seen) == first[path], (path, seen)
        assert len(seen) < 20


async def fill_more(desk: Desk, project_id: Any) -> None:
    """More of everything that a page shows."""
    await desk.sql("UPDATE projects SET slug = slug || '-', vrs_id = vrs_id")
    await desk.sql(
        "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
        " started_at, duration_ms) SELECT project_id, service, consumer, step, 'waiting', 2, gen_random_uuid(),"
        " message, detail, started_at, duration_ms FROM provisioning_log WHERE project_id = :id",
        id=project_id,
    )
    await desk.sql(
        "INSERT INTO project_notes (project_id, by, text) SELECT :id, 'anna', 'x' FROM generate_series(1, 5)",
        id=project_id,
    )
    await desk.sql("INSERT INTO base_domains (name) VALUES (substr(md5(random()::text), 1, 8) || '.example')")


async def test_the_overview_lists_what_ends_soon_and_nobody_sees_to(desk: Desk) -> None:
    made = await fill(desk.database)
    await desk.sql(
        "INSERT INTO expiries (project_id, kind, name, look_at, ends_at, renews_itself, told_days) VALUES"
        " (:id, 'domain', 'xn--mller-kva.example', now(), now() + interval '3 days 1 hour', false, 7),"
        " (:id, 'certificate', 'in-order.example', now(), now() + interval '20 days', NULL, NULL)",
        id=made["cafe-linde"],
    )
    browser = await desk.signed_in(language="de")
    await browser.get("/overview")
    assert ("Was bald endet" in browser.page, "müller.example" in browser.page) == (True, True)
    assert ("in 3 Tagen" in browser.page, "in-order.example" in browser.page) == (True, False)


async def test_the_first_page_shows_the_newest_failures_and_leads_to_all_of_them(desk: Desk) -> None:
    batch = Batch()
    for number in range(MOST + 1):
        project(batch, f"p-{number}", "failed", 1, age=timedelta(minutes=5))
    await batch.send(desk.database)
    browser = await desk.signed_in(language="de")
    await browser.get("/")
    assert (f"{MOST}+" in browser.page, 'href="/admin/projects?show=failed"' in browser.page) == (True, True)
    assert len(re.findall(r'class="strong"', browser.page)) == MOST
