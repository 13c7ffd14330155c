"""Whom each event is told to, and how."""

from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import to_jsonable_python

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
    Locale,
    MailDomainReady,
    MailRecordsNeeded,
    MailResendRequested,
    ProjectCancelled,
    ProjectOrdered,
    ProvisioningDelayed,
    ProvisioningFailed,
    TransferProblem,
    WebhookDisabled,
)
from services.notify.letters import Kind, write
from services.notify.models import Mail, MailRecipient
from services.notify.post import Draft, Post
from shared.errors import PermanentError, TemporaryError
from shared.hosts import as_shown
from shared.outcome import Done, Outcome
from shared.step import ProjectFacts, Step

MOST_SERVERS = 20
"""In a mail."""

_OURS_TO_MEND = (TransferProblem.NO_CREDIT, TransferProblem.TOO_EXPENSIVE, TransferProblem.ALREADY_OURS)

UNREADABLE = "contract_"
"""How the reason codes of events begin that break their contract."""


_WITHOUT_ORDER = {
    Kind.DELAYED: "Bestellung, die noch nicht angenommen wurde",
    Kind.FAILED: "Bestellung, die nicht gelesen werden konnte",
}


@dataclass(frozen=True, slots=True)
class Customer:
    """Whom a mail addresses, and the project's host name as people read it."""

    name: str
    email: str
    locale: Locale
    fqdn: str


async def tell_ordered(post: Post, event: ProjectOrdered, step: Step) -> Outcome:
    """Tell the customer that the order has arrived and where its status is shown, once however often it is said.

    Nobody has to know the project yet. Once it is known, its order's row says whom to tell: it may be forgotten.
    """
    ordered = Customer(event.customer.name, event.customer.email, event.locale, as_shown(event.fqdn))
    customer = _customer(step.project) if step.project else ordered
    drafts = _to_customer(post, step, customer, Kind.ORDERED)
    return await post.deliver(step, [replace(draft, once=Kind.ORDERED) for draft in drafts])


async def tell_live(post: Post, event: CoreHealthy, step: Step) -> Outcome:
    """Tell the customer that the project is live."""
    plugins = [f"{plugin.name} {plugin.version}" for plugin in event.plugins]
    return await post.deliver(
        step, _to_customer(post, step, _customer(_ordered(step)), Kind.LIVE, url=str(event.url), plugins=plugins)
    )


async def tell_records_needed(post: Post, event: DnsRecordsNeeded, step: Step) -> Outcome:
    """Tell the customer which records to set at their own provider."""
    records = [(record.type.value, record.name, record.content) for record in event.records]
    problems = [getattr(each.text, _ordered(step).locale) for each in event.findings]
    facts = {"records": records, "problems": problems, "found": event.found, "reminder": event.reminder}
    customer = replace(_customer(_ordered(step)), fqdn=as_shown(event.fqdn))
    return await post.deliver(step, _to_customer(post, step, customer, Kind.RECORDS_NEEDED, **facts))


async def tell_mail_records_needed(post: Post, event: MailRecordsNeeded, step: Step) -> Outcome:
    """Tell whoever can set them what is wrong with the records for mail: the case workers in a zone of ours."""
    records = [
        (each.type.value, each.name, each.content if each.priority is None else f"{each.priority} {each.content}")
        for each in event.records
    ]
    locale = Locale.DE if event.is_ours else _ordered(step).locale
    problems = [getattr(each.text, locale) for each in event.findings]
    facts = {"domain": as_shown(event.domain), "records": records, "problems": problems, "reminder": event.reminder}
    if event.is_ours:
        return await post.deliver(step, _to_case_workers(post, step, Kind.MAIL_RECORDS_WRONG, **facts))
    return await post.deliver(
        step, _to_customer(post, step, _customer(_ordered(step)), Kind.MAIL_RECORDS_NEEDED, **facts)
    )


async def tell_mail_ready(post: Post, event: MailDomainReady, step: Step) -> Outcome:
    """Tell the customer that mail can be sent under the domain."""
    facts = {"domain": as_shown(event.domain), "mx": event.mx}
    return await post.deliver(step, _to_customer(post, step, _customer(_ordered(step)), Kind.MAIL_READY, **facts))


async def tell_connected(post: Post, event: DomainConnected, step: Step) -> Outcome:
    """Tell the customer that the project can be reached under one more address."""
    customer = replace(_customer(_ordered(step)), fqdn=as_shown(event.domain))
    return await post.deliver(step, _to_customer(post, step, customer, Kind.DOMAIN_CONNECTED, url=str(event.url)))


async def tell_capacity_needed(post: Post, event: CapacityNeeded, step: Step) -> Outcome:
    """Tell the case workers that an order waits because no server has room."""
    servers = [f"{each.server}: {each.verdict}" for each in event.considered[:MOST_SERVERS]]
    more = len(event.considered) - len(servers)
    facts = {"plan": event.plan, "region": event.region, "ahead": event.ahead, "considered": servers, "more": more}
    return await post.deliver(step, _to_case_workers(post, step, Kind.CAPACITY_NEEDED, **facts))


async def tell_domain_registered(post: Post, event: DomainRegistered, step: Step) -> Outcome:
    """Tell the customer what was registered, until when, and that the registry may ask for a confirmation."""
    facts = {"domain": event.domain, "expires_at": event.expires_at, "is_renewed": event.is_renewed}
    return await post.deliver(
        step, _to_customer(post, step, _customer(_ordered(step)), Kind.DOMAIN_REGISTERED, **facts)
    )


async def tell_registration_held(post: Post, event: DomainRegistrationHeld, step: Step) -> Outcome:
    """Tell the case workers that a domain cannot be registered without them, and what to do."""
    return await post.deliver(step, _to_case_workers(post, step, Kind.REGISTRATION_HELD, **dict(event)))


