"""The case workers' pages in Chromium, against the whole running system."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ops.orders import place
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import web
from services.notify.app import notify
from shared.database import Database
from shared.models import ProvisioningState, StaffRole
from shared.staff import create_user
from shared.status_links import StatusLinks
from simulators.serving import running_app
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.node import chromium, npm_ci
from tests.services.marketplace.admin.browser import PASSWORD, opened
from tests.services.marketplace.admin.test_pages import paths

HERE = Path(__file__).parent
FORMS = 4
"""What else is examined on the walk: forms with what was typed."""


@dataclass(frozen=True)
class Pages:
    """The admin UI as it is served; `folder` has what drives the browser."""

    url: str
    folder: Path
    name: str = "anna"

    async def go(self, journey: str, *paths: str) -> dict[str, Any]:
        """Make a journey; return what was seen on it. axe-core and the browser must have nothing to say."""
        process = await asyncio.create_subprocess_exec(
            *("node", "journeys.mjs", chromium(), self.url, self.name, PASSWORD, journey, *paths),
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        told = json.loads(out)
        assert (told["found"], told["complaints"]) == ([], []), json.dumps(told, indent=1)
        seen: dict[str, Any] = told["seen"]
        return seen


@asynccontextmanager
async def served(system: System, folder: Path) -> AsyncIterator[Pages]:
    """Serve the pages, and run every service, until the block ends."""
    driver = await asyncio.to_thread(npm_ci, HERE / "browser", folder / "browser")
    async with system.database.engine.begin() as connection:
        await create_user(connection, "anna", PASSWORD, StaffRole.ADMIN, by="tests")
    url = SecretStr(system.database.listen_url)
    settings = MarketplaceSettings(
        amqp_url=SecretStr(system.amqp_url), database_url=url, status_key=SecretStr("k" * 32)
    )
    async with (
        running_app(web(system.database, settings)) as port,
        system.running(dns, deploy, bootstrap, notify, marketplace),
    ):
        yield Pages(f"http://127.0.0.1:{port}", driver)


@pytest.mark.timeout(300)
async def test_an_order_is_placed_watched_and_cancelled_and_a_failed_one_tried_again_in_a_browser(
    system: System, inwx: Inwx, coolify: Deployments, cores: Cores, mailbox: Mailbox, tmp_path: Path
) -> None:
    await system.seed()
    async with served(system, tmp_path) as pages:
        seen = await pages.go("order")
        assert seen["preview"] == [303, 404]
        await inwx.break_("nameserver.createRecord", "refused", code=2201)
        stories = [Story(), Story()]
        await place(system.database, [story.ordered() for story in stories])
        for story in stories:
            await system.becomes(ProvisioningState.FAILED, story)
        await inwx.mend()
        seen = await pages.go("retry")
        for story in stories:
            assert await system.state(story) == ProvisioningState.LIVE
    assert ("INWX" in seen["said"], seen["other"]) == (True, True)


@pytest.mark.timeout(300)
async def test_axe_finds_nothing_on_any_page_in_either_look_and_none_is_wider_than_a_phone(
    database: Database, tmp_path: Path
) -> None:
    driver = await asyncio.to_thread(npm_ci, HERE / "browser", tmp_path / "browser")
    async with opened(database, status_key=SecretStr("k" * 32)) as desk:
        filled = await paths(desk)
        await desk.sql(
            "INSERT INTO servers (name, coolify_uuid, region, ipv4, capacity, state) VALUES ('srv-1', 'u1', 'fsn1',"
            " '203.0.113.9', 0, 'active'), ('srv-2', 'u2', 'fsn1', '203.0.113.8', 9, 'draining')"
        )
        ours = sorted(f"/admin{filled[path]}" for method, path in desk.routes() if method == "GET")
        links = StatusLinks((b"k" * 32,), "")
        projects = await desk.sql(
            "SELECT DISTINCT ON (provisioning_state) vrs_id FROM projects"
            " WHERE provisioning_state IN ('app_deployed', 'waiting_for_customer', 'live', 'failed', 'cancelled')"
        )
        [[live]] = await desk.sql("SELECT vrs_id FROM projects WHERE slug = 'hofladen-peters'")
        others = [*(links.link(project_id) for (project_id,) in projects), "/status/unknown", "/preview/unknown"]
        others.append(f"/admin/projects/{live}")
        async with running_app(desk.app) as port:
            pages = Pages(f"http://127.0.0.1:{port}", driver, StaffRole.ADMIN.value)
            seen = await pages.go("walk", *ours, *others, "/admin/nowhere")
    assert seen == {"examined": len(ours) + len(others) + 1 + FORMS, "wide": []}
