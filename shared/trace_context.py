"""W3C trace context, as it stands in events. Imports nothing of ours: a synchronous marketplace uses it as well."""

from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"

_propagator = TraceContextTextMapPropagator()


def current_traceparent() -> str | None:
    """The context of the span around us, to be put into an event; None outside a trace."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get(TRACEPARENT)


def context_of(traceparent: str) -> Context:
    """The context that a ``traceparent`` names; an empty one if it is none."""
    return _propagator.extract({TRACEPARENT: traceparent}, Context())
