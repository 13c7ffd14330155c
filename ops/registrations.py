"""Registrations that wait for a case worker: answered here, carried on by dns."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from contracts import Registrant
from contracts.problems import field_problems
from ops.failure import CommandError
from shared.database import Database
from shared.registrations import answer_registration, project_registering
from shared.transaction import begin


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


async def answer(database: Database, domain: str, max_cents: int | None, registrant: Registrant | None) -> None:
    """Let a held registration be tried again, for at most so much or with other data of its owner.

    Raises:
        CommandError: no project has this domain registered.
        RefusedError: see `answer_registration`.

    """
    async with begin(database) as transaction:
        project_id = await project_registering(transaction.connection, domain)
        if project_id is None:
            raise CommandError(
                f"No project has {domain} registered: order it, with `registration` in the order (`vrs order --help`)"
            )
        await answer_registration(transaction, project_id, max_cents=max_cents, registrant=registrant)
