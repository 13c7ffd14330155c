"""Everything in the admin UI works with the least rights: as the marketplace's own role in PostgreSQL."""

import re
from typing import Any

from pydantic import SecretStr

from contracts import ServiceName
from ops.contracts.system import build_services
from ops.grants import apply
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import web
from shared.database import Database
from shared.models import StaffRole
from tests.choreography.roles import database_of
from tests.conftest import open_at
from tests.services.marketplace.admin.browser import PASSWORD, TRANSFER_KEY, opened
from tests.services.marketplace.admin.made import fill
from tests.services.marketplace.admin.test_holds import hold
from tests.services.marketplace.admin.test_moves import a_move
from tests.services.marketplace.admin.test_order_form import an_order
from tests.services.marketplace.admin.test_pages import letter_of


async def test_every_page_of_the_admin_ui_is_shown_with_the_least_rights(database: Database) -> None:
    await apply(database.engine, await build_services(), {})
    own = open_at(database_of(database.listen_url, ServiceName.MARKETPLACE))
    made = await fill(database)
    async with opened(database) as desk:
        desk.app = web(
            own,
            MarketplaceSettings(
                amqp_url=SecretStr("amqp://127.0.0.1:1/"),
                database_url=SecretStr("postgresql://x/x"),
                transfer_key=TRANSFER_KEY,
            ),
        )
        await hold(database, made["goldberg"], "goldberg.example", "refused")
        browser = await desk.signed_in(StaffRole.ADMIN)
        await browser.get("/")
        [group, *_] = re.findall(r"/problems/([0-9a-f]+)", browser.page)
        letter = await letter_of(desk)
        for method, path in desk.routes():
            where = path.replace("{project_id:uuid}", str(made["goldberg"])).replace("{group}", group)
            where = where.replace("{consumer}/{event_id:uuid}", letter)
            if method == "GET":
                assert (await browser.get(where)).status_code in (200, 303), path
        project = f"/projects/{made['goldberg']}"
        [(mail,)] = await desk.sql("SELECT message_id FROM mails WHERE project_id = :id", id=made["hofladen-peters"])
        changes: list[tuple[str, dict[str, Any]]] = [
            (f"{project}/note", {"text": "x"}),
            (f"{project}/take", {}),
            (f"{project}/previews", {}),
            (f"{project}/previews/end", {"preview": "1"}),
            (f"/projects/{made['hofladen-peters']}/mails", {"mail": mail}),
            (f"{project}/registration", {"max_sum": "90,00"}),
            (f"{project}/transfer", a_move()),
            (f"{project}/cancel", {"reason": "twice"}),
            (f"/problems/{group}/note", {"text": "x"}),
            (f"/letters/{letter}/note", {"text": "x"}),
            ("/projects/searches", {"query": "q=x", "name": "x"}),
            ("/servers", {"name": "s", "coolify_uuid": "u", "region": "r", "ipv4": "203.0.113.1", "capacity": "1"}),
            ("/servers/s/state", {"state": "draining"}),
            ("/servers/s/remove", {}),
            ("/domains", {"name": "new.example"}),
            ("/domains/remove", {"name": "new.example"}),
            ("/offer/prices", {"name": "p", "sum": "1"}),
            ("/offer/prices", {"name": "p"}),
            ("/offer/bundles", {"name": "b", "sum": "1", "plugins": "p 1.0.0"}),
            ("/offer/bundles", {"name": "b"}),
            ("/offer/types", {"name": "t", "image": "i", "tag": "1", "port": "80"}),
            ("/order", an_order()),
            ("/me/password", {"old": PASSWORD, "new": "another one entirely"}),
        ]
        for where, form in changes:
            assert (await browser.send(where, form)).status_code == 303, where
    await own.engine.dispose()
    kinds = await desk.sql("SELECT kind::text FROM staff_actions")
    assert len(kinds) == len(changes) - 1  # a saved search is nobody's business
