"""What notify would do about an event, for an operator who thinks about a replay. Reads its rows, sends nothing."""

from contracts import (
    CapacityNeeded,
    CertificateExpiring,
    CoreHealthy,
    DnsRecordsNeeded,
    DomainConnected,
    DomainExpiring,
    DomainRegistered,
    DomainRegistrationHeld,
    DomainTransferFailed,
    DomainTransferred,
    DomainTransferStarted,
    Event,
    MailDomainReady,
    MailRecordsNeeded,
    MailResendRequested,
    ProjectCancelled,
    ProjectOrdered,
    ProvisioningDelayed,
    ProvisioningFailed,
    WebhookDisabled,
)
from services.notify.models import Mail
from services.notify.smtp import mask
from shared.dead_letters.explain import Circumstances, Explain, Explanations


def _mails(what: str, *, to_customer: bool, to_case_workers: bool) -> Explain:
    async def explain(event: Event, now: Circumstances) -> list[str]:
        del event
        sent = [mail for mail in await now.rows(Mail) if mail.event_id == now.event_id and mail.sent_at]
        said = [f"has mailed the {mail.recipient.replace('_', ' ')} already: {mail.subject}" for mail in sent]
        recipients = {mail.recipient for mail in sent}
        if to_customer and "customer" not in recipients:
            if now.project is None:
                return [*said, "would wait until the project is known, or mail nobody"]
            to = mask(now.project.customer_email)
            said.append(f"would mail the customer {to}: {what}" if to else "would mail nobody: they are forgotten")
        if to_case_workers:
            said.append(f"would mail each case worker who was not told yet: {what}")
        return said

    return explain


async def _mail_records(needed: Event, now: Circumstances) -> list[str]:
    is_ours = isinstance(needed, MailRecordsNeeded) and needed.is_ours
    return await _mails("records for mail", to_customer=not is_ours, to_case_workers=is_ours)(needed, now)


EXPLANATIONS = Explanations(
    {
        ProjectOrdered: _mails("the order has arrived", to_customer=True, to_case_workers=False),
        CoreHealthy: _mails("the project is live", to_customer=True, to_case_workers=False),
        CapacityNeeded: _mails("no server has room", to_customer=False, to_case_workers=True),
        DnsRecordsNeeded: _mails("records to set", to_customer=True, to_case_workers=False),
        DomainConnected: _mails("a domain works", to_customer=True, to_case_workers=False),
        DomainRegistrationHeld: _mails("a registration waits", to_customer=False, to_case_workers=True),
        MailRecordsNeeded: _mail_records,
        MailDomainReady: _mails("mail can be sent under a domain", to_customer=True, to_case_workers=False),
        DomainTransferStarted: _mails("a domain is on its way", to_customer=True, to_case_workers=False),
        DomainTransferFailed: _mails("a transfer waits", to_customer=True, to_case_workers=True),
        DomainTransferred: _mails("a domain has come", to_customer=True, to_case_workers=False),
        DomainRegistered: _mails("a domain is registered", to_customer=True, to_case_workers=False),
        DomainExpiring: _mails("a domain ends", to_customer=False, to_case_workers=True),
        CertificateExpiring: _mails("a certificate ends", to_customer=False, to_case_workers=True),
        ProvisioningDelayed: _mails("a step is late", to_customer=False, to_case_workers=True),
        ProvisioningFailed: _mails("a step has failed", to_customer=True, to_case_workers=True),
        MailResendRequested: _mails("a mail, once more", to_customer=True, to_case_workers=False),
        WebhookDisabled: _mails("a webhook was switched off", to_customer=False, to_case_workers=True),
        ProjectCancelled: _mails("the project is cancelled", to_customer=True, to_case_workers=False),
    },
    despite_cancellation=frozenset({ProvisioningFailed, MailResendRequested}),
)
