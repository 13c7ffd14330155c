"""Reads what a plugin's archive says of itself: a wheel by its metadata, a zip by its ``plugin.toml``.

In a wheel the name is the distribution's, an entry point of group ``vrs.plugins`` is what the application loads, one of
group ``vrs.checks`` its check; ``Requires-Dist: vrs-core …`` names the versions of vrs-core, and any other requirement
a plugin. A zip has the same in ``[plugin]``: name, version, entry_point, check, core, requires.
"""

import configparser
import hashlib
import tomllib
import zipfile
from pathlib import Path
from typing import Any

from packaging.metadata import Metadata
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Wanted
from packaging.utils import canonicalize_name
from pydantic import ValidationError

from contracts.core import PluginRelease, Requirement
from contracts.problems import field_problems

CORE = "vrs-core"
PLUGIN_FILE = "plugin.toml"
PLUGINS_GROUP = "vrs.plugins"
CHECKS_GROUP = "vrs.checks"


class ArchiveError(Exception):
    """The archive is none, or does not say what it must; the message names the field and what is missing."""


def read_release(path: Path) -> PluginRelease:
    """Read the release that `path` (``.whl`` or ``.zip``) describes.

    Raises:
        ArchiveError: it cannot be read, or lacks something.

    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts = _of_wheel(archive) if path.suffix == ".whl" else _of_zip(archive)
    except (
        OSError,
        zipfile.BadZipFile,
        KeyError,
        TypeError,
        ValueError,
        InvalidRequirement,
        configparser.Error,
    ) as error:
        raise ArchiveError(f"{path}: {error}") from error
    except ExceptionGroup as errors:  # packaging's word for several fields that are wrong
        raise ArchiveError(f"{path}: " + "; ".join(map(str, errors.exceptions))) from errors
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    try:
        return PluginRelease.model_validate({**facts, "sha256": digest, "size": path.stat().st_size})
    except ValidationError as error:
        raise ArchiveError("\n".join(f"{path}: {problem}" for problem in field_problems(error))) from error


def _of_zip(archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        written = tomllib.loads(archive.read(PLUGIN_FILE).decode())
    except KeyError:
        raise ValueError(f"has no {PLUGIN_FILE}; a wheel's name must end in .whl") from None
    plugin = written.get("plugin")
    if not isinstance(plugin, dict):
        raise TypeError(f"{PLUGIN_FILE} has no [plugin]")
    return {**plugin, "requires": [_requirement(Wanted(each)) for each in plugin.get("requires", [])]}


def _of_wheel(archive: zipfile.ZipFile) -> dict[str, Any]:
    folders = {name.partition("/")[0] for name in archive.namelist() if name.partition("/")[0].endswith(".dist-info")}
    if len(folders) != 1:
        raise ValueError(f"a wheel has one folder *.dist-info, this one has {len(folders)}")
    folder = folders.pop()
    metadata = Metadata.from_email(archive.read(f"{folder}/METADATA"))
    points = configparser.ConfigParser(delimiters=("=",))
    points.read_string(archive.read(f"{folder}/entry_points.txt").decode())
    wanted = [each for each in metadata.requires_dist or [] if not each.marker or each.marker.evaluate({"extra": ""})]
    return {
        "name": canonicalize_name(metadata.name),
        "version": str(metadata.version),
        "entry_point": _only(points, PLUGINS_GROUP),
        "check": _only(points, CHECKS_GROUP) if points.has_section(CHECKS_GROUP) else None,
        "core": next((str(each.specifier) for each in wanted if canonicalize_name(each.name) == CORE), ""),
        "requires": [_requirement(each) for each in wanted if canonicalize_name(each.name) != CORE],
    }


def _only(points: configparser.ConfigParser, group: str) -> str:
    found = dict(points[group]) if points.has_section(group) else {}
    if len(found) != 1:
        raise ValueError(f"entry_points.txt needs exactly one entry point in group {group}, there are {len(found)}")
    return next(iter(found.values())).strip()


def _requirement(wanted: Wanted) -> Requirement:
    return Requirement(name=canonicalize_name(wanted.name), versions=str(wanted.specifier))
