"""The sender domain at Brevo: found or made, and removed if we made it."""

from collections.abc import Sequence
from datetime import UTC, datetime

from services.dns.mail.brevo import Brevo, BrevoExistsError, BrevoUnansweredError, SenderDomain
from shared.errors import PermanentError
from shared.models import MailDomain, MailSender
from shared.step import Step
from shared.writes import Upsert


def required(brevo: Brevo | None) -> Brevo:
    """The client.

    Raises:
        PermanentError: there is no key.

    """
    if brevo is None:
        raise PermanentError(
            "VRS_BREVO_API_KEY is not set, and mail under customers' domains needs it: set it for dns, then replay",
            code="brevo_not_configured",
        )
    return brevo


async def ensure_sender(step: Step, brevo: Brevo, row: MailDomain, ttl: int) -> MailDomain:
    """Find the sender domain, or make it; return the row with what Brevo wants to see in the zone.

    That it is about to be made is recorded first, and only where there was none: one that is found later is ours.

    Raises:
        PermanentError: the domain is in another account at Brevo, or refused.

    """
    if row.sender in (MailSender.MADE, MailSender.FOUND):
        return row
    found = await brevo.find(row.domain)
    if found is not None:
        origin = MailSender.FOUND if row.sender is None else MailSender.MADE
    else:
        row = row.changed(sender=MailSender.INTENDED, intended_at=datetime.now(UTC))
        await step.record(Upsert(row))
        found, origin = await _create(brevo, row.domain), MailSender.MADE
    dkim = [record.model_dump(mode="json") for record in found.dkim(ttl)]
    row = row.changed(sender=origin, ownership=found.ownership, dkim=dkim)
    await step.record(Upsert(row))
    return row


async def _create(brevo: Brevo, domain: str) -> SenderDomain:
    try:
        await brevo.create(domain)
    except BrevoExistsError as error:  # an earlier call of ours came late, or it is somebody else's
        if (found := await brevo.find(domain)) is not None:
            return found
        raise PermanentError(
            f"{domain} belongs to another account at Brevo: it must be removed there first; then replay ({error})",
            code="brevo_domain_taken",
        ) from error
    if (found := await brevo.find(domain)) is None:
        raise BrevoUnansweredError(f"Brevo has made {domain} and does not show it", code="brevo_create_unanswered")
    return found


def undecided_for(rows: Sequence[MailDomain], grace: float) -> float:
    """Seconds until no create at Brevo can be under way any more; 0 when that is so."""
    intended = [row.intended_at for row in rows if row.sender is MailSender.INTENDED and row.intended_at]
    return max([0.0, *(grace - (datetime.now(UTC) - at).total_seconds() for at in intended)])


async def remove_sender(brevo: Brevo | None, row: MailDomain) -> bool:
    """Remove the sender domain if we made it, or may have; return whether we did.

    Raises:
        PermanentError: there is no key any more.

    """
    if row.sender not in (MailSender.MADE, MailSender.INTENDED):
        return False
    await required(brevo).delete(row.domain)
    return True
