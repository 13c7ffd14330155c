"""vrs-core as the process that a customer's container runs."""

import asyncio
import os
import resource
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.signatures import written
from ops.ports import free_port
from tests.services.core.market import Market
from tests.services.core.shop import Shop

PATIENCE = 60.0
"""Seconds. Generous: other tests run beside these."""


@dataclass
class Container:
    """`environment` adds to or replaces what Coolify sets; no file may grow beyond `file_bytes`."""

    shop: Shop | Market
    home: Path
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    environment: dict[str, str] = field(default_factory=dict)
    file_bytes: int | None = None
    port: int = 0
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.port = free_port()
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "services.core",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={
                "PATH": os.environ["PATH"],
                "VRS_PROJECT_ID": str(self.shop.project),
                "VRS_MARKETPLACE_URL": self.shop.url,
                "VRS_BOOTSTRAP_TOKEN": self.shop.token,
                "VRS_PROJECT_KEY": written(self.key),
                "VRS_MANIFEST_KEYS": written(self.shop.manifest_key.public_key()),
                "VRS_PLUGIN_KEYS": written(self.shop.plugin_key.public_key()),
                "VRS_CORE_HOME": str(self.home),
                "VRS_CORE_HOST": "127.0.0.1",
                "VRS_CORE_PORT": str(self.port),
                **self.environment,
            },
            preexec_fn=self._limit,
        )

    def _limit(self) -> None:
        if self.file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_bytes, self.file_bytes))

    async def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.communicate()

    async def health(self) -> dict[str, Any]:
        """The report; empty as long as nobody answers."""
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                response = await http.get(f"http://127.0.0.1:{self.port}/health")
        except httpx.TransportError:
            return {}
        return {"status": response.status_code, **response.json()}

    async def until(self, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Look until the report is as wanted."""
        deadline = time.monotonic() + PATIENCE
        while True:
            report = await self.health()
            if report and true(report):
                return report
            if self.process is not None and self.process.returncode is not None:
                raise AssertionError(f"vrs-core has ended: {await self.process.communicate()}")
            assert time.monotonic() < deadline, f"never as wanted: {report}"
            await asyncio.sleep(0.02)

    async def until_state(self, state: str) -> dict[str, Any]:
        return await self.until(lambda report: report["state"] == state)

    def installed(self) -> dict[str, str]:
        """What the application would load now: each module's own word on its version, all from one set."""
        current = self.home / "current"
        found = {}
        for plugin in current.resolve().iterdir() if current.exists() else ():
            if plugin.is_symlink():
                text = (plugin / f"{plugin.name.replace('-', '_')}.py").read_text()
                found[plugin.name] = text.partition("'")[2].partition("'")[0]
        return found


@asynccontextmanager
async def container_of(
    shop: Shop | Market, home: Path, *, file_bytes: int | None = None, environment: dict[str, str] | None = None
) -> AsyncIterator[Container]:
    container = Container(shop, home, environment=environment or {}, file_bytes=file_bytes)
    await container.start()
    try:
        yield container
    finally:
        await container.kill()


def plugin(report: dict[str, Any], name: str) -> dict[str, Any]:
    return next(entry for entry in report["plugins"] if entry["name"] == name)
