"""The Brevo simulator as a whole: ``/v3/senders/domains`` and its control over HTTP.

Beside what every simulator takes, ``POST /_control`` knows::

    {"dkim": "txt"}                  how domains that are made from now on get their DKIM keys; "cname" at the start
    {"rate_limit": 5}                requests an hour; 100 at the start, as Brevo's for most calls
    {"taken": "vergeben.example"}    a domain that another account has

``reset`` forgets all but the domains, and starts a new hour. Status and ``code`` of refusals are documented; which code
stands for a domain that is there already is not, ``duplicate_parameter`` is our pick.
"""

import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.brevo.domains import Dkim, Domain
from simulators.brevo.looks import seen_of
from simulators.faults import ControlRequest, Switchboard
from simulators.serving import running_app

API_KEY = "xkeysib-demo"
ACCOUNTS = {API_KEY: "demo"}
AN_HOUR, REQUESTS = 3600, 100

_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}|(?:[a-z0-9-]+\.)+xn--[a-z0-9-]+")

Answer = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class RunningBrevo:
    """Where the simulator listens; `url` ends in ``/v3``."""

    url: str
    control_url: str
    api_key: str


class BrevoControl(ControlRequest):
    """Body of ``POST /_control``."""

    dkim: Dkim | None = None
    rate_limit: int | None = Field(default=None, ge=0)
    taken: str | None = None


class _Refused(Exception):  # noqa: N818 - an answer, not a defect
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = JSONResponse({"code": code, "message": message}, status)


@dataclass
class _World:
    """All accounts' domains by name. `servers` are asked for a domain's records."""

    servers: Sequence[tuple[str, int]]
    domains: dict[str, Domain] = field(default_factory=dict)
    dkim: Dkim = Dkim.CNAME
    rate_limit: int = REQUESTS
    used: int = 0
    window_ends: float = 0.0
    ids: Iterator[int] = field(default_factory=lambda: count(1001))

    def apply(self, wanted: BrevoControl) -> None:
        if wanted.reset:
            self.dkim, self.rate_limit, self.window_ends = Dkim.CNAME, REQUESTS, 0.0
        self.dkim = wanted.dkim or self.dkim
        self.rate_limit = self.rate_limit if wanted.rate_limit is None else wanted.rate_limit
        if wanted.taken is not None:
            self.add(wanted.taken, "somebody else")

    def add(self, name: str, account: str) -> Domain:
        if name in self.domains:
            raise ValueError(f"{name} is there already")
        self.domains[name] = Domain(next(self.ids), name, account, self.dkim)
        return self.domains[name]

    def throttle(self) -> dict[str, str]:
        """Count a request; the headers of its answer. Remaining is -1 if it is one too many."""
        now = time.monotonic()
        if now >= self.window_ends:
            self.window_ends, self.used = now + AN_HOUR, 0
        self.used += 1
        return {
            "x-sib-ratelimit-limit": str(self.rate_limit),
            "x-sib-ratelimit-remaining": str(max(self.rate_limit - self.used, -1)),
            "x-sib-ratelimit-reset": str(int(self.window_ends - now)),
        }

    def mine(self, request: Request) -> Domain:
        """The domain in the path; 404 if this account has none of this name."""
        found = self.domains.get(str(request.path_params["domain"]).lower())
        if found is None or found.account != ACCOUNTS[request.headers["api-key"]]:
            raise _Refused(404, "document_not_found", "Domain does not exist")
        return found


@asynccontextmanager
async def running_brevo(
    *, host: str = "127.0.0.1", port: int = 0, dns_servers: Sequence[str] = ()
) -> AsyncIterator[RunningBrevo]:
    """Run the simulator for as long as the block runs. It looks for records at `dns_servers`, ``host:port`` each.

    Without any nothing is ever verified. Raises OSError when the address is taken.
    """
    servers = [(name, int(number)) for name, _, number in (each.rpartition(":") for each in dns_servers)]
    async with running_app(_app(_World(servers)), host=host, port=port) as bound:
        base = f"http://{host}:{bound}"
        yield RunningBrevo(f"{base}/v3", f"{base}/_control", API_KEY)


