"""An order is one trace, from the request that made it to the mail; a stand-in for a collector draws its tree."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import SpanKind
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from contracts import CoreHealthy
from services.bootstrap.app import bootstrap
from services.deploy.app import deploy
from services.dns.app import dns
from services.marketplace.app import marketplace
from services.notify.app import notify
from shared.trace_context import current_traceparent
from shared.tracing import ENDPOINTS, exported, span
from simulators.serving import running_app
from tests.choreography.events import Story
from tests.choreography.system import System
from tests.choreography.vendors import Cores, Deployments, Inwx, Mailbox
from tests.services.marketplace.api import an_order, running_api

SERVICES = (dns, deploy, bootstrap, notify, marketplace)
REQUEST = "POST /api/v1/projects"
SHOP = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
"""The trace of whoever orders, and the span in it that asks us."""


@dataclass
class Collector:
    """Takes OTLP over HTTP, as a collector does."""

    spans: list[Any] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        exports = ExportTraceServiceRequest.FromString(await request.body())
        self.spans += [
            each for resource in exports.resource_spans for scope in resource.scope_spans for each in scope.spans
        ]
        return Response(media_type="application/x-protobuf")

    def named(self, name: str) -> list[Any]:
        return [each for each in self.spans if each.name == name]

    def last(self, name: str) -> Any:
        return max(self.named(name), key=lambda each: each.start_time_unix_nano)

    def below(self, parent: Any) -> Counter[str]:
        return Counter(each.name for each in self.spans if each.parent_span_id == parent.span_id)


@asynccontextmanager
async def collecting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Collector]:
    collector = Collector()
    app = Starlette(routes=[Route("/v1/traces", collector.take, methods=["POST"])])
    async with running_app(app) as port:
        monkeypatch.setenv(ENDPOINTS[0], f"http://127.0.0.1:{port}")
        async with exported("test"):
            yield collector


async def test_an_order_is_one_tree_of_causes(
    system: System,
    inwx: Inwx,
    coolify: Deployments,
    cores: Cores,
    mailbox: Mailbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await system.seed()
    story = Story()
    async with collecting(monkeypatch) as collector, system.running(*SERVICES):
        async with running_api(system.database) as api:
            order = an_order(slug=story.slug, project_id=str(story.project_id))
            headers = {"Idempotency-Key": story.slug, "traceparent": f"00-{SHOP[0]}-{SHOP[1]}-01"}
            answer = await api.call("POST", "/projects", json=order, headers=headers)
            assert answer.status_code == 201, answer.text
            assert (await api.call("GET", f"/projects/{story.project_id}", key=None)).status_code == 401
        healthy = await system.hears(CoreHealthy, story)
        await system.logged("notify.core-healthy", healthy, "completed")
    [refused] = collector.named("GET /api/v1/projects/{project_id}")
    assert (refused.trace_id.hex() == SHOP[0], refused.parent_span_id) == (False, b"")
    assert {each.trace_id.hex() for each in collector.spans if each is not refused} == {SHOP[0]}
    [request] = collector.named(REQUEST)
    assert request.parent_span_id.hex() == SHOP[1]
    assert {each.key: each.value.int_value for each in request.attributes}["http.response.status_code"] == 201
    chain = ["dns.project-ordered", "deploy.dns-configured", "bootstrap.app-deployed", "notify.core-healthy"]
    parent = request
    for consumer in chain:
        last = collector.last(consumer)
        assert last.parent_span_id == parent.span_id, consumer
        assert {each.key: each.value.string_value for each in last.attributes}["vrs.ending"] == "done"
        parent = last
    for consumer, vendor in zip(chain, ("inwx", "coolify", "vrs-core", "smtp"), strict=True):
        called = Counter[str]()
        for each in collector.named(consumer):
            called += collector.below(each)
        assert called[vendor] >= 1, consumer
    for routing_key in ("project.ordered.v1", "dns.configured.v1", "app.deployed.v1", "core.healthy.v1"):
        [waited] = collector.named(f"outbox {routing_key}")
        assert 0 <= waited.end_time_unix_nano - waited.start_time_unix_nano < 60e9


async def test_without_an_endpoint_nothing_is_traced_and_events_carry_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    async with exported("test"):
        with span("dns.project-ordered", kind=SpanKind.CONSUMER) as current:
            assert not current.is_recording()
            assert current_traceparent() is None
