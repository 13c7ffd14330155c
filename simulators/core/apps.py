"""The customers' containers: what each was started with, how far it has booted, what is wrong with it."""

import base64
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, model_validator

PLUGIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[A-Za-z0-9][A-Za-z0-9._+!-]*)")


class CoreState(StrEnum):
    """`state` of ``GET /health``."""

    BOOTING = "booting"
    HEALTHY = "healthy"
    DEGRADED = "degraded"
    FAILED = "failed"


class PluginState(StrEnum):
    """`state` of a plugin in ``GET /health``."""

    INSTALLED = "installed"
    MISSING = "missing"
    FAILED = "failed"
    PENDING = "pending"
    REFUSED = "refused"


class AppFaultKind(StrEnum):
    """What is wrong with an app until it is healed."""

    NEVER_BOOTS = "never_boots"
    PLUGIN = "plugin"  # `plugin` is missing; or `state` says otherwise; or it has `version`
    HEALTH_500 = "health_500"
    SLOW = "slow"  # each answer takes `seconds`
    WRONG_CERTIFICATE = "wrong_certificate"  # Traefik's default one, as before Let's Encrypt answered
    UNSIGNED = "unsigned"  # another container answers: without a signature, whatever it was started with
    CLOSE = "close"  # takes the request and closes the connection without an answer


class AppFault(BaseModel):
    """A fault of one app, or of all with ``*``; also of apps that come later."""

    model_config = ConfigDict(extra="forbid")

    fqdn: str = "*"
    kind: AppFaultKind
    plugin: str | None = None
    state: PluginState = PluginState.MISSING
    version: str | None = None
    seconds: float = Field(default=5.0, ge=0, le=3600)

    @model_validator(mode="after")
    def _plugin_is_named(self) -> "AppFault":
        if (self.kind is AppFaultKind.PLUGIN) != (self.plugin is not None):
            raise ValueError("`plugin` names the plugin of a fault of kind plugin, and only of that kind")
        return self


class StartedApp(BaseModel):
    """Body of ``POST /_apps``: a container behind a server's proxy."""

    model_config = ConfigDict(extra="forbid")

    fqdn: str = Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$", max_length=253)
    image: str
    tag: str
    env: dict[str, str]
    server_ip: str


@dataclass(slots=True)
class App:
    """A container and its plugins, read from ``VRS_PLUGINS`` (``name==version``, comma-separated).

    There is no marketplace behind it: `manifest`, when it last asked for its manifest, is all that converging changes.
    """

    started: StartedApp
    boot_seconds: float
    started_at: float = field(default_factory=time.monotonic)
    manifest: datetime = field(default_factory=lambda: datetime.now(UTC))
    wanted: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    def __post_init__(self) -> None:
        entries = [entry.strip() for entry in self.started.env.get("VRS_PLUGINS", "").split(",")]
        for entry in filter(None, entries):
            match = PLUGIN.fullmatch(entry)
            if match is None:
                self.error = f"VRS_PLUGINS: {entry!r} is not name==version"
                return
            self.wanted[match["name"]] = match["version"]

    def signature(self, nonce: str, body: bytes) -> str | None:
        """How vrs-core signs its report: Ed25519 over DSSE's encoding of nonce, newline and body."""
        if (written := self.started.env.get("VRS_PROJECT_KEY")) is None:
            return None
        kind, payload = b"application/vnd.vrs.health+json", nonce.encode() + b"\n" + body
        key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(written + "="))
        return base64.b64encode(key.sign(b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload))).decode()

    def health(self, faults: list[AppFault]) -> dict[str, Any]:
        """The body of ``GET /health``; plugins are installed one after the other while it boots."""
        booted = (time.monotonic() - self.started_at) / self.boot_seconds if self.boot_seconds else 1.0
        if any(fault.kind is AppFaultKind.NEVER_BOOTS for fault in faults):
            booted = 0.0
        faulty = {fault.plugin: fault for fault in faults if fault.kind is AppFaultKind.PLUGIN}
        plugins = [
            _plugin(name, version, faulty.get(name), pending=booted < (index / len(self.wanted)))
            for index, (name, version) in enumerate(self.wanted.items(), start=1)
        ]
        if self.error is not None:
            state = CoreState.FAILED
        elif booted < 1:
            state = CoreState.BOOTING
        elif any(plugin["installed"] != plugin["wanted"] for plugin in plugins):
            state = CoreState.DEGRADED
        else:
            state = CoreState.HEALTHY
        return {
            "state": state.value,
            "version": self.started.tag,
            "manifest": self.manifest.isoformat(),
            "plugins": plugins,
        }


def _plugin(name: str, wanted: str, fault: AppFault | None, *, pending: bool) -> dict[str, str | None]:
    installed: str | None = wanted
    state, error = PluginState.INSTALLED, None
    if pending:
        installed, state = None, PluginState.PENDING
    elif fault is not None and fault.version is not None:
        installed = fault.version
    elif fault is not None:
        installed, state = None, fault.state
        error = f"{name} {wanted} could not be fetched"
    return {"name": name, "wanted": wanted, "installed": installed, "state": state.value, "error": error}


class Apps:
    """Everything behind the proxies, by host name. Never shared between simulators."""

    def __init__(self) -> None:
        self.by_host: dict[str, App] = {}
        self.faults: list[AppFault] = []

    def faults_of(self, host: str) -> list[AppFault]:
        """What is wrong with the app of that name."""
        return [fault for fault in self.faults if fault.fqdn in (host, "*")]

    def fault(self, host: str, kind: AppFaultKind) -> AppFault | None:
        """The app's fault of that kind, if it has one."""
        return next((fault for fault in self.faults_of(host) if fault.kind is kind), None)

    def heal(self, fqdn: str) -> None:
        """Forget the faults set for this name; ``*`` forgets all."""
        self.faults = [fault for fault in self.faults if fqdn not in (fault.fqdn, "*")]
