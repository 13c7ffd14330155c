"""The declarative root: naming convention, column types by annotation, enums by value."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Self
from uuid import UUID

from sqlalchemy import CheckConstraint, DateTime, Dialect, Enum, LargeBinary, MetaData, Text, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql import operators
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine

from contracts.event import LABEL
from shared.hosts import as_stored


class Table(DeclarativeBase):
    """Root of all models."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, TypeEngine[Any]]] = {
        bytes: LargeBinary(),
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB(),
        list[Any]: JSONB(),
        str: Text(),
        UUID: Uuid(),
    }

    def changed(self, **values: Any) -> Self:
        """Return a copy with other values."""
        columns = {column.name: getattr(self, column.name) for column in type(self).__table__.columns}
        return type(self)(**columns | values)


def enum_type(enum: type[StrEnum], name: str) -> Enum:
    """A PostgreSQL enum type `name` that stores the members' values."""
    return Enum(enum, name=name, values_callable=lambda members: [member.value for member in members])


_EQUALITY = (operators.eq, operators.ne, operators.in_op, operators.not_in_op)


class HostNameType(TypeDecorator[str]):
    """A host name, stored as A-labels whatever it is given as; `shared.hosts.as_shown` makes it readable again."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Turn it into A-labels; a ValueError says what is wrong with it."""
        return None if value is None else as_stored(value)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:  # noqa: ARG002 - SQLAlchemy's signature
        """Take what it is equal to for a name, and what it ends with or is put together from for any text."""
        return self if op in _EQUALITY else Text()


def host_check(column: str) -> CheckConstraint:
    """What `column` must look like, whoever writes it."""
    return CheckConstraint(f"length({column}) <= 253 AND {column} ~ '^(?:{LABEL}\\.)+{LABEL}$'", name=f"{column}_valid")
