"""How far each plugin of a project is, as its vrs-core has reported it last and bootstrap has logged it."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator
from starlette_admin.i18n import lazy_gettext as _


class PluginState(StrEnum):
    """Where a plugin stands, in vrs-core's words; `OTHER` is one that we do not know."""

    PENDING = "pending"
    DOWNLOADING = "downloading"
    UNPACKING = "unpacking"
    CHECKING = "checking"
    INSTALLED = "installed"
    REFUSED = "refused"
    FAILED = "failed"
    OTHER = "other"


WORDS = {
    PluginState.PENDING: _("waits for its turn"),
    PluginState.DOWNLOADING: _("is being downloaded"),
    PluginState.UNPACKING: _("is being unpacked"),
    PluginState.CHECKING: _("is being checked"),
    PluginState.INSTALLED: _("runs"),
    PluginState.REFUSED: _("was refused"),
    PluginState.FAILED: _("does not work yet, is tried again"),
    PluginState.OTHER: _("is not ready yet"),
}


def _known(state: object) -> object:
    return state if state in set(PluginState) else PluginState.OTHER


class PluginProgress(BaseModel):
    """A plugin of the report. `wanted` is the licensed version, None if it is to go; `error` is vrs-core's own word."""

    name: str
    wanted: str | None = None
    installed: str | None = None
    state: Annotated[PluginState, BeforeValidator(_known)]
    error: str | None = None
    received: int = 0
    size: int | None = None

    @property
    def told(self) -> str:
        """Its state in the reader's language."""
        return str(WORDS[self.state])

    @property
    def percent(self) -> int | None:
        """How much of it has arrived, while it arrives."""
        if self.state is not PluginState.DOWNLOADING or not self.size:
            return None
        return min(100, 100 * self.received // self.size)


def progress_of(reported: list[dict[str, Any]] | None) -> list[PluginProgress]:
    """Read the plugins of a report; none without one."""
    return [PluginProgress.model_validate(plugin) for plugin in reported or ()]
