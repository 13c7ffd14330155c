"""What the desk asks the service that knows Coolify: to put our own services there."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class Action(StrEnum):
    """What an application needs to be as it should."""

    CREATE = "create"
    UPDATE = "update"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is, or would be, done with one application. `differs` names fields; no value of a variable is told."""

    name: str
    action: Action
    differs: tuple[str, ...] = ()
    deployment: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Everything."""
        return asdict(self)


Apply = Callable[[Path, Path, bool, Callable[[Change], None]], Awaitable[None]]
"""From the file that says what is wanted, the folder of secrets and whether only to look; tells of each application.

Raises SettingsError where the file or a secret is wrong, and PermanentError or TemporaryError of Coolify. What was not
told was not touched.
"""
