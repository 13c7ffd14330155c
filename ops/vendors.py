"""The stand-ins for whatever vendor has no credentials configured, and the settings that lead the services to them."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from simulators.brevo import RunningBrevo, running_brevo
from simulators.coolify import Coolify, running_coolify
from simulators.core import Core, running_core
from simulators.inwx import RunningInwx, running_inwx
from simulators.smtp import RunningSmtp, running_smtp

INWX_ACCOUNT = "demo"
"""The simulator's account without a second factor, and its password."""


@dataclass(frozen=True, slots=True)
class Latencies:
    """How slow the simulated vendors are: seconds.

    `requests` is Coolify's limit a minute and Brevo's an hour (their own defaults: 200 and 100).
    """

    call: float = 0.02
    deployment: float = 2.0
    boot: float = 1.0
    requests: int = 6000


@dataclass(slots=True)
class Simulators:
    """What runs; None is a vendor that is configured. `settings` are environment variables for the services."""

    inwx: RunningInwx | None = None
    brevo: RunningBrevo | None = None
    coolify: Coolify | None = None
    core: Core | None = None
    smtp: RunningSmtp | None = None
    settings: dict[str, str] = field(default_factory=dict)

    async def mails(self) -> list[dict[str, Any]]:
        """The mails that the SMTP sink has taken, oldest first."""
        if self.smtp is None:
            return []
        async with httpx.AsyncClient() as http:
            answer = await http.get(self.smtp.inbox_url)
            mails: list[dict[str, Any]] = answer.raise_for_status().json()
        return mails


@asynccontextmanager
async def running_simulators(latencies: Latencies) -> AsyncIterator[Simulators]:
    """Run the simulators that are needed in this event loop as long as the block runs."""
    found = Simulators()
    async with AsyncExitStack() as stack:
        if not _is_set("VRS_INWX_USER"):
            found.inwx = await stack.enter_async_context(running_inwx())
            found.settings |= _inwx(found.inwx)
            await _control(found.inwx.control_url, {"latency": latencies.call})
            if not _is_set("VRS_BREVO_API_KEY"):  # it looks at the name servers of this INWX
                found.brevo = await stack.enter_async_context(running_brevo(dns_servers=found.inwx.dns_servers))
                found.settings |= _brevo(found.brevo)
                knobs: dict[str, float] = {"latency": latencies.call, "rate_limit": latencies.requests}
                await _control(found.brevo.control_url, knobs)
        if not _is_set("VRS_COOLIFY_TOKEN"):
            found.core = await stack.enter_async_context(running_core())
            found.coolify = await stack.enter_async_context(running_coolify(core_url=found.core.url))
            found.settings |= _coolify(found.coolify, found.core, latencies)
            knobs = {"deploy_seconds": latencies.deployment, "rate_limit": latencies.requests}
            await _control(f"{found.coolify.url}/_control", {"latency": latencies.call} | knobs)
            await _control(found.core.control_url, {"boot_seconds": latencies.boot})
        if not _is_set("VRS_SMTP_URL"):
            found.smtp = await stack.enter_async_context(running_smtp())
            found.settings |= {"VRS_SMTP_URL": found.smtp.smtp_url}
        yield found


def _is_set(variable: str) -> bool:
    return variable in os.environ or f"{variable}_FILE" in os.environ


def _inwx(inwx: RunningInwx) -> dict[str, str]:
    return {
        "VRS_INWX_URL": inwx.url,
        "VRS_INWX_USER": INWX_ACCOUNT,
        "VRS_INWX_PASSWORD": INWX_ACCOUNT,
        "VRS_DNS_SERVERS": ",".join(inwx.dns_servers),
    }


def _brevo(brevo: RunningBrevo) -> dict[str, str]:
    return {"VRS_BREVO_URL": brevo.url, "VRS_BREVO_API_KEY": brevo.api_key}


def _coolify(coolify: Coolify, core: Core, latencies: Latencies) -> dict[str, str]:
    return {
        "VRS_COOLIFY_URL": coolify.url,
        "VRS_COOLIFY_TOKEN": coolify.token,
        "VRS_COOLIFY_PROJECT": coolify.project_uuid,
        "VRS_COOLIFY_RATE_LIMIT": str(latencies.requests),
        "VRS_CORE_CONNECT": core.https_address,
        "VRS_CORE_CA_FILE": str(core.ca_file),
    }


async def _control(url: str, wanted: dict[str, float]) -> None:
    async with httpx.AsyncClient() as http:
        answer = await http.post(url, json=wanted)
        answer.raise_for_status()
