"""The switchboard every simulator has: latency, and faults that are armed per call over HTTP.

``POST /_control`` takes JSON, each key optional::

    {"latency": 0.05}                                         seconds before each answer
    {"fault": {"call": "nameserver.createRecord", "kind": "lost_answer", "times": 2}}
    {"fault": {"call": "nameserver.info", "kind": "refused", "code": 2400}}
    {"reset": true}                                           forgets latency and faults

``call`` is the simulator's own name for a call, or ``*`` for any. ``GET /_control`` shows what is armed,
how often each call was made, and which faults have hit. A simulator may add keys of its own; an unknown key is
answered with 422.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MOST_STRUCK = 10_000  # the oldest make room


class FaultKind(StrEnum):
    """What goes wrong with an armed call."""

    LOST_ANSWER = "lost_answer"  # the work is done, the client waits in vain
    ERROR = "error"  # 502 before any work
    ERROR_AFTER = "error_after"  # the work is done, the answer is a 502
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After: 1, no work
    MALFORMED = "malformed"  # the work is done, the body is no JSON
    EMPTY = "empty"  # the work is done, 200 with an empty body
    SLOW = "slow"  # answers after `seconds`
    REFUSED = "refused"  # the protocol's own error `code` before any work


class Fault(BaseModel):
    """A fault that hits the next `times` matching calls."""

    model_config = ConfigDict(extra="forbid")

    call: str = "*"
    kind: FaultKind
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=60.0, ge=0, le=3600)
    code: int | None = Field(default=None, description="HTTP status, INWX result code or SMTP reply code")

    @model_validator(mode="after")
    def _code_belongs_to_refused(self) -> Self:
        if (self.kind is FaultKind.REFUSED) != (self.code is not None):
            raise ValueError("`code` belongs to the kind `refused`, and to no other")
        return self


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that hit a call."""

    call: str
    kind: FaultKind
    code: int | None
    at: datetime

    def row(self) -> dict[str, Any]:
        """For whoever must explain what a call's caller did next."""
        return {"call": self.call, "kind": self.kind.value, "code": self.code, "at": self.at.isoformat()}


class ControlRequest(BaseModel):
    """Body of ``POST /_control``; a simulator with keys of its own derives from it."""

    model_config = ConfigDict(extra="forbid")

    latency: float | None = Field(default=None, ge=0, le=60)
    fault: Fault | None = None
    reset: bool = False


ControlT = TypeVar("ControlT", bound=ControlRequest)


def _refuse(code: int) -> Response:
    return Response(status_code=code)


class Switchboard:
    """Stands between the wire and the simulator's work: counts, delays and breaks calls."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()
        self.struck: deque[Struck] = deque(maxlen=MOST_STRUCK)

    async def answer(
        self,
        call: str,
        work: Callable[[], Awaitable[Response]],
        *,
        turn: AbstractAsyncContextManager[object] | None = None,
        refuse: Callable[[int], Response] = _refuse,
    ) -> Response:
        """Do `work` under `call`'s name, with the latency and the fault that are set for it.

        `turn` (a lock, a semaphore) is held for the latency and the work, not while an answer gets lost.
        `refuse` makes the answer of the kind ``refused`` from its code.
        """
        async with turn or nullcontext():
            fault = await self.strike(call)
            match fault:
                case Fault(kind=FaultKind.ERROR):
                    return Response("Bad Gateway", status_code=502)
                case Fault(kind=FaultKind.RATE_LIMITED):
                    return JSONResponse({"message": "Too Many Attempts."}, 429, headers={"Retry-After": "1"})
                case Fault(kind=FaultKind.REFUSED, code=int(code)):
                    return refuse(code)
                case Fault(kind=FaultKind.SLOW, seconds=seconds):
                    await asyncio.sleep(seconds)
            answer = await work()
        match fault:
            case Fault(kind=FaultKind.LOST_ANSWER, seconds=seconds):
                await asyncio.sleep(seconds)
            case Fault(kind=FaultKind.ERROR_AFTER):
                return Response("Bad Gateway", status_code=502)
            case Fault(kind=FaultKind.MALFORMED):
                return Response("<html>not json", media_type="text/html")
            case Fault(kind=FaultKind.EMPTY):
                return Response(b"", media_type="application/json")
        return answer

    async def strike(self, call: str) -> Fault | None:
        """Count `call`, wait for the latency, then use up one hit of the fault that is armed for it."""
        self.calls[call] += 1
        await asyncio.sleep(self.latency)
        for fault in self.faults:
            if fault.call in (call, "*"):
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
                self.struck.append(Struck(call, fault.kind, fault.code, datetime.now(UTC)))
                return fault
        return None

    def route(self) -> Route:
        """The ``/_control`` route."""
        return self.route_for(ControlRequest, lambda _: None)

    def route_for(self, body: type[ControlT], apply: Callable[[ControlT], None]) -> Route:
        """The ``/_control`` route of a simulator with keys of its own.

        `apply` gets the request before the switchboard does; a ValueError it raises is answered with 422.
        """

        async def control(request: Request) -> Response:
            if request.method == "POST":
                try:
                    wanted = body.model_validate_json(await request.body())
                    apply(wanted)
                except ValidationError as error:
                    return JSONResponse({"errors": error.errors(include_url=False, include_context=False)}, 422)
                except ValueError as error:
                    return JSONResponse({"errors": [{"msg": str(error)}]}, 422)
                self._apply(wanted)
            return JSONResponse(
                {
                    "latency": self.latency,
                    "faults": [fault.model_dump(mode="json", exclude_none=True) for fault in self.faults],
                    "calls": dict(self.calls),
                    "struck": [struck.row() for struck in self.struck],
                }
            )

        return Route("/_control", control, methods=["GET", "POST"])

    def _apply(self, wanted: ControlRequest) -> None:
        if wanted.reset:
            self.latency = 0.0
            self.faults.clear()
        if wanted.latency is not None:
            self.latency = wanted.latency
        if wanted.fault is not None:
            self.faults.append(wanted.fault)
