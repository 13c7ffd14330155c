"""A chapter of the story: the shop is given a second domain, answers mainly under it for some weeks, and loses it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from contracts.cloud_event import CloudEvent
from contracts.domains import (
    AppRouted,
    DomainAdded,
    DomainConnected,
    DomainRemoved,
    PrimaryDomainChanged,
    RoutedDomain,
    RoutesChanged,
)
from contracts.event import ServiceName
from contracts.storytelling import DOMAIN, SERVER, DataT, said

_BY_HER = "erika@kunde-mit-domain.example"
_BY = {RoutesChanged: ServiceName.DNS, AppRouted: ServiceName.DEPLOY, DomainConnected: ServiceName.BOOTSTRAP}


def added_domain(story: UUID, domain: str) -> tuple[CloudEvent[Any], ...]:
    """The events of the chapter, which belongs to the order's `story`."""

    def spring(
        data: DataT, day: int, second: int, number: int, cause: CloudEvent[Any] | None = None
    ) -> CloudEvent[DataT]:
        when = datetime(2027, 3, day, 13, 6, second, 180_000, tzinfo=UTC)
        event = said(data, _BY.get(type(data), ServiceName.MARKETPLACE), when, number, cause)
        return event.model_copy(update={"correlationid": story})

    both = (
        RoutedDomain(domain=DOMAIN, hosts=(DOMAIN, f"www.{DOMAIN}"), since=0),
        RoutedDomain(domain=domain, hosts=(domain, f"www.{domain}"), since=1),
    )
    added = spring(DomainAdded(domain=domain, primary=False, requested_by=_BY_HER), 1, 4, 18)
    routes = spring(RoutesChanged(revision=1, domains=both, primary=DOMAIN, server=SERVER), 1, 9, 19, added)
    routed = AppRouted(
        revision=1,
        domains=both,
        primary=DOMAIN,
        application="hsk8o0gc4wk4g00w8s0k4cgs",
        deployment="d0s8k4wsc4ogwcszkc4s8w0gk",
    )
    ends_at = datetime(2027, 5, 30, 12, 6, 35, tzinfo=UTC)
    works = DomainConnected(domain=domain, url=f"https://{domain}", since=1, certificate_ends_at=ends_at)
    return (
        added,
        routes,
        app := spring(routed, 1, 31, 20, routes),
        spring(works, 1, 36, 21, app),
        spring(PrimaryDomainChanged(domain=domain, requested_by=_BY_HER), 2, 1, 22),
        spring(PrimaryDomainChanged(domain=DOMAIN, requested_by=_BY_HER), 30, 7, 23),
        spring(DomainRemoved(domain=domain, requested_by=_BY_HER), 31, 12, 24),
    )
