"""Registrations that wait for a case worker: answered here, carried on by dns."""

import tomllib
from pathlib import Path

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import Registrant
from contracts.problems import field_problems
from ops.failure import CommandError
from shared.models import Cancellation, DomainRegistration, RegistrationStage

_CANCELLED = select(Cancellation.project_id)
_LOCKED = (
    select(DomainRegistration)
    .where(DomainRegistration.project_id.not_in(_CANCELLED))
    .order_by(DomainRegistration.project_id)
    .with_for_update()
)


def read_registrant(file: Path) -> Registrant:
    """Read an owner's data from a TOML file.

    Raises:
        CommandError: the file is not there or not TOML, or a line for each field that is wrong.

    """
    try:
        return Registrant.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CommandError(f"{file}: {error}", exit_code=2) from error
    except ValidationError as error:
        raise CommandError("\n".join(f"{file}: {each}" for each in field_problems(error)), exit_code=2) from error


async def answer(engine: AsyncEngine, domain: str, max_cents: int | None, registrant: Registrant | None) -> None:
    """Let a held registration be tried again, for at most so much or with other data of its owner.

    Raises:
        CommandError: no registration of this domain waits for an answer; nothing is changed.

    """
    async with engine.begin() as connection:
        rows = (await connection.execute(_LOCKED.where(DomainRegistration.domain == domain))).all()
        if not rows:
            raise CommandError(
                f"No project has {domain} registered: order it, with `registration` in the order (`vrs order --help`)"
            )
        waiting = [row.project_id for row in rows if row.stage is RegistrationStage.HELD]
        if not waiting:
            raise CommandError(f"The registration of {domain} waits for nobody: it is {rows[0].stage}")
        values: dict[str, object] = {"stage": RegistrationStage.REQUESTED, "hold": None}
        if max_cents is not None:
            values["max_cents"] = max_cents
        if registrant is not None:
            values["registrant"] = registrant.model_dump(mode="json")
        table = DomainRegistration.__table__
        statement = table.update().where(table.c.project_id.in_(waiting)).values(values)  # type: ignore[attr-defined]  # a declarative class's __table__ is a Table
        await connection.execute(statement)
