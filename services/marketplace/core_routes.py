"""What a customer's vrs-core asks the marketplace: its manifest, and the archives that this names."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from contracts.core import ManifestAnswer
from services.marketplace.core_tokens import Presented, presented, renew
from services.marketplace.dependencies import Configured, Db
from services.marketplace.manifest import may_download, signed_manifest
from services.marketplace.problems import Problem
from shared.database import Database
from shared.models import DownloadOutcome, PluginDownload, PluginRelease
from shared.plugins.pieces import read_archive

FROM_BYTE = re.compile(r"bytes=(\d{1,12})-")
CoreVersion = Annotated[str, Header(alias="VRS-Core-Version", pattern=r"^[0-9][0-9A-Za-z.+-]*$", max_length=64)]

router = APIRouter(prefix="/api/v1/core", tags=["vrs-core"])
_bearer = HTTPBearer(auto_error=False, description="The project's bootstrap token, then the one of the last manifest")


async def _caller(
    database: Db, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Presented:
    async with database.engine.connect() as connection:
        found = await presented(connection, credentials.credentials) if credentials else None
    if found is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "this token is unknown, has ended, or its project is cancelled",
            remedy="Deploy the project again: its container then gets a new token.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return found


Caller = Annotated[Presented, Depends(_caller)]


@router.get("/manifest")
async def manifest(
    caller: Caller, database: Db, settings: Configured, core_version: CoreVersion = "1.0.0"
) -> ManifestAnswer:
    """Give the plugins that the project is licensed for, signed, and the token to present the next time."""
    keys = settings.signing_keys
    if not keys:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no manifest can be signed here", remedy="Set VRS_MANIFEST_KEY.")
    async with AsyncSession(database.engine) as session, session.begin():
        signed = await signed_manifest(session, caller.project, core_version, keys)
        token = await renew(await session.connection(), caller, timedelta(days=settings.core_token_days))
    return ManifestAnswer(manifest=signed, token=token)


@router.get("/plugins/{name}/{version}", response_class=StreamingResponse)
async def archive(caller: Caller, database: Db, request: Request, name: str, version: str) -> StreamingResponse:
    """Send an archive, from a byte on if ``Range`` says so. Each download is logged."""
    async with AsyncSession(database.engine, expire_on_commit=False) as session, session.begin():
        release = await may_download(session, caller.project, name, version)
        start = _start(request, release) if release else 0
        outcome = DownloadOutcome.SENT if release else DownloadOutcome.UNLICENSED
        await session.execute(
            insert(PluginDownload).values(
                project_id=caller.project, plugin=name[:63], version=version[:64], start=start, outcome=outcome
            )
        )
    if release is None:
        raise Problem(HTTPStatus.FORBIDDEN, f"this project has no licence for {name} {version} now")
    return _sent(database, release, start)


def _start(request: Request, release: PluginRelease) -> int:
    """The first byte that is wanted: ``Range`` counts if ``If-Range``, when given, names what we have."""
    match = FROM_BYTE.fullmatch(request.headers.get("range", ""))
    unchanged = request.headers.get("if-range", _tag(release)) == _tag(release)
    start = int(match[1]) if match and unchanged else 0
    if start >= release.size:
        raise Problem(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            f"the archive has {release.size} bytes",
            headers={"Content-Range": f"bytes */{release.size}"},
        )
    return start


def _sent(database: Database, release: PluginRelease, start: int) -> StreamingResponse:
    async def pieces() -> AsyncIterator[bytes]:
        async for piece in read_archive(database.engine, release, start):
            yield piece

    headers = {
        "Content-Length": str(release.size - start),
        "Accept-Ranges": "bytes",
        "ETag": _tag(release),
        "Content-Disposition": f'attachment; filename="{release.name}-{release.version}.zip"',
    }
    if not start:
        return StreamingResponse(pieces(), 200, headers, "application/octet-stream")
    headers["Content-Range"] = f"bytes {start}-{release.size - 1}/{release.size}"
    return StreamingResponse(pieces(), 206, headers, "application/octet-stream")


def _tag(release: PluginRelease) -> str:
    return f'"{release.sha256}"'
