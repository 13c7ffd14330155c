"""The table of the deploy service."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from shared.models import Table
from shared.models.table import enum_type


class Stage(StrEnum):
    """How far a project's app has come, as far as it is written down."""

    CREATING = "creating"  # create intent: an application may exist whose uuid is not recorded
    CREATED = "created"  # its variables are to be written
    CONFIGURED = "configured"  # a deployment is to be requested
    REQUESTED = "requested"  # a deployment may exist whose uuid is not recorded
    DEPLOYING = "deploying"  # `deployment` is under way
    DEPLOYED = "deployed"  # `deployment` has finished
    REMOVING = "removing"  # Coolify was asked to delete the application

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way at Coolify, so that a change may begin."""
        return self in (Stage.CREATED, Stage.CONFIGURED, Stage.DEPLOYED)


class AppRoutes(Table):
    """The names that a project's application was given since it is live, all of them. Owner: deploy.

    `revision` is that of the newest RoutesChanged; `settled`: the application runs with them.
    """

    __tablename__ = "app_routes"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int]
    hosts: Mapped[list[Any]]
    primary_host: Mapped[str]
    settled: Mapped[bool]


class ProjectDeployment(MappedAsDataclass, Table, kw_only=True):
    """A project's application on Coolify and its newest deployment. Owner: deploy.

    `coolify_project`, `server`, `application` and `deployment` are Coolify's uuids, not RFC 4122. `since` is when
    `stage` was entered. `spec` is the hash of what was asked for, `token_hash` the SHA-256 of the bootstrap token that
    the app was given, `core_key` the public key of what it signs its health report with. `retries` counts forced
    deployments since the last one that ended well or was given up.
    """

    __tablename__ = "deployments"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    coolify_project: Mapped[str]
    server: Mapped[str]
    stage: Mapped[Stage] = mapped_column(enum_type(Stage, "deployment_stage"))
    since: Mapped[datetime]
    image: Mapped[str]
    tag: Mapped[str]
    spec: Mapped[str]
    application: Mapped[str | None] = mapped_column(default=None)
    deployment: Mapped[str | None] = mapped_column(default=None)
    retries: Mapped[int] = mapped_column(default=0)
    token_hash: Mapped[bytes | None] = mapped_column(default=None, repr=False)
    core_key: Mapped[bytes | None] = mapped_column(default=None, repr=False)

    __table_args__ = (
        Index(
            "ix_deployments_unanswered",
            "since",
            postgresql_where=text("application IS NULL AND stage = 'creating'"),
        ),
    )

    def at(self, stage: Stage, **changes: Any) -> Self:
        """A copy that enters `stage` now, with `changes`."""
        return replace(self, stage=stage, since=datetime.now(UTC), **changes)

    @property
    def age(self) -> timedelta:
        """For how long it has been in this stage."""
        return datetime.now(UTC) - self.since
