"""docs/case-workers.md as people type it, and what `vrs users` refuses."""

import json
import shlex
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.database import Database
from shared.staff import find_staff, sign_in
from tests.examples.documents import blocks
from tests.ops.conftest import Vrs
from tests.stored import tables_with

PASSWORD = "correct horse battery"
[PAGE] = blocks("docs/case-workers.md")


async def test_each_command_of_the_page_does_its_work(vrs: Vrs, database: Database) -> None:
    commands = [shlex.split(line.partition(" <")[0])[1:] for line in PAGE[1].splitlines()]
    [create, listed, password, disable, remove] = commands
    assert (await vrs(*create, stdin=f"{PASSWORD}\n".encode())).out == "anna may sign in as admin\n"
    token = await sign_in(database, "anna", PASSWORD)
    assert token is not None
    assert (await vrs(*listed)).out.startswith("anna\tadmin\t")
    assert (await vrs(*password, stdin=b"another one entirely\n")).code == 0
    async with database.engine.connect() as connection:
        assert await find_staff(connection, token) is None
    assert await sign_in(database, "anna", PASSWORD) is None
    assert await sign_in(database, "anna", "another one entirely") is not None
    assert (await vrs(*disable)).code == 0
    assert await sign_in(database, "anna", "another one entirely") is None
    [user] = json.loads((await vrs(*listed, "--json")).out)
    assert (user["name"], user["role"], user["disabled_at"] is None) == ("anna", "admin", False)
    assert "password" not in json.dumps(user)
    assert (await vrs(*remove)).code == 0
    assert json.loads((await vrs(*listed, "--json")).out) == []


@pytest.mark.parametrize(
    ("words", "stdin", "code", "said"),
    [
        (("create", "Anna B"), PASSWORD, 2, "NAME"),
        (("create", "anna", "--role", "boss"), PASSWORD, 2, "there are case_worker, operator, admin"),
        (("create", "anna"), "short", 1, "10 to 200 characters"),
        (("create", "case-worker"), "case-worker", 1, "is not the name"),
        (("password", "nobody"), PASSWORD, 1, "There is no user 'nobody'"),
        (("disable", "nobody"), "", 1, "There is no user 'nobody'"),
        (("remove", "nobody"), "", 1, "There is no user 'nobody'"),
    ],
)
async def test_what_is_refused_says_why(vrs: Vrs, words: tuple[str, ...], stdin: str, code: int, said: str) -> None:
    ended = await vrs("users", *words, stdin=stdin.encode())
    assert (ended.code, said in ended.err, ended.out) == (code, True, ""), ended.err


async def test_whoever_is_removed_stays_in_the_log_of_changes_alone(vrs: Vrs, database: Database) -> None:
    name = f"anna-{uuid4().hex[:12]}"
    assert (await vrs("users", "create", name, stdin=f"{PASSWORD}\n".encode())).code == 0
    token = await sign_in(database, name, PASSWORD)
    other = f"bernd-{uuid4().hex[:12]}"
    assert (await vrs("users", "create", other, "--by", "root", stdin=f"{PASSWORD}\n".encode())).code == 0
    assert await sign_in(database, other, PASSWORD) is not None
    async with database.engine.begin() as connection:
        for statement in (
            "UPDATE staff_users SET identity = 'https://issuer.example ' || name",
            "INSERT INTO project_owners (project_id, owner) VALUES (gen_random_uuid(), :name)",
            "INSERT INTO dead_letter_notes (subject, note, owner) VALUES ('group', 'seen', :name)",
            "INSERT INTO staff_actions (by, kind, subject) VALUES (:name, 'cancelled', 'p')",
        ):
            await connection.execute(text(statement), {"name": name} if ":name" in statement else {})
    assert (await vrs("users", "remove", name, "--by", "root")).code == 0
    assert await tables_with(database, name) == {"staff_actions"}
    async with database.engine.connect() as connection:
        done = await connection.execute(text("SELECT by, kind, subject FROM staff_actions ORDER BY id"))
        assert token is not None
        assert await find_staff(connection, token) is None
    assert [tuple(row) for row in done] == [
        (other, "signed in", other),
        (name, "cancelled", "p"),
        ("root", "user removed", name),
    ]
    assert await sign_in(database, name, PASSWORD) is None
    assert await sign_in(database, other, PASSWORD) is not None
