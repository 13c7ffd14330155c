"""What costs money at INWX, a registration or a transfer: how long ago it was ordered, and when to look again.

Neither is ever sent twice: an order without an answer is looked up, and counts as never sent only when no call of it
can be under way any more.
"""

from datetime import UTC, datetime

from shared.models import DomainRegistration, DomainTransfer, RegistrationStage, TransferStage

FIRST_LOOK, LAST_LOOK = 0.5, 300.0
"""Seconds between looks at a registry that is at work: a tenth of the wait so far, within these bounds."""

PaidOrder = DomainRegistration | DomainTransfer


def age(order: PaidOrder) -> float:
    """Seconds since it was last about to be ordered."""
    return (datetime.now(UTC) - order.intended_at).total_seconds() if order.intended_at else 0.0


def next_look(waited: float) -> float:
    """Seconds until the next look at a registry that has been waited for so long."""
    return min(max(FIRST_LOOK, waited / 10), LAST_LOOK)


def undecided_for(order: PaidOrder, grace: float) -> float:
    """Seconds until no call of the order can be under way any more; 0 when that is so."""
    is_intended = order.stage in (RegistrationStage.INTENDED, TransferStage.INTENDED)
    return max(0.0, grace - age(order)) if is_intended and order.intended_at else 0.0


def euros(cents: int) -> str:
    """An amount for the log."""
    return f"{cents / 100:.2f} EUR"
