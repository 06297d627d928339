"""The market's tables: symbols, bars as traded, corporate actions, announcements, findings, indicators."""

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
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
    true,
)
from sqlalchemy import Column as Col
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column


class Symbol(Model):
    """A tradable thing."""

    __tablename__ = "symbols"
    __table_args__ = (
        UniqueConstraint("ticker", "exchange"),
        {"comment": "A tradable thing, with its listing and what it belongs to."},
    )
    id: Mapped[int] = column("Surrogate key.", Integer, Identity(always=True), primary_key=True)
    ticker: Mapped[str] = column("Ticker as the first source writes it.", Text)
    exchange: Mapped[str] = column("Exchange or country of the listing; with the ticker the natural key.", Text)
    name: Mapped[str | None] = column("Company or product name.", Text)
    sector: Mapped[str | None] = column("Sector, as the source names it.", Text)
    asset_class: Mapped[str] = column("equity, index, crypto, ….", Text)
    calendar: Mapped[str] = column("Name of the exchange calendar, for example XNYS.", Text)
    currency: Mapped[str] = column("Currency of the prices.", Text)
    listed: Mapped[date | None] = column("First day of trading, where known.", Date)
    delisted: Mapped[date | None] = column("Last day of trading; NULL while it trades.", Date)
    delisted_known_at: Mapped[datetime | None] = column("When we learned of the delisting; NULL: always.", MOMENT)
    earlier_delistings: Mapped[list[Any]] = column(
        "What was thought of its delisting before: pairs of a day or null, and until when, oldest first.",
        JSON,
        server_default=text("'[]'::jsonb"),
    )
    first_night: Mapped[date | None] = column("The night of its first bars, deemed known at their sessions.", Date)
    source: Mapped[str] = column("Source that described it.", Text)
    simulated: Mapped[bool] = column("True where every price is made by a seeded simulation.", Boolean)
    updated_at: Mapped[datetime] = column("When this row last changed.", MOMENT, server_default=NOW)


def _bar_columns() -> list[Col[Any]]:
    return [
        Col("open", NUMBER, nullable=False, comment="Opening price as traded."),
        Col("high", NUMBER, nullable=False, comment="Highest price as traded."),
        Col("low", NUMBER, nullable=False, comment="Lowest price as traded."),
        Col("close", NUMBER, nullable=False, comment="Closing price as traded."),
        Col("volume", NUMBER, nullable=False, comment="Shares traded."),
        Col("source", Text, nullable=False, comment="Source of these values."),
    ]


# The bulk tables have no foreign key: its trigger would run once a row and double the time of a load. Keys come from
# `symbols` in the same transaction, and no symbol is ever deleted.
def _bar_key() -> list[Col[Any]]:
    return [
        Col("symbol_id", Integer, nullable=False, comment="The symbol (symbols.id)."),
        Col("timeframe", Text, nullable=False, comment="Length of the bar: 1d, 1h, 15m, 5m or 1m."),
        Col("session", Date, nullable=False, comment="Session date on the symbol's calendar."),
        Col("ts", MOMENT, nullable=True, comment="Opening instant of an intraday bar; NULL for a daily one."),
    ]


bars = Table(
    "bars",
    Model.metadata,
    *_bar_key(),
    *_bar_columns(),
    Col("known_at", MOMENT, nullable=False, comment="When the world could know these values."),
    Col(
        "known_at_assumed",
        Boolean,
        nullable=False,
        comment="True where known_at is the session's close because the first load came later.",
    ),
    Col("ingested_at", MOMENT, nullable=False, server_default=NOW, comment="When we wrote the row."),
    comment="One bar of one timeframe, raw as traded, partitioned by timeframe. Each partition has its own key.",
    postgresql_partition_by="LIST (timeframe)",
)

bar_revisions = Table(
    "bar_revisions",
    Model.metadata,
    *_bar_key(),
    *_bar_columns(),
    Col("known_from", MOMENT, nullable=False, comment="From when these values were the known ones."),
    Col("known_to", MOMENT, nullable=False, comment="When their own source replaced them."),
    UniqueConstraint("symbol_id", "timeframe", "session", "ts", "known_to", postgresql_nulls_not_distinct=True),
    comment="What a bar said before its own source changed it.",
)


