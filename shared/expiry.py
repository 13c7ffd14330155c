"""Things that end: each is looked at about once a day, and told once for each threshold that its end comes closer.

What makes a telling happen once is `Expiry.told_days`: it is set by compare-and-set in the commit that holds the event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.models import Expiry, ExpiryKind, ProjectOrder

EXPIRY = "expiry"
"""Step of the log rows in which it is told that something ends; they settle nothing."""

THRESHOLDS = (30, 14, 7, 1, 0)
"""Days before the end at which case workers are told; 0: it has ended."""

PAUSE = 60.0
"""Seconds between rounds."""

AT_ONCE = 20
"""Things in a round: 28,800 a day."""

DAILY = timedelta(days=1)
AGAIN = timedelta(hours=1)
"""After a look that led to nothing, or that ended with its process."""

Source = Select[UUID, str] | CompoundSelect[UUID, str]
"""The things that there are now: project id and `name`, each once."""

_TELL = text("""
    UPDATE expiries SET told_days = :days
    WHERE project_id = :project_id AND kind = CAST(:kind AS expiry_kind) AND name = :name AND ends_at = :ends_at
      AND (told_days IS NULL OR told_days > :days)
    RETURNING told_days
""")


def left(ends_at: datetime, now: datetime) -> int:
    """Whole days until the end; less than 0 after it."""
    return (ends_at - now) // DAILY


def passed(ends_at: datetime, now: datetime, among: Sequence[int] = THRESHOLDS) -> int | None:
    """The smallest threshold that is passed at `now`; None before all of them."""
    return min((days for days in among if ends_at - now <= days * DAILY), default=None)


@dataclass(frozen=True, slots=True)
class Tell:
    """A `Write`: case workers are told of this threshold. Its result: whether nobody has told them."""

    rank: ClassVar[int] = 70
    kind_of: ExpiryKind
    name: str
    ends_at: datetime
    days: int

    @property
    def kind(self) -> object:
        """All of a group go together."""
        return "tell expiry"

    @classmethod
    async def apply(cls, connection: AsyncConnection, batch: Sequence[tuple[UUID, Self]]) -> Sequence[Any]:
        """Compare and set."""
        return [
            await connection.scalar(
                _TELL,
                {
                    "project_id": project_id,
                    "kind": write.kind_of.value,
                    "name": write.name,
                    "ends_at": write.ends_at,
                    "days": write.days,
                },
            )
            is not None
            for project_id, write in batch
        ]


async def take(connection: AsyncConnection, kind: ExpiryKind, source: Source, now: datetime) -> Sequence[Row[Any]]:
    """Take what is to be looked at now, new things first, and forget what there is no more.

    Each row has the columns of `Expiry` and the story's `correlation_id`. Nobody else gets it for an hour.
    """
    things = source.subquery()
    same = and_(Expiry.project_id == things.c.project_id, Expiry.name == things.c.name, Expiry.kind == kind)
    await connection.execute(delete(Expiry).where(Expiry.kind == kind, ~select(things).where(same).exists()))
    due = (
        select(things.c.project_id, bindparam("kind", kind, Expiry.kind.type), things.c.name, _at(now + AGAIN))
        .outerjoin_from(things, Expiry, same)
        .where(or_(Expiry.look_at.is_(None), Expiry.look_at <= now))
        .order_by(Expiry.look_at.nulls_first())
        .limit(AT_ONCE)
    )
    taking = insert(Expiry).from_select(["project_id", "kind", "name", "look_at"], due)
    of_the_row = ProjectOrder.project_id == literal_column("expiries.project_id")  # RETURNING correlates no column
    story = select(ProjectOrder.correlation_id).where(of_the_row).scalar_subquery()
    taken = taking.on_conflict_do_update(
        index_elements=["project_id", "kind", "name"],
        set_={"look_at": taking.excluded.look_at},
        where=Expiry.look_at <= now,
    ).returning(*Expiry.__table__.columns, story.label("correlation_id"))
    return (await connection.execute(taken)).all()


async def saw(
    connection: AsyncConnection, row: Row[Any], now: datetime, ends_at: datetime | None, **facts: Any
) -> None:
    """Write down what a look has found. An end that has moved on begins a new count of thresholds."""
    renewed = row.ends_at is None or (ends_at is not None and ends_at > row.ends_at + DAILY)
    values: Mapping[str, Any] = {"ends_at": ends_at, "seen_at": now, "look_at": now + DAILY, "problem": None, **facts}
    again: Mapping[str, Any] = {"told_days": None} if renewed else {}
    await connection.execute(update(Expiry).where(_is(row)).values(**values, **again))


async def saw_nothing(connection: AsyncConnection, row: Row[Any], problem: str) -> None:
    """Write down why a look has led to nothing; it is repeated within an hour."""
    await connection.execute(update(Expiry).where(_is(row)).values(problem=problem))


async def ending(
    connection: AsyncConnection, before: datetime, *, told: bool = False, most: int = 1000
) -> list[Expiry]:
    """What ends before that time, the next first; only what case workers were told of if `told`."""
    wanted = select(*Expiry.__table__.columns).where(Expiry.ends_at < before).order_by(Expiry.ends_at, Expiry.name)
    if told:
        wanted = wanted.where(Expiry.told_days.is_not(None))
    return [Expiry(**row._asdict()) for row in await connection.execute(wanted.limit(most))]


def _is(row: Row[Any]) -> ColumnElement[bool]:
    return and_(Expiry.project_id == row.project_id, Expiry.kind == row.kind, Expiry.name == row.name)


def _at(time: datetime) -> ColumnElement[Any]:
    return bindparam("look_at", time, Expiry.look_at.type)
