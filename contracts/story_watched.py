"""The examples of what is watched beside the way of an order: certificates, domains, webhooks."""

from datetime import UTC, datetime

from contracts.event import ServiceName
from contracts.expiry import CertificateExpiring, DomainExpiring, RenewalDoubt
from contracts.storytelling import DOMAIN, EASTER, said

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
