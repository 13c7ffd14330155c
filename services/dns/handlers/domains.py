"""DomainAdded, DomainRemoved, PrimaryDomainChanged, DomainConnected: the names of live projects, and who hears of them.

No two of these steps run for a project at once, and of two wishes the newer counts. What leads to the names is made, or
taken away, as for an order; the project's routes are then changed under its lock, and RoutesChanged tells all of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts import DnsRecord, DomainAdded, DomainConnected, DomainRemoved, Event, PrimaryDomainChanged
from services.dns.addresses import addresses_of
from services.dns.authority import Authority, as_detail, expected_of
from services.dns.customer import CustomerPatience, are_asked, asked_row, given_up, reminding
from services.dns.examination import examine
from services.dns.handlers.project_ordered import Held
from services.dns.inwx import Inwx
from services.dns.models import ManagedRecord, Placement, RecordHolder
from services.dns.notes import NoteFindings
from services.dns.outcomes import refusal
from services.dns.records import ensure, is_obsolete, unanswered_for, undo
from services.dns.routes import Change, ChangeRoutes, Routes, Verdict
from shared.added_domains import ClaimDomain, Decided, DropDomain
from shared.errors import PermanentError, TemporaryError
from shared.host_claims import HostRefused, own_hosts
from shared.hosts import as_shown
from shared.models import AddedDomain, ProvisioningState
from shared.outcome import Done, Later, Outcome, Parked
from shared.service import Handler
from shared.step import Step
from shared.writes import Upsert, Write

FIRST_LOOK, LAST_LOOK = 0.3, 5.0
"""Seconds between looks at the name servers: a tenth of the wait so far, within these bounds."""

UNTIL_LIVE = 10.0
"""Seconds between looks whether a project is live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """One method for each event."""

    inwx: Inwx
    authority: Authority
    record_ttl: int
    inwx_grace: float
    patience: CustomerPatience

    @property
    def handlers(self) -> dict[type[Event], Handler]:
        """Who hears what."""
        return {
            DomainAdded: self.add,
            DomainRemoved: self.remove,
            PrimaryDomainChanged: self.change_primary,
            DomainConnected: self.connected,
        }

    async def add(self, event: DomainAdded, step: Step) -> Outcome:
        """Claim the names, set their records or ask the customer for them, tell the routes when they lead to us."""
        domain, shown = event.domain, as_shown(event.domain)
        if (waiting := _until_live(step)) is not None:
            return waiting
        [claimed] = await step.record(ClaimDomain(domain, event.primary, step.said_at))
        if isinstance(claimed, HostRefused):
            raise refusal(claimed)
        if claimed is not Decided.DONE:
            return Done(message=f"{shown}: {_WHY_NOT[claimed]}.")
        hosts, place = own_hosts(domain), (await step.rows(Placement))[0]
        rows = [row for row in await step.rows(ManagedRecord) if row.name in hosts]
        wanted = addresses_of(hosts, place.server, self.record_ttl)
        obsolete = [row for row in rows if is_obsolete(row, wanted)]
        if wait := unanswered_for(obsolete, self.inwx_grace):
            return Later(after=wait, message="A call to INWX may still be under way; what it makes must go first.")
        if obsolete:
            await step.record(*await undo(self.inwx, obsolete))
            rows = [row for row in rows if row not in obsolete]
        held = await self._zone(domain, rows)
        if held is None:
            return await self._ask_customer(domain, step, place, wanted, rows)
        rows = await ensure(step, self.inwx, held[0], wanted, rows, held[1])
        writes = [Upsert(row) for row in rows]
        answers = await self.authority.ask(held[0], expected_of(wanted))
        missing = [answer for answer in answers if not answer.matches]
        if missing:
            waited = datetime.now(UTC) - min(row.intended_at for row in rows)
            return Later(
                after=min(max(FIRST_LOOK, waited.total_seconds() / 10), LAST_LOOK),
                message=f"Not every name server has the records of {shown} yet: {missing[0]}.",
                writes=tuple(writes),
                detail={"name_servers": as_detail(answers)},
            )
        return await self._pointed(domain, step, place, writes)

    async def remove(self, event: DomainRemoved, step: Step) -> Outcome:
        """Take it out of the routes, delete exactly our records, free its names.

        Raises:
            PermanentError: it is the primary domain, or the one that was ordered.

        """
        domain, shown = event.domain, as_shown(event.domain)
        if (waiting := _until_live(step)) is not None:
            return waiting
        [dropped] = await step.record(DropDomain(domain, step.said_at))
        if dropped in _REFUSED:
            raise PermanentError(f"{shown} {_REFUSED[dropped]}", code=f"domain_{dropped}")
        if dropped is Decided.OLDER:
            return Done(message=f"{shown}: {_WHY_NOT[dropped]}.")
        [(verdict, routes)] = await step.record(ChangeRoutes(Change.REMOVED, domain, step.said_at))
        if verdict is Verdict.OLDER:
            return Done(message=f"{shown}: {_WHY_NOT[Decided.OLDER]}.")
        rows = [row for row in await step.rows(ManagedRecord) if row.name in own_hosts(domain)]
        if wait := unanswered_for(rows, self.inwx_grace):
            return Later(after=wait, message="A create at INWX was not answered; it is looked up when it must be over.")
        forgotten = await undo(self.inwx, rows)
        gone = sum(row.holder is RecordHolder.INWX for row in rows)
        return Done(
            message=f"{shown} is removed; DNS records deleted: {gone}.",
            events=await _told(routes, step),
            writes=(*forgotten, ChangeRoutes(Change.FREED, domain, step.said_at)),
        )

    async def change_primary(self, event: PrimaryDomainChanged, step: Step) -> Outcome:
        """Make it the primary one now, or as soon as it works."""
        shown = as_shown(event.domain)
        if (waiting := _until_live(step)) is not None:
            return waiting
        [(verdict, routes)] = await step.record(ChangeRoutes(Change.CHOSEN, event.domain, step.said_at))
        match verdict:
            case Verdict.UNKNOWN:
                return Later(after=2.0, message=f"{shown} is no domain of the project's (yet).")
            case Verdict.OLDER:
                return Done(message=f"{shown} does not become the primary domain: a newer wish says otherwise.")
            case Verdict.LATER:
                return Done(message=f"{shown} becomes the primary domain as soon as it works.")
        return Done(message=f"{shown} is the primary domain.", events=await _told(routes, step))

    async def connected(self, event: DomainConnected, step: Step) -> Outcome:
        """Note that it works; if that was wished, it is the primary one now."""
        shown = as_shown(event.domain)
        change = ChangeRoutes(Change.CONNECTED, event.domain, step.said_at, since=event.since)
        [(verdict, routes)] = await step.record(change)
        if verdict is Verdict.OLDER:
            return Done(message=f"{shown}: {_WHY_NOT[Decided.OLDER]}.")
        primary = " and is the primary domain" if routes else ""
        return Done(message=f"{shown} works{primary}.", events=await _told(routes, step))

    async def _zone(self, domain: str, rows: Sequence[ManagedRecord]) -> Held:
        try:
            return await self.inwx.zone_of(domain)
        except TemporaryError:
            if any(row.holder is RecordHolder.CUSTOMER for row in rows):
                return None  # it was elsewhere: an outage of INWX must not end a wait for the customer
            raise

    async def _ask_customer(
        self, domain: str, step: Step, place: Placement, wanted: Sequence[DnsRecord], rows: Sequence[ManagedRecord]
    ) -> Outcome:
        seen = await examine(self.authority, own_hosts(domain), wanted)
        asked_for = [Upsert(asked_row(step, record)) for record in wanted]
        if not seen.findings:
            return await self._pointed(domain, step, place, asked_for)
        known = next(row for row in await step.rows(AddedDomain) if row.domain == domain)
        trouble, waited = seen.findings[0].text.en, datetime.now(UTC) - step.opened_at
        if waited >= self.patience.gives_up_after:
            raise given_up(domain, self.patience, trouble)
        is_asked = are_asked(rows, wanted)
        needed, reminders = reminding(domain, wanted, seen, told=known.reminders if is_asked else None, waited=waited)
        findings = [finding.model_dump(mode="json") for finding in seen.findings]
        is_noted = (known.findings, known.reminders) == (findings, reminders)
        noted = () if is_noted else (NoteFindings(domain, step.said_at, findings, reminders),)
        return Parked(
            key=f"records:{domain}",
            look_again=self.patience.next_look(waited),
            until_woken=True,
            message=f"Waiting for the customer to set the DNS records of {as_shown(domain)}: {trouble}",
            events=needed,
            writes=(*(() if is_asked else asked_for), *noted),
            detail={"name_servers": as_detail(seen.answers)},
        )

    @staticmethod
    async def _pointed(domain: str, step: Step, place: Placement, writes: Sequence[Write]) -> Outcome:
        [(verdict, routes)] = await step.record(ChangeRoutes(Change.POINTED, domain, step.said_at))
        shown = as_shown(domain)
        if verdict is not Verdict.DONE:
            return Done(message=f"{shown}: {_WHY_NOT[Decided.OLDER]}.", writes=tuple(writes))
        told = await _told(routes, step)
        return Done(message=f"{shown} leads to {place.server.name}.", events=told, writes=tuple(writes))


_WHY_NOT = {
    Decided.OLDER: "a newer wish says otherwise",
    Decided.ALREADY: "the project has it already",
}
_REFUSED = {
    Decided.PRIMARY: "is the primary domain: make another one primary first, then send it again",
    Decided.ALREADY: "was ordered with the project: it stays until the project is cancelled",
}


def _until_live(step: Step) -> Parked | None:
    """None once the project is live; until then there is nothing that a domain could lead to."""
    if step.project is not None and step.project.state is ProvisioningState.LIVE:
        return None
    return Parked(
        key=f"live:{step.project_id}",
        look_again=UNTIL_LIVE,
        until_woken=True,
        message="The project is not live yet: its domains are looked after when it is.",
    )


async def _told(routes: Routes | None, step: Step) -> tuple[Event, ...]:
    if routes is None:
        return ()
    return (routes.told((await step.rows(Placement))[0].server),)
