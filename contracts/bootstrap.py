"""What bootstrap says: vrs-core answers as ordered, vrs-core is no longer watched."""

from typing import ClassVar

from pydantic import HttpUrl, StrictBool

from contracts.event import Event, HostName, Plugin, ServiceName, Text


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
