"""The plugin registry: what was published, its archives, who downloaded what, and with which tokens."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type


class PluginRelease(Table):
    """A plugin in one version, as its publisher signed it. Owner: marketplace; `vrs plugins` publishes and yanks.

    `envelope` is the signed `contracts.core.PluginRelease`; `sha256` and `requires` repeat what it says. A yanked
    release stays: whoever has it is told why it must go.
    """

    __tablename__ = "plugin_releases"
    name: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    core: Mapped[str]
    requires: Mapped[list[Any]]
    envelope: Mapped[dict[str, Any]]
    published_by: Mapped[str]
    published_at: Mapped[datetime] = mapped_column(server_default=func.now())
    yanked_at: Mapped[datetime | None]
    yanked_because: Mapped[str | None]


class PluginChunk(Table):
    """A piece of an archive: `number` counts from 0, each but the last has `CHUNK_BYTES`. Owner: marketplace.

    In the database, so that several marketplaces serve them and one backup has everything.
    """

    __tablename__ = "plugin_chunks"
    sha256: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[bytes]


CHUNK_BYTES = 1024 * 1024


class DownloadOutcome(StrEnum):
    """What became of a download."""

    SENT = "sent"
    UNLICENSED = "unlicensed"


class PluginDownload(Table):
    """A download, from its byte `start` on. Owner: marketplace."""

    __tablename__ = "plugin_downloads"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[UUID]
    plugin: Mapped[str]
    version: Mapped[str]
    start: Mapped[int] = mapped_column(BigInteger)
    outcome: Mapped[DownloadOutcome] = mapped_column(enum_type(DownloadOutcome, "download_outcome"))
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_plugin_downloads_project_id", "project_id", "id"),)


class CoreToken(Table):
    """What a project's vrs-core may present, by its SHA-256. Owner: deploy makes the first, marketplace the next.

    A project that is cancelled has no valid token, whatever stands here.
    """

    __tablename__ = "core_tokens"
    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    project_id: Mapped[UUID]
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_core_tokens_project_id", "project_id"),)
