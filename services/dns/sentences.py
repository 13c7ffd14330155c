"""What customers are told about each thing that is wrong with their DNS: which record, at which name, what to do."""

from collections.abc import Sequence

from contracts import CustomerText, ExaminedType, RecordFinding, RecordProblem
from shared.hosts import as_shown

_MOST_SHOWN = 4
_LONGEST_SHOWN = 60
_LONGEST = 500

# ruff: noqa: E501 - a sentence on one line is easier to read and to correct
_SENTENCES = {
    RecordProblem.NO_NAME_SERVERS: (
        "Für {name} antworten keine Nameserver: Die Domain ist nicht registriert oder nicht richtig delegiert. Bitte prüfen Sie das bei Ihrem Domain-Anbieter.",
        "No name servers answer for {name}: the domain is not registered, or not delegated properly. Please check that with your domain provider.",
    ),
    RecordProblem.NAME_SERVER_SILENT: (
        "Der Nameserver {found} beantwortet Fragen zu {name} nicht. Bleibt das so, tragen Sie ihn bei Ihrem Domain-Anbieter aus, oder lassen Sie ihn dort richten.",
        "The name server {found} does not answer questions about {name}. If that stays so, remove it at your domain provider, or have it mended there.",
    ),
    RecordProblem.DNSSEC_BROKEN: (
        "DNSSEC für {name} ist fehlerhaft: Die DS-Einträge bei der Registry passen nicht zur Zone. Viele Besucher erreichen die Domain deshalb gar nicht. Bitte schalten Sie DNSSEC bei Ihrem Domain-Anbieter aus oder neu ein.",
        "DNSSEC of {name} is broken: the DS records at the registry do not fit the zone. For many visitors the domain does not work at all. Please switch DNSSEC off, or off and on again, at your domain provider.",
    ),
    RecordProblem.MISSING: (
        "Unter {name} fehlt der {type}-Eintrag. Setzen Sie ihn auf {wanted}.",
        "There is no {type} record at {name}. Set it to {wanted}.",
    ),
    RecordProblem.LEADS_ELSEWHERE: (
        "Der {type}-Eintrag von {name} lautet {found}. Ändern Sie ihn auf {wanted}.",
        "The {type} record of {name} is {found}. Change it to {wanted}.",
    ),
    RecordProblem.PROXIED: (
        "{name} wird über einen Proxy geleitet (Cloudflare, {found}). Schalten Sie den Eintrag auf „Nur DNS“ (graue Wolke); sein Wert muss {wanted} sein.",
        "{name} is led through a proxy (Cloudflare, {found}). Switch the record to “DNS only” (grey cloud); its value must be {wanted}.",
    ),
    RecordProblem.STRAY_ADDRESS: (
        "Unter {name} steht ein {type}-Eintrag zu viel: {found}. Entfernen Sie ihn, sonst landet ein Teil der Besucher woanders.",
        "There is an {type} record too many at {name}: {found}. Remove it, or some of the visitors end up elsewhere.",
    ),
    RecordProblem.ALIAS_ELSEWHERE: (
        "Unter {name} steht ein CNAME-Eintrag auf {found}. Ersetzen Sie ihn durch Einträge der Typen A und AAAA mit diesen Werten: {wanted}.",
        "There is a CNAME record at {name} that points to {found}. Replace it by records of the types A and AAAA with these values: {wanted}.",
    ),
    RecordProblem.ADDRESS_BESIDE_ALIAS: (
        "Unter {name} steht ein CNAME-Eintrag neben anderen Einträgen ({found}). Das ist nicht erlaubt und wird verschieden gedeutet. Entfernen Sie den CNAME-Eintrag.",
        "There is a CNAME record beside other records at {name} ({found}). That is not allowed and is understood differently. Remove the CNAME record.",
    ),
    RecordProblem.NOT_EVERYWHERE: (
        "Der {type}-Eintrag von {name} stimmt noch nicht auf allen Nameservern ({found}). Meist gibt sich das in wenigen Stunden; sonst sind die Nameserver nicht auf einem Stand.",
        "The {type} record of {name} is not right on all name servers yet ({found}). Mostly this settles within hours; otherwise the name servers are out of step.",
    ),
    RecordProblem.CAA_FORBIDS: (
        "Ein CAA-Eintrag unter {name} ({found}) verbietet Zertifikate von Let's Encrypt. Ergänzen Sie dort diesen CAA-Eintrag: {wanted}.",
        "A CAA record at {name} ({found}) forbids certificates of Let's Encrypt. Add this CAA record there: {wanted}.",
    ),
}


def finding(
    problem: RecordProblem, name: str, kind: ExaminedType, *, found: Sequence[str] = (), wanted: Sequence[str] = ()
) -> RecordFinding:
    """One finding with its sentences in both languages."""
    german, english = _SENTENCES[problem]
    facts = {"name": as_shown(name), "type": kind}

    def said(sentence: str, nothing: str) -> str:
        shown = {"found": listed(found) or nothing, "wanted": listed(wanted) or nothing}
        return sentence.format(**facts, **shown)[:_LONGEST]

    return RecordFinding(
        problem=problem,
        name=name,
        type=kind,
        found=tuple(text[:_LONGEST] for text in found),
        wanted=tuple(wanted),
        text=CustomerText(de=said(german, "keiner"), en=said(english, "none")),
    )


def listed(contents: Sequence[str]) -> str:
    """The first few of them, none too long."""
    shown = [text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…" for text in contents[:_MOST_SHOWN]]
    return ", ".join(shown) + (", …" if len(contents) > _MOST_SHOWN else "")
