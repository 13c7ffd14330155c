"""Sender domains and what Brevo wants to see in their zones.

Shapes after developers.brevo.com/reference (Domains) and the models of getbrevo/brevo-python; the two DKIM records of
new accounts after answers that integrators publish (``dkim1Record``, ``dkim2Record``).
"""

import base64
import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

DMARC = "v=DMARC1; p=none; rua=mailto:rua@dmarc.brevo.com"


class Dkim(StrEnum):
    """How an account gets its DKIM keys: two aliases (new accounts), or one text."""

    CNAME = "cname"
    TXT = "txt"


@dataclass
class Domain:
    """A sender domain; `seen` are the records that stood at all name servers when it was last asked for."""

    id: int
    name: str
    account: str
    dkim: Dkim
    seen: set[str] = field(default_factory=set)

    @property
    def ownership(self) -> str:
        """The text at the domain itself."""
        return f"brevo-code:{hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()}"

    def records(self) -> dict[str, tuple[str, str, str]]:
        """Type, name as Brevo writes it, and value of each."""
        dashed = self.name.replace(".", "-")
        key = base64.b64encode(hashlib.sha512(self.name.encode()).digest() * 3).decode()[:216]
        keys = {
            Dkim.CNAME: {
                f"dkim{n}Record": ("CNAME", f"brevo{n}._domainkey", f"b{n}.{dashed}.dkim.brevo.com") for n in (1, 2)
            },
            Dkim.TXT: {"dkim_record": ("TXT", "mail._domainkey.", f"k=rsa;p={key}")},
        }
        return {
            **keys[self.dkim],
            "brevo_code": ("TXT", "@", self.ownership),
            "dmarc_record": ("TXT", "_dmarc.", DMARC),
        }

    @property
    def is_verified(self) -> bool:
        """Whether it is known to be its owner's."""
        return "brevo_code" in self.seen

    @property
    def is_authenticated(self) -> bool:
        """Whether mail may be sent under it."""
        return self.seen >= self.records().keys()

    def dns_records(self) -> dict[str, Any]:
        """As the API shows them; an account of one kind has null for the other's."""
        rows: dict[str, Any] = {
            key: {"type": kind, "value": value, "host_name": host, "status": key in self.seen}
            for key, (kind, host, value) in self.records().items()
        }
        return rows if self.dkim is Dkim.TXT else {"dkim_record": None, **rows}

    def row(self) -> dict[str, Any]:
        """For whoever checks what the world has come to."""
        return {
            "id": self.id,
            "domain_name": self.name,
            "account": self.account,
            "authenticated": self.is_authenticated,
            "verified": self.is_verified,
        }
