"""What the order API keeps: who may call it, and which orders it has answered."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type


class Scope(StrEnum):
    """What an API key may do. `ADMIN` may do everything, and alone changes servers and base domains."""

    PROJECTS_READ = "projects:read"
    PROJECTS_WRITE = "projects:write"
    PREVIEWS = "previews"
    SERVERS_READ = "servers:read"
    ADMIN = "admin"
    WEBHOOKS = "webhooks"


class ApiKey(Table):
    """A key for the order API; of its secret only the SHA-256 is kept. Owner: ops (``vrs keys``).

    `public_id` is the part by which it is found and named; `last_used_at` is right to a minute.
    """

    __tablename__ = "api_keys"
    public_id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[bytes]
    scopes: Mapped[list[Scope]] = mapped_column(ARRAY(enum_type(Scope, "api_scope")))
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        Index("uq_api_keys_name", "name", unique=True),
        CheckConstraint("cardinality(scopes) > 0", name="scopes_not_empty"),
    )


class OrderAnswer(Table):
    """The answer to an order, given again to whoever sends it again. Owner: marketplace.

    `key` is the caller's Idempotency-Key; `request_hash` is the SHA-256 of what was asked for. No personal data.
    """

    __tablename__ = "order_answers"
    public_id: Mapped[str] = mapped_column(ForeignKey("api_keys.public_id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class PreviewUse(Table):
    """One use of a preview link. Owner: marketplace."""

    __tablename__ = "preview_uses"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    preview_id: Mapped[int] = mapped_column(BigInteger)
    project_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (Index("ix_preview_uses_preview_id", "preview_id", "id"),)
