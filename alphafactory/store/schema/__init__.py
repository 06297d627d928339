"""The tables as SQLAlchemy models. `metadata` is what Alembic compares the migrations with."""

from __future__ import annotations

from alphafactory.store.schema import (
    experiments,
    market,
    operations,
    portfolios,
    provenance,
    research,
    results,
    verdicts,
    versions,
)
from alphafactory.store.schema.base import Model

metadata = Model.metadata

__all__ = [
    "experiments",
    "market",
    "metadata",
    "operations",
    "portfolios",
    "provenance",
    "research",
    "results",
    "verdicts",
    "versions",
]
