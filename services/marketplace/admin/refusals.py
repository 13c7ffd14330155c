"""Why a change cannot be made, in the reader's language: by the code of the refusal."""

from typing import Any

from starlette_admin.i18n import gettext as _
from starlette_admin.i18n import lazy_gettext

from services.marketplace.admin.checks import PROBLEMS
from shared.errors import RefusedError

SAID: dict[str, Any] = {
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
    "transfer_not_failed": lazy_gettext("The transfer is under way or done already: there is nothing to answer."),
    "transfer_withdrawn": lazy_gettext("The transfer is being withdrawn. Ask for it again in some minutes."),
    "transfer_done": lazy_gettext("The domain has come already. Remove it like any other domain."),
    "project_not_live": lazy_gettext("Its domains can be changed as soon as the project is live."),
    "domain_had": lazy_gettext("The project has this domain already."),
    "domain_not_had": lazy_gettext("The project does not have this domain (any more)."),
    "domain_primary": lazy_gettext("It is the primary domain. Make another one the primary domain first."),
    "domain_ordered": lazy_gettext("It was ordered with the project and stays until the project is cancelled."),
    "domain_leaving": lazy_gettext("It is being removed just now."),
    **{problem.value: said for problem, said in PROBLEMS.items()},
    "domain_unknown": lazy_gettext("%(name)s is none of our domains (any more)."),
}


def refusal(error: RefusedError) -> str:
    """Say it; what nobody has words for as it is."""
    why = str(SAID[error.code]) % error.facts if error.code in SAID else str(error)
    return cannot(why)


def cannot(why: str) -> str:
    """Say that it is not done, and why."""
    return _("This cannot be done: %(why)s") % {"why": why}
