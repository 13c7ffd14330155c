"""Whether Let's Encrypt may issue a certificate for a name (RFC 8659, RFC 8657)."""

from collections.abc import Iterable
from typing import Any

import dns.rdata
import dns.rdataclass
import dns.rdatatype

ISSUER = "letsencrypt.org"
HTTP_CHALLENGE = "http-01"
"""How the customers' servers prove that a name is theirs."""

_CRITICAL = 128
_KNOWN = ("issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc")


def forbids(records: Iterable[str]) -> bool:
    """Whether this set of CAA records, in presentation format, keeps us from a certificate for a plain host name."""
    properties = [_parsed(text) for text in records]
    if any(each.flags & _CRITICAL and _tag(each) not in _KNOWN for each in properties):
        return True
    issuers = [each.value.decode(errors="replace") for each in properties if _tag(each) == "issue"]
    return bool(issuers) and not any(_allows(value) for value in issuers)


def _allows(value: str) -> bool:
    """Whether one ``issue`` property names our issuer without parameters that shut us out."""
    issuer, *parameters = (part.strip() for part in value.split(";"))
    given = dict(parameter.partition("=")[::2] for parameter in parameters if parameter)
    methods = given.get("validationmethods")
    return (
        issuer.lower() == ISSUER
        and "accounturi" not in given  # somebody else's account at the issuer
        and (methods is None or HTTP_CHALLENGE in methods.split(","))
    )


def _parsed(text: str) -> Any:
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.CAA, text)


def _tag(record: Any) -> str:
    return str(record.tag.decode().lower())
