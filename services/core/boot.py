"""Makes what is installed what the manifest says, again and again: at the start, every hour, and when somebody asks."""

import asyncio

import httpx
import structlog
from pydantic import SecretStr

from contracts.core import Manifest
from services.core.converge import Convergence, Limits
from services.core.errors import ManifestRefusedError, MarketplaceAwayError
from services.core.manifest import Trust, believe
from services.core.marketplace import fetch_manifest
from services.core.report import Phase, PluginReport, PluginState, Report
from services.core.store import Memory, Store, token_of

log = structlog.get_logger(__name__)

SHORTEST_PAUSE = 0.5
LONGEST_PAUSE = 60.0
BREATH = 0.2
"""Seconds between two passes at least, however often anybody asks: ``POST /converge`` is open to all."""


class Boot:
    """The boot of one project's vrs-core. `report` shows at any moment how far it is."""

    def __init__(self, http: httpx.AsyncClient, store: Store, trust: Trust, token: SecretStr, limits: Limits) -> None:
        self.report = Report(trust.core_version)
        self._http = http
        self._store = store
        self._trust = trust
        self._given = token
        self._limits = limits
        self._memory: Memory | None = None
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Look at the manifest soon; several requests are one."""
        self._asked.set()

    async def run(self) -> None:
        """Converge for ever, beginning with what was kept from before."""
        self._restore()
        pause = SHORTEST_PAUSE
        while True:
            self._asked.clear()
            again = await self._pass()
            pause = min(2 * pause, LONGEST_PAUSE) if again else SHORTEST_PAUSE
            await asyncio.sleep(BREATH)
            try:
                async with asyncio.timeout(pause if again else self._limits.refresh):
                    await self._asked.wait()
            except TimeoutError:
                continue

    def _restore(self) -> None:
        self._memory = self._store.recall()
        self._store.tidy()
        wanted = self._memory.wanted if self._memory else {}
        for name, version in wanted.items():
            self.report.plugins[name] = PluginReport(name, version)
        for release in self._store.current().plugins:
            kept = self.report.plugins.setdefault(release.name, PluginReport(release.name, None))
            kept.installed, kept.state = release.version, PluginState.INSTALLED
            self.report.settled = True

    async def _pass(self) -> bool:
        """Converge once; return whether it has to be tried again soon."""
        try:
            with self.report.timed(Phase.MANIFEST):
                manifest, token = await self._manifest()
            await Convergence(self.report, self._store, self._trust, self._limits, self._http, token).run(manifest)
        except MarketplaceAwayError as error:
            self.report.problem = str(error)
        except ManifestRefusedError as error:
            self.report.problem, self.report.fatal = str(error), True
        except OSError as error:  # the disk is full or the folder is read-only
            self.report.problem = f"{self._store.home} cannot be written: {error.strerror or error}"
        else:
            self.report.problem, self.report.fatal, self.report.settled = None, False, True
            self.report.carried_out = manifest.issued_at
        self.report.passes += 1
        state = self.report.state.value
        if self.report.problem:
            log.error("boot goes on with what is there", state=state, problem=self.report.problem)
        else:
            log.info("converged", state=state, phases=self.report.body()["phases"])
        return self.report.problem is not None or any(
            plugin.state is PluginState.FAILED for plugin in self.report.plugins.values()
        )

    async def _manifest(self) -> tuple[Manifest, str]:
        newest = self._memory.issued_at if self._memory else None
        given = self._given.get_secret_value()
        try:
            answer = await fetch_manifest(self._http, token_of(self._memory, self._given))
        except ManifestRefusedError:
            if self._memory is None or self._memory.token == given:
                raise
            answer = await fetch_manifest(self._http, given)  # deployed again: the new token came with the container
        manifest = believe(answer.manifest, self._trust, not_before=newest)
        wanted = {plugin.name: plugin.version for plugin in manifest.plugins}
        self._memory = Memory(token=answer.token, issued_at=manifest.issued_at, wanted=wanted)
        self._store.remember(self._memory)
        return manifest, answer.token
