"""Each mail once, as far as SMTP allows.

A mail is written down before it is sent, and again when the server has answered 250. SMTP has no transaction: a mail
whose 250 was lost is sent again, with the same Message-ID, by which most mail programs show it once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from uuid import uuid5

import structlog
from email_validator import validate_email

from services.notify.claim import ClaimMail
from services.notify.letters import Kind, Letter
from services.notify.models import Mail, MailRecipient
from services.notify.smtp import MailDeferredError, MailRefusedError, Smtp, SmtpUnreachableError, mask
from shared.outcome import Done, Outcome
from shared.status_links import StatusLinks
from shared.step import Step
from shared.writes import Upsert, Write

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Draft:
    """A letter and whom it is for. `once`: a project gets one of this kind, however many events ask for it.

    `kind` and `facts` are kept if it may have to be written again.
    """

    recipient: MailRecipient
    address: str
    letter: Letter
    name: str = ""
    once: Kind | None = None
    kind: Kind | None = None
    facts: Mapping[str, Any] | None = None

    @property
    def addressee(self) -> str:
        """The recipient as the log may name them: ``customer s…@example.org``."""
        return f"{self.recipient.replace('_', ' ')} {mask(self.address)}"


class Post:
    """Sends the mails of a step from one sender. `case_workers` are their addresses.

    `status_links`: where customers can see how far their project is.
    """

    def __init__(
        self, smtp: Smtp, *, sender: Address, case_workers: Sequence[str], status_links: StatusLinks | None = None
    ) -> None:
        self._smtp = smtp
        self._sender = sender
        self.case_workers = tuple(case_workers)
        self.status_links = status_links

    async def deliver(self, step: Step, drafts: Sequence[Draft]) -> Outcome:
        """Send each mail that no earlier try of this step has sent.

        Raises:
            SmtpUnreachableError, MailDeferredError, MailRefusedError: the message names each mail that is not sent.
                What another try can deliver counts before what it cannot.

        """
        if not drafts:
            return Done(message="nobody to mail to: the customer's contact was removed")
        rows = {mail.message_id: mail for mail in await step.rows(Mail)}
        mails = {self._message_id(step, draft): draft for draft in drafts}
        open_mails = {key: draft for key, draft in mails.items() if key not in rows or rows[key].sent_at is None}
        if open_mails:
            taken = await step.record(*(_intent(step, key, draft) for key, draft in open_mails.items()))
            open_mails = {key: mails[key] for key, is_taken in zip(open_mails, taken, strict=True) if not is_taken}
        if not open_mails and not any(row.event_id == step.event_id for row in rows.values()):
            return Done(message="another event has had this told")
        sent: list[Upsert] = []
        errors: list[MailDeferredError | MailRefusedError | SmtpUnreachableError] = []
        for message_id, draft in open_mails.items():
            try:
                await self._smtp.send(self._message(message_id, draft))
            except (MailDeferredError, MailRefusedError, SmtpUnreachableError) as error:
                log.warning("mail not sent", recipient=draft.addressee, reason=str(error))
                errors.append(type(error)(f"not mailed to {draft.addressee}: {error}", code=error.code))
                if isinstance(error, SmtpUnreachableError):
                    break
            else:
                sent.append(Upsert(_row(step, message_id, draft, sent_at=datetime.now(UTC))))
        if errors:
            if sent:
                await step.record(*sent)
            raise _weightiest(errors)
        told = ", ".join(f"{draft.addressee} ({draft.letter.subject})" for draft in drafts)
        return Done(message=f"mailed to {told}", writes=tuple(sent), detail={"message_ids": list(mails)})

    def _message_id(self, step: Step, draft: Draft) -> str:
        # By recipient kind too: a case worker may be a customer.
        about = uuid5(step.project_id, draft.once) if draft.once else step.event_id
        return f"{uuid5(about, f'{draft.recipient}:{draft.address}')}@{self._sender.domain}"

    def _message(self, message_id: str, draft: Draft) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = mailbox(draft.name, draft.address)
        message["Subject"] = draft.letter.subject
        message["Date"] = datetime.now(UTC)
        message["Message-ID"] = f"<{message_id}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notices, please
        message.set_content(draft.letter.text)
        message.add_alternative(draft.letter.html, subtype="html")
        return message


def mailbox(name: str, address: str) -> Address:
    """Return a header address: name on one line, domain as A-labels, so that no server needs SMTPUTF8 for it."""
    checked = validate_email(address, check_deliverability=False, test_environment=True)
    local, _, domain = (checked.ascii_email or checked.normalized).rpartition("@")
    return Address(" ".join(name.split()), local, domain)


def _intent(step: Step, message_id: str, draft: Draft) -> Write:
    row = _row(step, message_id, draft)
    return ClaimMail(row) if draft.once else Upsert(row)


def _row(step: Step, message_id: str, draft: Draft, *, sent_at: datetime | None = None) -> Mail:
    return Mail(
        message_id=message_id,
        project_id=step.project_id,
        event_id=step.event_id,
        recipient=draft.recipient,
        subject=draft.letter.subject,
        sent_at=sent_at,
        kind=draft.kind,
        facts=draft.facts,
    )


def _weightiest(errors: Sequence[MailDeferredError | MailRefusedError | SmtpUnreachableError]) -> Exception:
    leading = next((error for error in errors if not isinstance(error, MailRefusedError)), errors[0])
    return type(leading)("; ".join(map(str, errors)), code=leading.code)
