"""What case workers, operators and administrators do, with forms alone."""

import re

from shared.models import StaffRole
from tests.services.marketplace.admin.browser import Desk
from tests.services.marketplace.admin.made import fill


async def test_a_live_project_is_given_a_domain_which_becomes_primary_and_is_not_removed_then(desk: Desk) -> None:
    await fill(desk.database)
    [[project_id]] = await desk.sql("SELECT vrs_id FROM projects WHERE slug = 'laden-1'")
    await desk.sql("INSERT INTO project_domains VALUES ('laden-1.vrs.example', :id, true)", id=project_id)
    page = f"/projects/{project_id}"
    browser = await desk.signed_in(StaffRole.CASE_WORKER)
    await browser.follow(f"{page}/domains", {"domain": "Zweite.example", "primary": "yes"}, on=page)
    assert "The domain is being set up." in browser.page
    assert "zweite.example</b>" in browser.page
    assert "becomes the primary domain" in browser.page
    wish = """(:id, 'zweite.example', true, '[]', '[{"text": {"en": "It is missing."}}]')"""
    await desk.sql(f"INSERT INTO mail_domains (project_id, domain, mx, dkim, findings) VALUES {wish}", id=project_id)
    await browser.follow(f"{page}/domains", {"domain": "zweite.example"}, on=page)
    assert "waits for DNS entries" in browser.page
    assert "It is missing." in browser.page
    assert "The project has this domain already." in browser.page
    await desk.sql("UPDATE added_domains SET connected_at = now(), makes_primary = false")
    await browser.follow(f"{page}/domains/primary", {"domain": "zweite.example"}, on=page)
    await desk.sql("UPDATE project_domains SET is_primary = false WHERE is_primary")
    await desk.sql("UPDATE project_domains SET is_primary = true WHERE host = 'zweite.example'")
    await browser.follow(f"{page}/domains/remove", {"domain": "zweite.example"}, on=page)
    assert "It is the primary domain. Make another one the primary domain first." in browser.page
    said = await desk.sql("SELECT routing_key FROM outbox ORDER BY created_at")
    assert [key for (key,) in said][-2:] == ["domain.added.v1", "primary.changed.v1"]
    kinds = await desk.sql("SELECT kind::text FROM staff_actions WHERE subject = 'zweite.example' ORDER BY at")
    assert [kind for (kind,) in kinds] == ["project domain added", "primary changed"]


async def test_a_project_is_cancelled_with_a_reason_after_it_was_shown_what_goes(desk: Desk) -> None:
    made = await fill(desk.database)
    browser = await desk.signed_in()
    where = f"/projects/{made['hofladen-peters']}"
    await browser.get(f"{where}/cancel")
    assert "DNS entry AAAA hofladen-peters.vrs.example is removed." in browser.page
    await browser.follow(f"{where}/cancel", {"reason": " "})
    assert "Please say why." in browser.page
    await browser.follow(f"{where}/cancel", {"reason": "ordered twice", "data": "delete"})
    assert ("is being cancelled" in browser.page, "ordered twice" in browser.page) == (True, True)
    [(by, reason)] = await desk.sql(
        "SELECT requested_by, reason FROM cancellations WHERE project_id = :id", id=made["hofladen-peters"]
    )
    assert (by, reason) == ("case_worker", "ordered twice")
    [(body,)] = await desk.sql("SELECT body FROM outbox WHERE routing_key = 'project.cancelled.v1'")
    assert b'"keep_volumes":false' in bytes(body)
    [(kind, why)] = await desk.sql("SELECT kind::text, reason FROM staff_actions")
    assert (kind, why) == ("cancelled", "ordered twice")


async def test_a_failure_is_told_in_plain_words_and_somebody_takes_care_of_it(desk: Desk) -> None:
    made = await fill(desk.database)
    browser = await desk.signed_in(language="de")
    await browser.get("/")
    assert "Die Installation auf dem Server ist gescheitert." in browser.page
    assert "noch kümmert sich niemand" in browser.page
    where = f"/projects/{made['baeckerei-sommer']}"
    await browser.follow(f"{where}/take")
    assert "case_worker kümmert sich" in browser.page
    assert "Was Sie tun können" in browser.page
    assert "no space left on device" in browser.page  # folded, under the technical detail
    [(subject, owner)] = await desk.sql("SELECT subject, owner FROM dead_letter_notes")
    assert (subject.startswith("deploy.dns-configured/"), owner) == (True, "case_worker")
    await browser.follow(f"{where}/note", {"text": "Otto sieht nach.\nBis morgen."})
    assert "Otto sieht nach.\nBis morgen." in browser.page
    answer = await browser.follow(f"{where}/retry", {"reason": "Platz geschaffen"})
    assert (answer.status_code, "RabbitMQ antwortet gerade nicht" in browser.page) == (200, True)


