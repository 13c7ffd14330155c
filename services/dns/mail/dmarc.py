"""DMARC records (RFC 7489): one where none is, a place for reports in one that has none, never a weaker policy."""

REPORTS = "mailto:rua@dmarc.brevo.com"
"""Where reports go; Brevo asks for one record with `rua` (help.brevo.com, "What is a DMARC policy")."""

_NONE = "none"


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is a DMARC record (section 6.6.3)."""
    return text.split(";", 1)[0].replace(" ", "") == "v=DMARC1"


def new(inherited: str | None = None) -> str:
    """A record for a domain without one; `inherited` is the record above it, whose policy holds until now."""
    policy = _tags(inherited) if inherited else {}
    return f"v=DMARC1; p={policy.get('sp') or policy.get('p') or _NONE}; rua={REPORTS}"


def merged(record: str) -> str:
    """The record with a place for reports if it has none; nothing else in it is touched."""
    if _tags(record).get("rua"):
        return record
    kept = [part for part in record.split(";") if part.strip() and part.partition("=")[0].strip().lower() != "rua"]
    return ";".join([*kept, f" rua={REPORTS}"])


def without(record: str) -> str:
    """The record without our place for reports; one of several is left out, the others stay."""
    parts = []
    for part in record.split(";"):
        name, _, value = part.partition("=")
        if name.strip().lower() == "rua":
            others = [uri for uri in value.split(",") if uri.strip().lower() != REPORTS]
            if not others:
                continue
            if len(others) < len(value.split(",")):
                part = f"{name}={','.join(others)}"  # noqa: PLW2901 - the same part, shorter
        parts.append(part)
    return ";".join(parts).rstrip("; ")


def _tags(record: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value.strip()}
