"""Where the containers run: announces them to the vrs-core simulator, as Docker and the proxy would."""

import re
from urllib.parse import urlsplit

import httpx

from simulators.coolify.records import Application, Variable


def hosts_of(application: Application) -> list[str]:
    """The host names that the proxy routes to the application."""
    urls = (application.fqdn or "").split(",")
    return [host for url in urls if (host := urlsplit(url).hostname)]


def breaks_env_file(application: Application) -> str | None:
    """The key of a variable that Coolify writes into a broken `.env` (coollabsio/coolify#7635)."""
    for variable in application.variables:
        if (variable.is_literal or variable.is_multiline) and "'" in (variable.value or ""):
            return variable.key
    return None


def environment_of(application: Application) -> dict[str, str]:
    """What the container sees: production rows for runtime; `$NAME` expands unless the row is literal."""
    rows = [row for row in application.variables if row.is_runtime and not row.is_preview]
    plain = {row.key: row.value or "" for row in rows}

    def expanded(row: Variable) -> str:
        if row.is_literal or row.is_multiline:
            return row.value or ""
        return re.sub(r"\$\{?(\w+)\}?", lambda found: plain.get(found[1], ""), row.value or "")

    injected = {
        "COOLIFY_FQDN": ",".join(hosts_of(application)),
        "COOLIFY_URL": application.fqdn or "",
        "COOLIFY_RESOURCE_UUID": application.uuid,
        "HOST": "0.0.0.0",
        "PORT": str(application.columns["ports_exposes"] or "").split(",")[0],
    }
    return injected | {row.key: expanded(row) for row in rows}


class Containers:
    """Runs nothing itself. Without `core_url` nobody is told."""

    def __init__(self, core_url: str | None) -> None:
        # No kept connection: one that the other side closes just then would leave a container behind.
        close = {"Connection": "close"}
        self._client = httpx.AsyncClient(base_url=core_url, timeout=10, headers=close) if core_url else None

    async def run(self, application: Application, image: str, tag: str, replaced: list[str]) -> None:
        """Start the application's container under each of its hosts; `replaced` hosts are let go."""
        if self._client is None:
            return
        hosts = hosts_of(application)
        for host in hosts:
            container = {
                "fqdn": host,
                "image": image,
                "tag": tag,
                "env": environment_of(application),
                "server_ip": application.server.ip,
            }
            answer = await self._client.post("/_apps", json=container)
            answer.raise_for_status()
        await self.stop([host for host in replaced if host not in hosts])

    async def stop(self, hosts: list[str]) -> None:
        """Remove the containers behind these hosts; one that is gone already is no error."""
        if self._client is None:
            return
        for host in hosts:
            answer = await self._client.delete(f"/_apps/{host}")
            if answer.status_code != httpx.codes.NOT_FOUND:
                answer.raise_for_status()

    async def close(self) -> None:
        """Close the connection to the vrs-core simulator."""
        if self._client is not None:
            await self._client.aclose()
