"""How a cancellation is marked: by a service that hears of it, or by the marketplace in its own commit."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from contracts import ProjectCancelled

SET_MARK = text("""
    INSERT INTO cancellations (project_id, reason, requested_by)
    SELECT project_id, reason, requested_by
    FROM unnest(CAST(:project_ids AS uuid[]), CAST(:reasons AS text[]), CAST(:requested_by AS text[]))
         AS d (project_id, reason, requested_by)
    ORDER BY project_id
    ON CONFLICT (project_id) DO NOTHING
""")

MOVE_TO_CANCELLING = text("""
    UPDATE projects SET provisioning_state = 'cancelling', step_due_at = NULL
    WHERE vrs_id = ANY(CAST(:project_ids AS uuid[])) AND provisioning_state IS DISTINCT FROM 'cancelled'
""")


def marks(events: Sequence[tuple[UUID, ProjectCancelled]]) -> dict[str, Any]:
    """The parameters of both statements for these (project id, event)."""
    return {
        "project_ids": [project_id for project_id, _ in events],
        "reasons": [event.reason for _, event in events],
        "requested_by": [event.requested_by for _, event in events],
    }
