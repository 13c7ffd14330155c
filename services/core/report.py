"""What vrs-core says of itself: its state, each plugin's, and how long each phase took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from contracts.core import ManifestPlugin


class CoreState(StrEnum):
    """`HEALTHY`: everything licensed is there. `DEGRADED`: something runs, something is missing. `FAILED`: nothing."""

    BOOTING = "booting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILED = "failed"


class PluginState(StrEnum):
    """Where a plugin stands."""

    PENDING = "pending"
    DOWNLOADING = "downloading"
    UNPACKING = "unpacking"
    CHECKING = "checking"
    INSTALLED = "installed"
    REFUSED = "refused"  # tampered with, unlicensed, incompatible, yanked: trying again does not help
    FAILED = "failed"  # could not be fetched, unpacked or does not work: it is tried again


class Phase(StrEnum):
    """What a pass does, in this order."""

    MANIFEST = "manifest"
    DOWNLOAD = "download"
    INSTALL = "install"
    CHECK = "check"
    SWITCH = "switch"


@dataclass(slots=True)
class PluginReport:
    """A plugin as the health report shows it. `wanted` and `installed` are versions; `received` counts bytes."""

    name: str
    wanted: str | None
    installed: str | None = None
    state: PluginState = PluginState.PENDING
    error: str | None = None
    received: int = 0
    size: int | None = None

    @property
    def as_wanted(self) -> bool:
        """Whether it runs in the version that is licensed."""
        return self.installed is not None and self.installed == self.wanted

    def body(self) -> dict[str, Any]:
        """Its part of the health report."""
        return {
            "name": self.name,
            "wanted": self.wanted,
            "installed": self.installed,
            "state": self.state.value,
            "error": self.error,
            "received": self.received,
            "size": self.size,
        }


@dataclass(slots=True)
class Report:
    """The health report, changed as the boot goes on.

    `problem` is what stands in the way of the whole: no manifest, no room. `settled`: a pass has ended, or what was
    kept from before runs. `fatal`: nothing but a person can mend `problem`. `passes` have ended since the start,
    `carried_out` is when the manifest of the last one was issued. `phase` is what it does now.
    """

    version: str
    plugins: dict[str, PluginReport] = field(default_factory=dict)
    phases: dict[Phase, float] = field(default_factory=dict)
    problem: str | None = None
    settled: bool = False
    fatal: bool = False
    passes: int = 0
    phase: Phase | None = None
    carried_out: datetime | None = None

    @property
    def state(self) -> CoreState:
        """The whole, from its parts."""
        running = [plugin for plugin in self.plugins.values() if plugin.installed is not None]
        if not self.settled:
            return CoreState.FAILED if self.fatal else CoreState.BOOTING
        if all(plugin.as_wanted for plugin in self.plugins.values()) and not self.fatal:
            return CoreState.HEALTHY
        return CoreState.DEGRADED if running or not self.plugins else CoreState.FAILED

    def want(self, plugins: tuple[ManifestPlugin, ...]) -> None:
        """Begin a pass for these plugins; what runs stays listed as long as it runs."""
        for plugin in plugins:
            known = self.plugins.get(plugin.name)
            installed = known.installed if known else None
            self.plugins[plugin.name] = PluginReport(plugin.name, plugin.version, installed)
            if self.plugins[plugin.name].as_wanted:
                self.plugins[plugin.name].state = PluginState.INSTALLED
        wanted = {plugin.name for plugin in plugins}
        for name in [name for name in self.plugins if name not in wanted]:
            if self.plugins[name].installed is None:
                del self.plugins[name]
            else:
                self.plugins[name].wanted = None

    @contextmanager
    def timed(self, phase: Phase) -> Iterator[None]:
        """Measure a phase in seconds."""
        began, self.phase = time.monotonic(), phase
        try:
            yield
        finally:
            self.phases[phase], self.phase = round(time.monotonic() - began, 3), None

    def body(self) -> dict[str, Any]:
        """The body of ``GET /health``."""
        return {
            "state": self.state.value,
            "version": self.version,
            "problem": self.problem,
            "passes": self.passes,
            "manifest": self.carried_out.isoformat() if self.carried_out else None,
            "phase": self.phase.value if self.phase else None,
            "plugins": [plugin.body() for plugin in self.plugins.values()],
            "phases": {phase.value: seconds for phase, seconds in self.phases.items()},
        }
