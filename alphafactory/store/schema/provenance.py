"""The tables of where data come from: vendors asked, holes, other names, memberships, judgements, scores."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column


class VendorBudget(Model):
    """What has been asked of a vendor on one day."""

    __tablename__ = "vendor_budgets"
    __table_args__ = (
        {"comment": "Requests sent to a vendor on one day. Shared by all processes; survives a restart."},
    )
    vendor: Mapped[str] = column("Name of the source.", Text, primary_key=True)
    day: Mapped[date] = column("The day of the night.", Date, primary_key=True)
    spent: Mapped[int] = column("Requests sent.", Integer, server_default="0")
    exhausted: Mapped[bool] = column(
        "True once the vendor said that the quota is spent.", Boolean, server_default=false()
    )
    recent: Mapped[list[datetime]] = column("When the requests of the last minute were sent.", ARRAY(MOMENT))


class VendorAnswer(Model):
    """How a vendor answered one question of a night."""

    __tablename__ = "vendor_answers"
    __table_args__ = (
        {"comment": "The last answer of a vendor to each question, so that nothing is asked twice a night."},
    )
    vendor: Mapped[str] = column("Name of the source.", Text, primary_key=True)
    subject: Mapped[str] = column(
        "bars, recheck, history, actions, profile, earnings, delistings, …", Text, primary_key=True
    )
    key: Mapped[str] = column("Ticker or session asked for; empty for a whole market.", Text, primary_key=True)
    night: Mapped[date] = column("The night of the question.", Date)
    outcome: Mapped[str] = column("delivered, or the kind of refusal.", Text)
    message: Mapped[str] = column("The refusal in words.", Text, server_default="")
    answered_at: Mapped[datetime] = column("When it was answered.", MOMENT, server_default=NOW)


class BarGap(Model):
    """Sessions of which a source has no bar."""

    __tablename__ = "bar_gaps"
    __table_args__ = (
        {"comment": "Sessions that a source was asked for and does not have; they are not asked for again."},
    )
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"), primary_key=True)
    timeframe: Mapped[str] = column("Timeframe of the bars.", Text, primary_key=True)
    source: Mapped[str] = column("Who was asked.", Text, primary_key=True)
    first_session: Mapped[date] = column("First session of the hole.", Date, primary_key=True)
    last_session: Mapped[date] = column("Last session of the hole.", Date)
    reason: Mapped[str] = column("Why there is none, as the source said.", Text)
    asked_on: Mapped[date] = column("The night on which it was asked.", Date)


class BarObservation(Model):
    """What a second vendor says of a stored bar."""

    __tablename__ = "bar_observations"
    __table_args__ = (
        {"comment": "What another vendor says of a session, kept beside the bar and never in its place."},
    )
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"), primary_key=True)
    timeframe: Mapped[str] = column("Timeframe of the bar.", Text, primary_key=True)
    session: Mapped[date] = column("Session of the bar.", Date, primary_key=True)
    source: Mapped[str] = column("The vendor that says so.", Text, primary_key=True)
    close: Mapped[float] = column("Closing price as traded.", NUMBER)
    volume: Mapped[float] = column("Shares traded.", NUMBER)
    observed_at: Mapped[datetime] = column("When it was asked.", MOMENT)


class SymbolAlias(Model):
    """A ticker under which a symbol traded for a time."""

    __tablename__ = "symbol_aliases"
    __table_args__ = (
        UniqueConstraint("symbol_id", "ticker", "valid_from", postgresql_nulls_not_distinct=True),
        Index(None, "ticker"),
        {"comment": "Tickers under which a symbol traded, dated: a symbol stays itself when its ticker changes."},
    )
    id: Mapped[int] = column("Surrogate key.", Integer, Identity(always=True), primary_key=True)
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"))
    ticker: Mapped[str] = column("Ticker of that time.", Text)
    valid_from: Mapped[date | None] = column("First day; NULL for its first ticker.", Date)
    valid_to: Mapped[date | None] = column("Last day; NULL while it is in use.", Date)
    merged_into: Mapped[str | None] = column("Ticker of the company that took it over at the end.", Text)
    source: Mapped[str] = column("Who says so.", Text)
    known_at: Mapped[datetime] = column("When we learned of it.", MOMENT)


class UniverseRow(Model):
    """A named list of symbols."""

    __tablename__ = "universes"
    __table_args__ = ({"comment": "A named list of symbols, as the config defines it."},)
    id: Mapped[int] = column("Surrogate key.", Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = column("Its name in the config.", Text, unique=True)
    definition: Mapped[dict[str, Any]] = column("Its definition in the config.", JSON)
    updated_at: Mapped[datetime] = column("When the definition last changed.", MOMENT, server_default=NOW)


class UniverseMember(Model):
    """A spell of membership."""

    __tablename__ = "universe_members"
    __table_args__ = (
        UniqueConstraint("universe_id", "symbol_id", "valid_from", "known_at", postgresql_nulls_not_distinct=True),
        {"comment": "A spell of membership in a universe, versioned by when it was known."},
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    universe_id: Mapped[int] = column("The universe.", ForeignKey("universes.id"))
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"))
    valid_from: Mapped[date | None] = column("First day of membership; NULL without bound.", Date)
    valid_to: Mapped[date | None] = column("Last day of membership; NULL without bound.", Date)
    known_at: Mapped[datetime] = column("From when this spell was known.", MOMENT)
    known_to: Mapped[datetime | None] = column("When it was found otherwise; NULL while it holds.", MOMENT)
    known_at_assumed: Mapped[bool] = column("True where the universe was defined later than the spell.", Boolean)


class QualityJudgement(Model):
    """A person's word on a finding."""

    __tablename__ = "quality_judgements"
    __table_args__ = (
        Index(None, "finding_id", "judged_at"),
        {"comment": "Every judgement of a person on a finding; the newest known one holds."},
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    finding_id: Mapped[int] = column("The finding.", ForeignKey("quality_findings.id"))
    verdict: Mapped[str] = column("accepted (use the bar) or rejected (do not).", Text)
    note: Mapped[str] = column("The person's reason.", Text, server_default="")
    judged_at: Mapped[datetime] = column("When the person judged.", MOMENT)


class QualityScore(Model):
    """How good a symbol's series was on one night."""

    __tablename__ = "quality_scores"
    __table_args__ = ({"comment": "The score of a symbol's series on a night, from 0 (useless) to 1 (nothing found)."},)
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"), primary_key=True)
    night: Mapped[date] = column("The night.", Date, primary_key=True)
    score: Mapped[float] = column("From 0 to 1.", NUMBER)
    parts: Mapped[dict[str, Any]] = column("What was deducted for what.", JSON)
    known_at: Mapped[datetime] = column("When it was computed.", MOMENT)
