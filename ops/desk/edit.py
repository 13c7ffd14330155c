"""``vrs dlq edit``: from a dead letter to its edited copy, by way of an editor, values, or a file."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from ops.desk.choice import the_one
from ops.desk.opened import amqp_url, at_the_desk, operator, view_of
from ops.failure import CommandError
from shared.dead_letters.edit import EditError, body_of, data_of, edited, send_edited, with_values


async def edit_and_send(
    name: str, values: Sequence[str], file: Path | None, *, by: str | None, reason: str | None, yes: bool
) -> None:
    """Edit, show the difference, ask for a reason and whether to send, send.

    Raises:
        CommandError: what is wrong, field by field; nothing was sent.

    """
    async with at_the_desk() as database:
        letter = the_one((await view_of(database)).letters, name)
        body = await body_of(database, amqp_url(), letter)
        try:
            changed = await asyncio.to_thread(_data, data_of(body), values, file)
            edit = edited(letter, body, changed)
            typer.echo(edit.changes)
            why = reason or await asyncio.to_thread(typer.prompt, "Why")
            if not yes and not reason and not await asyncio.to_thread(typer.confirm, "Send it?"):
                raise CommandError("Nothing was sent.")
            await send_edited(database, amqp_url(), edit, operator(by, why))
        except EditError as error:
            raise CommandError(str(error)) from error
    typer.echo(
        f"Sent as {edit.copy.id} in the place of {letter.event_id}; `vrs log {edit.copy.subject}` tells how it goes"
    )


def _data(before: dict[str, Any], values: Sequence[str], file: Path | None) -> dict[str, Any]:
    if values and file:
        raise CommandError("Give --set or --file, not both", exit_code=2)
    if values:
        return with_values(before, dict(_pair(value) for value in values))
    text = _of_file(file) if file else _of_editor(before)
    try:
        data = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{file or 'what you wrote'} is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise CommandError(f"{file or 'what you wrote'}: the data are a JSON object, not {type(data).__name__}")
    return data


def _pair(value: str) -> tuple[str, str]:
    path, equals, wanted = value.partition("=")
    if not equals or not path:
        raise CommandError(f"--set {value}: give path=value", exit_code=2)
    return path, wanted


def _of_file(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error


def _of_editor(before: dict[str, Any]) -> str:
    program = editor()
    with tempfile.NamedTemporaryFile("w+", suffix=".json", encoding="utf-8") as file:
        json.dump(before, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        try:
            ended = subprocess.run([*shlex.split(program), file.name], check=False)
        except (OSError, ValueError) as error:
            raise CommandError(f"$EDITOR: {program!r} cannot be started: {error}", exit_code=2) from error
        if ended.returncode:
            raise CommandError(f"{program} ended with {ended.returncode}: nothing was sent")
        return Path(file.name).read_text(encoding="utf-8")


def editor() -> str:
    """The program of ``$VISUAL`` or ``$EDITOR``.

    Raises:
        CommandError: neither is set.

    """
    program = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not program:
        raise CommandError("Set $EDITOR, or give --set path=value or --file", exit_code=2)
    return program
