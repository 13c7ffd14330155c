"""What the marketplace's metrics say: of its requests, of webhooks, and of what waits for people."""

from uuid import UUID, uuid4

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.marketplace.project_metrics import count_what_waits_for_people
from services.marketplace.request_metrics import RequestTimes
from services.marketplace.webhooks.metrics import count_webhooks
from shared.metrics import REGISTRY
from shared.models import Scope
from tests.services.marketplace.api import Api
from tests.services.marketplace.hooks import Hooks
from tests.shared.messaging.harness import until


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def requests(method: str, route: str, status: str) -> float:
    return value("vrs_http_request_seconds_count", method=method, route=route, status=status)


@pytest.mark.parametrize(
    ("method", "path", "counted"),
    [
        ("GET", "/api/v1/projects/{id}", ("GET", "/api/v1/projects/{project_id}", "2xx")),
        ("GET", f"/api/v1/projects/{UUID(int=0)}", ("GET", "/api/v1/projects/{project_id}", "4xx")),
        ("GET", "/admin/login", ("GET", "/admin/login", "2xx")),
        ("GET", f"/admin/projects/{UUID(int=0)}/mails", ("GET", "/admin", "3xx")),  # not signed in
        ("GET", "/admin/made-up", ("GET", "/admin", "3xx")),
        ("GET", "/status/static/made-up.css", ("GET", "/status/static", "4xx")),
        ("GET", "/status/no-token", ("GET", "/status/{token}", "4xx")),
        ("GET", "/made-up/path", ("GET", "other", "4xx")),
        ("MADE-UP", "/api/v1/projects", ("other", "/api/v1/projects", "4xx")),
    ],
)
async def test_a_request_is_counted_by_its_route_and_never_by_what_somebody_made_up(
    api: Api, method: str, path: str, counted: tuple[str, str, str]
) -> None:
    project_id = await api.ordered()
    before = requests(*counted)
    key = {"Authorization": f"Bearer {api.keys[Scope.ADMIN]}"}
    await api.http.request(method, path.replace("{id}", str(project_id)), headers=key)
    assert requests(*counted) == before + 1


async def test_a_request_that_breaks_is_counted_as_failed_once() -> None:
    async def breaks(request: Request) -> Response:
        raise RuntimeError(request.url.path)

    path = f"/{uuid4().hex}"
    app = Starlette(routes=[Route(path, breaks)], middleware=[Middleware(RequestTimes)])
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(base_url="http://marketplace", transport=transport) as http:
        assert (await http.get(path)).status_code == 500
    assert requests("GET", path, "5xx") == 1


async def test_what_a_webhook_does_not_take_is_counted_until_it_is_switched_off(hooks: Hooks) -> None:
    hooks.receiver.answer = lambda: Response(status_code=500)
    hook = await hooks.subscribe()
    failed = value("vrs_webhook_tries_total", outcome="failed")
    async with hooks.delivering():
        await hooks.api.ordered()
        await hooks.becomes(hook, "pending", tries=1)
    assert value("vrs_webhook_tries_total", outcome="failed") == failed + 1
    await hooks.api.sql("UPDATE webhook_deliveries SET created_at = now() - interval '7 hours'")
    assert (await webhooks(hooks))[0] == 1
    assert 7 * 3600 <= (await webhooks(hooks))[1] < 7 * 3600 + 60
    await hooks.api.sql("UPDATE webhook_endpoints SET disabled_at = now()")
    assert await webhooks(hooks) == (0, 0)
    await hooks.api.sql("UPDATE webhook_endpoints SET disabled_at = NULL")
    hooks.receiver.answer = lambda: Response(status_code=204)
    delivered = value("vrs_webhook_tries_total", outcome="delivered")
    async with hooks.delivering():
        await hooks.let_time_pass()
        await until(lambda: value("vrs_webhook_tries_total", outcome="delivered") == delivered + 1)
        await hooks.becomes(hook, "delivered", tries=2)
    assert await webhooks(hooks) == (0, 0)


async def webhooks(hooks: Hooks) -> tuple[float, float]:
    async with hooks.api.database.autocommit.begin() as connection:
        await count_webhooks(connection)
    return value("vrs_webhook_deliveries"), value("vrs_webhook_oldest_seconds")


async def test_what_waits_for_case_workers_is_counted_unless_nobody_wants_it_any_more(api: Api) -> None:
    for _ in range(2):
        await api.sql(
            "INSERT INTO domain_registrations (project_id, domain, stage, hold, max_cents, zone_made)"
            " VALUES (:id, :domain, 'held', 'too_expensive', 1, false)",
            id=uuid4(),
            domain=f"{uuid4().hex}.example",
        )
        await api.sql(
            "INSERT INTO domain_transfers (project_id, domain, stage, problem, max_cents, zone_made, kept_records)"
            " VALUES (:id, :domain, 'failed', 'locked', 1, false, '[]')",
            id=uuid4(),
            domain=f"{uuid4().hex}.example",
        )
    assert await waiting(api) == {"registration": 2, "transfer": 2}
    for table in ("domain_registrations", "domain_transfers"):
        await api.sql(
            "INSERT INTO cancellations (project_id, reason, requested_by)"
            f" SELECT project_id, 'x', 'x' FROM {table} LIMIT 1"
        )
    assert await waiting(api) == {"registration": 1, "transfer": 1}
    left = "domain_transfers t WHERE NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = t.project_id)"
    await api.sql(f"INSERT INTO transfer_withdrawals (project_id, domain) SELECT project_id, domain FROM {left}")
    assert await waiting(api) == {"registration": 1, "transfer": 0}
    await api.sql("DELETE FROM transfer_withdrawals")
    await api.sql("UPDATE domain_registrations SET stage = 'requested', hold = NULL")
    await api.sql("UPDATE domain_transfers SET stage = 'requested', problem = NULL")
    assert await waiting(api) == {"registration": 0, "transfer": 0}


async def test_what_ends_within_a_week_is_counted_if_people_were_told_of_it(api: Api) -> None:
    for kind, days, told in (
        *(("domain", 6, "7"), ("domain", -1, "0"), ("domain", 8, "14")),
        ("domain", 2, "NULL"),  # renews itself
        ("certificate", 1, "1"),
    ):
        await api.sql(
            "INSERT INTO expiries (project_id, kind, name, look_at, ends_at, told_days) VALUES (gen_random_uuid(),"
            f" '{kind}', :name, now(), now() + interval '{days} days', {told})",
            name=f"{uuid4().hex}.example",
        )
    await waiting(api)
    assert (value("vrs_ending", kind="domain"), value("vrs_ending", kind="certificate")) == (2, 1)


async def waiting(api: Api) -> dict[str, float]:
    async with api.database.autocommit.begin() as connection:
        await count_what_waits_for_people(connection)
    return {what: value("vrs_waits_for_people", what=what) for what in ("registration", "transfer")}
