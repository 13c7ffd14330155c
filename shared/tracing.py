"""One trace for an order: each try of a step, each vendor call and mail in it, each wait in the outbox is a span.

Off unless OpenTelemetry's own ``OTEL_EXPORTER_OTLP_ENDPOINT`` names a collector; then spans are exported by OTLP over
HTTP. The context travels as W3C ``traceparent`` in the CloudEvent, and in a header of the AMQP message for tools that
look only there. A try's span is the child of the try that said its event, so the trace is the order's tree of causes.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from uuid import UUID

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from shared.outbox import Message
from shared.trace_context import TRACEPARENT, context_of

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORT_TIMEOUT = 4.0
"""Seconds: a collector that is away must not keep a service from ending within its grace period."""

_tracer: trace.Tracer | None = None


@asynccontextmanager
async def exported(service: str) -> AsyncIterator[None]:
    """Export the spans of this process as `service`'s as long as the block runs, if an endpoint is set."""
    global _tracer  # noqa: PLW0603 - one for the process, as OpenTelemetry's own
    if not any(os.environ.get(name) for name in ENDPOINTS):
        yield
        return
    # Imported only here: half a second, and 20 MB, for whoever wants it.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    provider = TracerProvider(resource=Resource.create({"service.name": f"vrs-{service}"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_TIMEOUT)))
    _tracer = provider.get_tracer("vrs")
    try:
        yield
    finally:
        _tracer = None
        await asyncio.to_thread(provider.shutdown)


@contextmanager
def span(
    name: str, *, parent: str | None = None, kind: SpanKind = SpanKind.CLIENT, **facts: str | int
) -> Iterator[Span]:
    """A span around the block: the child of `parent` (a ``traceparent``), else of the span around it.

    A call of a vendor (the `kind` by default) outside any span, as a watch makes it, belongs to no order and has none.
    An exception marks it as failed, by its class alone: its words may hold what no collector should.
    """
    if _tracer is None:
        yield trace.INVALID_SPAN
        return
    if kind is SpanKind.CLIENT and not trace.get_current_span().get_span_context().is_valid:
        yield trace.INVALID_SPAN
        return
    context = context_of(parent) if parent else None
    attributes = {f"vrs.{key}": value for key, value in facts.items()}
    with _tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def said(messages: Sequence[Message]) -> None:
    """A span for each message that RabbitMQ has taken: from when it was put into the outbox, which its id tells."""
    if _tracer is None:
        return
    now = time.time_ns()
    for message in messages:
        parent = message.headers.get(TRACEPARENT)
        if isinstance(parent, str):
            _tracer.start_span(
                f"outbox {message.routing_key}",
                context_of(parent),
                SpanKind.PRODUCER,
                start_time=min(now, _made_at(message.id)),
            ).end(now)


def _made_at(uuid7: UUID) -> int:
    return (uuid7.int >> 80) * 1_000_000  # milliseconds since 1970 are its first 48 bits
