"""What is told of each thing that is wrong with the records for mail: which record, at which name, what to do."""

from collections.abc import Sequence

from contracts import CustomerText, MailFinding, MailProblem, MailRecordType
from services.dns.sentences import listed
from shared.hosts import as_shown

_LONGEST, _LONGEST_CONTENT = 500, 2000

# ruff: noqa: E501 - a sentence on one line is easier to read and to correct
_SENTENCES = {
    MailProblem.NO_NAME_SERVERS: (
        "Für {name} antworten keine Nameserver. Bitte prüfen Sie das bei Ihrem Domain-Anbieter.",
        "No name servers answer for {name}. Please check that with your domain provider.",
    ),
    MailProblem.MISSING: (
        "Unter {name} fehlt der {type}-Eintrag {wanted}.",
        "There is no {type} record {wanted} at {name}.",
    ),
    MailProblem.OTHER_VALUE: (
        "Der Eintrag unter {name} lautet {found}. Ändern Sie ihn in einen {type}-Eintrag mit dem Wert {wanted}.",
        "The record at {name} is {found}. Change it to a {type} record with the value {wanted}.",
    ),
    MailProblem.NOT_EVERYWHERE: (
        "Die Einträge unter {name} sind noch nicht auf allen Nameservern ({found}). Meist gibt sich das in wenigen Stunden.",
        "The records at {name} are not on all name servers yet ({found}). Mostly this settles within hours.",
    ),
    MailProblem.SPF_TWICE: (
        "Unter {name} stehen mehrere SPF-Einträge ({found}). Erlaubt ist einer: Fassen Sie sie zu einem zusammen.",
        "There are several SPF records at {name} ({found}). One is allowed: put them together into one.",
    ),
    MailProblem.SPF_BROKEN: (
        "Der SPF-Eintrag von {name} ist fehlerhaft ({found}). Entfernen Sie, was ins Leere führt.",
        "The SPF record of {name} is broken ({found}). Remove what leads nowhere.",
    ),
    MailProblem.SPF_TOO_MANY_LOOKUPS: (
        "Der SPF-Eintrag von {name} ({found}) bräuchte mit unserem Teil mehr als die zehn erlaubten DNS-Abfragen. Entfernen Sie include-Teile, die nicht mehr gebraucht werden.",
        "With our part the SPF record of {name} ({found}) would need more than the ten DNS lookups that are allowed. Remove includes that are not needed any more.",
    ),
    MailProblem.DMARC_TWICE: (
        "Unter {name} stehen mehrere DMARC-Einträge ({found}). Erlaubt ist einer: Entfernen Sie die anderen.",
        "There are several DMARC records at {name} ({found}). One is allowed: remove the others.",
    ),
    MailProblem.MX_ELSEWHERE: (
        "E-Mails an {name} gehen heute an {found}. Sollen wir sie annehmen, ersetzen Sie diese MX-Einträge durch {wanted}.",
        "Mail to {name} goes to {found} today. If we are to take it, replace these MX records by {wanted}.",
    ),
    MailProblem.NAME_SERVER_SILENT: (
        "Was der SPF-Eintrag von {name} einbindet, kann gerade nicht gelesen werden ({found}). Wir versuchen es weiter.",
        "What the SPF record of {name} includes cannot be read now ({found}). We keep trying.",
    ),
    MailProblem.NOT_VERIFIED: (
        "Die Einträge stimmen, aber unser Versanddienst hat {name} noch nicht bestätigt ({found}). Das kann bis zu zwei Tage dauern; Sie müssen nichts tun.",
        "The records are right, but our mail service has not verified {name} yet ({found}). That can take up to two days; there is nothing for you to do.",
    ),
}


def finding(
    problem: MailProblem, name: str, kind: MailRecordType, *, found: Sequence[str] = (), wanted: Sequence[str] = ()
) -> MailFinding:
    """One finding with its sentences in both languages."""
    german, english = _SENTENCES[problem]
    facts = {"name": as_shown(name), "type": kind, "found": listed(found), "wanted": listed(wanted)}
    return MailFinding(
        problem=problem,
        name=name,
        type=kind,
        found=tuple(text[:_LONGEST_CONTENT] for text in found if text),
        wanted=tuple(wanted),
        text=CustomerText(de=german.format(**facts)[:_LONGEST], en=english.format(**facts)[:_LONGEST]),
    )
