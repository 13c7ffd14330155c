"""Why a step failed, in plain sentences, and what a case worker can do about it. By the code that the log keeps."""

from dataclasses import dataclass

from starlette_admin.i18n import lazy_gettext as _


@dataclass(frozen=True, slots=True)
class Failure:
    """`what` happened and what one can `do`."""

    what: str
    do: str


_OPERATORS = _("Tell an operator. When it is mended, press “Try again”.")
_WAIT = _("Wait some minutes, then press “Try again”. If it fails again, tell an operator.")

_EXACT = {
    "dns_conflict": Failure(
        _("Under this name there is a DNS entry already that is not ours."),
        _("Ask an operator whether the entry may go. When it is gone, press “Try again”; or cancel and order anew."),
    ),
    "customer_records_missing": Failure(
        _("The customer has not set the DNS entries for the own domain in time."),
        _("Call the customer or write again. When the entries are set, press “Try again”."),
    ),
    "zone_not_in_account": Failure(_("The base domain is not in our INWX account."), _OPERATORS),
    "inwx_second_factor": Failure(_("INWX asks for a second factor that we do not have."), _OPERATORS),
    "unknown_plan": Failure(
        _("The plan of this order does not exist."), _("Cancel the project and order it again with another plan.")
    ),
    "unknown_project_type": Failure(
        _("The project type of this order does not exist."),
        _("Ask an administrator to add the project type, then press “Try again”."),
    ),
    "coolify_domain_conflict": Failure(
        _("On the server another app uses this address."),
        _("Ask an operator to remove it there, then press “Try again”."),
    ),
    "coolify_application_gone": Failure(
        _("The app was deleted on the server by hand."), _("Press “Try again”: it is made anew.")
    ),
    "coolify_queue_full": Failure(_("The server has too many installations at once."), _WAIT),
    "coolify_429": Failure(_("The server was asked too often in a short time."), _WAIT),
    "coolify_too_old": Failure(_("Coolify is too old for us."), _OPERATORS),
    "deployment_failed": Failure(
        _("The installation on the server has failed."),
        _("Press “Try again” once. If it fails again, tell an operator."),
    ),
    "deployment_cancelled": Failure(
        _("Somebody has stopped the installation on the server by hand."),
        _("Find out who it was, then press “Try again”."),
    ),
    "deployment_stuck": Failure(
        _("The installation does not get on."), _("Press “Try again”. If it sticks again, tell an operator.")
    ),
    "app_not_running": Failure(
        _("The app is installed and does not run."), _("Press “Try again” once. If it fails again, tell an operator.")
    ),
    "core_failed": Failure(
        _("The project has started and reports an error, often because of a plugin."),
        _("Tell an operator what stands under “Technical detail”. When it is mended, press “Try again”."),
    ),
    "deadline": Failure(
        _("The step took longer than it may and was given up."),
        _("Press “Try again”: it then gets its whole time anew. If it fails again, tell an operator."),
    ),
    "data_error": Failure(_("What the step wanted to write down cannot be stored."), _OPERATORS),
}
_BY_BEGINNING = {
    "contract_": Failure(
        _("The order contains something that we do not understand."),
        _("Tell an operator: the order must be corrected before it can go on."),
    ),
    "inwx_": Failure(_("INWX, where our domains are, does not answer as it should."), _WAIT),
    "coolify_": Failure(_("Coolify, which runs our servers, does not answer as it should."), _WAIT),
    "smtp_": Failure(_("The mail could not be sent."), _WAIT),
    "broker_": Failure(_("The message was delivered too often without being taken."), _WAIT),
    "name_server": Failure(_("The name servers do not answer."), _WAIT),
    "dns_": Failure(_("The DNS entries cannot be found as they should be."), _WAIT),
}
_ELSE = Failure(_("Something unexpected happened."), _("Press “Try again” once. If it fails again, tell an operator."))


def failure_of(code: str) -> Failure:
    """What to say of a code; of one that nobody knows a general sentence."""
    if code in _EXACT:
        return _EXACT[code]
    return next((said for beginning, said in _BY_BEGINNING.items() if code.startswith(beginning)), _ELSE)
