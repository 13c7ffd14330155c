"""The switchboard every simulator has: latency, and faults that are armed per call over HTTP.

``POST /_control`` takes JSON, each key optional::

    {"latency": 0.05}                                         seconds before each answer
    {"fault": {"call": "nameserver.createRecord", "kind": "lost_answer", "times": 2}}
    {"reset": true}                                           forgets latency and faults

``call`` is the simulator's own name for a call, or ``*`` for any. ``GET /_control`` shows what is armed
and how often each call was made.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class FaultKind(StrEnum):
    """What goes wrong with an armed call."""

    LOST_ANSWER = "lost_answer"  # the work is done, the client waits in vain
    ERROR = "error"  # 502 before any work
    ERROR_AFTER = "error_after"  # the work is done, the answer is a 502
    RATE_LIMITED = "rate_limited"  # 429 with Retry-After: 1, no work
    MALFORMED = "malformed"  # the work is done, the body is no JSON
    EMPTY = "empty"  # the work is done, 200 with an empty body
    SLOW = "slow"  # answers after `seconds`


class Fault(BaseModel):
    """A fault that hits the next `times` matching calls."""

    model_config = ConfigDict(extra="forbid")

    call: str = "*"
    kind: FaultKind
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=60.0, ge=0, le=3600)


class ControlRequest(BaseModel):
    """Body of ``POST /_control``."""

    model_config = ConfigDict(extra="forbid")

    latency: float | None = Field(default=None, ge=0, le=60)
    fault: Fault | None = None
    reset: bool = False


class Switchboard:
    """Stands between the wire and the simulator's work: counts, delays and breaks calls."""

    def __init__(self) -> None:
        self.latency = 0.0
        self.faults: list[Fault] = []
        self.calls: Counter[str] = Counter()

    async def answer(self, call: str, work: Callable[[], Awaitable[Response]]) -> Response:
        """Do `work` under `call`'s name, with the latency and the fault that are set for it."""
        self.calls[call] += 1
        await asyncio.sleep(self.latency)
        fault = self._next_fault(call)
        if fault is None:
            return await work()
        match fault.kind:
            case FaultKind.ERROR:
                return Response("Bad Gateway", status_code=502)
            case FaultKind.RATE_LIMITED:
                return JSONResponse({"message": "Too Many Attempts."}, 429, headers={"Retry-After": "1"})
            case FaultKind.SLOW:
                await asyncio.sleep(fault.seconds)
                return await work()
        answer = await work()
        match fault.kind:
            case FaultKind.LOST_ANSWER:
                await asyncio.sleep(fault.seconds)
                return answer
            case FaultKind.ERROR_AFTER:
                return Response("Bad Gateway", status_code=502)
            case FaultKind.MALFORMED:
                return Response("<html>not json", media_type="text/html")
            case _:
                return Response(b"", media_type="application/json")

    def _next_fault(self, call: str) -> Fault | None:
        for fault in self.faults:
            if fault.call in (call, "*"):
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
                return fault
        return None

    def route(self) -> Route:
        """The ``/_control`` route."""

        async def control(request: Request) -> Response:
            if request.method == "POST":
                try:
                    wanted = ControlRequest.model_validate_json(await request.body())
                except ValidationError as error:
                    return JSONResponse(
                        {"errors": error.errors(include_url=False, include_context=False)}, 422
                    )
                self._apply(wanted)
            return JSONResponse(
                {
                    "latency": self.latency,
                    "faults": [fault.model_dump(mode="json") for fault in self.faults],
                    "calls": dict(self.calls),
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
