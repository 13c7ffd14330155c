"""Serves a simulator's HTTP side inside the running event loop, next to whatever else runs there."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the program that runs the simulators; uvicorn would take them for itself."""
        yield


IDLE = 60
"""Seconds after which a connection without a request is closed; longer than any client of ours keeps one, or a request
would meet the end of its connection."""


@asynccontextmanager
async def running_app(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve `app` for as long as the block runs; gives the port, a free one if `port` is 0.

    Raises OSError when the address is taken. Answers still under way at the end are cut off.
    """
    listener = socket.create_server((host, port))
    # asyncio turns Nagle off only for sockets that name their protocol, which this one does not: 40 ms an answer.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = _Server(
        uvicorn.Config(
            _quiet(app),
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=IDLE,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        await stop(server, serving)


async def stop(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    """End a server at once; answers that are under way are cut off.

    uvicorn's own way looks ten times a second whether it should end, and then waits as long again: 0.2 s for each of
    the many servers of a test run.
    """
    while not (server.started or serving.done()):  # noqa: ASYNC110 - a start has no event, and is quick
        await asyncio.sleep(0)
    if serving.done():
        await serving  # its error
    for listening in server.servers:
        listening.close()
    for connection in server.server_state.connections:
        connection.transport.abort()
    ending = [*server.server_state.tasks, serving]
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


def _quiet(app: ASGIApp) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(asyncio.CancelledError):  # the end of the block; uvicorn would log it as the app's failure
            await app(scope, receive, send)

    return answer
