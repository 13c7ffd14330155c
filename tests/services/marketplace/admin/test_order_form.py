"""The form in which a case worker orders, with forms alone."""

import json
import re
from typing import Any

import pytest

from shared.models import StaffRole
from tests.services.marketplace.admin.browser import Browser, Desk


def an_order(**changes: Any) -> dict[str, Any]:
    return {
        "customer_name": "Erika Sommer",
        "customer_email": "erika@sommer.example",
        "locale": "de",
        "name": "Bäckerei Sommer",
        "domain_kind": "base",
        "base_domain": "vrs.example",
        "plan": "starter",
    } | changes


async def project_id_of(browser: Browser) -> str:
    await browser.get("/order")
    found = re.search(r'name="project_id" value="([^"]+)"', browser.page)
    assert found
    return found[1]


async def test_an_order_is_checked_placed_and_can_be_watched(desk: Desk) -> None:
    browser = await desk.signed_in(StaffRole.CASE_WORKER)
    order = an_order(project_id=await project_id_of(browser))
    answer = await browser.send("/order/check", order, on="/order")
    assert ("baeckerei-sommer.vrs.example" in answer.text, "is free" in answer.text) == (True, True)
    assert await desk.sql("SELECT * FROM projects") == []
    await browser.follow("/order", order, on="/order")
    assert "The order is placed." in browser.page
    assert "baeckerei-sommer.vrs.example" in browser.page
    [(owner, key)] = await desk.sql("SELECT owner, routing_key FROM outbox")
    assert (owner, key) == ("marketplace", "project.ordered.v1")
    [(by, kind, project_id)] = await desk.sql("SELECT by, kind::text, project_id FROM staff_actions")
    assert (by, kind, str(project_id)) == ("case_worker", "ordered", order["project_id"])
    again = await browser.send("/order", order, on="/order")
    assert (again.status_code, "ordered already" in again.text) == (422, True)
    taken = await browser.send("/order/check", an_order(), on="/order")
    assert "baeckerei-sommer-2" in taken.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"customer_email": "erika"}, "e-mail address"),
        ({"name": ""}, "Please type a name"),
        ({"domain_kind": "own", "own_domain": "no domain"}, "Please type a domain"),
        ({"base_domain": "other.example"}, "choose one of our domains"),
        ({"plan": "gold"}, "gold"),
    ],
)
async def test_an_order_that_is_wrong_says_what_is_and_orders_nothing(
    desk: Desk, changes: dict[str, str], said: str
) -> None:
    browser = await desk.signed_in()
    answer = await browser.send("/order", an_order(**changes), on="/order")
    assert answer.status_code == 422
    assert said in answer.text
    assert "Erika Sommer" in answer.text
    assert await desk.sql("SELECT * FROM projects") == []
    assert await desk.sql("SELECT * FROM staff_actions") == []


OWNER = {
    "domain_kind": "register",
    "new_domain": "Bäckerei-Sommer.example",
    "registrant_street": "Hauptstraße 1",
    "registrant_postal_code": "10115",
    "registrant_city": "Berlin",
    "registrant_country": "de",
    "registrant_phone": "+49.301234567",
    "max_sum": "30,00",
}


async def test_a_new_domain_is_ordered_with_its_owner_who_is_the_customer_if_nobody_else_is_named(desk: Desk) -> None:
    browser = await desk.signed_in()
    answer = await browser.send("/order/check", an_order(**OWNER), on="/order")
    assert "whether it can be registered is looked up after the order" in answer.text
    await browser.follow("/order", an_order(**OWNER), on="/order")
    assert "bäckerei-sommer.example" in browser.page
    [(body,)] = await desk.sql("SELECT body FROM outbox")
    data = json.loads(bytes(body))["data"]
    assert (data["own_domain"], "base_domain" in data) == ("xn--bckerei-sommer-5hb.example", False)
    assert data["registration"]["max_cents"] == 3000
    registrant = data["registration"]["registrant"]
    assert (registrant["name"], registrant["email"], registrant["country"]) == (
        "Erika Sommer",
        "erika@sommer.example",
        "DE",
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"registrant_phone": "030 1234567"}, "registrant_phone"),
        ({"registrant_street": ""}, "registrant_street"),
        ({"registrant_country": "Deutschland"}, "registrant_country"),
        ({"registrant_email": "erika"}, "registrant_email"),
        ({"new_domain": "no domain"}, "new_domain"),
        ({"max_sum": "viel"}, "max_sum"),
        ({"max_sum": ""}, "max_sum"),
    ],
)
async def test_what_is_wrong_with_a_new_domains_owner_stands_beside_its_field(
    desk: Desk, changes: dict[str, str], field: str
) -> None:
    browser = await desk.signed_in()
    answer = await browser.send("/order", an_order(**OWNER | changes), on="/order")
    assert answer.status_code == 422
    assert re.findall(r'id="wrong-([a-z_]+)"', answer.text) == [field]
    assert await desk.sql("SELECT * FROM projects") == []
