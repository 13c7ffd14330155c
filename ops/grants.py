"""PostgreSQL roles: one for each service, with the grants that its code names and no other."""

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, TypeAdapter, ValidationError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import ServiceName
from contracts.problems import field_problems
from ops.failure import CommandError
from shared.grants import OF_KERNEL, OF_SPEAKER, Call, Grant, May
from shared.models.kernel import STEP_TOKENS
from shared.service import Service

ITERATIONS = 4096

ROLES_VARIABLE = "VRS_DATABASE_ROLES"

Verifier = Annotated[str, StringConstraints(pattern=r"^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=:]+$")]


def role_of(service: ServiceName) -> str:
    """The role that `service` logs in as."""
    return f"vrs_{service}"


def verifier(password: str) -> str:
    """What PostgreSQL stores of a password (RFC 5802, 7677), so that whoever makes the role need not know it."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(each).decode() for each in (salt, stored, server))
    return f"SCRAM-SHA-256${ITERATIONS}:{salt64}${stored64}:{server64}"


def read_verifiers(file: Path) -> dict[ServiceName, str]:
    """Read what `vrs secrets` wrote: a verifier for each service.

    Raises:
        CommandError: names the file and what is wrong with it.

    """
    try:
        return _verifiers(file.read_bytes(), str(file))
    except OSError as error:
        raise CommandError(f"{file}: {error.strerror}", exit_code=2) from error


def given_verifiers() -> dict[ServiceName, str]:
    """Read the same from ``VRS_DATABASE_ROLES``, where no file can be mounted; none if it is not set.

    Raises:
        CommandError: says what is wrong with it.

    """
    given = os.environ.get(ROLES_VARIABLE)
    return _verifiers(given.encode(), ROLES_VARIABLE) if given else {}


def _verifiers(given: bytes, name: str) -> dict[ServiceName, str]:
    try:
        return TypeAdapter(dict[ServiceName, Verifier]).validate_json(given)
    except ValidationError as error:
        raise CommandError("\n".join(f"{name}: {problem}" for problem in field_problems(error))) from error


def statements(services: Sequence[Service], verifiers: Mapping[ServiceName, str]) -> list[str]:
    """The SQL that makes each service's role what it should be. A role without a verifier keeps its password."""
    return [sql for service in services for sql in _of(service, verifiers.get(service.name))]


async def apply(engine: AsyncEngine, services: Sequence[Service], verifiers: Mapping[ServiceName, str]) -> None:
    """Make the roles, take away all that they may do with our tables, and grant what they need: in one transaction."""
    async with engine.begin() as connection:
        for sql in statements(services, verifiers):
            await connection.execute(text(sql.replace(":", r"\:")))


def _of(service: Service, password: str | None) -> list[str]:
    role = role_of(service.name)
    grants = (*(OF_KERNEL if service.consumers else OF_SPEAKER), *service.grants)
    return [
        f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$",
        f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS",
        *([f"ALTER ROLE {role} PASSWORD '{password}'"] if password else []),
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}",
        f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {role}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role}",
        f"GRANT USAGE ON SCHEMA public TO {role}",
        *(_grant(grant, role) for grant in grants),
        *([f"GRANT USAGE ON SEQUENCE {STEP_TOKENS.name} TO {role}"] if service.consumers else []),
    ]


def _grant(grant: Grant | Call, role: str) -> str:
    if isinstance(grant, Call):
        return f"GRANT EXECUTE ON FUNCTION {grant.function} TO {role}"
    columns = f" ({', '.join(grant.columns)})" if grant.columns else ""
    privileges = ", ".join(f"{may}{columns if may is May.CHANGE else ''}" for may in grant.may)
    return f"GRANT {privileges} ON {grant.name} TO {role}"
