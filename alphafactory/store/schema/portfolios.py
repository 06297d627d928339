"""The tables of portfolios: definitions, what a run held and aimed at, what its limits did, what to trade next."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, MappedColumn

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column


def run_column() -> MappedColumn[Any]:
    """Make the key of the run that a row belongs to; the row goes with it."""
    return column(
        "The run (backtests.id).", BigInteger, ForeignKey("backtests.id", ondelete="CASCADE"), primary_key=True
    )


class Portfolio(Model):
    """A definition of a portfolio."""

    __tablename__ = "portfolios"
    __table_args__ = (
        UniqueConstraint("name", "definition_hash"),
        {"comment": "A portfolio as the config defined it: a changed definition is a new row, old runs keep theirs."},
    )
    id: Mapped[int] = column("Surrogate key.", Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = column("Its name in the config.", Text)
    definition: Mapped[dict[str, Any]] = column("Symbols, sleeves, allocation, rebalancing and limits.", JSON)
    definition_hash: Mapped[str] = column("Hash of that definition.", Text)
    first_seen_at: Mapped[datetime] = column("When this definition was first seen.", MOMENT, server_default=NOW)


class TargetWeight(Model):
    """A weight that an account was to have."""

    __tablename__ = "target_weights"
    __table_args__ = (
        {
            "comment": "The weights a portfolio aims at from a close on: every one at a scheduled rebalance, between "
            "rebalances those that changed."
        },
    )
    backtest_id: Mapped[int] = run_column()
    session: Mapped[date] = column("Session at whose close it was decided.", Date, primary_key=True)
    symbol: Mapped[str] = column("Ticker of the symbol.", Text, primary_key=True)
    weight: Mapped[float] = column("Signed share of equity; 0 where a symbol is to be left.", NUMBER)


class PositionRow(Model):
    """A position at a close."""

    __tablename__ = "positions"
    __table_args__ = ({"comment": "What a portfolio held at each close; a symbol that is not held has no row."},)
    backtest_id: Mapped[int] = run_column()
    session: Mapped[date] = column("The session.", Date, primary_key=True)
    symbol: Mapped[str] = column("Ticker of the symbol.", Text, primary_key=True)
    quantity: Mapped[float] = column("Split-adjusted shares held, negative when short.", NUMBER)
    price: Mapped[float] = column("Split-adjusted price it is marked at: its last close.", NUMBER)
    value: Mapped[float] = column("quantity times price.", NUMBER)
    weight: Mapped[float | None] = column("value over equity; NULL where equity is not above 0.", NUMBER)


class ExposureRow(Model):
    """A share of equity at a close."""

    __tablename__ = "exposures"
    __table_args__ = ({"comment": "What a portfolio was exposed to at each close, as shares of its equity."},)
    backtest_id: Mapped[int] = run_column()
    kind: Mapped[str] = column("gross, net, long, short, cash or sector.", Text, primary_key=True)
    name: Mapped[str] = column("The sector; empty for the other kinds.", Text, primary_key=True)
    session: Mapped[date] = column("The session.", Date, primary_key=True)
    value: Mapped[float] = column("Share of equity; sectors without a position have no row.", NUMBER)


class RiskEventRow(Model):
    """An act of a limit."""

    __tablename__ = "risk_events"
    __table_args__ = ({"comment": "Every time a limit acted, in the order in which it happened, and what it did."},)
    backtest_id: Mapped[int] = run_column()
    number: Mapped[int] = column("Its place in the run, from 1.", Integer, primary_key=True)
    session: Mapped[date] = column("The session.", Date)
    rule: Mapped[str] = column(
        "position, sector, trade_loss, max_positions, correlation, cash_reserve, leverage, day_loss, week_loss or "
        "drawdown.",
        Text,
    )
    action: Mapped[str] = column("cut, refused, exit, freeze, halve, flat, rearm, trim or drifted.", Text)
    symbol: Mapped[str | None] = column("Ticker; NULL where it was not about one symbol.", Text)
    sector: Mapped[str | None] = column("Sector; NULL where it was not about one.", Text)
    measured: Mapped[float] = column("What was found: a share of equity, a return, or a count.", NUMBER)
    limit_value: Mapped[float] = column("What the limit allows, in the same unit.", NUMBER)
    wanted: Mapped[float | None] = column("Split-adjusted shares that were wanted, signed; NULL for none.", NUMBER)
    allowed: Mapped[float | None] = column("Split-adjusted shares that were allowed, signed; NULL for none.", NUMBER)


class LimitEffectRow(Model):
    """What a limit was good for."""

    __tablename__ = "limit_effects"
    __table_args__ = (
        {"comment": "How often each limit of a portfolio acted, and what the run would have been without it."},
    )
    backtest_id: Mapped[int] = run_column()
    rule: Mapped[str] = column("The limit, as in risk_events.rule; * is all of them.", Text, primary_key=True)
    acts: Mapped[int] = column("How often it acted.", Integer)
    total_return: Mapped[float | None] = column("Total return of the run.", NUMBER)
    max_drawdown: Mapped[float | None] = column("Deepest drawdown of the run, a negative fraction.", NUMBER)
    sharpe: Mapped[float | None] = column("Sharpe ratio of the run; NULL where it is undefined.", NUMBER)
    total_return_without: Mapped[float | None] = column("Total return without the limit.", NUMBER)
    max_drawdown_without: Mapped[float | None] = column("Deepest drawdown without the limit.", NUMBER)
    sharpe_without: Mapped[float | None] = column("Sharpe ratio without the limit.", NUMBER)


class PortfolioMeasure(Model):
    """A number about a portfolio's run."""

    __tablename__ = "portfolio_measures"
    __table_args__ = (
        {"comment": "What else is measured of a portfolio: risk, stress, concentration, capacity, contributions."},
    )
    backtest_id: Mapped[int] = run_column()
    kind: Mapped[str] = column("What family of measures it belongs to.", Text, primary_key=True)
    name: Mapped[str] = column("What it is, within its family.", Text, primary_key=True)
    value: Mapped[float | None] = column("The number; NULL where there is none.", NUMBER)
    detail: Mapped[dict[str, Any]] = column("What else there is to say of it.", JSON)