async def tell_transfer_started(post: Post, event: DomainTransferStarted, step: Step) -> Outcome:
    """Tell the customer that the domain is on its way, and what may be asked of its owner."""
    facts = {"domain": as_shown(event.domain), "kept_records": event.kept_records}
    return await post.deliver(step, _to_customer(post, step, _customer(_ordered(step)), Kind.TRANSFER_STARTED, **facts))


async def tell_transfer_failed(post: Post, event: DomainTransferFailed, step: Step) -> Outcome:
    """Tell the case workers what the transfer waits for, and the customer, if it is they who can help."""
    facts = dict(event) | {"domain": as_shown(event.domain)}
    drafts = _to_case_workers(post, step, Kind.TRANSFER_FAILED, **facts)
    if event.problem not in _OURS_TO_MEND:
        told = {"domain": facts["domain"], "text": event.text}
        drafts += _to_customer(post, step, _customer(_ordered(step)), Kind.TRANSFER_FAILED_CUSTOMER, **told)
    return await post.deliver(step, drafts)


async def tell_transferred(post: Post, event: DomainTransferred, step: Step) -> Outcome:
    """Tell the customer that the domain has come, and that the project moves to it."""
    facts = {"domain": as_shown(event.domain), "expires_at": event.expires_at}
    return await post.deliver(step, _to_customer(post, step, _customer(_ordered(step)), Kind.TRANSFERRED, **facts))


async def tell_domain_expiring(post: Post, event: DomainExpiring, step: Step) -> Outcome:
    """Tell the case workers that a domain ends, why it may not go on, and what to do."""
    return await post.deliver(step, _to_case_workers(post, step, Kind.DOMAIN_EXPIRING, **dict(event)))


async def tell_certificate_expiring(post: Post, event: CertificateExpiring, step: Step) -> Outcome:
    """Tell the case workers that a certificate was not renewed in time."""
    return await post.deliver(step, _to_case_workers(post, step, Kind.CERTIFICATE_EXPIRING, **dict(event)))


async def tell_webhook_disabled(post: Post, event: WebhookDisabled, step: Step) -> Outcome:
    """Tell the case workers that somebody outside hears of nothing any more."""
    return await post.deliver(step, _to_case_workers(post, step, Kind.WEBHOOK_DISABLED, **dict(event)))


async def tell_delayed(post: Post, event: ProvisioningDelayed, step: Step) -> Outcome:
    """Tell the case workers that a step takes longer than promised."""
    return await post.deliver(step, _to_case_workers(post, step, Kind.DELAYED, **dict(event)))


async def tell_failed(post: Post, event: ProvisioningFailed, step: Step) -> Outcome:
    """Tell the case workers that a step was given up and what to do, and the customer in plain words.

    Of an event that could not be read only the case workers hear: nobody vouches for the project that it names.
    """
    drafts = _to_case_workers(post, step, Kind.FAILED, **dict(event))
    if step.project is not None and not event.reason_code.startswith(UNREADABLE):
        drafts += _to_customer(
            post, step, _customer(_ordered(step)), Kind.FAILED_CUSTOMER, customer_text=event.customer_text
        )
    return await post.deliver(step, drafts)


async def tell_cancelled(post: Post, event: ProjectCancelled, step: Step) -> Outcome:
    """Confirm the cancellation to the customer, once however often it is asked for."""
    if step.project is None:
        return Done(message="nobody to mail to: the project was cancelled before its order arrived")
    drafts = _to_customer(post, step, _customer(_ordered(step)), Kind.CANCELLED, keep_volumes=event.keep_volumes)
    return await post.deliver(step, [replace(draft, once=Kind.CANCELLED) for draft in drafts])


async def send_again(post: Post, event: MailResendRequested, step: Step) -> Outcome:
    """Write a mail to the customer again, as it was but to whom it is known now, and send it.

    Raises:
        PermanentError: there is no such mail of this project, or nobody knows any more what it was written from.

    """
    mail = next((mail for mail in await step.rows(Mail) if mail.message_id == event.mail), None)
    if mail is None or mail.kind is None or mail.facts is None:
        raise PermanentError(f"the mail {event.mail} cannot be written again: it is not known", code="unknown_mail")
    drafts = _to_customer(post, step, _customer(_ordered(step)), Kind(mail.kind), **mail.facts)
    return await post.deliver(step, drafts)


def _to_customer(post: Post, step: Step, customer: Customer, kind: Kind, /, **facts: Any) -> list[Draft]:
    """None if the customer is forgotten."""
    if not customer.email:
        return []
    kept = to_jsonable_python(facts)
    link = {"status_url": post.status_links.link(step.project_id)} if post.status_links else {}
    letter = write(kind, customer.locale, name=customer.name, fqdn=customer.fqdn, **kept, **link)
    return [Draft(MailRecipient.CUSTOMER, customer.email, letter, customer.name, kind=kind, facts=kept)]


def _customer(project: ProjectFacts) -> Customer:
    """Who the project's order says by now."""
    return Customer(project.customer_name, project.customer_email, project.locale, as_shown(project.fqdn))


def _to_case_workers(post: Post, step: Step, kind: Kind, /, **facts: Any) -> list[Draft]:
    fqdn = as_shown(step.project.fqdn) if step.project else _WITHOUT_ORDER.get(kind, "")
    letter = write(kind, Locale.DE, fqdn=fqdn, project_id=step.project_id, **facts)
    return [Draft(MailRecipient.CASE_WORKER, address, letter) for address in post.case_workers]


def _ordered(step: Step) -> ProjectFacts:
    if step.project is None:
        raise TemporaryError("what was ordered is not known (yet)", code="unknown_project")
    return step.project
