"""Chooses releases: each licensed plugin in the licensed version, and what these need, in the newest that fits."""

from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from resolvelib import AbstractProvider, BaseReporter, ResolutionError, Resolver

from shared.models.plugins import PluginRelease

MOST_ROUNDS = 2000


@dataclass(frozen=True, slots=True)
class Need:
    """A plugin that is needed, in one of these versions."""

    name: str
    versions: SpecifierSet


class _Provider(AbstractProvider[Need, PluginRelease, str]):
    def __init__(self, releases: Mapping[str, Sequence[PluginRelease]]) -> None:
        self._releases = releases

    def identify(self, requirement_or_candidate: Need | PluginRelease) -> str:
        return requirement_or_candidate.name

    def get_preference(self, identifier: str, *_: Any, **__: Any) -> tuple[int, str]:
        return len(self._releases.get(identifier, ())), identifier

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Need]],
        incompatibilities: Mapping[str, Iterator[PluginRelease]],
    ) -> Iterable[PluginRelease]:
        needs = list(requirements[identifier])
        excluded = {release.version for release in incompatibilities[identifier]}
        fitting = [
            release
            for release in self._releases.get(identifier, ())
            if release.version not in excluded and all(_meets(release, need) for need in needs)
        ]
        return sorted(fitting, key=lambda release: _version(release.version), reverse=True)

    def is_satisfied_by(self, requirement: Need, candidate: PluginRelease) -> bool:
        return _meets(candidate, requirement)

    def get_dependencies(self, candidate: PluginRelease) -> Iterable[Need]:
        return [Need(each["name"], _specifiers(each["versions"])) for each in candidate.requires]


def resolve(
    licensed: Mapping[str, str], releases: Iterable[PluginRelease], core_version: str
) -> dict[str, PluginRelease]:
    """Return the releases to install, by name, for the `licensed` versions by name.

    What is needed without a licence of its own is chosen among what is not yanked and works with `core_version`. Where
    not all can stand together, who comes first in `licensed` has precedence. Those that cannot stand beside it are
    returned all the same: vrs-core refuses them and says why. One that was never published is left out.
    """
    by_name: dict[str, list[PluginRelease]] = {}
    for release in releases:
        if release.name in licensed:
            usable = release.version == licensed[release.name]
        else:
            usable = release.yanked_at is None and _specifiers(release.core).contains(core_version, prereleases=True)
        if usable:
            by_name.setdefault(release.name, []).append(release)
    there = [name for name in licensed if name in by_name]
    if (together := _together(there, by_name)) is not None:
        return together
    fitting: list[str] = []
    left = list(there)
    while left:  # one that does not fit makes every longer list fail, so it is found by halving
        most = bisect(range(1, len(left) + 1), 0, key=lambda many: _together(fitting + left[:many], by_name) is None)
        fitting += left[:most]
        left = left[most + 1 :]
    return {name: by_name[name][0] for name in there} | (_together(fitting, by_name) or {})


def _together(names: Sequence[str], by_name: Mapping[str, Sequence[PluginRelease]]) -> dict[str, PluginRelease] | None:
    resolver = Resolver(_Provider(by_name), BaseReporter[Need, PluginRelease, str]())
    try:
        result = resolver.resolve([Need(name, SpecifierSet()) for name in names], max_rounds=MOST_ROUNDS)
    except ResolutionError:  # they conflict, or nobody can tell within so many rounds
        return None
    return dict(result.mapping)


def _meets(release: PluginRelease, need: Need) -> bool:
    return need.versions.contains(_version(release.version), prereleases=True)


_version = lru_cache(maxsize=10_000)(Version)
_specifiers = lru_cache(maxsize=10_000)(SpecifierSet)
"""Parsing takes most of the time of a resolution, and the same few are parsed again and again."""
