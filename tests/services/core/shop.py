"""A marketplace that hands out manifests and archives, and can be made to hang, lie, refuse or stop half-way."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from contracts.core import (
    MANIFEST_TYPE,
    RELEASE_TYPE,
    Manifest,
    ManifestAnswer,
    ManifestPlugin,
    PluginRelease,
    Requirement,
)
from contracts.signatures import sign
from simulators.serving import running_app

TOKEN = "t" * 32
PIECE = 16_384


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """Pack the files; the same ones give the same bytes, whatever the time is."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as unpacked:
        for name, content in files.items():
            unpacked.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


@dataclass
class Shop:
    """The state of the marketplace; tests change it as they go."""

    project: UUID = field(default_factory=uuid4)
    manifest_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    plugin_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    url: str = ""
    token: str = TOKEN
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    plugins: dict[str, ManifestPlugin] = field(default_factory=dict)
    archives: dict[str, bytes] = field(default_factory=dict)
    unlicensed: set[str] = field(default_factory=set)
    away: bool = False
    issued: datetime | None = None
    only_once: int | None = None  # the first download of each archive ends after so many bytes
    hangs_after: int | None = None  # downloads stop there until `go_on` is set
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    manifests: int = 0
    downloads: list[tuple[str, str | None]] = field(default_factory=list)

    def add(
        self,
        name: str,
        version: str = "1.0.0",
        *,
        files: Mapping[str, str | bytes] | None = None,
        check: str | None = None,
        core: str = "",
        requires: Sequence[Requirement] = (),
        key: Ed25519PrivateKey | None = None,
        yanked: str | None = None,
        padding: int = 0,
    ) -> PluginRelease:
        module = name.replace("-", "_")
        content = archive({f"{module}.py": f"VERSION = {version!r}\n", "padding.bin": bytes(padding), **(files or {})})
        release = PluginRelease(
            name=name,
            version=version,
            sha256=hashlib.sha256(content).hexdigest(),
            size=len(content),
            entry_point=f"{module}:VERSION",
            check=check,
            core=core,
            requires=tuple(requires),
        )
        path = f"/plugins/{name}/{version}"
        self.archives[path] = content
        self.plugins[name] = ManifestPlugin(
            name=name,
            version=version,
            path=path,
            release=sign([key or self.plugin_key], RELEASE_TYPE, release),
            yanked=yanked,
        )
        return release

    async def manifest(self, request: Request) -> Response:
        self.manifests += 1
        if self.away:
            return Response(status_code=503)
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.tokens:
            return Response(status_code=401)
        issued = self.issued or datetime.now(UTC)
        manifest = Manifest(project_id=self.project, issued_at=issued, plugins=tuple(self.plugins.values()))
        answer = ManifestAnswer(manifest=sign([self.manifest_key], MANIFEST_TYPE, manifest), token=TOKEN)
        return JSONResponse(answer.model_dump(mode="json", by_alias=True))

    async def archive(self, request: Request) -> Response:
        path, asked = request.url.path, request.headers.get("range")
        self.downloads.append((path, asked))
        if self.away:
            return Response(status_code=503)
        if path in self.unlicensed:
            return Response(status_code=403)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        content, first = self.archives[path], sum(path == done for done, _ in self.downloads) == 1
        end = self.only_once if self.only_once is not None and first else len(content)
        headers = {"content-length": str(len(content) - start)}
        return StreamingResponse(self._pieces(content[start:end]), 206 if asked else 200, headers)

    async def _pieces(self, content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), PIECE):
            if self.hangs_after is not None and start >= self.hangs_after:
                await self.go_on.wait()
            yield content[start : start + PIECE]


@asynccontextmanager
async def open_shop() -> AsyncIterator[Shop]:
    shop = Shop()
    routes = [Route("/api/v1/core/manifest", shop.manifest), Route("/plugins/{name}/{version}", shop.archive)]
    app = Starlette(routes=routes)

    async def as_proxy_too(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "path": urlsplit(scope["path"]).path}, receive, send)

    async with running_app(as_proxy_too) as port:
        shop.url = f"http://127.0.0.1:{port}"
        yield shop


def earlier(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)
