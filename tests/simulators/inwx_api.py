"""A client of the INWX simulator that adds nothing to the protocol."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dns.asyncquery
import dns.message
import httpx
import pyotp

from simulators.inwx import TOTP_SECRET, RunningInwx

OK = {"code": 1000, "msg": "Command completed successfully"}
NO_SESSION = {"code": 2002, "msg": "Command use error"}
EXISTS = {"code": 2302, "msg": "Object exists"}
UNKNOWN = {"code": 2303, "msg": "Object does not exist"}

_INWX_NAMES = {"pass_": "pass", "case_insensitive": "case-insensitive"}  # no names for Python's keywords


class Inwx:
    """The simulator as a test sees it: each `http` client is a cookie jar, hence a session of its own."""

    def __init__(self, running: RunningInwx, http: httpx.AsyncClient) -> None:
        self.url = running.url
        self.control_url = running.control_url
        self.dns_servers = running.dns_servers
        self.http = http

    async def call(self, method: str, *, http: httpx.AsyncClient | None = None, **params: Any) -> Any:
        params = {_INWX_NAMES.get(name, name): value for name, value in params.items()}
        answer = await (http or self.http).post(self.url, json={"method": method, "params": params})
        assert answer.status_code == 200
        return answer.json()

    async def login(self, user: str = "demo", password: str = "demo", http: httpx.AsyncClient | None = None) -> Any:
        return await self.call("account.login", http=http, user=user, pass_=password)

    async def control(self, **wanted: Any) -> httpx.Response:
        return await self.http.post(self.control_url, json=wanted)

    async def create(self, content: str = "192.0.2.1", **params: Any) -> Any:
        params = {"domain": "vrs.example", "name": "a.vrs.example", "type": "A"} | params
        return await self.call("nameserver.createRecord", content=content, **params)

    async def rows(self, **filters: Any) -> list[dict[str, Any]]:
        answer = await self.call("nameserver.info", **{"domain": "vrs.example"} | filters)
        rows: list[dict[str, Any]] = answer["resData"].get("record") or []
        return rows

    async def ask(self, name: str, kind: str = "A", *, server: int = 0, tcp: bool = False) -> dns.message.Message:
        host, _, port = self.dns_servers[server].rpartition(":")
        query = dns.message.make_query(name, kind)
        send = dns.asyncquery.tcp if tcp else dns.asyncquery.udp
        return await send(query, host, timeout=5, port=int(port))


def tan(windows_ago: int = 0) -> str:
    return pyotp.TOTP(TOTP_SECRET).at(datetime.now(UTC) - timedelta(seconds=30 * windows_ago))
