"""Each HTTP request as a span: an order's trace begins with the request that placed it."""

from http import HTTPStatus

from opentelemetry.trace import SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.tracing import span

API = "/api/"
"""Below it are machines that may have traces of their own; whoever opens a page in a browser has none."""


class RequestSpans:
    """ASGI middleware. A span is named after the route, not the path: in that are tokens of customers' links."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request within a span, the child of the caller's ``traceparent`` if the API is asked with one."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"), None)
        parent = given if scope["path"].startswith(API) else None
        with span(method, parent=parent, kind=SpanKind.SERVER) as current:

            async def answer(message: Message) -> None:
                if message["type"] == "http.response.start":
                    current.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
                        current.set_status(StatusCode.ERROR)
                await send(message)

            try:
                await self.app(scope, receive, answer)
            finally:
                if (route := getattr(scope.get("route"), "path", None)) is not None:
                    current.update_name(f"{method} {route}")
