"""What vrs-core reports of itself, as far as bootstrap reads it."""

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from contracts import Plugin, Text


class CoreState(StrEnum):
    """vrs-core's own word on how it is."""

    BOOTING = "booting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILED = "failed"


class PluginHealth(BaseModel):
    """A plugin as vrs-core has it; `installed` is its version, None if it is not there (yet)."""

    model_config = ConfigDict(frozen=True)

    name: Text
    installed: Text | None = None
    state: Text
    error: str | None = None
    received: int = 0
    size: int | None = None

    @property
    def progress(self) -> str:
        """How far it is, in a few words."""
        if self.state == "downloading" and self.size:
            return f"downloading, {100 * self.received // self.size} %"
        return self.state


class Certificate(BaseModel):
    """The TLS certificate under which a report came; it was verified for the project's host name."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    expires_at: datetime

    @property
    def days_left(self) -> int:
        """Whole days until it ends."""
        return (self.expires_at - datetime.now(UTC)).days


class Health(BaseModel):
    """The body of ``GET /health``, and the certificate under which it came."""

    model_config = ConfigDict(frozen=True)

    state: CoreState
    version: Text
    plugins: tuple[PluginHealth, ...] = ()
    problem: str | None = None
    phases: dict[str, float] = {}
    certificate: Certificate | None = None

    def missing(self, ordered: tuple[Plugin, ...]) -> list[str]:
        """What is not there as ordered, one phrase for each plugin."""
        there = {plugin.name: plugin for plugin in self.plugins}
        return [
            f"{plugin.name} {plugin.version} ({_instead(there.get(plugin.name))})"
            for plugin in ordered
            if plugin.name not in there or there[plugin.name].installed != plugin.version
        ]


def _instead(plugin: PluginHealth | None) -> str:
    if plugin is None:
        return "vrs-core does not list it"
    found = f"is {plugin.progress}, installed {plugin.installed or 'none'}"
    return f"{found}: {plugin.error[:200]}" if plugin.error else found
