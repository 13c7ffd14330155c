"""What bootstrap says: vrs-core answers as ordered, has carried out a change, is no longer watched."""

from typing import Annotated, ClassVar

from pydantic import Field, HttpUrl, StrictBool

from contracts.event import Event, Facts, HostName, Plugin, ServiceName, Slug, Text


class CoreHealthy(Event):
    """vrs-core answers as healthy and has these plugins in these versions: the project is live."""

    type: ClassVar[str] = "vrs.core.healthy.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    fqdn: HostName
    """The host name under which the project is live."""
    url: HttpUrl
    """Where the customer opens it."""
    core_version: Text
    """The version that vrs-core itself tells."""
    plugins: tuple[Plugin, ...]
    """The plugins that vrs-core has loaded, in exactly these versions."""


class MissingPlugin(Facts):
    """A licensed plugin that does not run."""

    name: Slug
    """Its name in the catalogue."""
    reason: Text
    """Why it does not run, in English."""


class PluginsConverged(Event):
    """vrs-core has carried out a change of its project's plugins, without a new deployment."""

    type: ClassVar[str] = "vrs.plugins.converged.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)

    fqdn: HostName
    """The host name under which the project is live."""
    core_version: Text
    """The version that vrs-core itself tells."""
    complete: StrictBool
    """Whether everything runs that the project is licensed for."""
    plugins: tuple[Plugin, ...]
    """The plugins that run now, in exactly these versions."""
    missing: Annotated[tuple[MissingPlugin, ...], Field(max_length=200)] = ()
    """What vrs-core has refused, and why; the others run."""


class CoreRetired(Event):
    """Bootstrap no longer watches the project's vrs-core."""

    type: ClassVar[str] = "vrs.core.retired.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)

    fqdn: HostName | None = None
    """The host name that was watched; absent if it was never known."""
    was_healthy: StrictBool
    """Whether the project had been live."""
    reason: Text
    """Why it is watched no more, as the cancellation said it."""
