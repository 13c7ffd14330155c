"""What the desk asks the service that knows about domains: how things stand with one, as its name servers say."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import DnsRecord, RecordFinding


class DomainHolder(StrEnum):
    """Who sets a domain's records."""

    OURS = "ours"  # its zone is in our INWX account
    ELSEWHERE = "elsewhere"  # the customer, wherever it is held
    NOBODY = "nobody"  # it can be registered


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainReport:
    """`records` must be there for it to lead to `leads_to` (a server's name); both are empty if nobody has ordered it.

    `findings` is everything that is wrong, in the order in which to mend it. Of what nobody holds only the price is
    known, for the first year and in cents of `currency`.
    """

    domain: str
    holder: DomainHolder
    leads_to: str | None
    records: tuple[DnsRecord, ...]
    findings: tuple[RecordFinding, ...] = ()
    cents: int | None = None
    currency: str | None = None
    is_premium: bool = False


DomainCheck = Callable[[AsyncConnection, str, str | None], Awaitable[DomainReport]]
"""Examine a domain; it is to lead to the server of this name, else to that of the project which ordered it.

Changes nothing. Raises `ValueError` for a server that there is not, a `TemporaryError` or `PermanentError` if INWX does
not answer.
"""
