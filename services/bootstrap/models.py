"""The tables of the bootstrap service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from shared.models import Table


class WatchedCore(Table):
    """Where a live project's vrs-core answers. Owner: bootstrap, from when the core was healthy until it is cancelled.

    `ipv4` is the server's address, `core_key` the public key (base64) of what the core signs its reports with.
    """

    __tablename__ = "watched_cores"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    fqdn: Mapped[str]
    ipv4: Mapped[str]
    core_key: Mapped[str | None]


class WatchedDomain(Table):
    """A domain of a live project, as the newest routes (`revision`) have it. Owner: bootstrap.

    `since` is the revision in which it came, `connected_at` when it was first seen to work; none for what was ordered.
    """

    __tablename__ = "watched_domains"
    project_id: Mapped[UUID] = mapped_column(primary_key=True)
    domain: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[int]
    revision: Mapped[int]
    connected_at: Mapped[datetime | None]
