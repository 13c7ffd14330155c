"""Amounts of money as people type them."""

from decimal import Decimal, InvalidOperation

from ops.failure import CommandError


def cents_of(option: str, euros: str) -> int:
    """Read ``29``, ``29.50`` or ``29,50``.

    Raises:
        CommandError: names the `option` whose value is no such amount.

    """
    try:
        cents = Decimal(euros.replace(",", ".")) * 100
    except InvalidOperation:
        cents = Decimal(-1)
    if not cents.is_finite() or cents < 0 or cents != cents.to_integral_value():
        raise CommandError(f"{option}: {euros!r} is no amount of euros such as 29 or 29.50", exit_code=2)
    return int(cents)
