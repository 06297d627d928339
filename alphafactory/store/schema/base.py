"""The base of every model: naming convention, column types, and a column function that insists on a comment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Double, MetaData, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

MOMENT = TIMESTAMP(timezone=True)
NUMBER: Double[float] = Double()
JSON = JSONB()
NOW = text("clock_timestamp()")


class Model(DeclarativeBase):
    """Base of all models."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


def column(comment: str, *args: Any, **kwargs: Any) -> MappedColumn[Any]:
    r"""Make a column that carries its comment: `\d+` in psql is the manual."""
    return mapped_column(*args, comment=comment, **kwargs)
