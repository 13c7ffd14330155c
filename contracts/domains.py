"""The domains of a live project: one is added, removed or made the primary one; its app answers under them; they work.

What a person decides, the marketplace says. What follows, dns, deploy and bootstrap say, each as soon as its part is
true.
"""

from typing import Annotated, ClassVar

from pydantic import Field, HttpUrl, StrictBool

from contracts.dns import TargetServer
from contracts.event import WHOLE_NUMBER, Event, Facts, HostName, PublicKey, ServiceName, Text, Timestamp

Revision = Annotated[int, Field(ge=0), WHOLE_NUMBER]
"""Counts the changes of one project's routes: what has a lower one is out of date."""


class DomainAdded(Event):
    """The project is to answer under one more domain, and its ``www``. It waits until the project is live."""

    type: ClassVar[str] = "vrs.domain.added.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS,)

    domain: HostName
    """The domain."""
    primary: StrictBool
    """Whether it becomes the primary one as soon as it works; the others then redirect to it."""
    requested_by: Text | None = None
    """Who asked for it: a person or a system."""


class DomainRemoved(Event):
    """The project is not to answer under this domain any more. Not for the primary one, nor for the one ordered."""

    type: ClassVar[str] = "vrs.domain.removed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS,)

    domain: HostName
    """The domain."""
    requested_by: Text | None = None
    """Who asked for it: a person or a system."""


class PrimaryDomainChanged(Event):
    """This is the project's primary domain from now on, or as soon as it works; the others redirect to it."""

    type: ClassVar[str] = "vrs.primary.changed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS,)

    domain: HostName
    """The domain: the one that was ordered, or one that was added."""
    requested_by: Text | None = None
    """Who asked for it: a person or a system."""


class RoutedDomain(Facts):
    """A domain of a project, and the host names under which it answers."""

    domain: HostName
    """The domain."""
    hosts: Annotated[tuple[HostName, ...], Field(min_length=1)]
    """Its host names, the domain itself first."""
    since: Revision
    """The revision in which it came; 0: it was ordered with the project."""


class RoutesChanged(Event):
    """These are all the domains of the project from now on; each of them leads to its server already."""

    type: ClassVar[str] = "vrs.routes.changed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DEPLOY,)

    revision: Revision
    """The highest one counts."""
    domains: Annotated[tuple[RoutedDomain, ...], Field(min_length=1)]
    """All of them, the one that was ordered first."""
    primary: HostName
    """The host name to which all others redirect."""
    server: TargetServer
    """The server to which they lead."""


class AppRouted(Event):
    """Coolify's proxy leads all these domains to the project's app, which knows its primary one."""

    type: ClassVar[str] = "vrs.app.routed.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.BOOTSTRAP,)

    revision: Revision
    """The one of RoutesChanged."""
    domains: Annotated[tuple[RoutedDomain, ...], Field(min_length=1)]
    """All of them, the one that was ordered first."""
    primary: HostName
    """The host name to which all others redirect."""
    application: Text
    """The app's uuid at Coolify."""
    deployment: Text
    """The uuid of the deployment that did it, at Coolify."""
    core_key: PublicKey | None = None
    """The public key of what vrs-core signs its health report with since then; absent: it does not sign."""


class DomainConnected(Event):
    """The project answers under an added domain and its ``www``, each with a valid certificate."""

    type: ClassVar[str] = "vrs.domain.connected.v1"
    changes: ClassVar[tuple[str, ...]] = ("0.2.0: first version.",)
    required_by: ClassVar[tuple[ServiceName, ...]] = (ServiceName.DNS, ServiceName.NOTIFY)

    domain: HostName
    """The domain."""
    url: HttpUrl
    """Where the customer opens it."""
    since: Revision
    """The revision in which it came."""
    certificate_ends_at: Timestamp | None = None
    """When the first of its certificates ends; absent if nothing was told of that."""