class SplitRow(Model):
    """A split as known from `known_at` on."""

    __tablename__ = "splits"
    __table_args__ = ({"comment": "A split: one old share became `ratio` new ones. The newest known_at holds."},)
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"), primary_key=True)
    ex_date: Mapped[date] = column("First session on the new basis.", Date, primary_key=True)
    known_at: Mapped[datetime] = column("When the world could know.", MOMENT, primary_key=True)
    ratio: Mapped[float] = column("New shares for one old share; 0 withdraws an earlier version.", NUMBER)
    source: Mapped[str] = column("Source of the row.", Text)
    ingested_at: Mapped[datetime] = column("When we wrote the row.", MOMENT, server_default=NOW)


class DividendRow(Model):
    """A dividend as known from `known_at` on."""

    __tablename__ = "dividends"
    __table_args__ = ({"comment": "A cash dividend a share as traded. The newest known_at holds."},)
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"), primary_key=True)
    ex_date: Mapped[date] = column("First session without the right to it.", Date, primary_key=True)
    kind: Mapped[str] = column("cash, special, ….", Text, primary_key=True)
    known_at: Mapped[datetime] = column("When the world could know.", MOMENT, primary_key=True)
    amount: Mapped[float] = column("Cash a share as traded before the ex-date; 0 withdraws an earlier version.", NUMBER)
    source: Mapped[str] = column("Source of the row.", Text)
    ingested_at: Mapped[datetime] = column("When we wrote the row.", MOMENT, server_default=NOW)


class EarningsRow(Model):
    """An earnings announcement as known from `known_at` on."""

    __tablename__ = "earnings_calendar"
    __table_args__ = ({"comment": "An earnings announcement. The newest known_at holds."},)
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"), primary_key=True)
    fiscal_period: Mapped[str] = column("Fiscal period, for example 2019Q3.", Text, primary_key=True)
    known_at: Mapped[datetime] = column("When the world could know.", MOMENT, primary_key=True)
    announced: Mapped[date] = column("Day of the announcement.", Date)
    estimate: Mapped[float | None] = column("Expected earnings a share.", NUMBER)
    actual: Mapped[float | None] = column("Reported earnings a share.", NUMBER)
    surprise: Mapped[float | None] = column("actual - estimate.", NUMBER)
    hindsight: Mapped[bool] = column(
        "True for an announcement before our first night: nobody recorded when it became known.",
        Boolean,
        server_default=false(),
    )
    source: Mapped[str] = column("Source of the row.", Text)
    ingested_at: Mapped[datetime] = column("When we wrote the row.", MOMENT, server_default=NOW)


