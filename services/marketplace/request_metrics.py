"""How many HTTP requests the marketplace answers, how, and how soon."""

import time
from http import HTTPMethod

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.metrics import HTTP_REQUESTS

METHODS = frozenset(method.value for method in HTTPMethod)
OTHER = "other"
"""What is none of ours: whoever asks must not be able to make up a series."""

FAILED = "5xx"


class RequestTimes:
    """ASGI middleware. Counts each request by route, until its answer begins: a stream of events goes on for hours."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request and count it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.monotonic()
        is_counted = False

        def count(status: str) -> None:
            nonlocal is_counted
            if not is_counted:
                is_counted = True
                HTTP_REQUESTS.observe((_method(scope), _route(scope), status), time.monotonic() - began)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(f"{message['status'] // 100}xx")
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception:
            count(FAILED)
            raise


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in METHODS else OTHER


def _route(scope: Scope) -> str:
    """The template of the route that has answered; of what is mounted without routes of its own, only where."""
    mount, path = scope.get("root_path", ""), getattr(scope.get("route"), "path", "")
    return (mount if mount.endswith(path) else mount + path) or OTHER