def _app(world: _World) -> Starlette:
    board = Switchboard()

    async def create_domain(request: Request) -> Response:
        name = _name_in(await request.body())
        try:
            domain = world.add(name, ACCOUNTS[request.headers["api-key"]])
        except ValueError as error:
            raise _Refused(400, "duplicate_parameter", "Domain already exists") from error
        said = "Domain added successfully. To authenticate it, add following DNS records"
        head = {"id": domain.id, "domain_name": name, "domain_provider": "other", "message": said}
        return JSONResponse({**head, "dns_records": domain.dns_records()})

    async def list_domains(request: Request) -> Response:
        account = ACCOUNTS[request.headers["api-key"]]
        rows = [each.row() for each in world.domains.values() if each.account == account]
        return JSONResponse({"domains": rows, "count": len(rows)})

    async def get_domain(request: Request) -> Response:
        domain = world.mine(request)
        status = {"verified": domain.is_verified, "authenticated": domain.is_authenticated}
        return JSONResponse({"domain": domain.name, **status, "dns_records": domain.dns_records()})

    async def authenticate_domain(request: Request) -> Response:
        domain = world.mine(request)
        domain.seen = await seen_of(domain, world.servers)
        if not domain.is_authenticated:
            raise _Refused(400, "bad_request", "Domain could not be authenticated: DNS records are missing or wrong")
        return JSONResponse({"domain_name": domain.name, "message": "Domain has been authenticated successfully."})

    async def delete_domain(request: Request) -> Response:
        del world.domains[world.mine(request).name]
        return Response(status_code=204)

    async def shown(_: Request) -> Response:
        return JSONResponse([each.row() for each in world.domains.values()])

    one = "/v3/senders/domains/{domain}"
    return Starlette(
        routes=[
            _route(world, board, "POST", "/v3/senders/domains", create_domain),
            _route(world, board, "GET", "/v3/senders/domains", list_domains),
            _route(world, board, "GET", one, get_domain),
            _route(world, board, "PUT", f"{one}/authenticate", authenticate_domain),
            _route(world, board, "DELETE", one, delete_domain),
            board.route_for(BrevoControl, world.apply),
            Route("/_control/domains", shown),
        ]
    )


def _route(world: _World, board: Switchboard, method: str, path: str, endpoint: Answer) -> Route:
    async def admit(request: Request) -> Response:
        if request.headers.get("api-key") not in ACCOUNTS:
            return JSONResponse({"code": "unauthorized", "message": "Key not found"}, 401)
        throttle = world.throttle()
        if world.used > world.rate_limit:
            refusal = {"code": "too_many_requests", "message": "Too many requests"}
            return JSONResponse(refusal, 429, throttle)
        try:
            answer = await endpoint(request)
        except _Refused as refused:
            answer = refused.answer
        answer.headers.update(throttle)
        return answer

    def refuse(code: int) -> Response:
        return JSONResponse({"code": "bad_request", "message": "refused"}, code)

    async def answered(request: Request) -> Response:
        return await board.answer(endpoint.__name__, lambda: admit(request), refuse=refuse)

    return Route(path, answered, methods=[method])


def _name_in(body: bytes) -> str:
    try:
        given: Any = json.loads(body)
    except ValueError as error:
        raise _Refused(400, "bad_request", "Input must be a valid JSON object") from error
    if not isinstance(given, dict):
        raise _Refused(400, "bad_request", "Input must be a valid JSON object")
    if unknown := sorted(given.keys() - {"name"}):
        raise _Refused(400, "invalid_parameter", f"Unknown parameter: {unknown[0]}")
    if "name" not in given:
        raise _Refused(400, "missing_parameter", "name is missing")
    if not isinstance(given["name"], str) or not _NAME.fullmatch(given["name"]):
        raise _Refused(400, "invalid_parameter", "name is not a valid domain")
    return str(given["name"])
