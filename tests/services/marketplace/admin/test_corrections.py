"""Failed orders that operators correct: looked at first, then sent in the original's place."""

import html
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from contracts import CloudEvent, ProjectOrdered
from shared.database import Database
from shared.models import StaffRole
from tests.dead_letters.conftest import Desk as Buried
from tests.dead_letters.conftest import desk as buried  # noqa: F401 - a fixture
from tests.services.marketplace.admin.browser import Browser, opened
from tests.services.marketplace.admin.browser import Desk as Pages


@dataclass
class Failed:
    """An order that has really died, and the page on which it is corrected."""

    buried: Buried
    pages: Pages
    order: CloudEvent[ProjectOrdered]

    @property
    def where(self) -> str:
        return f"/letters/dns.project-ordered/{self.order.id}"

    async def operator(self) -> Browser:
        return await self.pages.signed_in(StaffRole.OPERATOR)


@pytest.fixture
async def failed(database: Database, buried: Buried) -> AsyncIterator[Failed]:  # noqa: F811 - that fixture
    [order] = await buried.bury()
    async with opened(database, buried.amqp_url) as pages:
        yield Failed(buried, pages, order)


def typed_in(page: str) -> dict[str, str]:
    """What stands in the form's fields."""
    return {name: html.unescape(value) for name, value in re.findall(r'name="(data\.[^"]+)" value="([^"]*)"', page)}


async def test_a_correction_is_looked_at_sent_and_goes_on_in_the_originals_place(failed: Failed) -> None:
    browser = await failed.operator()
    await browser.get("/")
    assert f"/projects/{failed.order.subject}" in browser.page
    await browser.get(f"/projects/{failed.order.subject}")
    assert failed.where in browser.page
    await browser.get(failed.where)
    fields = typed_in(browser.page)
    assert fields["data.slug"] == failed.order.data.slug
    assert fields["data.region"] == ""

    answer = await browser.send(f"{failed.where}/preview", fields | {"data.slug": "renamed"}, on=failed.where)
    assert answer.status_code == 200
    assert "&#34;slug&#34;: &#34;renamed&#34;" in answer.text
    assert "would" in answer.text
    assert await failed.pages.sql("SELECT * FROM staff_actions") == []
    found = re.search(r'name="data" value="([^"]+)"', answer.text)
    assert found
    data = html.unescape(found[1])

    unsaid = await browser.send(f"{failed.where}/send", {"data": data, "reason": " "}, on=failed.where)
    assert (unsaid.status_code, "Please say why." in unsaid.text) == (422, True)
    async with failed.buried.harness.running():
        await browser.follow(f"{failed.where}/send", {"data": data, "reason": "typing error"}, on=failed.where)
        assert "The corrected order is on its way." in browser.page
        await failed.buried.harness.logged(failed.order.subject, "dead", "superseded", "completed")
    [(slug,)] = await failed.pages.sql("SELECT slug FROM project_orders")
    assert slug == "renamed"
    done = await failed.pages.sql("SELECT by, kind::text, reason, project_id FROM staff_actions")
    assert done == [("operator", "corrected", "typing error", failed.order.subject)]
    assert await failed.pages.sql("SELECT by, kind::text, reason FROM desk_actions") == [
        ("operator", "edit", "typing error")
    ]
    assert (await browser.get(failed.where)).status_code == 404


async def test_what_the_contract_refuses_is_said_beside_its_field_and_nothing_is_sent(failed: Failed) -> None:
    browser = await failed.operator()
    await browser.get(failed.where)
    fields = typed_in(browser.page)
    wrong = [
        (fields, "Nothing is changed yet."),
        (fields | {"data.customer.email": "erika"}, 'id="wrong-customer.email1"'),
        (fields | {"whole": "{"}, 'id="wrong-whole1"'),
        (fields | {"whole": "[]"}, "curly brackets"),
        (fields | {"whole": '{"slug": "renamed"}'}, 'id="wrong-plan1"'),
    ]
    for given, said in wrong:
        answer = await browser.send(f"{failed.where}/preview", given, on=failed.where)
        assert (answer.status_code, said in answer.text) == (422, True), said
    answer = await browser.send(f"{failed.where}/send", {"data": "{}", "reason": "x"}, on=failed.where)
    assert answer.status_code == 422
    assert await failed.pages.sql("SELECT * FROM desk_actions") == []
    assert await failed.buried.queue() == [failed.order.id]


async def test_only_operators_correct_and_whoever_is_on_it_notes_it(failed: Failed) -> None:
    case_worker = await failed.pages.signed_in()
    assert (await case_worker.get(failed.where)).status_code == 403
    await case_worker.get(f"/projects/{failed.order.subject}")
    assert "/letters/" not in case_worker.page
    browser = await failed.operator()
    await browser.follow(f"{failed.where}/note", {"text": "asks the customer"}, on=failed.where)
    assert ("asks the customer" in browser.page, "operator," in browser.page) == (True, True)
    [(subject, owner)] = await failed.pages.sql("SELECT subject, owner FROM dead_letter_notes")
    assert (subject, owner) == (f"dns.project-ordered/{failed.order.id}", "operator")
