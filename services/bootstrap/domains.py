"""AppRouted: looks until the project answers under each added domain, with a valid certificate, and redirects."""

from datetime import UTC, datetime
from ipaddress import IPv4Address

from contracts import AppRouted, DomainConnected, RoutedDomain
from services.bootstrap.core import PROBE_PATH, Core, NoHealth
from services.bootstrap.handlers import FEWEST_DAYS, pause
from services.bootstrap.models import WatchedCore, WatchedDomain
from shared.hosts import as_shown
from shared.outcome import Done, Later, Outcome
from shared.step import Step
from shared.writes import Delete, Upsert


async def connect_domains(core: Core, event: AppRouted, step: Step) -> Outcome:
    """Look once at each name that was not seen to work, and at each that must redirect.

    Each domain is told as soon as it works, also while another does not yet. Newer routes take the place of these.
    """
    watched = next(iter(await step.rows(WatchedCore)), None)
    if watched is None:
        return Later(message="vrs-core is not live yet: its domains are looked at when it is", after=pause(step))
    known = {row.domain: row for row in await step.rows(WatchedDomain)}
    if any(row.revision > event.revision for row in known.values()):
        return Done(message=f"Newer routes are looked at instead of these (revision {event.revision}).")
    rows = [_row(step, event, domain, known.get(domain.domain)) for domain in event.domains]
    here = {domain.domain for domain in event.domains}
    core_key = event.core_key or watched.core_key
    now = WatchedCore(project_id=step.project_id, fqdn=watched.fqdn, ipv4=watched.ipv4, core_key=core_key)
    gone = [Delete(row) for name, row in known.items() if name not in here]
    await step.record(Upsert(now), *map(Upsert, rows), *gone)
    look = _Look(core, event, IPv4Address(watched.ipv4), core_key)
    said, noted = [], []
    for domain, row in zip(event.domains, rows, strict=True):
        if row.since and row.connected_at is None and (ends_at := await look.at(domain)) is not None:
            url = f"https://{domain.domain}"
            said.append(DomainConnected(domain=domain.domain, url=url, since=row.since, certificate_ends_at=ends_at))
            noted.append(Upsert(_connected(row)))
    await look.at_redirects()
    works = [as_shown(each.domain) for each in said]
    if look.troubles:
        told = f"{', '.join(works)} works; " if works else ""
        message = f"{told}{look.troubles[0]}"
        return Later(message=message, after=pause(step), events=tuple(said), writes=tuple(noted))
    shown = ", ".join(map(as_shown, sorted(here)))
    return Done(
        message=f"The project answers under {shown}; its primary one is {as_shown(event.primary)}.",
        events=tuple(said),
        writes=tuple(noted),
    )


class _Look:
    """One look at all names; `troubles` are what is not as it must be."""

    def __init__(self, core: Core, event: AppRouted, ipv4: IPv4Address, key: str | None) -> None:
        self._core = core
        self._event = event
        self._ipv4 = ipv4
        self._key = key
        self.troubles: list[str] = []

    async def at(self, domain: RoutedDomain) -> datetime | None:
        """When the first of the domain's certificates ends, if it works under all its names; else it is a trouble."""
        ends = []
        for host in domain.hosts:
            health = await self._core.look(fqdn=host, ipv4=self._ipv4, key=self._key)
            if isinstance(health, NoHealth):
                self.troubles.append(health.reason)
            elif health.certificate is None or health.certificate.days_left < FEWEST_DAYS:
                self.troubles.append(f"{as_shown(host)} has no certificate that lasts: waits for a new one")
            else:
                ends.append(health.certificate.expires_at)
        return min(ends) if len(ends) == len(domain.hosts) else None

    async def at_redirects(self) -> None:
        """Every name but the primary one leads to that, with path and query."""
        wanted = f"https://{self._event.primary}{PROBE_PATH}"
        for host in (host for domain in self._event.domains for host in domain.hosts if host != self._event.primary):
            found = await self._core.redirect(fqdn=host, ipv4=self._ipv4)
            if found != wanted:
                self.troubles.append(f"{as_shown(host)} does not redirect to {as_shown(self._event.primary)} (yet)")


def _row(step: Step, event: AppRouted, domain: RoutedDomain, known: WatchedDomain | None) -> WatchedDomain:
    """A domain that was removed and came again is looked at anew."""
    connected_at = known.connected_at if known is not None and known.since == domain.since else None
    return WatchedDomain(
        project_id=step.project_id,
        domain=domain.domain,
        since=domain.since,
        revision=event.revision,
        connected_at=connected_at,
    )


def _connected(row: WatchedDomain) -> WatchedDomain:
    return WatchedDomain(
        project_id=row.project_id,
        domain=row.domain,
        since=row.since,
        revision=row.revision,
        connected_at=datetime.now(UTC),
    )
