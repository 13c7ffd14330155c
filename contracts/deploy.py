"""What deploy says: Coolify runs the project's app, the app is gone."""

from typing import ClassVar

from pydantic import HttpUrl

from contracts.dns import TargetServer
from contracts.event import Event, HostName, ServiceName, Text


class AppDeployed(Event):
    """Coolify runs this image for the project under this URL.

    ``application`` and ``deployment`` are Coolify's uuids, not RFC 4122.
    """

    type: ClassVar[str] = "vrs.app.deployed.v1"
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.BOOTSTRAP,)

    fqdn: HostName
    url: HttpUrl
    image: Text
    tag: Text
    server: TargetServer
    application: Text
    deployment: Text


class AppRemoved(Event):
    """Coolify runs nothing for the project any more."""

    type: ClassVar[str] = "vrs.app.removed.v1"

    application: Text | None = None
    environment: Text | None = None
    volumes_kept: bool