class QualityFinding(Model):
    """One rule broken by one bar, series, file or plug-in."""

    __tablename__ = "quality_findings"
    __table_args__ = (
        Index(
            "ix_quality_findings_open",
            "rule",
            "subject",
            "timeframe",
            "session",
            unique=True,
            postgresql_where=text("closed_at IS NULL"),
            postgresql_nulls_not_distinct=True,
        ),
        Index(None, "symbol_id", "session"),
        {"comment": "One rule broken by one bar, series, file or plug-in, with the offending values."},
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    rule: Mapped[str] = column("Name of the rule.", Text)
    severity: Mapped[str] = column("error, warning or note.", Text)
    subject: Mapped[str] = column("Ticker, file or plug-in that broke it.", Text)
    symbol_id: Mapped[int | None] = column("The symbol, where the subject is one.", ForeignKey("symbols.id"))
    timeframe: Mapped[str] = column("Timeframe of the bar or series.", Text, server_default="1d")
    session: Mapped[date | None] = column("Session of the bar, or the first of a gap; NULL for a whole series.", Date)
    message: Mapped[str] = column("What is wrong, in a sentence with the values.", Text)
    payload: Mapped[dict[str, Any]] = column("The offending values themselves.", JSON)
    quarantined: Mapped[bool] = column("True where the bar is not used by anything downstream.", Boolean)
    found_at: Mapped[datetime] = column("When it was found.", MOMENT, server_default=NOW)
    evidence: Mapped[date | None] = column("Session whose close first showed it; NULL: its own session.", Date)
    known_at: Mapped[datetime] = column("When the world could know of it.", MOMENT, server_default=NOW)
    closed_at: Mapped[datetime | None] = column("When it was found no more; NULL while it stands.", MOMENT)
    judgement: Mapped[str | None] = column("A person's word: accepted (use the bar) or rejected.", Text)
    judged_at: Mapped[datetime | None] = column("When the person judged.", MOMENT)


class IndicatorDefinitionRow(Model):
    """What a cached indicator column is."""

    __tablename__ = "indicator_catalog"
    __table_args__ = ({"comment": "What each column of `indicators` is."},)
    name: Mapped[str] = column("Column of the table indicators.", Text, primary_key=True)
    function: Mapped[str] = column("Function that computes it.", Text)
    params: Mapped[dict[str, Any]] = column("Its arguments.", JSON)
    inputs: Mapped[list[str]] = column("Bar columns it reads.", JSON)
    kind: Mapped[str] = column("float or flag.", Text)
    warm_up: Mapped[int] = column("Bars before the first value.", Integer)
    meaning: Mapped[str] = column("What it tells a trader.", Text)
    code_hash: Mapped[str] = column("Hash of the code that computes it.", Text)
    active: Mapped[bool] = column("False once no code provides it any more.", Boolean, server_default=true())
    updated_at: Mapped[datetime] = column("When this row last changed.", MOMENT, server_default=NOW)


indicators = Table(
    "indicators",
    Model.metadata,
    Col("symbol_id", Integer, nullable=False, comment="The symbol (symbols.id)."),
    Col("timeframe", Text, nullable=False, comment="Length of the bar: 1d."),
    Col("session", Date, nullable=False, comment="Session date on the symbol's calendar."),
    Col("ts", MOMENT, nullable=True, comment="Opening instant of an intraday bar; NULL for a daily one."),
    Col("row_hash", BigInteger, nullable=False, comment="Hash of the row's values, to write only what changed."),
    comment=(
        "Indicator values on the split-adjusted basis known today, partitioned by timeframe. "
        "One column an indicator, added when it registers; see indicator_catalog."
    ),
    postgresql_partition_by="LIST (timeframe)",
)


class SeriesState(Model):
    """What has been done with a symbol's series, so that an unchanged night does nothing."""

    __tablename__ = "series_states"
    __table_args__ = ({"comment": "Fingerprints of what a series was when it was last judged and enriched."},)
    symbol_id: Mapped[int] = column("The symbol.", ForeignKey("symbols.id"), primary_key=True)
    timeframe: Mapped[str] = column("Timeframe of the series.", Text, primary_key=True)
    gate_fingerprint: Mapped[str | None] = column("Bars and rules at the last quality gate.", Text)
    indicators_fingerprint: Mapped[str | None] = column("Bars, actions and code at the last indicators.", Text)


class SourceState(Model):
    """What a source last delivered, so that an unchanged source is not read again."""

    __tablename__ = "source_states"
    __table_args__ = ({"comment": "What each source last delivered."},)
    source: Mapped[str] = column("Name of the source.", Text, primary_key=True)
    stamp: Mapped[str] = column("Hash of the content and settings it delivered from.", Text)
    newest_session: Mapped[date | None] = column("Newest session it offered.", Date)
    delivered_at: Mapped[datetime] = column("When it last delivered.", MOMENT, server_default=NOW)
    rejected_rows: Mapped[int] = column("Rows of that delivery that could not be read as bars.", Integer)
    night: Mapped[date | None] = column("The last night on which it was asked.", Date)
    outcome: Mapped[str] = column("delivered, stopped (and why in message), skipped.", Text, server_default="delivered")
    message: Mapped[str] = column("How it went, in a sentence.", Text, server_default="")
    requests: Mapped[int] = column("Requests of that night.", Integer, server_default="0")
    bars: Mapped[int] = column("Bars it delivered that night that are new or changed.", Integer, server_default="0")
