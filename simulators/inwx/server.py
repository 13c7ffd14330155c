"""The INWX simulator as a whole: JSON-RPC and its control over HTTP, name servers beside it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.faults import Switchboard
from simulators.serving import running_app

from .accounts import Account, Accounts
from .answers import CLOSES_SESSION, Envelope, ResultCode, envelope
from .authoritative import NameServer
from .contacts import Contacts
from .control import ForeignRecord, ForeignZone, InwxControl, World
from .dns_transport import running_dns
from .domains import Domains
from .registrations import Registrar
from .rpc import Rpc
from .transfers import Transfers
from .zones import Change, Zones

TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # of the account `totp`; made up, so it may be known to all

ZONES = {
    "vrs.example": "demo",
    "vrs-projects.example": "demo",
    "kunde-mit-domain.example": "demo",
    "vrs-totp.example": "totp",
}

MAIL_SERVICE = ForeignZone(
    zone="brevo.com", records=[ForeignRecord(name="spf", type="TXT", content="v=spf1 ip4:192.0.2.128/25 -all")]
)
"""What whoever sends with Brevo includes; its networks are made up."""

_COOKIE = "domrobot"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RunningInwx:
    """Where the simulator listens; `dns_servers` are ``host:port``, UDP and TCP."""

    url: str
    control_url: str
    dns_servers: list[str]


@asynccontextmanager
async def running_inwx(
    *, host: str = "127.0.0.1", port: int = 0, dns_port: int = 0, name_servers: int = 2
) -> AsyncIterator[RunningInwx]:
    """Run the simulator for as long as the block runs, in this event loop.

    The name servers take `dns_port` and the ports after it; a port of 0 takes free ones. The accounts are
    demo/demo and totp/totp-demo, the latter with a second factor from `TOTP_SECRET`; their zones are `ZONES`.
    Raises OSError when an address is taken.
    """
    servers = [NameServer() for _ in range(name_servers)]
    world = _world(servers)
    async with AsyncExitStack() as stack:
        dns_ports = [
            await stack.enter_async_context(
                running_dns(
                    datagram=partial(server.answer, datagram=True),
                    stream=partial(server.answer, datagram=False),
                    host=host,
                    port=dns_port + nth if dns_port else 0,
                )
            )
            for nth, server in enumerate(servers)
        ]
        http_port = await stack.enter_async_context(running_app(_app(world), host=host, port=port))
        base = f"http://{host}:{http_port}"
        yield RunningInwx(f"{base}/jsonrpc/", f"{base}/_control", [f"{host}:{each}" for each in dns_ports])


async def serve_inwx(*, host: str = "127.0.0.1", port: int, dns_port: int) -> None:
    """Run the simulator until cancelled."""
    async with running_inwx(host=host, port=port, dns_port=dns_port) as inwx:
        _log.info(
            "INWX simulator listens",
            url=inwx.url,
            control=inwx.control_url,
            dns=inwx.dns_servers,
            accounts="demo/demo, totp/totp-demo",
            totp_secret=TOTP_SECRET,
        )
        await asyncio.Event().wait()


def _world(servers: list[NameServer]) -> World:
    accounts = Accounts(
        [
            Account("demo", "demo", customer=77),
            Account("totp", "totp-demo", customer=78, totp_secret=TOTP_SECRET),
        ]
    )

    def publish(change: Change) -> None:
        for server in servers:
            server.publish(change)

    names = [f"ns{nth if nth > 1 else ''}.inwx.example" for nth in range(1, len(servers) + 1)]
    zones, domains = Zones(name_servers=names, publish=publish), Domains()
    registrar = Registrar(domains, Contacts(), zones)
    world = World(accounts, zones, domains, registrar, Transfers(registrar, domains, zones), servers)
    for domain, account in ZONES.items():
        world.register(domain, account=account)
    world.apply(InwxControl(elsewhere=MAIL_SERVICE))
    return world


def _app(world: World) -> Starlette:
    switchboard = Switchboard()
    rpc = Rpc(world.accounts, world.zones, world.domains, world.registrar, world.transfers)

    async def jsonrpc(request: Request) -> Response:
        called = _read(await request.body())
        if called is None:
            return _json(envelope(ResultCode.SYNTAX_ERROR))
        method, params = rpc.method(called[0]), called[1]
        if method is None:
            return _json(envelope(ResultCode.UNKNOWN_COMMAND))
        token = request.cookies.get(_COOKIE)

        async def work() -> Response:
            reply = rpc.call(method, params, token)
            answer = _json(reply.envelope)
            if reply.token is not None:
                answer.headers["Set-Cookie"] = f"{_COOKIE}={reply.token}; path=/"
            return answer

        def refuse(code: int) -> Response:
            if code in CLOSES_SESSION:
                world.accounts.end(token)
            return _json(envelope(ResultCode(code)))

        session = world.accounts.session(token)
        turn = session.queue if session else None
        return await switchboard.answer(method.name, work, turn=turn, refuse=refuse)

    return Starlette(
        routes=[
            Route("/jsonrpc/", jsonrpc, methods=["POST"]),
            switchboard.route_for(InwxControl, world.apply),
            *_looks(world),
        ]
    )


def _looks(world: World) -> list[Route]:
    """For whoever checks what the world has come to."""

    async def zones(_: Request) -> Response:
        return JSONResponse([zone.row() for zone in world.zones])

    async def domains(_: Request) -> Response:
        return JSONResponse(world.registered())

    return [Route("/_control/zones", zones), Route("/_control/domains", domains)]


def _json(answer: Envelope) -> Response:
    """Escaped, as PHP does it: what was sent and is repeated may have no UTF-8."""
    return Response(json.dumps(answer), media_type="application/json")


def _read(body: bytes) -> tuple[str, dict[str, Any]] | None:
    """Method and params, if the body is a call at all."""
    try:
        call: Envelope = json.loads(body)
        method, params = call["method"], call.get("params", {})
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return (method, params) if isinstance(method, str) and isinstance(params, dict) else None
