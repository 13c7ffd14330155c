"""One pass from a manifest to a set of plugins that is in place."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import structlog

from contracts.core import Manifest, ManifestPlugin, PluginRelease
from services.core.check import check
from services.core.download import Download
from services.core.errors import PluginFailedError, PluginRefusedError
from services.core.manifest import Trust, acceptable, without_what_they_need
from services.core.report import Phase, PluginState, Report
from services.core.store import Store

log = structlog.get_logger(__name__)

DOWNLOADS_AT_ONCE = 6

Releases = dict[str, PluginRelease]


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds for one download and for one check, and between two looks at the manifest."""

    download: float
    check: float
    refresh: float


class Convergence:
    """Downloads, unpacks and checks what is licensed, then switches to it as one set.

    A plugin that can't be had is named in `report`; the others go on without it. What ran of it in another version
    keeps running, if it is still licensed.
    """

    def __init__(
        self, report: Report, store: Store, trust: Trust, limits: Limits, http: httpx.AsyncClient, token: str
    ) -> None:
        self.report = report
        self._store = store
        self._trust = trust
        self._limits = limits
        self._http = http
        self._token = token
        self._downloads = asyncio.Semaphore(DOWNLOADS_AT_ONCE)
        self._checks = asyncio.Semaphore(os.cpu_count() or 1)

    async def run(self, manifest: Manifest) -> None:
        """Do it. Raises OSError if the store cannot be written."""
        report, named = self.report, {plugin.name: plugin for plugin in manifest.plugins}
        report.want(manifest.plugins)
        releases: Releases = {}
        for plugin in manifest.plugins:
            self._judge(plugin, releases)
        self._store.forget_downloads(list(releases.values()))
        with report.timed(Phase.DOWNLOAD):
            releases = await self._each(releases, lambda release: self._fetch(named[release.name], release))
        with report.timed(Phase.INSTALL):
            releases = self._consistent(await self._each(releases, self._unpack))
        with report.timed(Phase.CHECK):
            folders = [self._store.folder_of(release) for release in releases.values()]
            releases = await self._each(releases, lambda release: self._check(release, folders))
        with report.timed(Phase.SWITCH):
            kept = self._consistent(self._kept(releases, named) | releases)
            if kept != self._installed:
                await asyncio.to_thread(self._store.switch, [kept[name] for name in sorted(kept)])
        self._show(kept, named)

    @property
    def _installed(self) -> Releases:
        return {release.name: release for release in self._store.current().plugins}

    def _judge(self, plugin: ManifestPlugin, releases: Releases) -> None:
        try:
            releases[plugin.name] = acceptable(plugin, self._trust)
        except PluginRefusedError as error:
            self._failed(plugin.name, error)

    async def _each(self, releases: Releases, step: Callable[[PluginRelease], Awaitable[None]]) -> Releases:
        """Do `step` for all at once; return those for which it went well."""

        async def one(release: PluginRelease) -> bool:
            try:
                await step(release)
            except (PluginRefusedError, PluginFailedError) as error:
                self._failed(release.name, error)
                return False
            return True

        well = await asyncio.gather(*map(one, releases.values()))
        return {name: release for (name, release), is_well in zip(releases.items(), well, strict=True) if is_well}

    async def _fetch(self, plugin: ManifestPlugin, release: PluginRelease) -> None:
        if self._store.folder_of(release).exists():
            return
        report = self.report.plugins[release.name]
        report.size = release.size

        def received(count: int) -> None:
            report.received = count

        async with self._downloads:
            report.state = PluginState.DOWNLOADING
            target = self._store.archive_of(release)
            download = Download(release, plugin.path, target, self._token, received)
            await download.run(self._http, self._limits.download)

    async def _unpack(self, release: PluginRelease) -> None:
        if not self._store.folder_of(release).exists():
            self.report.plugins[release.name].state = PluginState.UNPACKING
            await self._store.unpack(release)

    async def _check(self, release: PluginRelease, folders: Sequence[Path]) -> None:
        async with self._checks:
            if self.report.plugins[release.name].installed != release.version:
                self.report.plugins[release.name].state = PluginState.CHECKING
            await check(release, [self._store.folder_of(release), *folders], self._limits.check)

    def _kept(self, releases: Releases, named: dict[str, ManifestPlugin]) -> Releases:
        """What was installed of plugins that are still licensed but cannot be had as wanted, in another version."""
        return {
            name: release
            for name, release in self._installed.items()
            if name in named and name not in releases and release.version != named[name].version
        }

    def _consistent(self, releases: Releases) -> Releases:
        reasons = without_what_they_need(releases)
        for name, reason in reasons.items():
            self._failed(name, PluginRefusedError(reason))
        return {name: release for name, release in releases.items() if name not in reasons}

    def _failed(self, name: str, error: PluginRefusedError | PluginFailedError) -> None:
        report = self.report.plugins[name]
        report.state = PluginState.REFUSED if isinstance(error, PluginRefusedError) else PluginState.FAILED
        report.error = str(error)
        log.warning("plugin is not installed", plugin=name, state=report.state.value, error=report.error)

    def _show(self, kept: Releases, named: dict[str, ManifestPlugin]) -> None:
        for name in [name for name in self.report.plugins if name not in named]:
            del self.report.plugins[name]
        for name, plugin in self.report.plugins.items():
            plugin.installed = kept[name].version if name in kept else None
            if plugin.as_wanted and plugin.error is None:
                plugin.state = PluginState.INSTALLED
