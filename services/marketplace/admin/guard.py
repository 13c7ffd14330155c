"""What stands before every page: where a form may come from, security headers, and pages for what goes wrong."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.messaging.trouble import DATABASE_ERRORS, passes, reason_of

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "X-Robots-Tag": "noindex",
}
SAFE = ("GET", "HEAD", "OPTIONS")
_OWN = ("same-origin", "none")

Explain = Callable[[Request, HTTPStatus], Response]

log = structlog.get_logger(__name__)


class Guard:
    """ASGI middleware around the admin UI.

    A signed token in each form is starlette-admin's part. Beyond that a form is taken only from our own pages: projects
    run under names of the same domain, and could otherwise set a cookie and a token that fit each other.
    """

    def __init__(self, app: ASGIApp, explain: Explain) -> None:
        self.app = app
        self.explain = explain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        answer = _Answer(request, send)
        if request.method not in SAFE and not _is_ours(request.headers):
            await self.explain(request, HTTPStatus.FORBIDDEN)(scope, receive, answer)
            return
        try:
            await self.app(scope, receive, answer)
        except Exception as error:
            if answer.has_begun:
                raise
            await self._broken(request, error)(scope, receive, answer)
            return
        if answer.is_withheld:
            await self.explain(request, HTTPStatus.FORBIDDEN)(scope, receive, answer)

    def _broken(self, request: Request, error: Exception) -> Response:
        if isinstance(error, DATABASE_ERRORS) and passes(error):
            log.warning("a page could not be shown", path=request.url.path, problem=reason_of(error))
            return self.explain(request, HTTPStatus.SERVICE_UNAVAILABLE)
        log.error("a page broke", method=request.method, path=request.url.path, exc_info=error)
        return self.explain(request, HTTPStatus.INTERNAL_SERVER_ERROR)


class _Answer:
    """Sends an answer with our headers; withholds starlette-admin's word for a token that does not fit."""

    def __init__(self, request: Request, send: Send) -> None:
        self._send = send
        self._is_https = request.url.scheme == "https"
        self._is_file = request.scope["path"].startswith(f"{request.scope['root_path']}/static/")
        self.has_begun = self.is_withheld = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.is_withheld = message["status"] == HTTPStatus.FORBIDDEN and _is_plain(message)
            if not self.is_withheld:
                self.has_begun = True
                self._dress(MutableHeaders(scope=message))
        if not self.is_withheld:
            await self._send(message)

    def _dress(self, headers: MutableHeaders) -> None:
        headers.update(HEADERS)
        headers["Cache-Control"] = "public, max-age=3600" if self._is_file else "no-store"
        if self._is_https:
            headers["Strict-Transport-Security"] = "max-age=31536000"


def _is_ours(headers: Headers) -> bool:
    """Whether a form comes from a page of ours: every browser says so in one of two headers."""
    if (site := headers.get("sec-fetch-site")) is not None:
        return site in _OWN
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _is_plain(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/plain")
