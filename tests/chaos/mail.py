"""Checks mail under customers' domains: one sender domain each at Brevo, each record once, nothing of the cancelled."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

from contracts import MailDomainReady
from tests.chaos.findings import Finding, Wrong
from tests.chaos.snapshot import Row, Snapshot


def is_of_mail(record: Row) -> bool:
    """Whether a record at INWX is for mail under a domain; nobody else sets such records in a run."""
    return record["type"] == "TXT" or "._domainkey." in record["name"]


def mail(snapshot: Snapshot, live: set[str]) -> Iterator[Finding]:
    """Who asked for mail and is live has it, as was said once; of all others there is nothing."""
    wanted = {project: event.data.domain for project, event in snapshot.mails.items() if project in live}
    said = _said(snapshot)
    for project, domain in wanted.items():
        if (times := len(said[project])) != 1:
            what = f"that mail can be sent under {domain} was said {times} times"
            yield Finding(Wrong.DOUBLED if times else Wrong.LOST, project, what, f"vrs log {project}")
    yield from _senders(snapshot, wanted)
    yield from _records(
        snapshot, live, [record for project in wanted for ready in said[project][:1] for record in ready]
    )


def _said(snapshot: Snapshot) -> defaultdict[str, list[list[Row]]]:
    """The records that each MailDomainReady told of, by project."""
    found: defaultdict[str, list[list[Row]]] = defaultdict(list)
    for event in snapshot.heard.values():
        if event.type == MailDomainReady.type:
            found[event.project_id].append(json.loads(event.body)["data"]["records"])
    return found


def _owner(snapshot: Snapshot, name: str) -> str:
    domains = {event.data.domain: project for project, event in snapshot.mails.items()}
    return next((domains[domain] for domain in domains if f".{name}".endswith(f".{domain}")), "unknown")


def _senders(snapshot: Snapshot, wanted: dict[str, str]) -> Iterator[Finding]:
    where = "brevo /_control/domains"
    ready = {row["domain_name"] for row in snapshot.senders if row["authenticated"] and row["verified"]}
    for project, domain in wanted.items():
        if domain not in ready:
            yield Finding(Wrong.LOST, project, f"Brevo does not send under {domain}", where)
    for row in snapshot.senders:
        if (domain := row["domain_name"]) not in wanted.values():
            yield Finding(Wrong.LEFT_BEHIND, _owner(snapshot, domain), f"{domain} is at Brevo", where)


def _records(snapshot: Snapshot, live: set[str], said: list[Row]) -> Iterator[Finding]:
    wanted = Counter((each["name"], each["type"], each["content"]) for each in said)
    found = Counter(
        (each["name"], each["type"], each["content"])
        for zone in snapshot.zones
        if zone["account"] is not None
        for each in zone["records"]
        if is_of_mail(each)
    )
    where = "zones, mail_records"
    for record in (wanted - found).elements():
        what = f"the mail record {' '.join(record)} is not at INWX"
        yield Finding(Wrong.LOST, _owner(snapshot, record[0]), what, where)
    for record in (found - wanted).elements():
        project = _owner(snapshot, record[0])
        wrong = Wrong.DOUBLED if project in live else Wrong.LEFT_BEHIND
        yield Finding(wrong, project, f"the mail record {' '.join(record)} is at INWX", where)
