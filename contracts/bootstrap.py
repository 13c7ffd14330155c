"""What bootstrap says: vrs-core answers as ordered, vrs-core is no longer watched."""

from typing import ClassVar

from pydantic import HttpUrl

from contracts.event import Event, HostName, Plugin, ServiceName, Text


class CoreHealthy(Event):
    """vrs-core answers as healthy and has these plugins in these versions: the project is live."""

    type: ClassVar[str] = "vrs.core.healthy.v1"
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.NOTIFY,)

    fqdn: HostName
    url: HttpUrl
    core_version: Text
    plugins: tuple[Plugin, ...]


class CoreRetired(Event):
    """Bootstrap no longer watches the project's vrs-core."""

    type: ClassVar[str] = "vrs.core.retired.v1"

    fqdn: HostName | None = None
    was_healthy: bool
    reason: Text
