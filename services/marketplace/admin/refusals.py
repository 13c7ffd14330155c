"""Why a change cannot be made, in the reader's language: by the code of the refusal."""

from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from shared.errors import RefusedError

SAID = {
    "server_taken": lazy_gettext("%(value)s belongs to the server %(server)s already. Please give another one."),
    "server_unknown": lazy_gettext("There is no server %(name)s (any more)."),
    "server_holds_projects": lazy_gettext(
        "There are still projects on %(name)s: %(count)s. When they are cancelled, it can be removed."
    ),
    "domain_overlaps": lazy_gettext("%(name)s and our domain %(other)s lie one under the other. Choose another one."),
    "domain_is_a_projects": lazy_gettext("%(host)s is the own domain of a project. Choose another one."),
    "domain_has_projects": lazy_gettext(
        "Projects still have names under %(name)s: %(count)s. When they are cancelled, it can be removed."
    ),
    "project_cancelled": lazy_gettext("The project is cancelled."),
    "registration_not_held": lazy_gettext("The registration does not wait for an answer (any more)."),
    "domain_unknown": lazy_gettext("%(name)s is none of our domains (any more)."),
}


def refusal(error: RefusedError) -> str:
    """Say it; what nobody has words for as it is."""
    why = str(SAID[error.code]) % error.facts if error.code in SAID else str(error)
    return cannot(why)


def cannot(why: str) -> str:
    """Say that it is not done, and why."""
    return _("This cannot be done: %(why)s") % {"why": why}
