"""Which records mail needs, held against what stands in the zone: what is right, what to add, what is in the way."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from contracts import MailFinding, MailProblem, MailRecord, MailRecordType
from services.dns.mail import dmarc, spf
from services.dns.mail.sentences import finding
from shared.errors import TemporaryError

SPF, DMARC = "spf", "dmarc"

MX = (("inbound1.sendinblue.com", 10), ("inbound2.sendinblue.com", 20))
"""Brevo's servers for incoming mail (developers.brevo.com, "Inbound parse webhooks")."""

TXT, CNAME = MailRecordType.TXT, MailRecordType.CNAME

View = Mapping[tuple[str, str], Sequence[str]]
"""What stands at a name, by (name, type): texts in one piece, targets without trailing dot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted of a domain. `inherited` is the DMARC record of a domain above it, which holds until now."""

    domain: str
    ownership: str
    dkim: tuple[MailRecord, ...]
    mx: bool
    ttl: int
    inherited: str | None = None

    @property
    def dmarc_name(self) -> str:
        """Where the DMARC record stands."""
        return f"_dmarc.{self.domain}"

    def fixed(self) -> dict[str, MailRecord]:
        """The records whose content does not depend on what is there, by slot."""
        records = {"ownership": self.text(self.domain, self.ownership)}
        records |= {f"dkim-{number}": record for number, record in enumerate(self.dkim, 1)}
        for number, (host, priority) in enumerate(MX if self.mx else (), 1):
            records[f"mx-{number}"] = MailRecord(
                name=self.domain, type=MailRecordType.MX, content=host, priority=priority, ttl=self.ttl
            )
        return records

    def text(self, name: str, content: str) -> MailRecord:
        """A TXT record."""
        return MailRecord(name=name, type=TXT, content=content, ttl=self.ttl)

    def questions(self) -> list[tuple[str, str]]:
        """The names and types that a plan must know of."""
        names = dict.fromkeys([self.dmarc_name, *(record.name for record in self.dkim)])
        both = [(name, kind.value) for name in names for kind in (TXT, CNAME)]
        return [(self.domain, TXT.value), *([(self.domain, "MX")] if self.mx else []), *both]


@dataclass(frozen=True, slots=True)
class Slot:
    """A record that mail needs. `changes`: what stands there and is to become it; None: it is to be added.

    `is_blocked`: something stands there that is not ours to change.
    """

    key: str
    record: MailRecord
    changes: str | None = None
    is_there: bool = False
    is_blocked: bool = False

    @property
    def is_new(self) -> bool:
        """Whether it is to be added, and can be."""
        return not self.is_there and not self.is_blocked and self.changes is None

    def told(self) -> MailFinding:
        """What is to be done about it, for whoever sets the records."""
        problem = MailProblem.MISSING if self.changes is None else MailProblem.OTHER_VALUE
        shown = self.record.content if self.record.priority is None else f"{self.record.priority} {self.record.content}"
        found = () if self.changes is None else (self.changes,)
        return finding(problem, self.record.name, self.record.type, found=found, wanted=(shown,))


@dataclass(frozen=True, slots=True)
class Plan:
    """What each record is to become, and what keeps others from it."""

    slots: tuple[Slot, ...]
    obstacles: tuple[MailFinding, ...] = ()
    lookups: int = 0

    @property
    def is_done(self) -> bool:
        """Whether everything stands as it must."""
        return not self.obstacles and all(slot.is_there for slot in self.slots)

    @property
    def findings(self) -> tuple[MailFinding, ...]:
        """Everything that is wrong, obstacles first."""
        todo = (slot for slot in self.slots if not slot.is_there and not slot.is_blocked)
        return (*self.obstacles, *(slot.told() for slot in todo))

    @property
    def records(self) -> tuple[MailRecord, ...]:
        """What must stand in the end."""
        return tuple(slot.record for slot in self.slots)


@dataclass(slots=True)
class _Draft:
    slots: list[Slot] = field(default_factory=list)
    obstacles: list[MailFinding] = field(default_factory=list)


def plan(wish: Wish, view: View) -> Plan:
    """Compare. What stands there stays, but for one SPF and one DMARC record that get our part."""
    draft = _Draft()
    for key, record in wish.fixed().items():
        _fixed(draft, key, record, wish, view)
    _merged(draft, SPF, wish, [text for text in view.get((wish.domain, TXT), ()) if spf.is_spf(text)])
    policies = [text for text in view.get((wish.dmarc_name, TXT), ()) if dmarc.is_dmarc(text)]
    if policies or not view.get((wish.dmarc_name, CNAME)):  # an alias leads to somebody who keeps the policy
        _merged(draft, DMARC, wish, policies)
    return Plan(tuple(draft.slots), tuple(draft.obstacles))


async def with_lookups(made: Plan, wish: Wish, texts: spf.Texts) -> Plan:
    """Count what the SPF record costs; one that costs too much, or is broken or unknown, is an obstacle and not set."""
    slot = next((each for each in made.slots if each.key == SPF), None)
    if slot is None:
        return made
    stands = (slot.record.content,) if slot.is_there else (slot.changes,) if slot.changes else ()
    try:
        return replace(made, lookups=await spf.lookups(slot.record.content, texts))
    except spf.TooManyLookupsError:
        obstacle = finding(MailProblem.SPF_TOO_MANY_LOOKUPS, wish.domain, TXT, found=stands)
    except spf.SpfBrokenError as error:
        obstacle = finding(MailProblem.SPF_BROKEN, wish.domain, TXT, found=(str(error), *stands))
    except TemporaryError as error:
        obstacle = finding(MailProblem.NAME_SERVER_SILENT, wish.domain, TXT, found=(str(error),))
    kept = tuple(each for each in made.slots if each is not slot)
    return replace(made, slots=kept, obstacles=(*made.obstacles, obstacle))


def _fixed(draft: _Draft, key: str, record: MailRecord, wish: Wish, view: View) -> None:
    there = view.get((record.name, record.type), ())
    if record.content in there:
        draft.slots.append(Slot(key, record, is_there=True))
        return
    others: Iterable[str] = ()
    problem = MailProblem.OTHER_VALUE
    if key.startswith("dkim"):
        others = [text for kind in (TXT, CNAME) for text in view.get((record.name, kind), ())]
    elif record.type is MailRecordType.MX:
        ours = {host for host, _ in MX}
        others, problem = [host for host in there if host not in ours], MailProblem.MX_ELSEWHERE
    draft.slots.append(Slot(key, record, is_blocked=bool(others)))
    if others and not any(each.problem is problem and each.name == record.name for each in draft.obstacles):
        wanted = [
            each.content for each in wish.fixed().values() if (each.name, each.type) == (record.name, record.type)
        ]
        draft.obstacles.append(finding(problem, record.name, record.type, found=list(others), wanted=wanted))


def _merged(draft: _Draft, key: str, wish: Wish, there: Sequence[str]) -> None:
    """One record that others have a part in: made, given our part, or in the way if there are several."""
    name = wish.domain if key == SPF else wish.dmarc_name
    if len(there) > 1:
        problem = MailProblem.SPF_TWICE if key == SPF else MailProblem.DMARC_TWICE
        draft.obstacles.append(finding(problem, name, TXT, found=there))
        return
    if not there:
        draft.slots.append(Slot(key, wish.text(name, spf.NEW if key == SPF else dmarc.new(wish.inherited))))
        return
    [stands] = there
    content = spf.merged(stands) if key == SPF else dmarc.merged(stands)
    right = content == stands
    draft.slots.append(Slot(key, wish.text(name, content), changes=None if right else stands, is_there=right))
