"""A cancelled project's mail: exactly what was set goes, and the sender domain if we made it."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts import MailDomainReleased
from services.dns.inwx import Inwx
from services.dns.mail.brevo import Brevo
from services.dns.mail.sender import remove_sender, undecided_for
from services.dns.mail.zone import undo
from services.dns.models import ManagedMailRecord
from services.dns.records import unanswered_for
from shared.models import MailDomain
from shared.step import Step
from shared.writes import Delete


@dataclass(frozen=True, slots=True)
class Mail:
    """What is written down of a project's mail."""

    domains: Sequence[MailDomain]
    records: Sequence[ManagedMailRecord]

    @classmethod
    async def of(cls, step: Step) -> "Mail":
        """Read it."""
        return cls(await step.rows(MailDomain), await step.rows(ManagedMailRecord))

    def undecided_for(self, grace: float) -> float:
        """Seconds until nothing can be under way any more; 0 when that is so."""
        return max(unanswered_for(self.records, grace), undecided_for(self.domains, grace))

    async def release(self, inwx: Inwx, brevo: Brevo | None) -> tuple[list[MailDomainReleased], list[Delete]]:
        """Undo it; return what to say, and the writes that forget it.

        Raises:
            PermanentError: a sender domain must be removed, and there is no key of Brevo any more.

        """
        said, forgotten = [], []
        for row in self.domains:
            gone, writes = await undo(inwx, [each for each in self.records if each.domain == row.domain])
            removed = await remove_sender(brevo, row)
            said.append(MailDomainReleased(domain=row.domain, records=tuple(gone), sender_removed=removed))
            forgotten += [*writes, Delete(row)]
        return said, forgotten
