"""`vrs domains transfer` and `withdraw`, as docs/domains.md has them."""

import json
import shlex
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from pydantic import SecretStr
from sqlalchemy import insert, select, update

from shared.database import Database
from shared.models import (
    DomainTransfer,
    Project,
    ProjectOrder,
    TransferWithdrawal,
)
from shared.seal import Seal
from tests.choreography.events import Story
from tests.choreography.facts import OWNER
from tests.examples.documents import blocks
from tests.ops.conftest import Vrs

[_CHECKED, TRANSFER, *_OTHERS] = blocks("docs/domains.md")
DOMAIN = "kunde.example"


async def known_project(database: Database, slug: str, fqdn: str) -> UUID:
    story = Story(slug=slug)
    async with database.engine.begin() as connection:
        await connection.execute(insert(Project).values(vrs_id=story.project_id, name=slug, slug=slug))
        await connection.execute(insert(ProjectOrder).values(story.order_row() | {"fqdn": fqdn}))
    return story.project_id


async def test_a_transfer_is_asked_for_with_an_auth_code_that_nobody_sees(
    vrs: Vrs, database: Database, amqp_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = await known_project(database, "goldberg", "goldberg.vrs.example")
    key = Fernet.generate_key().decode()
    facts = OWNER.model_dump(exclude_none=True).items()
    (tmp_path / "owner.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in facts))
    (tmp_path / "code.txt").write_text("code-4711\n")
    monkeypatch.chdir(tmp_path)
    variables = {"VRS_TRANSFER_KEY": key, "VRS_AMQP_URL": amqp_url}
    _, line = TRANSFER
    _, *words = shlex.split(line)

    async def row() -> Any:
        async with database.engine.connect() as connection:
            return (await connection.execute(select(DomainTransfer))).one()

    unset = await vrs(*words, VRS_AMQP_URL=amqp_url)
    assert (unset.code, "VRS_TRANSFER_KEY" in unset.err) == (2, True), unset.err
    bare = await vrs(*words[:4], **variables)
    assert [line.partition(" ")[0].rstrip(":") for line in bare.err.splitlines()] == [
        *("--auth-code-file", "--registrant", "--max-price"),
    ]
    assert (bare.code, bare.err.count("is missing")) == (1, 3), bare.err
    ended = await vrs(*words, **variables)
    assert (ended.code, ended.err, "is asked for" in ended.out) == (0, "", True), ended.err
    found = await row()
    assert (found.project_id, found.stage, found.max_cents) == (project, "requested", 1500)
    assert b"code-4711" not in found.auth_code
    assert Seal(SecretStr(key)).open(found.auth_code).get_secret_value() == "code-4711"
    again = await vrs(*words, **variables)
    assert (again.code, "waits for nobody: it is requested" in again.err) == (1, True)
    async with database.engine.begin() as connection:
        failed = {"stage": "failed", "problem": "auth_code_wrong", "auth_code": None}
        await connection.execute(update(DomainTransfer).values(failed))
    (tmp_path / "code.txt").write_text("code-0815")
    answered = await vrs(*words[:6], **variables)
    assert (answered.code, "is tried again" in answered.out) == (0, True), answered.err
    found = await row()
    assert (found.stage, found.problem, found.registrant["city"]) == ("requested", None, "Berlin")


async def test_a_transfer_is_withdrawn_if_there_is_one(vrs: Vrs, database: Database) -> None:
    project = await known_project(database, "goldberg", "goldberg.vrs.example")
    none = await vrs("domains", "withdraw", "goldberg", DOMAIN)
    assert (none.code, f"no transfer of {DOMAIN} was asked for" in none.err) == (1, True), none.err
    row = {"project_id": project, "domain": DOMAIN, "stage": "requested", "max_cents": 1}
    async with database.engine.begin() as connection:
        await connection.execute(insert(DomainTransfer).values(row | {"zone_made": False, "kept_records": []}))
    ended = await vrs("domains", "withdraw", "goldberg", DOMAIN)
    assert (ended.code, ended.err, "is withdrawn" in ended.out) == (0, "", True)
    async with database.engine.connect() as connection:
        assert (await connection.execute(select(TransferWithdrawal.domain))).scalars().all() == [DOMAIN]


async def test_a_transfer_that_cannot_be_is_said_with_a_remedy(
    vrs: Vrs, database: Database, amqp_url: str, tmp_path: Path
) -> None:
    await known_project(database, "goldberg", "goldberg.vrs.example")
    key = {"VRS_TRANSFER_KEY": Fernet.generate_key().decode(), "VRS_AMQP_URL": amqp_url}
    empty = tmp_path / "empty.txt"
    empty.write_text("\n")
    for words, code, said in (
        (["goldberg", "nothing"], 2, "'nothing' is no host name"),
        (["goldberg", DOMAIN, "--auth-code-file", str(empty)], 2, "is empty"),
        (["goldberg", DOMAIN, "--auth-code-file", str(tmp_path / "none")], 2, "none: No such file or directory"),
        (["goldberg", DOMAIN, "--max-price", "viel"], 2, "'viel' is no amount of euros"),
        (["nobody", DOMAIN], 1, "nobody"),
    ):
        ended = await vrs("domains", "transfer", *words, **key)
        assert (ended.code, said in ended.err) == (code, True), ended.err
