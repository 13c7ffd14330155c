"""Mail under a project's domain, asked for over HTTP."""

from typing import Any
from uuid import uuid4

from contracts import MailDomainRequested, decode
from shared.models import Scope
from tests.services.marketplace.api import BASE, Api


async def test_mail_under_a_projects_own_domain_is_asked_for_as_an_event(api: Api) -> None:
    project = await api.ordered(own_domain="müller.example", base_domain=None)
    path, wish = f"/projects/{project}/mail-domains", {"domain": "Müller.example", "mx": True}
    assert (await api.call("POST", path, Scope.PROJECTS_READ, json=wish)).status_code == 403
    answer = await api.call("POST", path, Scope.PROJECTS_WRITE, json=wish)
    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert (told["domain"], told["mx"]) == ("xn--mller-kva.example", True)
    [row] = await api.sql("SELECT * FROM outbox WHERE routing_key = 'maildomain.requested.v1'")
    event = decode(row.body, MailDomainRequested)
    ordered = (await api.sql("SELECT correlation_id FROM project_orders"))[0].correlation_id
    assert (str(event.id), event.subject, event.correlation_id) == (told["event_id"], project, ordered)
    assert (event.data.domain, event.data.mx, event.data.requested_by[:3]) == ("xn--mller-kva.example", True, "key")


async def test_how_far_mail_is_under_a_domain_is_told(api: Api) -> None:
    project = await api.ordered(own_domain="sommer.example", base_domain=None)
    path = f"/projects/{project}/mail-domains"
    assert (await api.call("GET", path, Scope.PROJECTS_READ)).json() == {"mail_domains": []}
    await api.sql(
        "INSERT INTO mail_domains (project_id, domain, mx, dkim, findings)"
        " VALUES (:id, 'sommer.example', true, '[]', '[]')",
        id=project,
    )

    async def told() -> dict[str, Any]:
        [line] = (await api.call("GET", path, Scope.PROJECTS_READ)).json()["mail_domains"]
        return dict(line)

    known = {"domain": "sommer.example", "mx": True, "ready_at": None, "findings": []}
    assert await told() == known | {"state": "setting_up"}
    await api.sql('UPDATE mail_domains SET findings = \'[{"problem": "missing"}]\'')
    assert await told() == known | {"state": "waiting", "findings": [{"problem": "missing"}]}
    await api.sql("UPDATE mail_domains SET findings = '[]', ready_at = '2026-03-02T09:16:40Z'")
    assert await told() == known | {"state": "ready", "ready_at": "2026-03-02T09:16:40Z"}
    assert (await api.call("GET", f"/projects/{uuid4()}/mail-domains")).status_code == 404


async def test_mail_is_refused_under_a_domain_that_is_not_the_projects_own(api: Api) -> None:
    project = await api.ordered(slug="sommer")
    path = f"/projects/{project}/mail-domains"
    for domain, said in (
        (f"sommer.{BASE}", "it has none of its own"),
        ("nothing", "'nothing' is no host name"),
        (7, "is not text"),
    ):
        answer = await api.call("POST", path, json={"domain": domain})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        [error] = answer.json()["errors"]
        assert (error["in"], error["field"], said in error["problem"]) == ("body", "domain", True), error
    assert (await api.call("POST", path, json={"domain": "a.example", "mx": "yes"})).status_code == 422
    unknown = await api.call("POST", f"/projects/{uuid4()}/mail-domains", json={"domain": "a.example"})
    assert unknown.status_code == 404
    await api.call("POST", f"/projects/{project}/cancellation", json={"reason": "ordered twice"})
    over = await api.call("POST", path, json={"domain": "a.example"})
    assert (over.status_code, "is cancelled" in over.json()["detail"]) == (409, True)
    assert await api.sql("SELECT 1 FROM outbox WHERE routing_key = 'maildomain.requested.v1'") == []
