"""Why a transfer has failed and what to do, as customers read it."""

from contracts import CustomerText, TransferProblem
from shared.hosts import as_shown

_OURS = CustomerText(
    de="Der Umzug der Domain {domain} zu uns verzögert sich. Wir kümmern uns darum; Sie müssen nichts tun.",
    en="Moving the domain {domain} to us is delayed. We are taking care of it; there is nothing for you to do.",
)
"""What only we can mend."""

_SENTENCES = {
    TransferProblem.AUTH_CODE_WRONG: CustomerText(
        de="Der Auth-Code für {domain} ist falsch oder abgelaufen. Fordern Sie bei Ihrem bisherigen Anbieter einen "
        "neuen an, und geben Sie ihn uns.",
        en="The auth code for {domain} is wrong or has expired. Ask your present provider for a new one and give it to "
        "us.",
    ),
    TransferProblem.LOCKED: CustomerText(
        de="{domain} ist bei Ihrem bisherigen Anbieter für einen Umzug gesperrt. Heben Sie dort die Transfersperre "
        "auf, und geben Sie uns den Auth-Code noch einmal.",
        en="{domain} is locked against a transfer at your present provider. Lift the lock there and give us the auth "
        "code once more.",
    ),
    TransferProblem.NOT_ELIGIBLE: CustomerText(
        de="{domain} darf zurzeit nicht umziehen, meist weil sie vor weniger als 60 Tagen registriert, umgezogen oder "
        "übertragen wurde. Geben Sie uns den Auth-Code nach dieser Zeit noch einmal.",
        en="{domain} may not be transferred at present, usually because it was registered, transferred or given to a "
        "new owner less than 60 days ago. Give us the auth code once more after that time.",
    ),
    TransferProblem.REFUSED: CustomerText(
        de="Ihr bisheriger Anbieter oder die Registry hat den Umzug von {domain} abgelehnt. Fragen Sie dort nach "
        "dem Grund, und geben Sie uns danach einen neuen Auth-Code.",
        en="Your present provider or the registry has refused to transfer {domain}. Ask there for the reason, then "
        "give us a new auth code.",
    ),
    TransferProblem.EXPIRED: CustomerText(
        de="Über den Umzug von {domain} hat niemand entschieden, die Frist ist abgelaufen. Bestätigen Sie die "
        "Nachricht Ihres bisherigen Anbieters, und geben Sie uns einen neuen Auth-Code.",
        en="Nobody has decided about the transfer of {domain}, its time is over. Confirm the mail of your present "
        "provider and give us a new auth code.",
    ),
    TransferProblem.NOT_REGISTERED: CustomerText(
        de="{domain} ist nicht registriert und kann deshalb nicht umziehen. Prüfen Sie bitte den Namen.",
        en="{domain} is not registered and cannot be transferred. Please check the name.",
    ),
    TransferProblem.CONTACT_INCOMPLETE: CustomerText(
        de="Die Angaben zum Inhaber von {domain} genügen der Registry nicht. Bitte prüfen Sie die Angaben.",
        en="The data of the owner of {domain} do not satisfy the registry. Please check name, address and telephone.",
    ),
    TransferProblem.ALREADY_OURS: _OURS,
    TransferProblem.TOO_EXPENSIVE: _OURS,
    TransferProblem.NO_CREDIT: _OURS,
}


def sentence_of(problem: TransferProblem, domain: str) -> CustomerText:
    """Why, and what to do."""
    text, name = _SENTENCES[problem], as_shown(domain)
    return CustomerText(de=text.de.format(domain=name), en=text.en.format(domain=name))
