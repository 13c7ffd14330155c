"""MailDomainRequested: the sender domain at Brevo, the records in the zone, and both verified, or somebody is told.

Where the zone is ours the records are set; where it is not, or something of the customer's is in the way, it is told
what must stand there, what does today, and what is wrong, and dns looks again until it is right.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts import (
    CustomerText,
    MailDomainReady,
    MailDomainRequested,
    MailFinding,
    MailProblem,
    MailRecord,
    MailRecordsNeeded,
    MailRecordType,
)
from services.dns.authority import Authority
from services.dns.customer import REMINDERS, CustomerPatience
from services.dns.inwx import Inwx, InwxRecord
from services.dns.mail.brevo import Brevo
from services.dns.mail.look import inherited_policy, look, out_of_step, view_of
from services.dns.mail.plan import Plan, Wish, plan, with_lookups
from services.dns.mail.sender import ensure_sender, required
from services.dns.mail.sentences import finding
from services.dns.mail.zone import ensure, obsolete, undo
from services.dns.models import ManagedMailRecord
from services.dns.records import unanswered_for
from shared.errors import PermanentError, TemporaryError
from shared.models import MailDomain, ProjectDomain
from shared.outcome import Done, Later, Outcome, Parked
from shared.step import Step
from shared.writes import Upsert, Write

FIRST_LOOK, LAST_LOOK = 0.5, 60.0
"""Seconds between looks at our own name servers: a tenth of the wait so far, within these bounds."""

ASKED_AT_MOST = 3600.0
"""Seconds after which Brevo is asked again at the latest. It allows a hundred calls an hour in all, so it is asked
after a tenth of the wait so far, however often dns looks at the records."""

Held = tuple[str, list[InwxRecord]] | None
"""A zone of our account with all its records; None: the domain is held elsewhere."""

_PASSES = frozenset({MailProblem.NOT_EVERYWHERE, MailProblem.NAME_SERVER_SILENT, MailProblem.NOT_VERIFIED})
"""What nobody can do anything about; it is not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectMail:
    """Make mail under the domain possible, say MailDomainReady."""

    brevo: Brevo | None
    inwx: Inwx
    authority: Authority
    record_ttl: int
    inwx_grace: float
    patience: CustomerPatience

    async def __call__(self, requested: MailDomainRequested, step: Step) -> Outcome:
        """Go on where the row says that the last try stopped."""
        brevo = required(self.brevo)
        await _refuse_strangers(requested.domain, step)
        known = next((row for row in await step.rows(MailDomain) if row.domain == requested.domain), None)
        new = MailDomain(project_id=step.project_id, domain=requested.domain, dkim=[], findings=[])
        row = await ensure_sender(step, brevo, (known or new).changed(mx=requested.mx), self.record_ttl)
        wish = Wish(
            domain=row.domain,
            ownership=row.ownership or "",
            dkim=tuple(MailRecord.model_validate(record) for record in row.dkim),
            mx=row.mx,
            ttl=self.record_ttl,
            inherited=await inherited_policy(self.authority, row.domain),
        )
        rows = [each for each in await step.rows(ManagedMailRecord) if each.domain == row.domain]
        held = await self._zone(row, rows)
        writes: list[Write] = []
        if held is not None:
            outcome = await self._set(step, row, wish, rows, held)
            if isinstance(outcome, Outcome):
                return outcome
            done, blocked = outcome
            writes = [Upsert(each) for each in done]
            if blocked is not None:
                return self._wait(step, row, blocked, blocked.obstacles, writes, is_ours=True)
        return await self._check(step, brevo, row, wish, writes, is_ours=held is not None)

    async def _zone(self, row: MailDomain, rows: Sequence[ManagedMailRecord]) -> Held:
        try:
            return await self.inwx.zone_of(row.domain)
        except TemporaryError:
            if row.findings and not rows:
                return None  # it was elsewhere: an outage of INWX must not end a wait for the customer
            raise

    async def _set(
        self, step: Step, row: MailDomain, wish: Wish, rows: list[ManagedMailRecord], held: tuple[str, list[InwxRecord]]
    ) -> tuple[Sequence[ManagedMailRecord], Plan | None] | Outcome:
        """Set what can be set in a zone of ours; also the plan, if something is in the way."""
        zone, found = held
        stale = obsolete(rows, wish.fixed())
        if wait := unanswered_for(stale, self.inwx_grace):
            return Later(after=wait, message="A call to INWX may still be under way; what it makes must go first.")
        if stale:
            await step.record()
            await step.record(*(await undo(self.inwx, stale))[1])
            rows = [each for each in rows if each not in stale]
            found = await self.inwx.records(zone)
        made = await with_lookups(plan(wish, view_of(found)), wish, self.authority.texts)
        return await ensure(step, self.inwx, row, zone, made, rows, found), made if made.obstacles else None

    async def _check(
        self, step: Step, brevo: Brevo, row: MailDomain, wish: Wish, writes: list[Write], *, is_ours: bool
    ) -> Outcome:
        """Ask the authoritative name servers, then Brevo."""
        plans, nobody = await look(self.authority, wish)
        wrong = [made for made in plans if not made.is_done]
        if nobody or wrong:
            made = await with_lookups(wrong[0], wish, self.authority.texts) if wrong else Plan(())
            findings = nobody or (made.findings if len(wrong) == len(plans) else (out_of_step(wish, wrong),))
            if is_ours and not made.obstacles:
                return self._propagates(step, row, findings, writes)
            return self._wait(step, row, made, findings, writes, is_ours=is_ours)
        made = await with_lookups(plans[0], wish, self.authority.texts)
        if made.obstacles:
            return self._wait(step, row, made, made.findings, writes, is_ours=is_ours)
        now = datetime.now(UTC)
        pause = min((now - step.opened_at).total_seconds() / 10, ASKED_AT_MOST)
        if row.asked_at is not None and (now - row.asked_at).total_seconds() < pause:
            return self._unverified(step, row, made, ["it is asked again later"], writes, is_ours=is_ours)
        sender = await brevo.verify(row.domain)
        if sender is None or not sender.is_ready:
            unseen = sender.unseen if sender else ["the sender domain is gone"]
            asked = row.changed(asked_at=now, sender=row.sender if sender else None)
            return self._unverified(step, asked, made, unseen, writes, is_ours=is_ours)
        return self._ready(row, made, writes)

    def _ready(self, row: MailDomain, made: Plan, writes: Sequence[Write]) -> Done:
        ready = MailDomainReady(domain=row.domain, mx=row.mx, records=made.records, spf_lookups=made.lookups)
        done = row.changed(ready_at=datetime.now(UTC), findings=[], reminders=None)
        return Done(
            message=f"Mail can be sent under {row.domain}: the records answer everywhere, and Brevo has verified them.",
            events=(ready,),
            writes=(*writes, Upsert(done)),
            detail=ready.model_dump(mode="json"),
        )

    def _propagates(
        self, step: Step, row: MailDomain, findings: Sequence[MailFinding], writes: Sequence[Write]
    ) -> Later:
        waited = (datetime.now(UTC) - step.opened_at).total_seconds()
        return Later(
            after=min(max(FIRST_LOOK, waited / 10), LAST_LOOK),
            message=f"Not every name server has the mail records of {row.domain} yet: {findings[0].text.en}",
            writes=(*writes, Upsert(row)),
        )

    def _unverified(
        self, step: Step, row: MailDomain, made: Plan, unseen: list[str], writes: list[Write], *, is_ours: bool
    ) -> Parked:
        told = finding(MailProblem.NOT_VERIFIED, row.domain, MailRecordType.TXT, found=unseen)
        return self._wait(step, row, made, (told,), writes, is_ours=is_ours)

    def _wait(
        self,
        step: Step,
        row: MailDomain,
        made: Plan,
        findings: Sequence[MailFinding],
        writes: Sequence[Write],
        *,
        is_ours: bool,
    ) -> Parked:
        """Tell once what is wrong, remind, look again.

        Raises:
            PermanentError: the customer's time is over.

        """
        waited = datetime.now(UTC) - step.opened_at
        trouble = findings[0].text.en
        if waited >= self.patience.gives_up_after:
            raise _given_up(row.domain, self.patience, trouble)
        reminder = sum(waited >= after for after in REMINDERS)
        is_patient = all(each.problem in _PASSES for each in findings)  # nobody has to do anything
        is_said = is_patient or (row.reminders is not None and row.reminders >= reminder)
        needed = MailRecordsNeeded(
            domain=row.domain,
            is_ours=is_ours,
            records=made.records,
            findings=tuple(findings),
            reminder=0 if row.reminders is None else reminder,
        )
        noted = row.changed(
            findings=[each.model_dump(mode="json") for each in findings],
            reminders=row.reminders if is_said else reminder,
        )
        return Parked(
            key=f"mail:{row.domain}",
            look_again=self.patience.next_look(waited),
            until_woken=True,
            message=f"Mail under {row.domain} waits: {trouble}",
            events=() if is_said else (needed,),
            writes=(*writes, Upsert(noted)),
            detail={"problems": [f"{each.problem} {each.name}" for each in findings]},
        )


async def _refuse_strangers(domain: str, step: Step) -> None:
    """Only under a domain of its own may a project have mail: what is set there concerns whoever holds the domain."""
    base = step.project.base_domain if step.project else None
    here = [row.host for row in await step.rows(ProjectDomain) if not row.is_coming]
    hosts = [host for host in here if base is None or not host.endswith(f".{base}")]
    if domain not in hosts:
        raise PermanentError(
            f"{domain} is no domain of the project's own ({', '.join(hosts) or 'it has none'}): ask for one that is",
            code="mail_domain_not_the_projects",
        )


def _given_up(domain: str, patience: CustomerPatience, trouble: str) -> PermanentError:
    days = f"{patience.gives_up_after.total_seconds() / 86_400:g}"
    return PermanentError(
        f"the mail records of {domain} were not right within {days} days: {trouble} Ask the customer, then replay",
        code="mail_records_missing",
        customer_text=CustomerText(
            de=f"Die Einträge für E-Mails unter {domain} fehlen noch. Bitte melden Sie sich, sobald sie gesetzt sind.",
            en=f"The records for mail under {domain} are still missing. Please get in touch once they are set.",
        ),
    )
