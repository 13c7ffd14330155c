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


_ONE_ENDS = _move(LicenseState.ENDED, "l.vrs_state IN ('pending', 'active') AND l.plugin = :plugin")
_ONE_BEGINS = _move(LicenseState.ACTIVE, "l.vrs_state = 'pending' AND l.plugin = :plugin")

_IN_FORCE = text("""
    SELECT l.plugin, coalesce(l.vrs_version, o.version)
    FROM licenses l JOIN projects p ON p.id = l.project_id
    LEFT JOIN LATERAL (
        SELECT d ->> 'version' AS version FROM project_orders po, jsonb_array_elements(po.plugins) d
        WHERE po.project_id = p.vrs_id AND d ->> 'name' = l.plugin LIMIT 1
    ) o ON true
    WHERE p.vrs_id = :project_id AND l.vrs_state IN ('pending', 'active') AND l.plugin IS NOT NULL
    ORDER BY (SELECT min(h.vrs_at) FROM license_history h WHERE h.license_id = l.id), l.plugin
""")
# Pending ones as well: a licence is pending until the project is live, and vrs-core needs its plugins before that.


async def licensed(connection: AsyncConnection, project_id: UUID) -> dict[str, str]:
    """Return the versions by plugin that the project is licensed for now, the oldest licence first.

    Where a licence names no version it is the one that was ordered; one that was not ordered either is left out.
    """
    rows = await connection.execute(_IN_FORCE, {"project_id": project_id})
    return {plugin: version for plugin, version in rows if version is not None}


async def grant(connection: AsyncConnection, project_id: UUID, plugin: Plugin) -> None:
    """Give a live project an active licence for `plugin`; one for another version of it ends.

    Call it under the project's lock. On a table of the marketplace's that asks for more than we know nothing happens;
    `licensed` tells.
    """
    if (await licensed(connection, project_id)).get(plugin.name) != plugin.version:
        await end(connection, project_id, plugin.name)
    await GrantLicenses.apply(connection, [(project_id, GrantLicenses((plugin,)))])
    await connection.execute(_ONE_BEGINS, {"project_ids": [project_id], "plugin": plugin.name})


async def end(connection: AsyncConnection, project_id: UUID, plugin: str) -> None:
    """End the project's licence for `plugin`, if it has one. Call it under the project's lock."""
    await connection.execute(_ONE_ENDS, {"project_ids": [project_id], "plugin": plugin})


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
