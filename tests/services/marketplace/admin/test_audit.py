"""The log of changes: a change and its line are one commit; refusals speak the reader's language."""

from typing import Any

from shared.models import StaffRole
from tests.services.marketplace.admin.browser import PASSWORD, Desk
from tests.services.marketplace.admin.made import fill
from tests.services.marketplace.admin.test_holds import hold
from tests.services.marketplace.admin.test_moves import a_move
from tests.services.marketplace.admin.test_order_form import an_order
from tests.services.marketplace.test_api_changes import NO_MORE_LINES

SERVER = {"name": "srv-1", "coolify_uuid": "u1", "region": "fsn1", "ipv4": "203.0.113.9", "capacity": "40"}
TABLES = (
    *("servers", "base_domains", "preview_accesses", "plugin_prices", "bundles", "project_types", "projects"),
    *("cancellations", "project_notes", "project_owners", "dead_letter_notes", "staff_sessions", "outbox"),
    *("domain_registrations", "domain_transfers"),
)


async def everything(desk: Desk) -> list[Any]:
    """Every row that people can change."""
    return [sorted(map(str, await desk.sql(f"SELECT * FROM {table}"))) for table in TABLES]


async def test_what_cannot_be_written_down_is_not_done(desk: Desk) -> None:
    made = await fill(desk.database)
    browser = await desk.signed_in(StaffRole.ADMIN)
    await browser.follow("/servers", SERVER)
    await browser.follow("/domains", {"name": "new.example"})
    project = f"/projects/{made['goldberg']}"
    await browser.follow(f"{project}/previews")
    await hold(desk.database, made["goldberg"], "goldberg.example", "refused")
    for statement in NO_MORE_LINES.split(";\n"):
        await desk.sql(statement)
    before = await everything(desk)
    changes: list[tuple[str, dict[str, Any]]] = [
        ("/servers", SERVER | {"name": "srv-2", "coolify_uuid": "u2", "ipv4": "203.0.113.10"}),
        ("/servers/srv-1/state", {"state": "draining"}),
        ("/servers/srv-1/remove", {}),
        ("/domains", {"name": "other.example"}),
        ("/domains/remove", {"name": "new.example"}),
        (f"{project}/previews", {}),
        (f"{project}/previews/end", {"preview": "1"}),
        (f"{project}/note", {"text": "x"}),
        (f"{project}/take", {}),
        (f"{project}/registration", {}),
        (f"{project}/transfer", a_move()),
        (f"{project}/cancel", {"reason": "twice"}),
        ("/offer/prices", {"name": "p", "sum": "1"}),
        ("/offer/bundles", {"name": "b", "sum": "1", "plugins": "p 1.0.0"}),
        ("/offer/types", {"name": "t", "image": "i", "tag": "1", "port": "80"}),
        ("/order", an_order()),
    ]
    for where, form in changes:
        assert (await browser.send(where, form)).status_code == 503, where
    stranger = desk.browser()
    answer = await stranger.send("/login", {"name": "operator", "password": PASSWORD}, on="/login")
    assert answer.status_code == 503
    assert await everything(desk) == before


async def test_refusals_of_servers_and_domains_are_in_german_for_who_reads_german(desk: Desk) -> None:
    await fill(desk.database)
    browser = await desk.signed_in(StaffRole.ADMIN, "de")
    await browser.follow("/servers", SERVER)
    await desk.sql(
        "INSERT INTO project_domains (host, project_id, is_primary) SELECT 'goldberg.vrs.example', vrs_id, true"
        " FROM projects WHERE slug = 'goldberg'"
    )
    refusals = [
        ("/servers", SERVER, "srv-1 gehört schon zum Server srv-1."),
        ("/servers", SERVER | {"ipv4": "999", "capacity": "viele"}, "Die Plätze sind eine Zahl"),
        ("/servers/nobody/state", {"state": "draining"}, "Den Server nobody gibt es nicht"),
        ("/domains", {"name": "sub.vrs.example"}, "liegen untereinander"),
        ("/domains", {"name": "no domain"}, "Das ist keine Domain."),
        ("/domains/remove", {"name": "vrs.example"}, "haben noch Projekte ihren Namen: 1."),
        ("/domains/remove", {"name": "gone.example"}, "ist keine unserer Domains"),
    ]
    for where, form, said in refusals:
        await browser.follow(where, form)
        assert "Das geht nicht: " in browser.page, where
        assert said in browser.page, where
