"""How things stand with a domain, as a person reads it."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shared.domain_check import DomainHolder, DomainReport
from shared.hosts import as_shown

_HELD = {
    DomainHolder.OURS: "in our INWX account: we set its records",
    DomainHolder.ELSEWHERE: "held elsewhere: the customer sets its records",
    DomainHolder.NOBODY: "free",
}


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
