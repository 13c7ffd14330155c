"""Orders over HTTP: all or nothing, once whatever is sent again, and refused field by field."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts import ProjectOrdered, decode
from tests.services.marketplace.api import Api, an_order
from tests.stored import tables_with

OWNER = {
    "name": "Otto Blum",
    "street": "Postfach 12",
    "postal_code": "1011",
    "city": "Berlin",
    "country": "DE",
    "phone": "+49.301234567",
    "email": "otto@blum.example",
}
WRITTEN = ("projects", "project_orders", "project_domains", "outbox", "order_answers")


async def test_an_order_is_project_name_event_and_answer_at_once(api: Api) -> None:
    answer = await api.order(an_order(slug=None, name="Bäckerei Süß 🥐"))
    assert answer.status_code == 201, answer.text
    project = answer.json()
    assert answer.headers["location"] == f"/api/v1/projects/{project['id']}"
    assert (project["slug"], project["host"], project["state"]) == (
        "baeckerei-suess",
        "baeckerei-suess.vrs.example",
        "ordered",
    )
    assert project["late_at"] is not None
    [[owner, body]] = await api.sql("SELECT owner, body FROM outbox")
    event = decode(bytes(body), ProjectOrdered)
    assert (owner, str(event.subject), event.data.slug) == ("marketplace", project["id"], "baeckerei-suess")
    assert [await api.count(table) for table in WRITTEN] == [1, 1, 1, 1, 1]
    assert (await api.call("GET", f"/projects/{project['id']}")).json() == project
    assert await tables_with(api.database, "Erika", "erika") == {"project_orders", "outbox", "said_events"}


async def test_the_same_key_and_body_is_one_order_however_often_and_at_once(api: Api) -> None:
    order = an_order(slug=None, name="Zwilling")
    answers = await asyncio.gather(*(api.order(order, "the-same-key") for _ in range(6)))
    answers.append(await api.order(order, "the-same-key"))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert [answer.headers.get("idempotency-replayed") for answer in answers].count(None) == 1
    assert await api.count("outbox") == 1
    another = await api.order(order | {"plan": "business"}, "the-same-key")
    assert (another.status_code, another.headers["content-type"]) == (409, "application/problem+json")
    assert "was used for another order" in another.json()["detail"]
    assert await api.count("outbox") == 1


async def test_a_key_is_one_callers_own(api: Api) -> None:
    order = an_order()
    first = await api.order(order, "somebodys-key")
    other = await api.call(
        "POST",
        "/projects",
        await api.key(*api.keys),
        json=order | {"slug": f"x-{uuid4().hex[:8]}"},
        headers={"Idempotency-Key": "somebodys-key"},
    )
    assert (first.status_code, other.status_code) == (201, 201)


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"slug": "Not A Slug"}, "slug", "'Not A Slug' is not 1 to 63 of a-z, 0-9 and hyphens"),
        ({"plan": None}, "plan", "is missing, add it"),
        ({"plan": "gold"}, "plan", "'gold' cannot be ordered; there are business"),
        ({"customer": {"name": "x", "email": "nobody"}}, "customer.email", "'nobody' is not a valid email address"),
        ({"plugin": []}, "plugin", "there is no such field"),
        ({"base_domain": "other.example"}, "base_domain", "'other.example' is none of ours; there are vrs.example"),
        ({"slug": "www"}, "slug", "www.vrs.example is reserved"),
        ({"base_domain": None, "own_domain": "a.vrs.example"}, "own_domain", "lies in a base domain of ours"),
        ({"bundles": ["none"]}, "bundles", "bundle 'none' has no plugins"),
        ({"own_domain": "x.example"}, "", "give exactly one of base_domain and own_domain"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
async def test_what_is_wrong_is_said_field_by_field_and_nothing_is_left(
    api: Api, changes: dict[str, Any], field: str, problem: str
) -> None:
    answer = await api.order(an_order(**changes))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    [error] = answer.json()["errors"]
    assert (error["in"], error["field"]) == ("body", field)
    assert problem in error["problem"]
    assert "Erika" not in answer.text
    assert [await api.count(table) for table in WRITTEN] == [0, 0, 0, 0, 0]


async def test_a_name_that_is_taken_is_a_conflict_and_the_key_is_free_again(api: Api) -> None:
    await api.ordered(slug="goldberg")
    refused = await api.order(an_order(slug="goldberg"), "another-order")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "slug: goldberg.vrs.example belongs to another project",
    )
    assert [await api.count(table) for table in WRITTEN] == [1, 1, 1, 1, 1]
    assert (await api.order(an_order(slug="goldberg-2"), "another-order")).status_code == 201


async def test_a_project_of_the_marketplaces_is_ordered_once(api: Api) -> None:
    project_id = str(uuid4())
    await api.sql("INSERT INTO projects (vrs_id, name, slug) VALUES (:id, 'theirs', 'theirs')", id=UUID(project_id))
    first = await api.order(an_order(project_id=project_id))
    assert (first.status_code, first.json()["id"]) == (201, project_id)
    second = await api.order(an_order(project_id=project_id))
    assert (second.status_code, second.json()["detail"]) == (409, f"project {project_id} is ordered already")


async def test_an_order_needs_a_key_of_its_own(api: Api) -> None:
    answer = await api.call("POST", "/projects", json=an_order())
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"in": "header", "field": "Idempotency-Key", "problem": "is missing, add it"}]


async def test_an_owner_whom_the_registry_would_refuse_is_refused_at_once_by_field(api: Api) -> None:
    wish = {"registration": {"registrant": OWNER, "max_cents": 1500}}
    answer = await api.order(an_order(base_domain=None, own_domain="blumen-otto.de", **wish))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert {each["field"]: each["problem"] for each in answer.json()["errors"]} == {
        "registration.registrant.postal_code": "'1011' is none of DE",
        "registration.registrant.street": "'Postfach 12': .de takes no post box",
    }
    assert [await api.count(table) for table in WRITTEN] == [0, 0, 0, 0, 0]
