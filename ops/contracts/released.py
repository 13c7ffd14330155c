"""The documents as they were released: at a revision of git, or in a folder."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.contracts.compatibility import Breach, schema_breaches, wire_breaches
from ops.contracts.documents import ASYNCAPI, SCHEMAS
from ops.failure import CommandError

RELEASE_TAGS = "v[0-9]*"
MAIN = ("origin/main", "main")


@dataclass(frozen=True, slots=True)
class Released:
    """What stood at `name`: the schemas by file name, and the AsyncAPI document; both empty if there was nothing."""

    name: str
    schemas: dict[str, Any]
    asyncapi: dict[str, Any] | None


def breaches(released: Released, documents: dict[str, str]) -> list[Breach]:
    """What `documents` break of what is released."""
    found: list[Breach] = []
    for file, old in released.schemas.items():
        event = file.removesuffix(".json")
        new = documents.get(f"{SCHEMAS}/{file}")
        if new is None:
            found.append(Breach(event, "the event is gone", "who says it is refused, who listens hears nothing"))
        else:
            found += schema_breaches(event, old, json.loads(new))
    if released.asyncapi is not None:
        found += wire_breaches(released.asyncapi, json.loads(documents[ASYNCAPI]))
    return found


def read_released(base: str | None, root: Path) -> Released | None:
    """Read what is released: at the revision or in the folder `base`; without one, at the newest release.

    That is the newest tag ``v…`` before HEAD; before the first release the point where the branch left main; on main
    itself the commit before the last. None if there is none of these.

    Raises:
        CommandError: there is no such revision, or no git to look in.

    """
    if base is not None and (Path(base) / ASYNCAPI).is_file():
        return _read_folder(base, Path(base))
    revision = base or _newest(root)
    if revision is None:
        return None
    if _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}") is None:
        raise CommandError(f"{revision} is no revision and no folder with {ASYNCAPI}", exit_code=2)
    names = (_git(root, "ls-tree", "--name-only", revision, f"{SCHEMAS}/") or "").split()
    schemas = {Path(name).name: json.loads(_git(root, "show", f"{revision}:{name}") or "{}") for name in names}
    asyncapi = _git(root, "show", f"{revision}:{ASYNCAPI}")
    return Released(revision, schemas, json.loads(asyncapi) if asyncapi else None)


def _read_folder(name: str, folder: Path) -> Released:
    schemas = {file.name: _read(file) for file in (folder / SCHEMAS).glob("*.json")}
    if not schemas:
        raise CommandError(f"{name}: there is no schema in {SCHEMAS}/", exit_code=2)
    return Released(name, schemas, _read(folder / ASYNCAPI))


def _read(file: Path) -> dict[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CommandError(f"{file}: not JSON: {error}", exit_code=2) from error
    if not isinstance(document, dict):
        raise CommandError(f"{file}: expected a JSON object", exit_code=2)
    return document


def _newest(root: Path) -> str | None:
    head = _git(root, "rev-parse", "--quiet", "--verify", "HEAD")
    if head is None:
        raise CommandError(
            "there is no git history to find the last release in; name a folder with --base", exit_code=2
        )
    tag = _git(root, "describe", "--tags", "--abbrev=0", "--match", RELEASE_TAGS)
    if tag is not None:
        return tag
    for branch in MAIN:
        left = _git(root, "merge-base", "HEAD", branch)
        if left is not None and left != head:
            return left
    return _git(root, "rev-parse", "--quiet", "--verify", "HEAD^")


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None if it fails or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
