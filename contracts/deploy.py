"""What deploy says: Coolify runs the project's app, the app is gone."""

from typing import ClassVar

from pydantic import HttpUrl, StrictBool

from contracts.dns import TargetServer
from contracts.event import Event, HostName, PublicKey, ServiceName, Text


class AppDeployed(Event):
    """Coolify runs this image for the project under this URL.

    ``application`` and ``deployment`` are Coolify's uuids, not RFC 4122.
    """

    type: ClassVar[str] = "vrs.app.deployed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.BOOTSTRAP,)

    fqdn: HostName
    """The host name that Coolify routes to the app."""
    url: HttpUrl
    """Where the app is to be reached; it need not answer yet."""
    image: Text
    """The container image, without its tag."""
    tag: Text
    """The image's tag."""
    server: TargetServer
    """The server on which it runs."""
    application: Text
    """The app's uuid at Coolify."""
    deployment: Text
    """The uuid of the deployment that put it there, at Coolify."""
    core_key: PublicKey | None = None
    """The public key of what vrs-core signs its health report with; absent: it does not sign."""


class AppRemoved(Event):
    """Coolify runs nothing for the project any more."""

    type: ClassVar[str] = "vrs.app.removed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.1.0: first version.",)

    application: Text | None = None
    """The uuid of the app that was deleted, at Coolify; absent if there was none."""
    environment: Text | None = None
    """The environment that was deleted with it; absent if there was none."""
    volumes_kept: StrictBool
    """Whether the app's data were kept."""
