"""How things stand with a domain, as a person reads it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.domain_check import DomainHolder, DomainReport
from shared.expiry import left
from shared.hosts import as_shown
from shared.models import Expiry, ExpiryKind

_HELD = {
    DomainHolder.OURS: "in our INWX account: we set its records",
    DomainHolder.ELSEWHERE: "held elsewhere: the customer sets its records",
    DomainHolder.NOBODY: "free",
}


def as_json_row(each: Expiry, now: datetime) -> dict[str, Any]:
    """What ends, for programs; times are ISO 8601 in UTC, `days` may be negative."""
    assert each.ends_at is not None  # noqa: S101 - selected by it
    return {
        "name": each.name,
        "what": each.kind.value,
        "project_id": str(each.project_id),
        "ends_at": each.ends_at.isoformat(),
        "days": left(each.ends_at, now),
        "renews_itself": _renews(each),
        "issuer": each.issuer,
        "told_days": each.told_days,
        "seen_at": each.seen_at and each.seen_at.isoformat(),
        "problem": each.problem,
    }


def print_ends(found: Sequence[Expiry], now: datetime) -> None:
    """Print what ends, and what kept anybody from looking."""
    table = Table("name", "what", "ends", "days", "renews itself", "told", "problem")
    for each in found:
        row = as_json_row(each, now)
        told = "" if each.told_days is None else f"at {each.told_days} days"
        table.add_row(
            Text(as_shown(each.name), "bold red" if told else ""),
            row["what"],
            row["ends_at"][:10],
            str(row["days"]),
            "yes" if row["renews_itself"] else "no",
            told,
            each.problem or "",
        )
    Console().print(table if found else "Nothing ends so soon.")


def _renews(each: Expiry) -> bool:
    """The server renews a certificate."""
    return each.kind is ExpiryKind.CERTIFICATE or bool(each.renews_itself)


def print_report(report: DomainReport) -> None:
    """Print who sets the records, which they are, and each thing that is wrong."""
    console = Console()
    console.print(f"{as_shown(report.domain)} is {_HELD[report.holder]}.", highlight=False)
    if report.holder is DomainHolder.NOBODY:
        premium = ", a premium name," if report.is_premium else ""
        price = f"{(report.cents or 0) / 100:.2f} {report.currency}"
        console.print(f"It{premium} costs {price} for the first year; an order with `registration` registers it.")
        return
    if report.leads_to is None:
        console.print("No project has ordered it; with --server its addresses are compared, too.", highlight=False)
    else:
        records = Table("type", "name", f"value that leads to {report.leads_to}")
        for record in report.records:
            records.add_row(record.type, as_shown(record.name), record.content)
        console.print(records)
    if not report.findings:
        console.print(Text("Nothing is wrong.", "green"))
        return
    findings = Table("problem", "what is wrong, and what to do", show_lines=True)
    for each in report.findings:
        findings.add_row(Text(each.problem, "bold red"), Text(each.text.en))
    console.print(findings)
