"""What vrs-core reports of itself, as far as bootstrap reads it."""

from datetime import UTC, datetime
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict

from contracts import Plugin, Slug, Text
from contracts.event import Version


class CoreState(StrEnum):
    """vrs-core's own word on how it is."""

    BOOTING = "booting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILED = "failed"


REFUSED = "refused"
"""A plugin's state: trying again does not help."""

MOST_WORDS = 300


def one_line(text: str) -> str:
    """A customer's container may say anything: one line of it, of a length that an event takes."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:MOST_WORDS] or "?"


class PluginHealth(BaseModel):
    """A plugin as vrs-core has it; `wanted` and `installed` are versions, None if it is not licensed or not there."""

    model_config = ConfigDict(frozen=True)

    name: Slug
    wanted: Version | None = None
    installed: Version | None = None
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
    began_at: datetime
    expires_at: datetime

    @property
    def days_left(self) -> int:
        """Whole days until it ends."""
        return (self.expires_at - datetime.now(UTC)).days

    @property
    def told(self) -> str:
        """Who issued it and how long it lasts, as in "is from Let's Encrypt and ends in 89 days"."""
        return f"is from {one_line(self.issuer)} and ends in {self.days_left} days"


class Health(BaseModel):
    """The body of ``GET /health``, and the certificate under which it came.

    `manifest` is when the manifest was issued that vrs-core has carried out last, `phase` what it does now.
    """

    model_config = ConfigDict(frozen=True)

    state: CoreState
    version: Text
    plugins: tuple[PluginHealth, ...] = ()
    problem: str | None = None
    phases: dict[str, float] = {}
    phase: Text | None = None
    manifest: AwareDatetime | None = None
    certificate: Certificate | None = None

    @property
    def not_as_wanted(self) -> list[PluginHealth]:
        """The licensed plugins that do not run in the licensed version."""
        return [plugin for plugin in self.plugins if plugin.wanted is not None and plugin.installed != plugin.wanted]

    @property
    def doing(self) -> str:
        """How it is, in a few words: its state, and the phase that it is in."""
        return f"{self.state} ({self.phase})" if self.phase else self.state

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
