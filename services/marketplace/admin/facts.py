"""What the database knows of a project beside its order and its steps: in a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.marketplace.admin.holds import Hold, read_holds
from services.marketplace.admin.moves import Move, read_moves
from services.marketplace.admin.plugins import PluginProgress, progress_of
from services.marketplace.admin.story import Told, told
from services.marketplace.api.answers import LogEntry, ProjectAnswer
from services.marketplace.projects import LOG_COLUMNS, read_project
from shared.domain_wishes import DomainStanding, domains_of
from shared.mail_domains import MailStanding, mail_of
from shared.models import (
    License,
    Project,
    ProjectNote,
    ProjectOrder,
    ProjectOwner,
    ProvisioningLog,
)

SHOWN = 200
"""Lines of a story on its page: the newest."""

_PARTS = text("""
    SELECT (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.name, r.type), '[]') FROM
                (SELECT name, type, content, holder, seen_at IS NOT NULL AS is_seen FROM dns_records
                 WHERE project_id = :id) r) AS records,
           (SELECT to_jsonb(d) FROM (SELECT stage, image, tag, since FROM deployments WHERE project_id = :id) d) AS app,
           (SELECT to_jsonb(s) FROM (SELECT s.name, s.region, s.ipv4, p.reason, p.placed_at FROM placements p
                 JOIN servers s ON s.id = p.server_id WHERE p.project_id = :id) s) AS place,
           (SELECT to_jsonb(r) FROM (SELECT cents, expires_at FROM domain_registrations
                 WHERE project_id = :id AND stage = 'registered') r) AS registered,
           (SELECT jsonb_build_object('since', c.at, 'by', c.requested_by, 'reason', c.reason)
                 FROM cancellations c WHERE c.project_id = :id) AS cancellation,
           (SELECT array_agg(DISTINCT consumer) FROM provisioning_log
                 WHERE project_id = :id AND status = 'completed') AS completed,
           (SELECT detail ->> 'code' FROM provisioning_log WHERE project_id = :id AND status = 'dead'
                 ORDER BY id DESC LIMIT 1) AS code,
           (SELECT detail #> '{health,plugins}' FROM provisioning_log WHERE project_id = :id AND detail ? 'health'
                 ORDER BY id DESC LIMIT 1) AS plugins
""")
_MAILS = text("""
    SELECT message_id, recipient, subject, sent_at, kind FROM mails
    WHERE project_id = :id ORDER BY sent_at NULLS LAST LIMIT 50
""")
_DONE = text("""
    SELECT * FROM (
        SELECT at, by, kind::text AS kind, reason, 'staff' AS source FROM staff_actions
        WHERE project_id = :id AND kind NOT IN ('retried', 'corrected')  -- which the desk has written down as well
        UNION ALL
        SELECT a.began_at, a.by, a.kind::text, a.reason, 'desk' FROM desk_actions a
        WHERE a.id IN (SELECT l.action_id FROM desk_action_letters l WHERE l.event_id = ANY(
            SELECT event_id FROM provisioning_log WHERE project_id = :id AND status = 'dead'))
    ) everything ORDER BY at DESC LIMIT 50
""")
_PREVIEWS = text("""
    SELECT v.id, v.created_by, v.expires_at, v.uses_left, v.revoked_at, count(u.id) AS uses
    FROM preview_accesses v LEFT JOIN preview_uses u ON u.preview_id = v.id
    WHERE v.project_id = :id GROUP BY v.id ORDER BY v.id DESC LIMIT 20
""")


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """A project with everything that its page shows. `code` is why its last failed step failed.

    `plugins` are as vrs-core has reported them last.
    `registered` is what the domain of the order cost us and until when it is registered, if we have registered it.
    `hold` is why the registration of its domain waits for an answer, None if it does not.
    """

    project: ProjectAnswer
    order: Any | None
    records: Sequence[dict[str, Any]]
    app: dict[str, Any] | None
    place: dict[str, Any] | None
    registered: dict[str, Any] | None
    cancellation: dict[str, Any] | None
    completed: Sequence[str]
    code: str
    story: Sequence[Told]
    mails: Sequence[Any]
    licences: Sequence[Any]
    notes: Sequence[Any]
    owner: str | None
    done: Sequence[Any]
    previews: Sequence[Any]
    plugins: Sequence[PluginProgress]
    domains: Sequence[DomainStanding]
    mail_domains: Sequence[MailStanding]
    hold: Hold | None
    moves: Sequence[Move]


async def read_facts(connection: AsyncConnection, project_id: UUID) -> ProjectFacts | None:
    """Read a project's facts; None if there is no such project."""
    project = await read_project(connection, project_id)
    if project is None:
        return None
    mine = {"id": project_id}
    parts = (await connection.execute(_PARTS, mine)).one()
    order = select(
        ProjectOrder.customer_name,
        ProjectOrder.customer_email,
        ProjectOrder.locale,
        ProjectOrder.region,
        ProjectOrder.placement,
        ProjectOrder.base_domain,
    ).where(ProjectOrder.project_id == project_id)
    newest = (
        select(*LOG_COLUMNS)
        .where(ProvisioningLog.project_id == project_id)
        .order_by(ProvisioningLog.id.desc())
        .limit(SHOWN)
    )
    licences = (
        select(License.plugin, License.version, License.state)
        .join(Project, Project.id == License.project_id)
        .where(Project.vrs_id == project_id)
        .order_by(License.plugin, License.created_at)
    )
    notes = (
        select(ProjectNote.at, ProjectNote.by, ProjectNote.text)
        .where(ProjectNote.project_id == project_id)
        .order_by(ProjectNote.id.desc())
        .limit(50)
    )
    return ProjectFacts(
        project=project,
        order=(await connection.execute(order)).one_or_none(),
        records=parts.records,
        app=parts.app,
        place=parts.place,
        registered=_registered(parts.registered),
        cancellation=parts.cancellation,
        completed=parts.completed or [],
        code=parts.code or "",
        story=[told(LogEntry.model_validate(row._asdict())) for row in await connection.execute(newest)],
        mails=(await connection.execute(_MAILS, mine)).all(),
        licences=(await connection.execute(licences)).all(),
        notes=(await connection.execute(notes)).all(),
        owner=await connection.scalar(select(ProjectOwner.owner).where(ProjectOwner.project_id == project_id)),
        done=(await connection.execute(_DONE, mine)).all(),
        previews=(await connection.execute(_PREVIEWS, mine)).all(),
        plugins=progress_of(parts.plugins),
        domains=await domains_of(connection, project_id),
        mail_domains=await mail_of(connection, project_id),
        hold=(await read_holds(connection, [project_id])).get(project_id),
        moves=await read_moves(connection, project_id),
    )


def _registered(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """JSON has its time as a text."""
    if row is None or row["expires_at"] is None:
        return row
    return row | {"expires_at": datetime.fromisoformat(row["expires_at"])}
