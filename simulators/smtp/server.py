"""The SMTP sink as a whole: mail comes in over SMTP (RFC 5321), and is read and controlled over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self
from weakref import WeakSet

import structlog
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import model_validator
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulators.faults import ControlRequest, Fault, FaultKind, Switchboard
from simulators.serving import running_app

from .inbox import MAX_BYTES, Inbox

_CALLS = ("*", "RCPT", "DATA")
_KINDS = (FaultKind.REFUSED, FaultKind.LOST_ANSWER, FaultKind.SLOW)

_log = structlog.get_logger(__name__)


class SmtpControl(ControlRequest):
    """Body of ``POST /_control``: latency and faults for the calls ``RCPT`` and ``DATA``.

    ``refused`` takes a reply code, 400-499 temporary or 500-599 permanent; ``lost_answer`` keeps the mail and
    closes the connection before the 250; ``slow`` works and answers late.
    """

    @model_validator(mode="after")
    def _speaks_smtp(self) -> Self:
        if self.fault is None:
            return self
        if self.fault.call not in _CALLS:
            raise ValueError(f"no call {self.fault.call!r}; there are {', '.join(_CALLS)}")
        if self.fault.kind not in _KINDS:
            raise ValueError(f"no {self.fault.kind.value!r} in SMTP; there are {', '.join(_KINDS)}")
        if self.fault.code is not None and not 400 <= self.fault.code <= 599:  # noqa: PLR2004 RFC 5321 section 4.2
            raise ValueError(f"{self.fault.code} refuses nothing; 400-499 and 500-599 do")
        return self


@dataclass(frozen=True)
class RunningSmtp:
    """Where the sink listens; `inbox_url` answers GET and DELETE, and GET with ``/<number>`` behind it."""

    smtp_url: str
    inbox_url: str
    control_url: str


@asynccontextmanager
async def running_smtp(*, host: str = "127.0.0.1", port: int = 0, http_port: int = 0) -> AsyncIterator[RunningSmtp]:
    """Run the sink for as long as the block runs, in this event loop; a port of 0 takes a free one.

    Raises OSError when an address is taken.
    """
    switchboard, inbox = Switchboard(), Inbox()
    hooks = _Hooks(switchboard, inbox)
    loop = asyncio.get_running_loop()
    connections: WeakSet[SMTP] = WeakSet()

    def connect() -> SMTP:
        connection = SMTP(
            hooks, hostname="mail.vrs.example", data_size_limit=MAX_BYTES, enable_SMTPUTF8=True, loop=loop
        )
        connections.add(connection)
        return connection

    server = await loop.create_server(connect, host, port)
    smtp_port = server.sockets[0].getsockname()[1]
    try:
        async with running_app(_app(switchboard, inbox), host=host, port=http_port) as inbox_port:
            base = f"http://{host}:{inbox_port}"
            yield RunningSmtp(f"smtp://{host}:{smtp_port}", f"{base}/inbox", f"{base}/_control")
    finally:
        server.close()
        for connection in connections:
            if connection.transport is not None:
                connection.transport.close()
        await server.wait_closed()


async def serve_smtp(*, host: str = "127.0.0.1", port: int, http_port: int) -> None:
    """Run the sink until cancelled."""
    async with running_smtp(host=host, port=port, http_port=http_port) as smtp:
        _log.info("SMTP sink listens", smtp=smtp.smtp_url, inbox=smtp.inbox_url, control=smtp.control_url)
        await asyncio.Event().wait()


class _Hooks:
    """What aiosmtpd asks before it answers."""

    def __init__(self, switchboard: Switchboard, inbox: Inbox) -> None:
        self._switchboard = switchboard
        self._inbox = inbox

    async def _strike(self, call: str) -> Fault | None:
        fault = await self._switchboard.strike(call)
        if fault is not None and fault.kind is FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)  # a client that hangs up meanwhile ends the work
        return fault

    async def handle_RCPT(  # noqa: N802 aiosmtpd's name
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        fault = await self._strike("RCPT")
        if fault is not None and fault.kind is FaultKind.REFUSED:
            return _refusal(fault)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return await _reply(server, fault, "250 2.1.5 Recipient OK")

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 as above
        fault = await self._strike("DATA")
        if fault is not None and fault.kind is FaultKind.REFUSED:
            return _refusal(fault)
        self._inbox.add(
            sender=envelope.mail_from or "",
            recipients=envelope.rcpt_tos,
            raw=envelope.original_content or b"",
        )
        return await _reply(server, fault, "250 2.0.0 Message accepted")


async def _reply(server: SMTP, fault: Fault | None, reply: str) -> str:
    if fault is not None and fault.kind is FaultKind.LOST_ANSWER and server.transport is not None:
        server.transport.close()
        await asyncio.Event().wait()  # until aiosmtpd sees the connection gone and cancels this
    return reply


def _refusal(fault: Fault) -> str:
    code = fault.code or 0
    return f"{code} {code // 100}.0.0 Refused as told"


def _app(switchboard: Switchboard, inbox: Inbox) -> Starlette:
    async def mails(request: Request) -> Response:
        if request.method == "DELETE":
            inbox.clear()
            return Response(status_code=204)
        # Escaped: mail may decode to lone surrogates, which have no UTF-8.
        return Response(json.dumps([mail.row() for mail in inbox]), media_type="application/json")

    async def mail(request: Request) -> Response:
        found = inbox.get(request.path_params["number"])
        if found is None:
            return JSONResponse({"message": "no such mail"}, 404)
        return Response(found.raw, media_type="message/rfc822")

    return Starlette(
        routes=[
            Route("/inbox", mails, methods=["GET", "DELETE"]),
            Route("/inbox/{number:int}", mail),
            switchboard.route_for(SmtpControl, lambda _: None),
        ]
    )
