"""The table of the bootstrap service."""

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
