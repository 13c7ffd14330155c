"""Who may call, and how often: tokens, abilities, the throttle, and Coolify being away."""

import math
import time
from collections.abc import Callable
from enum import StrEnum

from httpx import codes
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from simulators.coolify.calls import Call, Refused, refused
from simulators.coolify.deploying import Deploying
from simulators.coolify.instance import Instance

WINDOW_SECONDS = 60


class Ability(StrEnum):
    """What a token may do; `root` passes every check."""

    READ = "read"
    READ_SENSITIVE = "read:sensitive"
    WRITE = "write"
    DEPLOY = "deploy"
    ROOT = "root"


TOKENS: dict[str, frozenset[Ability]] = {
    "7|demo-token": frozenset({Ability.ROOT}),
    "8|read-token": frozenset({Ability.READ}),
    "9|service-token": frozenset({Ability.READ, Ability.WRITE, Ability.DEPLOY}),
}


class Gate:
    """What stands before every endpoint. All tokens belong to one user and share its request limit."""

    def __init__(self, instance: Instance, deploying: Deploying) -> None:
        self._instance = instance
        self._deploying = deploying
        self._window_ends = 0.0
        self._used = 0
        self._away_until = 0.0

    def go_away(self, seconds: float) -> None:
        """Restart Coolify: 502 for so long, and every live deployment has failed."""
        self._away_until = time.monotonic() + seconds
        self._deploying.fail_all_live()

    def forget_requests(self) -> None:
        """Start a new minute."""
        self._window_ends = 0.0

    async def admit(self, request: Request, ability: Ability, endpoint: Callable[[Call], Response]) -> Response:
        """The endpoint's answer, or the refusal that comes before it."""
        if time.monotonic() < self._away_until:
            return HTMLResponse("<html><body><h1>502 Bad Gateway</h1></body></html>", 502)
        abilities = _abilities(request)
        if abilities is None:
            return JSONResponse({"message": "Unauthenticated."}, 401)
        throttle = self._throttle()
        if throttle.get("Retry-After"):
            return error_page(request, 429, throttle)
        secrets = bool(abilities & {Ability.ROOT, Ability.READ_SENSITIVE})
        call = Call(self._instance, self._deploying, request, await request.body(), secrets)
        try:
            if not abilities & {ability, Ability.ROOT}:
                raise refused(403, f"Missing required permissions: {ability.value}")
            answer = endpoint(call)
        except Refused as refusal:
            answer = JSONResponse(refusal.body, refusal.status, refusal.headers)
        answer.headers.update(throttle)
        return answer

    def _throttle(self) -> dict[str, str]:
        """Count this request; the headers to answer with, with Retry-After if it is one too many."""
        limit, moment = self._instance.knobs.rate_limit, time.monotonic()
        if moment >= self._window_ends:
            self._window_ends, self._used = moment + WINDOW_SECONDS, 0
        if self._used >= limit:
            self._instance.throttled += 1
            wait = math.ceil(self._window_ends - moment)
            return {
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": "0",
                "Retry-After": str(wait),
                "X-RateLimit-Reset": str(int(time.time()) + wait),
            }
        self._used += 1
        return {"X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(limit - self._used)}


def _abilities(request: Request) -> frozenset[Ability] | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return TOKENS.get(token.strip()) if scheme.lower() == "bearer" else None


def error_page(request: Request, status: int, headers: dict[str, str] | None = None) -> Response:
    """Laravel's own errors are HTML for a client that does not ask for JSON; ``*/*`` is not asking."""
    message = "Too Many Attempts." if status == codes.TOO_MANY_REQUESTS else "Server Error"
    if "json" in request.headers.get("accept", ""):
        return JSONResponse({"message": message}, status, headers)
    return HTMLResponse(f"<!DOCTYPE html><title>{message}</title>", status, headers)
