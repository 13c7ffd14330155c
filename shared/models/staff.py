"""The people who work with the admin UI: who they are, where they are signed in, what they did and noted."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.table import Table, enum_type

NO_HASH = "!"
"""Instead of a hash: no password is right."""


class StaffRole(StrEnum):
    """What somebody may do; each role may do what those before it may."""

    CASE_WORKER = "case_worker"  # projects: order, retry, cancel, note
    OPERATOR = "operator"  # servers, and many order problems at once
    ADMIN = "admin"  # what is offered: base domains, prices, bundles, project types

    def includes(self, other: "StaffRole") -> bool:
        """Whether this role may do what `other` may."""
        order = list(StaffRole)
        return order.index(self) >= order.index(other)


class StaffActionKind(StrEnum):
    """What is written down of the changes that people and programs make."""

    SIGNED_IN = "signed in"
    USER_MADE = "user made"
    USER_REMOVED = "user removed"
    ROLE_CHANGED = "role changed"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 - the name of an action
    ORDERED = "ordered"
    RETRIED = "retried"
    CANCELLED = "cancelled"
    NOTED = "noted"
    TAKEN = "taken"
    PREVIEW_MADE = "preview made"
    PREVIEW_ENDED = "preview ended"
    MAIL_RESENT = "mail resent"
    REPLAYED = "replayed"
    CORRECTED = "corrected"
    SERVER_ADDED = "server added"
    SERVER_MOVED = "server moved"
    SERVER_REMOVED = "server removed"
    DOMAIN_ADDED = "domain added"
    DOMAIN_REMOVED = "domain removed"
    PRICE_SET = "price set"
    PRICE_REMOVED = "price removed"
    BUNDLE_SET = "bundle set"
    BUNDLE_REMOVED = "bundle removed"
    TYPE_SET = "type set"
    PROJECT_DOMAIN_ADDED = "project domain added"
    PROJECT_DOMAIN_REMOVED = "project domain removed"
    PRIMARY_CHANGED = "primary changed"
    REGISTRATION_ANSWERED = "registration answered"
    TRANSFER_ASKED = "transfer asked"
    TRANSFER_WITHDRAWN = "transfer withdrawn"
    MAIL_DOMAIN_ASKED = "mail domain asked"
    WEBHOOK_MADE = "webhook made"
    WEBHOOK_CHANGED = "webhook changed"
    WEBHOOK_REMOVED = "webhook removed"
    WEBHOOK_SECRET_CHANGED = "webhook secret changed"  # noqa: S105 - the name of an action
    DELIVERY_RETRIED = "delivery retried"


class StaffUser(Table):
    """Somebody who signs in. Owner: ops (``vrs users``), and marketplace for what signing in changes.

    `name` is in lower case; `password_hash` is argon2id's own text, `NO_HASH` for whoever only comes from a provider of
    OpenID Connect; `identity` is then its issuer and its subject, with a blank between. `failures` counts wrong
    passwords in a row; while `locked_until` is ahead no password is right. `searches` are saved ones: objects with
    `name` and `query`.
    """

    __tablename__ = "staff_users"
    name: Mapped[str] = mapped_column(primary_key=True)
    password_hash: Mapped[str]
    identity: Mapped[str | None] = mapped_column(unique=True)
    role: Mapped[StaffRole] = mapped_column(enum_type(StaffRole, "staff_role"))
    created_by: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    disabled_at: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(server_default="0")
    locked_until: Mapped[datetime | None]
    signed_in_at: Mapped[datetime | None]
    searches: Mapped[list[Any]] = mapped_column(server_default="[]")

    __table_args__ = (CheckConstraint("name = lower(name) AND name ~ '^[a-z0-9._@-]{1,100}$'", name="name_valid"),)


class StaffSession(Table):
    """A browser in which somebody is signed in; only the token's SHA-256 is kept. Owner: marketplace."""

    __tablename__ = "staff_sessions"
    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    user_name: Mapped[str] = mapped_column(ForeignKey("staff_users.name", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class StaffAction(Table):
    """The audit log: a change made in the admin UI or with an API key, in its transaction. Owner: marketplace.

    `subject` names what was changed as people do; no customer's contact. Append-only, but for `vrs users remove`, which
    takes out sign-ins.
    """

    __tablename__ = "staff_actions"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by: Mapped[str]
    kind: Mapped[StaffActionKind] = mapped_column(enum_type(StaffActionKind, "staff_action_kind"))
    project_id: Mapped[UUID | None]
    subject: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(server_default="{}")

    __table_args__ = (Index("ix_staff_actions_project_id", "project_id", "id"),)


class ProjectNote(Table):
    """What somebody noted of a project. Owner: marketplace. Append-only."""

    __tablename__ = "project_notes"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    project_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    by: Mapped[str]
    text: Mapped[str]

    __table_args__ = (Index("ix_project_notes_project_id", "project_id", "id"),)


class ProjectOwner(Table):
    """Who is on a project that needs somebody. Owner: marketplace."""

    __tablename__ = "project_owners"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner: Mapped[str]
    since: Mapped[datetime] = mapped_column(server_default=func.now())
