"""A project's licences: pending while it is provisioned, active from when it is live, ended when it is cancelled.

Each change rides in the commit of the step that makes it true, has its row in `license_history`, and done twice is
done once. On tables of the marketplace's the licences that it has inserted itself are taken; where it has inserted none
and its table lets us, they are inserted. Keys are joined and never named, so they may be of any type.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts import Plugin
from shared.models import LicenseState


def _takes_rows(table: str, *known: str) -> str:
    """The condition that `table` can be inserted into by somebody who knows these columns of it alone."""
    return f"""
        NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('{table}') AND attnum > 0
                    AND NOT attisdropped AND attnotnull AND NOT atthasdef AND attidentity = ''
                    AND attname <> ALL ('{{{",".join(known)}}}'))"""


_INTO_HISTORY = f"""
    INSERT INTO license_history (license_id, vrs_state, vrs_at)
    SELECT id, vrs_state, clock_timestamp() FROM changed
    WHERE {_takes_rows("license_history", "license_id", "vrs_state", "vrs_at")}
"""  # noqa: S608 - constants of ours

# Of two licences that the marketplace has for the same plugin the one that stands last is taken. A project with a
# licence that names no plugin has licences that we cannot tell apart: none is inserted beside them.
_GRANT = text(f"""
    WITH wanted AS (
        SELECT p.id, d.plugin, d.version
        FROM unnest(CAST(:project_ids AS uuid[]), CAST(:plugins AS text[]), CAST(:versions AS text[]))
             AS d (project_id, plugin, version)
        JOIN projects p ON p.vrs_id = d.project_id
        WHERE NOT EXISTS (SELECT FROM licenses l WHERE l.project_id = p.id AND l.plugin = d.plugin
                          AND l.vrs_state IN ('pending', 'active'))
    ), theirs AS (
        SELECT DISTINCT ON (w.id, w.plugin) l.ctid AS row, w.version
        FROM wanted w JOIN licenses l ON l.project_id = w.id AND l.plugin = w.plugin AND l.vrs_state IS NULL
        ORDER BY w.id, w.plugin, l.ctid DESC
    ), taken AS (
        UPDATE licenses l SET vrs_state = 'pending', vrs_version = t.version FROM theirs t WHERE l.ctid = t.row
        RETURNING l.id, l.vrs_state
    ), inserted AS (
        INSERT INTO licenses (project_id, plugin, vrs_version, vrs_state)
        SELECT w.id, w.plugin, w.version, 'pending' FROM wanted w
        WHERE NOT EXISTS (SELECT FROM licenses l WHERE l.project_id = w.id AND l.vrs_state IS NULL
                          AND (l.plugin IS NULL OR l.plugin = w.plugin))
          AND {_takes_rows("licenses", "project_id", "plugin", "vrs_version", "vrs_state")}
        RETURNING id, vrs_state
    ), changed AS (SELECT * FROM taken UNION ALL SELECT * FROM inserted)
    {_INTO_HISTORY}
""")  # noqa: S608 - constants of ours


def _move(state: LicenseState, condition: str) -> TextClause:
    return text(f"""
        WITH changed AS (
            UPDATE licenses l SET vrs_state = '{state}' FROM projects p
            WHERE p.vrs_id = ANY(CAST(:project_ids AS uuid[])) AND l.project_id = p.id AND {condition}
            RETURNING l.id, l.vrs_state
        )
        {_INTO_HISTORY}
    """)  # noqa: S608 - constants of ours


_MOVES = {
    LicenseState.ACTIVE: _move(
        LicenseState.ACTIVE,
        "l.vrs_state = 'pending' AND NOT EXISTS (SELECT FROM cancellations c WHERE c.project_id = p.vrs_id)",
    ),
    LicenseState.ENDED: _move(LicenseState.ENDED, "l.vrs_state IN ('pending', 'active')"),
}


@dataclass(frozen=True, slots=True)
class GrantLicenses:
    """A `Write`: the project has a pending licence for each of `plugins`."""

    plugins: tuple[Plugin, ...]
    rank: ClassVar[int] = 70

    @property
    def kind(self) -> object:
        """One batch."""
        return "grant licences"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Write the licences of all. Their results are None."""
        wanted = [(project_id, plugin) for project_id, write in batch for plugin in write.plugins]
        await connection.execute(
            _GRANT,
            {
                "project_ids": [project_id for project_id, _ in wanted],
                "plugins": [plugin.name for _, plugin in wanted],
                "versions": [plugin.version for _, plugin in wanted],
            },
        )
        return [None] * len(batch)


@dataclass(frozen=True, slots=True)
class LicensesBecome:
    """A `Write`: the project's pending licences are active, unless it is cancelled; or all that count have ended."""

    state: Literal[LicenseState.ACTIVE, LicenseState.ENDED]
    rank: ClassVar[int] = 71

    @property
    def kind(self) -> object:
        """One batch for each state."""
        return f"licences become {self.state}"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Move the licences of all. Their results are None."""
        await connection.execute(_MOVES[batch[0][1].state], {"project_ids": [project_id for project_id, _ in batch]})
        return [None] * len(batch)
