"""The examples of what is watched beside the way of an order: certificates, domains, webhooks."""

from datetime import UTC, datetime
from uuid import UUID

from contracts.event import ServiceName
from contracts.expiry import CertificateExpiring, DomainExpiring, RenewalDoubt
from contracts.storytelling import DOMAIN, EASTER, at, said
from contracts.webhook import WebhookDisabled

OVERDUE = said(
    CertificateExpiring(
        host=DOMAIN, issuer="Let's Encrypt", ends_at=datetime(2027, 2, 22, 9, 40, 17, tzinfo=UTC), days=7
    ),
    ServiceName.BOOTSTRAP,
    datetime(2027, 2, 15, 11, 2, 40, 318_000, tzinfo=UTC),
    33,
)
ENDING = said(
    DomainExpiring(
        domain=EASTER,
        ends_at=datetime(2028, 3, 1, 13, 5, 58, tzinfo=UTC),
        days=14,
        reason=RenewalDoubt.NO_CREDIT,
        renews_itself=True,
    ),
    ServiceName.DNS,
    datetime(2028, 2, 16, 14, 20, 11, 902_000, tzinfo=UTC),
    34,
)
SWITCHED_OFF = said(
    WebhookDisabled(
        endpoint=UUID("01a1e2f4-5b10-7c4d-8e21-9f3a6c5d7e80"),
        host="hooks.agentur.example",
        description="the agency's dashboard",
        created_by="agency",
        reason="nothing was delivered for three days; at last: answered 500",
    ),
    ServiceName.MARKETPLACE,
    at(10, 30, 40, 77),
    35,
).model_copy(update={"subject": UUID(int=0)})
