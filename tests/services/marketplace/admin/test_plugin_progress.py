"""How far each plugin is, on the project's page, while vrs-core boots."""

import json
from typing import Any
from uuid import UUID

import httpx

from simulators.serving import running_app
from tests.services.marketplace.admin.browser import Desk
from tests.services.marketplace.admin.made import fill

HALF = {"name": "contact-form", "wanted": "2.0.4", "state": "downloading", "received": 4500, "size": 10_000}
RUNS = {"name": "catalogue", "wanted": "3.2.1", "installed": "3.2.1", "state": "installed"}
REFUSED = {"name": "shop", "wanted": "1.0.0", "state": "refused", "error": "shop 1.0.0 was yanked: loses <orders>"}


async def reported(desk: Desk, project: UUID, *plugins: dict[str, Any]) -> None:
    """What bootstrap logs of a look at vrs-core."""
    await desk.sql(
        "INSERT INTO provisioning_log (project_id, service, consumer, step, status, attempt, event_id, message, detail,"
        " started_at, duration_ms) VALUES (:id, 'bootstrap', 'bootstrap.app-deployed', 'app-deployed', 'waiting', 1,"
        " gen_random_uuid(), 'vrs-core is booting', CAST(:detail AS jsonb), now(), 40)",
        id=project,
        detail=json.dumps({"health": {"state": "booting", "version": "1.0.0", "plugins": plugins}}),
    )


async def test_each_plugin_is_shown_with_how_far_it_is_and_what_is_wrong_with_it(desk: Desk) -> None:
    project = (await fill(desk.database))["cafe-linde"]
    browser = await desk.signed_in()
    await browser.get(f"/projects/{project}")
    assert "is being downloaded" not in browser.page
    await reported(desk, project, {**HALF, "received": 100}, RUNS)
    await reported(desk, project, HALF, RUNS, REFUSED, {"name": "new", "state": "dreaming"})
    await browser.get(f"/projects/{project}")
    assert "is being downloaded, 45 %" in browser.page
    assert '<b>catalogue</b> 3.2.1<br><small class="muted">runs</small>' in browser.page
    assert "was yanked: loses &lt;orders&gt;" in browser.page
    assert "is not ready yet" in browser.page


async def test_an_open_page_is_told_when_the_plugins_have_got_on(desk: Desk) -> None:
    project = (await fill(desk.database))["cafe-linde"]
    browser = await desk.signed_in()
    told: list[bool] = []
    async with running_app(desk.app) as port, httpx.AsyncClient(cookies=browser.http.cookies, timeout=60) as http:
        url = f"http://127.0.0.1:{port}/admin/projects/{project}/live"
        async with http.stream("GET", url) as news:
            await reported(desk, project, HALF)
            async for line in news.aiter_lines():
                if line.startswith("data: {"):
                    told.append(json.loads(line.removeprefix("data: "))["plugins"])
                    if told[-1]:
                        break
    assert told == [False, False, True]  # the domain, the app, and now the plugins
