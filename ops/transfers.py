"""Transfers of domains that a case worker asks for at the desk."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, SecretStr

from contracts import DomainTransferRequested
from ops.cancellation import named_project
from ops.connection import DeskSettings
from ops.desk.opened import amqp_url
from ops.failure import CommandError
from ops.outbox import publish_now
from shared import seal
from shared.database import Database
from shared.errors import RefusedError, WrongFieldsError
from shared.marketplace_outbox import OURS
from shared.settings import load
from shared.transaction import begin
from shared.transfers import TransferRequest, ask_for_transfer, withdraw_transfer

_OPTIONS = {"auth_code": "--auth-code-file", "registrant": "--registrant", "max_cents": "--max-price"}
"""What fields of a request are called on the command line."""


class TransferSettings(DeskSettings):
    """`transfer_key` is what marketplace and dns have."""

    transfer_key: Annotated[SecretStr, AfterValidator(seal.checked)]


def read_auth_code(file: str) -> SecretStr:
    """Read the first line of a file, or of standard input for ``-``.

    Raises:
        CommandError: it is not there, or empty.

    """
    try:
        told = sys.stdin.readline() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--auth-code-file: {file}: {error.strerror}", exit_code=2) from error
    except UnicodeDecodeError as error:
        raise CommandError(f"--auth-code-file: {file} is no text in UTF-8", exit_code=2) from error
    code = told.strip()
    if not code:
        raise CommandError(f"--auth-code-file: {file} is empty", exit_code=2)
    return SecretStr(code)


async def transfer(database: Database, project: str, request: TransferRequest, *, by: str) -> bool:
    """Ask for the transfer and publish that; False if it was an answer to one that had failed.

    Raises:
        CommandError: it cannot be asked for so, or the broker is away; then it is asked for all the same.

    """
    key = load(TransferSettings).transfer_key
    project_id, _ = await named_project(database.engine, project)
    try:
        async with begin(database) as transaction:
            message = await ask_for_transfer(transaction, project_id, request, seal.Seal(key), by=by, lease=OURS)
    except WrongFieldsError as error:
        named = [replace(each, field=_OPTIONS.get(each.field, each.field)) for each in error.problems]
        raise CommandError("\n".join(map(str, named))) from error
    except RefusedError as error:
        raise CommandError(str(error)) from error
    if message is None:
        return False
    done = f"The transfer of {request.domain} is asked for; the event is"
    await publish_now(database, amqp_url(), DomainTransferRequested, message, done=done)
    return True


async def withdraw(database: Database, project: str, domain: str, *, by: str) -> None:
    """Withdraw the transfer. Raises CommandError if there is none, or if it has come."""
    project_id, _ = await named_project(database.engine, project)
    try:
        async with begin(database) as transaction:
            await withdraw_transfer(transaction, project_id, domain, by=by)
    except RefusedError as error:
        raise CommandError(str(error)) from error