class NextOrderRow(Model):
    """An order for the next session."""

    __tablename__ = "next_orders"
    __table_args__ = (
        {"comment": "The order list that a portfolio's run ends with, for the session after decided_session."},
    )
    backtest_id: Mapped[int] = run_column()
    number: Mapped[int] = column("Its place in the list, from 1.", Integer, primary_key=True)
    decided_session: Mapped[date] = column("Session at whose close it was decided.", Date)
    symbol: Mapped[str] = column("Ticker of the symbol.", Text)
    side: Mapped[str] = column("buy or sell.", Text)
    quantity: Mapped[float] = column("Raw shares, as a broker counts them.", NUMBER)
    kind: Mapped[str] = column("market, limit, stop_market or stop_limit.", Text)
    limit_price: Mapped[float | None] = column("Limit as a broker takes it, raw; NULL for none.", NUMBER)
    stop_price: Mapped[float | None] = column("Stop as a broker takes it, raw; NULL for none.", NUMBER)
    reason: Mapped[str] = column("Why it is to be traded.", Text)
    weight_before: Mapped[float] = column("Share of equity that the position has now, signed.", NUMBER)
    weight_after: Mapped[float] = column("Share of equity that it has then, signed.", NUMBER)
    risk: Mapped[float | None] = column("Share of equity lost at the stop; NULL without one.", NUMBER)
    note: Mapped[str] = column("What a person should know about it; may be empty.", Text)


class AllocationFit(Model):
    """Weights that an optimiser found."""

    __tablename__ = "allocation_fits"
    __table_args__ = ({"comment": "Weights that an optimiser found, kept so that no fit is computed twice."},)
    key: Mapped[str] = column("Hash of everything the fit depends on.", Text, primary_key=True)
    allocation: Mapped[str] = column("The model asked for.", Text)
    session: Mapped[date] = column("Session up to whose close it knew the data.", Date)
    universe_hash: Mapped[str] = column("Hash of the symbols it chose among.", Text)
    settings: Mapped[dict[str, Any]] = column("Settings of the allocation.", JSON)
    symbols: Mapped[list[str]] = column("Tickers of the symbols.", ARRAY(Text))
    weights: Mapped[list[float]] = column("Signed shares of equity, in the order of symbols.", ARRAY(NUMBER))
    model: Mapped[str] = column("The model that gave the weights: the one asked for, or the fallback.", Text)
    note: Mapped[str] = column("Why it is another, or which wish was given up; may be empty.", Text)
    created_at: Mapped[datetime] = column("When it was stored.", MOMENT, server_default=NOW)
