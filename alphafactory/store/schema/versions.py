"""The tables that tell which series changed: a version that triggers count up, and fingerprints kept by version."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Integer, Text
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import MOMENT, Model, column


# No foreign key: it would look each series up once a statement, in the middle of a bulk load.
class SeriesVersion(Model):
    """How often a series has changed."""

    __tablename__ = "series_versions"
    __table_args__ = (
        {
            "comment": "A number that changes with every change of a series: its bars, their revisions, its splits and "
            "dividends, what quarantines its bars. Triggers keep it, so that a change by hand counts too."
        },
    )
    symbol_id: Mapped[int] = column("The symbol (symbols.id).", Integer, primary_key=True, autoincrement=False)
    timeframe: Mapped[str] = column("Timeframe of the series.", Text, primary_key=True)
    version: Mapped[int] = column(
        "Unlike every number any series has had before.", BigInteger, Identity(always=True), nullable=False
    )
    bars_known_at: Mapped[datetime | None] = column(
        "Newest moment at which any bar it has, or had, became known.", MOMENT
    )


class SeriesFingerprint(Model):
    """A fingerprint of a series, computed once a version."""

    __tablename__ = "series_fingerprints"
    __table_args__ = (
        {"comment": "Fingerprints of series, each true as long as the series has the version it was computed at."},
    )
    symbol_id: Mapped[int] = column("The symbol (symbols.id).", Integer, primary_key=True, autoincrement=False)
    timeframe: Mapped[str] = column("Timeframe of the series.", Text, primary_key=True)
    recipe: Mapped[str] = column("What was hashed, and how.", Text, primary_key=True)
    version: Mapped[int] = column("Version of the series at that time.", BigInteger)
    fingerprint: Mapped[str | None] = column("The hash; NULL where there was nothing to hash.", Text)
    settled_at: Mapped[datetime] = column(
        "The newest moment in any of its rows: seen from there or later, the series is the same.", MOMENT
    )
