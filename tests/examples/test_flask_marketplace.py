"""The Flask marketplace, its sender and the bus: what is committed goes out, what is rolled back does not."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from contracts import ProjectCancelled, ProjectOrdered
from examples.flask_marketplace.app import create_app, db
from services.marketplace.app import marketplace
from shared.models import ProvisioningState
from tests.choreography.system import System
from tests.shared.messaging.harness import until

FORM = {"base_domain": "vrs.example", "plan": "starter", "name": "Bäckerei Sommer", "email": "brot@sommer.example"}


@pytest.fixture
def app(database_url: str) -> Iterator[Flask]:
    app = create_app(database_url.replace("postgresql://", "postgresql+psycopg://"))
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def an_order(**more: Any) -> dict[str, Any]:
    slug, customer = f"p-{uuid4().hex[:12]}", {"name": "Erika Muster", "email": "erika@muster.example"}
    return {"slug": slug, "base_domain": "vrs.example", "plan": "starter", "customer": customer} | more


async def test_a_committed_order_is_on_the_bus_and_its_page_shows_the_state(
    system: System, client: FlaskClient
) -> None:
    async with system.running(marketplace):
        answer = client.post("/orders", json=(sent := an_order()))
        assert answer.status_code == 201
        await until(lambda: system.heard)
        [heard] = system.heard
        assert isinstance(heard.data, ProjectOrdered)
        assert (str(heard.subject), heard.data.slug) == (answer.get_json()["project_id"], sent["slug"])
        shown = client.get(answer.headers["Location"], headers={"Accept": "application/json"}).get_json()
        assert (shown["state"], shown["name"]) == ("ordered", heard.data.fqdn)
        await system.sql("UPDATE projects SET provisioning_state = 'dns_configured'")
        assert "dns_configured" in client.get(answer.headers["Location"]).text
        await until(lambda: _nothing_to_say(system))


async def test_a_rolled_back_order_leaves_no_row_and_no_event(system: System, app: Flask, client: FlaskClient) -> None:
    def refuse(session: Any) -> None:
        raise RuntimeError("the commit fails")

    async with system.running(marketplace):
        event.listen(db.session, "before_commit", refuse)
        try:
            assert client.post("/orders", json=an_order()).status_code == 500
        finally:
            event.remove(db.session, "before_commit", refuse)
        client.post("/orders", json=(sent := an_order()))  # goes out after whatever was committed before
        await until(lambda: system.heard)
    assert [heard.data.slug for heard in system.heard] == [sent["slug"]]
    assert [row.slug for row in await system.sql("SELECT slug FROM projects")] == [sent["slug"]]


async def test_a_form_sent_twice_orders_once(system: System, client: FlaskClient) -> None:
    assert "Order a project" in client.get("/").text
    project_id = str(uuid4())
    for _ in range(2):
        answer = client.post("/orders", data=FORM | {"slug": "twice", "project_id": project_id})
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/projects/{project_id}")
    assert len(await system.sql("SELECT 1 FROM outbox")) == len(await system.sql("SELECT 1 FROM projects")) == 1


async def test_a_wrong_order_is_refused_field_by_field(system: System, client: FlaskClient) -> None:
    answer = client.post("/orders", json=an_order(slug="Not A Slug"))
    assert answer.status_code == 422
    assert answer.get_json()["problems"][0].startswith("slug: ")
    for wrong in ("7", 7, ["7"]):
        refused = client.post("/orders", json=an_order(project_id=wrong))
        assert refused.status_code == 422
        assert refused.get_json()["problems"][0].startswith("project_id: ")
    assert client.post("/orders", json=[]).status_code == 422
    assert client.get(f"/projects/{uuid4()}").status_code == 404
    assert await system.sql("SELECT 1 FROM outbox") == []


async def test_a_cancelled_project_is_marked_and_told(system: System, client: FlaskClient) -> None:
    async with system.running(marketplace):
        page = client.post("/orders", json=an_order()).headers["Location"]
        client.post(f"{page}/cancel")
        await until(lambda: len(system.heard) == 2)
    [ordered, cancelled] = sorted(system.heard, key=lambda heard: heard.time)
    assert isinstance(cancelled.data, ProjectCancelled)
    [mark] = await system.sql("SELECT project_id FROM cancellations")
    assert mark.project_id == cancelled.subject == ordered.subject
    assert ProvisioningState.CANCELLING in client.get(page).text


async def _nothing_to_say(system: System) -> bool:
    return not await system.sql("SELECT 1 FROM outbox")
