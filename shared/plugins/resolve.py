"""Chooses releases: each licensed plugin in the licensed version, and what these need, in the newest that fits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version
from resolvelib import AbstractProvider, BaseReporter, ResolutionImpossible, Resolver

from contracts.core import Requirement
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
        return sorted(fitting, key=lambda release: Version(release.version), reverse=True)

    def is_satisfied_by(self, requirement: Need, candidate: PluginRelease) -> bool:
        return _meets(candidate, requirement)

    def get_dependencies(self, candidate: PluginRelease) -> Iterable[Need]:
        wanted = (Requirement.model_validate(each) for each in candidate.requires)
        return [Need(each.name, SpecifierSet(each.versions)) for each in wanted]


def resolve(
    licensed: Mapping[str, str], releases: Iterable[PluginRelease], core_version: str
) -> dict[str, PluginRelease]:
    """Return the releases to install, by name, for the `licensed` versions by name.

    What is needed without a licence of its own is chosen among what is not yanked and works with `core_version`. A
    licensed plugin that cannot stand beside the others is returned all the same: vrs-core refuses it and says why. One
    that was never published is left out.
    """
    by_name: dict[str, list[PluginRelease]] = {}
    for release in releases:
        if release.name in licensed:
            usable = release.version == licensed[release.name]
        else:
            usable = release.yanked_at is None and SpecifierSet(release.core).contains(core_version, prereleases=True)
        if usable:
            by_name.setdefault(release.name, []).append(release)
    there = [name for name in licensed if name in by_name]
    chosen = _together(there, by_name)
    if chosen is None:
        fitting: list[str] = []
        for name in there:
            if _together([*fitting, name], by_name) is not None:
                fitting.append(name)
        chosen = {name: by_name[name][0] for name in there} | (_together(fitting, by_name) or {})
    return chosen


def _together(names: Sequence[str], by_name: Mapping[str, Sequence[PluginRelease]]) -> dict[str, PluginRelease] | None:
    resolver = Resolver(_Provider(by_name), BaseReporter[Need, PluginRelease, str]())
    try:
        result = resolver.resolve([Need(name, SpecifierSet()) for name in names], max_rounds=MOST_ROUNDS)
    except ResolutionImpossible:
        return None
    return dict(result.mapping)


def _meets(release: PluginRelease, need: Need) -> bool:
    return need.versions.contains(release.version, prereleases=True)