async def test_projects_are_found_by_name_and_state_and_a_search_is_kept(desk: Desk) -> None:
    await fill(desk.database)
    browser = await desk.signed_in()
    await browser.get("/projects?show=failed")
    assert set(re.findall(r">([a-z-]+)\.vrs\.example<", browser.page)) == {"goldberg", "baeckerei-sommer"}
    await browser.get("/projects?show=late")
    assert set(re.findall(r">([a-z-]+)\.vrs\.example<", browser.page)) == {"cafe-linde", "radhaus", "neu-bestellt"}
    await browser.get("/projects?q=hofladen")
    assert re.findall(r">([a-z-]+)\.vrs\.example<", browser.page) == ["hofladen-peters"]
    seen = set()
    where = "/projects"
    while where:
        await browser.get(where)
        seen |= set(re.findall(r">([a-z0-9-]+)\.vrs\.example<", browser.page))
        following = re.search(r'href="\?([^"]+)" rel="next"', browser.page)
        where = f"/projects?{following[1].replace('&amp;', '&')}" if following else ""
    assert len(seen) == 35
    await browser.follow("/projects/searches", {"query": "show=failed", "name": "Mein Morgen"})
    assert 'href="?show=failed">Mein Morgen' in browser.page


async def test_an_operator_drains_and_adds_servers_and_a_case_worker_only_sees_them(desk: Desk) -> None:
    server = {"name": "srv-1", "coolify_uuid": "u1", "region": "fsn1", "ipv4": "203.0.113.9", "capacity": "40"}
    browser = await desk.signed_in(StaffRole.OPERATOR)
    await browser.follow("/servers", server)
    assert "The server is added." in browser.page
    await browser.follow("/servers", server)
    assert "This cannot be done: srv-1 belongs to the server srv-1 already." in browser.page
    await browser.follow("/servers", server | {"name": "srv-2", "ipv4": "999"})
    assert "An IPv4 address looks like" in browser.page
    await browser.follow("/servers/srv-1/state", {"state": "draining"})
    assert await desk.sql("SELECT state::text FROM servers") == [("draining",)]
    await browser.follow("/servers/srv-1/remove")
    assert await desk.sql("SELECT * FROM servers") == []
    await browser.get("/changes")
    assert browser.page.count('<td data-label="Who"><b>operator</b>') == 3
    case_worker = await desk.signed_in()
    await case_worker.get("/servers")
    assert "Add a server" not in case_worker.page


async def test_an_administrator_sets_what_is_offered(desk: Desk) -> None:
    browser = await desk.signed_in(StaffRole.ADMIN)
    await browser.follow("/offer/prices", {"name": "crm", "sum": "19,90"})
    await browser.follow("/offer/prices", {"name": "crm", "sum": "19.999"})
    assert "A sum is written like 19,00." in browser.page
    await browser.follow("/offer/bundles", {"name": "set", "sum": "49", "plugins": "crm 2.4.1, shop 1.0.0"})
    await browser.follow("/offer/bundles", {"name": "set", "sum": "49", "plugins": "crm"})
    assert "Write each plugin with its version" in browser.page
    await browser.follow("/offer/types", {"name": "wiki", "image": "ghcr.io/x/wiki", "tag": "1", "port": "80"})
    await browser.follow("/offer/types", {"name": "wiki", "image": "ghcr.io/x/wiki", "tag": "2", "port": "80"})
    await browser.follow("/domains", {"name": "Bücher.example"})
    assert "bücher.example" in browser.page
    assert await desk.sql("SELECT plugin, vrs_cents FROM plugin_prices") == [("crm", 1990)]
    assert await desk.sql("SELECT plugin, version FROM bundle_plugins ORDER BY 1") == [
        ("crm", "2.4.1"),
        ("shop", "1.0.0"),
    ]
    assert await desk.sql("SELECT vrs_image_tag FROM project_types WHERE name = 'wiki'") == [("2",)]
    await browser.get("/order")
    assert ("49.00" in browser.page, "crm" in browser.page) == (True, True)
    await browser.follow("/offer/bundles", {"name": "set", "plugins": ""})
    await browser.follow("/offer/prices", {"name": "crm", "sum": ""})
    assert await desk.sql("SELECT * FROM plugin_prices") == await desk.sql("SELECT * FROM bundles") == []
    assert len(await desk.sql("SELECT * FROM staff_actions")) == 7
