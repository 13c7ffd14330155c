"""The domains of a live project over HTTP: listed, added, made primary, removed, and refused in plain words."""

from uuid import UUID

import pytest

from contracts import DomainAdded, DomainRemoved, PrimaryDomainChanged, decode
from shared.models import Scope
from tests.services.marketplace.api import Api

SECOND = "sommer.example"


@pytest.fixture
async def live(api: Api) -> UUID:
    project_id = await api.ordered(slug="sommer")
    await api.sql("UPDATE projects SET provisioning_state = 'live' WHERE vrs_id = :id", id=project_id)
    return project_id


async def said(api: Api) -> list[tuple[str, bytes]]:
    """What is to be said of domains, oldest first: routing key and body."""
    rows = await api.sql("SELECT routing_key, body FROM outbox WHERE routing_key <> 'project.ordered.v1' ORDER BY id")
    return [(row.routing_key, bytes(row.body)) for row in rows]


async def test_a_domain_is_claimed_said_and_listed_in_one_commit(api: Api, live: UUID) -> None:
    path = f"/projects/{live}/domains"
    answer = await api.call("POST", path, Scope.PROJECTS_WRITE, json={"domain": "Sommer.example", "primary": True})
    assert answer.status_code == 202, answer.text
    ordered, added = answer.json()["domains"]
    assert (ordered["domain"], ordered["is_primary"], ordered["is_ordered"]) == ("sommer.vrs.example", True, True)
    assert (added["domain"], added["state"], added["becomes_primary"]) == (SECOND, "setting_up", True)
    [(key, body)] = await said(api)
    event = decode(body, DomainAdded)
    assert (key, event.subject, event.data.domain, event.data.primary) == ("domain.added.v1", live, SECOND, True)
    [[story]] = await api.sql("SELECT correlation_id FROM project_orders")
    assert event.correlation_id == story
    hosts = await api.sql("SELECT host FROM project_domains ORDER BY host")
    assert [host for (host,) in hosts] == [SECOND, "sommer.vrs.example", f"www.{SECOND}"]
    assert (await api.call("GET", path, Scope.PROJECTS_READ)).json() == answer.json()
    finding = '[{"problem": "missing", "text": {"de": "fehlt", "en": "is missing"}}]'
    await api.sql("UPDATE added_domains SET findings = CAST(:finding AS jsonb)", finding=finding)
    waits = (await api.call("GET", path)).json()["domains"][1]
    assert (waits["state"], waits["findings"][0]["problem"]) == ("waiting_for_customer", "missing")


async def test_a_domain_is_made_primary_and_removed_when_it_is_not(api: Api, live: UUID) -> None:
    path = f"/projects/{live}/domains"
    await api.call("POST", path, json={"domain": SECOND})
    await api.sql("UPDATE added_domains SET is_new = false, pointed_at = now()")
    assert (await api.call("GET", path)).json()["domains"][1]["state"] == "connecting"
    await api.sql("UPDATE added_domains SET connected_at = now()")
    answer = await api.call("PUT", f"{path}/primary", Scope.PROJECTS_WRITE, json={"domain": SECOND})
    assert (answer.status_code, answer.json()["domains"][1]["state"]) == (202, "connected")
    for told in (SECOND, "sommer.vrs.example"):  # as dns does
        await api.sql("UPDATE project_domains SET is_primary = false")
        await api.sql("UPDATE project_domains SET is_primary = true WHERE host = :host", host=told)
        assert (await api.call("GET", f"/projects/{live}")).json()["host"] == told
    removed = await api.call("DELETE", f"{path}/{SECOND}", Scope.PROJECTS_WRITE)
    assert (removed.status_code, removed.json()["domains"][1]["state"]) == (202, "removing")
    primary, gone = (await said(api))[1:]
    assert decode(primary[1], PrimaryDomainChanged).data.domain == SECOND
    assert decode(gone[1], DomainRemoved).data.domain == SECOND
    again = await api.call("POST", path, json={"domain": SECOND})
    assert (again.status_code, again.json()["domains"][1]["state"]) == (202, "setting_up")
    same = await api.call("PUT", f"{path}/primary", json={"domain": "sommer.vrs.example"})
    assert (same.status_code, len(await said(api))) == (202, 4)


async def test_what_cannot_be_is_refused_and_changes_nothing(api: Api, live: UUID) -> None:
    other = await api.ordered(base_domain=None, own_domain="taken.example")
    path = f"/projects/{live}/domains"
    refusals = (
        ("POST", path, {"domain": "taken.example"}, 409, "taken.example belongs to another project"),
        ("POST", path, {"domain": "x.vrs.example"}, 409, "lies in a base domain of ours"),
        ("POST", path, {"domain": "sommer.vrs.example"}, 409, "is a domain of the project already"),
        ("POST", path, {"domain": "no domain"}, 422, "domain"),
        ("POST", f"/projects/{other}/domains", {"domain": SECOND}, 409, "its domains are changed when it is live"),
        ("PUT", f"{path}/primary", {"domain": SECOND}, 404, "is no domain of the project; it has sommer.vrs.example"),
        ("DELETE", f"{path}/sommer.vrs.example", None, 409, "is the primary domain: make another one primary first"),
        ("DELETE", f"{path}/{SECOND}", None, 404, "is no domain of the project"),
        ("DELETE", f"{path}/a..b", None, 422, "domain"),
    )
    for method, where, body, status, words in refusals:
        answer = await api.call(method, where, json=body)
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
        assert answer.headers["content-type"] == "application/problem+json"
    assert await said(api) == []
    assert await api.count("added_domains") == 0
