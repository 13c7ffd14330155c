"""How the marketplace's tables are made where there are none, and which columns are added to those that exist."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

PROVISIONING_STATE = postgresql.ENUM(
    "ordered",
    "waiting_for_capacity",
    "waiting_for_customer",
    "dns_configured",
    "app_deployed",
    "live",
    "failed",
    "cancelling",
    "cancelled",
    name="provisioning_state",
    create_type=False,
)
LICENSE_STATE = postgresql.ENUM("pending", "active", "ended", name="license_state", create_type=False)
ENUMS = (PROVISIONING_STATE, LICENSE_STATE)


@dataclass(frozen=True, slots=True)
class Added:
    """A column that provisioning needs in a table of the marketplace's.

    One that is not `is_ours` holds a fact which the marketplace may have under the same name, and is then used as
    it is, if it is text. One of ours must not be there.
    """

    name: str
    type: str
    is_ours: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """What must hold of our columns in the table."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What is asked of a table: columns added; columns that must be there, with the column whose type they share."""

    added: tuple[Added, ...]
    checks: tuple[Check, ...] = ()
    refers: tuple[tuple[str, str], ...] = ()


def _price_checks(table: str) -> tuple[Check, ...]:
    return (
        Check(f"ck_{table}_cents_not_negative", "vrs_cents >= 0"),
        Check(f"ck_{table}_currency_valid", "vrs_currency ~ '^[A-Z]{3}$'"),
    )


_PRICE = (Added("vrs_cents", "integer"), Added("vrs_currency", "text"))

SHAPES = {
    "projects": Shape(
        (
            Added("vrs_id", "uuid"),
            Added("provisioning_state", "provisioning_state"),
            Added("step_due_at", "timestamptz"),
            Added("name", "text", is_ours=False),
            Added("slug", "text", is_ours=False),
        )
    ),
    "project_types": Shape(
        (
            Added("name", "text", is_ours=False),
            Added("vrs_image", "text"),
            Added("vrs_image_tag", "text"),
            Added("vrs_port", "integer"),
        ),
        (Check("ck_project_types_port_valid", "vrs_port BETWEEN 1 AND 65535"),),
    ),
    "plugin_prices": Shape((Added("plugin", "text", is_ours=False), *_PRICE), _price_checks("plugin_prices")),
    "bundles": Shape((Added("name", "text", is_ours=False), *_PRICE), _price_checks("bundles")),
    "licenses": Shape(
        (
            Added("plugin", "text", is_ours=False),
            Added("vrs_version", "text"),
            Added("vrs_state", "license_state"),
        ),
        refers=(("project_id", "projects"),),
    ),
    "license_history": Shape(
        (Added("vrs_state", "license_state"), Added("vrs_at", "timestamptz")),
        refers=(("license_id", "licenses"),),
    ),
}
"""In the order in which they are made: a table after the one that it refers to."""


def define(keys: dict[str, TypeEngine[int]], missing: Iterable[str]) -> list[sa.Table]:
    """Define the tables of `missing`; `keys` are the types of ``projects.id`` and ``licenses.id`` where they exist."""
    metadata = sa.MetaData()
    makers = {
        "projects": _projects,
        "project_types": _project_types,
        "plugin_prices": _plugin_prices,
        "bundles": _bundles,
        "licenses": _licenses,
        "license_history": _license_history,
    }
    for name in ("projects", "licenses"):  # what foreign keys point at
        if name not in missing:
            sa.Table(name, metadata, sa.Column("id", keys[name], primary_key=True))
    return [makers[name](metadata, keys) for name in SHAPES if name in missing]


def _created_at() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def _checks(table: str) -> list[sa.CheckConstraint]:
    return [sa.CheckConstraint(check.condition, name=check.name) for check in SHAPES[table].checks]


def _projects(metadata: sa.MetaData, keys: dict[str, TypeEngine[int]]) -> sa.Table:
    del keys
    return sa.Table(
        "projects",
        metadata,
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("vrs_id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("provisioning_state", PROVISIONING_STATE, nullable=True),
        sa.Column("step_due_at", sa.DateTime(timezone=True), nullable=True),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
        sa.UniqueConstraint("vrs_id", name="uq_projects_vrs_id"),
        sa.Index("ix_projects_step_due_at", "step_due_at", postgresql_where=sa.text("step_due_at IS NOT NULL")),
    )


def _project_types(metadata: sa.MetaData, keys: dict[str, TypeEngine[int]]) -> sa.Table:
    del keys
    return sa.Table(
        "project_types",
        metadata,
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("vrs_image", sa.Text(), nullable=False),
        sa.Column("vrs_image_tag", sa.Text(), nullable=False),
        sa.Column("vrs_port", sa.Integer(), nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_project_types"),
        sa.UniqueConstraint("name", name="uq_project_types_name"),
        *_checks("project_types"),
    )


def _priced(metadata: sa.MetaData, table: str, key: str) -> sa.Table:
    return sa.Table(
        table,
        metadata,
        sa.Column(key, sa.Text(), nullable=False),
        sa.Column("vrs_cents", sa.Integer(), nullable=False),
        sa.Column("vrs_currency", sa.Text(), server_default="EUR", nullable=False),
        sa.PrimaryKeyConstraint(key, name=f"pk_{table}"),
        *_checks(table),
    )


def _plugin_prices(metadata: sa.MetaData, keys: dict[str, TypeEngine[int]]) -> sa.Table:
    del keys
    return _priced(metadata, "plugin_prices", "plugin")


def _bundles(metadata: sa.MetaData, keys: dict[str, TypeEngine[int]]) -> sa.Table:
    del keys
    return _priced(metadata, "bundles", "name")


def _licenses(metadata: sa.MetaData, keys: dict[str, TypeEngine[int]]) -> sa.Table:
    return sa.Table(
        "licenses",
        metadata,
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("project_id", keys["projects"], nullable=False),
        sa.Column("plugin", sa.Text(), nullable=False),
        sa.Column("vrs_version", sa.Text(), nullable=True),
        sa.Column("vrs_state", LICENSE_STATE, nullable=False),
        _created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_licenses"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_licenses_project_id_projects", ondelete="CASCADE"
        ),
        sa.Index("ix_licenses_project_id", "project_id"),
        sa.Index(
            "uq_licenses_in_force",
            "project_id",
            "plugin",
            unique=True,
            postgresql_where=sa.text("vrs_state IN ('pending', 'active')"),
        ),
    )


def _license_history(metadata: sa.MetaData, keys: dict[str, TypeEngine[int]]) -> sa.Table:
    return sa.Table(
        "license_history",
        metadata,
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("license_id", keys["licenses"], nullable=False),
        sa.Column("vrs_state", LICENSE_STATE, nullable=False),
        sa.Column("vrs_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_license_history"),
        sa.ForeignKeyConstraint(
            ["license_id"], ["licenses.id"], name="fk_license_history_license_id_licenses", ondelete="CASCADE"
        ),
        sa.Index("ix_license_history_license_id", "license_id"),
    )
