"""A step as a try is given it: its row of `open_steps`, with what is known of its project, in one statement."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog

from contracts import Locale, Plugin
from shared.models import ProvisioningState
from shared.step import AppImage, ProjectFacts
from shared.transaction import Statement, Transaction

log = structlog.get_logger(__name__)

STEP = """
    s.event_id, s.project_id, s.body, s.attempt, s.token, s.deaths, s.reason, s.created_at, s.supersedes,
    extract(epoch FROM s.deadline - clock_timestamp())::float8 AS remaining
"""

_FACTS = """
    SELECT o.project_id AS ordered, p.provisioning_state AS project_state, o.slug, o.fqdn, o.base_domain,
           o.project_type, o.plan, o.plugins, o.locale, o.customer_name, o.customer_email, o.ordered_at,
           t.vrs_image, t.vrs_image_tag, t.vrs_port
    FROM project_orders o JOIN projects p ON p.vrs_id = o.project_id
    LEFT JOIN project_types t
      ON t.name = o.project_type AND t.vrs_image IS NOT NULL AND t.vrs_image_tag IS NOT NULL AND t.vrs_port IS NOT NULL
"""

WITH_FACTS = f"""
    SELECT g.*, f.* FROM given g LEFT JOIN LATERAL ({_FACTS} WHERE o.project_id = g.project_id OFFSET 0) f ON true
"""  # noqa: S608 - constants of ours
"""Steps that were `given`, each with what is known of its project. OFFSET 0: looks into an index, whatever the
statistics say, never a join with all orders."""

_FACTS_OF = Statement(f"{_FACTS} WHERE o.project_id = :project_id")


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step that was claimed or taken.

    `remaining` seconds are left until its deadline; None: it has none now. `crashed`: its last try ended without a
    word, its lease ran out. `project`: what was ordered, if that is known. `supersedes`: it is an edited copy of that
    event.
    """

    event_id: UUID
    project_id: UUID | None
    body: bytes
    attempt: int
    token: int
    deaths: int
    reason: str | None
    created_at: datetime
    remaining: float | None
    crashed: bool
    project: ProjectFacts | None = None
    supersedes: UUID | None = None


async def project_facts(transaction: Transaction, project_id: UUID) -> ProjectFacts | None:
    """What is known of a project that was ordered."""
    found = await transaction.rows(_FACTS_OF, project_id=project_id)
    return _facts(found[0]) if found else None


def step_of(row: Any) -> StepRow:
    """Read a row of `WITH_FACTS`; an order that cannot be read is one that is not known."""
    return StepRow(
        event_id=row["event_id"],
        project_id=row["project_id"],
        body=row["body"],
        attempt=row["attempt"],
        token=row["token"],
        deaths=row["deaths"],
        reason=row["reason"],
        created_at=row["created_at"],
        remaining=row["remaining"],
        crashed=row["crashed"],
        project=_facts(row) if row["ordered"] else None,
        supersedes=row["supersedes"],
    )


def _facts(row: Any) -> ProjectFacts | None:
    try:
        return _readable(row)
    except ValueError:  # somebody changed the row by hand: this project waits, the others go on
        log.exception("an order row cannot be read", project=str(row["ordered"]))
        return None


def _readable(row: Any) -> ProjectFacts:
    return ProjectFacts(
        state=ProvisioningState(row["project_state"] or ProvisioningState.ORDERED),
        slug=row["slug"],
        fqdn=row["fqdn"],
        base_domain=row["base_domain"],
        project_type=row["project_type"],
        plan=row["plan"],
        plugins=tuple(Plugin.model_validate(plugin) for plugin in row["plugins"]),
        locale=Locale(row["locale"]),
        customer_name=row["customer_name"],
        customer_email=row["customer_email"],
        ordered_at=row["ordered_at"],
        image=AppImage(row["vrs_image"], row["vrs_image_tag"], row["vrs_port"]) if row["vrs_image"] else None,
    )
