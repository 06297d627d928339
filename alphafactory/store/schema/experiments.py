"""The tables of searches: experiments, the parameter sets of each, and one trial for each set and symbol."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, Date, ForeignKey, Identity, Integer, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column


class Experiment(Model):
    """One search."""

    __tablename__ = "experiments"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        {
            "comment": "One search over parameter sets. Rows are never deleted: they count honestly what was tried. "
            "The same search twice is the same row."
        },
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    strategy_id: Mapped[int] = column("The version of the strategy.", ForeignKey("strategies.id"))
    grid: Mapped[dict[str, Any]] = column("The searched parameters, each with its values in order.", JSON)
    fixed: Mapped[dict[str, Any]] = column("The other parameters of the strategy.", JSON)
    settings: Mapped[dict[str, Any]] = column("Settings of the simulations.", JSON)
    profile: Mapped[str | None] = column("Profile of the config that they came from; NULL for none.", Text)
    universe: Mapped[str | None] = column("Universe searched; NULL where symbols were named.", Text)
    symbols: Mapped[list[str]] = column("Tickers of the symbols that gave trials.", ARRAY(Text))
    failures: Mapped[list[dict[str, Any]]] = column("Symbols that gave none, each with its reason.", JSON)
    period_start: Mapped[date | None] = column("First session asked for; NULL for all.", Date)
    period_end: Mapped[date | None] = column("Last session asked for; NULL for all.", Date)
    as_of: Mapped[date] = column("The date as of which it saw the world.", Date)
    risk_free_rate: Mapped[float] = column("Annual risk-free rate of its ratios.", NUMBER)
    simulated_prices: Mapped[bool] = column("True where the prices are made by a simulation.", Boolean)
    seed: Mapped[int | None] = column("Seed of its random draws; NULL where it draws none.", BigInteger)
    fingerprint: Mapped[str] = column("Hash of everything its results depend on.", Text)
    origin: Mapped[str] = column("What asked for it: sweep.", Text)
    parameter_sets: Mapped[int] = column("Parameter sets evaluated.", Integer)
    evaluated: Mapped[int] = column("Trials: parameter sets times symbols.", BigInteger)
    skipped: Mapped[int] = column("Combinations of the grid that the strategy refuses.", BigInteger)
    seconds: Mapped[float] = column("Seconds it took.", NUMBER)
    code_version: Mapped[str] = column("Version of AlphaFactory that computed it.", Text)
    started_at: Mapped[datetime] = column("When it started.", MOMENT, server_default=NOW)
    finished_at: Mapped[datetime] = column("When it ended.", MOMENT, server_default=NOW)


class ParameterSetRow(Model):
    """One combination of parameters of one search."""

    __tablename__ = "parameter_sets"
    __table_args__ = ({"comment": "One combination of parameters that a search evaluated."},)
    experiment_id: Mapped[int] = column("The search.", BigInteger, ForeignKey("experiments.id"), primary_key=True)
    number: Mapped[int] = column("Its place in the search, from 1.", Integer, primary_key=True)
    params: Mapped[dict[str, Any]] = column("A value for every parameter of the strategy.", JSON)


# No foreign keys: they would look every row up in the middle of a bulk load, and neither end is ever deleted.
class TrialRow(Model):
    """One parameter set on one symbol."""

    __tablename__ = "trials"
    __table_args__ = ({"comment": "One parameter set simulated on one symbol, on an account of its own."},)
    experiment_id: Mapped[int] = column(
        "The search (experiments.id).", BigInteger, primary_key=True, autoincrement=False
    )
    symbol_id: Mapped[int] = column(
        "The symbol (symbols.id); 0 for an account over all symbols of the search.",
        Integer,
        primary_key=True,
        autoincrement=False,
    )
    number: Mapped[int] = column(
        "The parameter set (parameter_sets.number).", Integer, primary_key=True, autoincrement=False
    )
    total_return: Mapped[float | None] = column("End equity over starting cash, less 1.", NUMBER)
    sharpe: Mapped[float | None] = column("Annualised Sharpe ratio; NULL where returns do not vary.", NUMBER)
    sortino: Mapped[float | None] = column("Annualised Sortino ratio; NULL without a loss.", NUMBER)
    max_drawdown: Mapped[float | None] = column("Deepest drawdown, a negative fraction.", NUMBER)
    n_trades: Mapped[int | None] = column("Trades, an open one included.", Integer)
    n_closed_trades: Mapped[int | None] = column("Trades that have ended.", Integer)
    win_rate: Mapped[float | None] = column("Winning closed trades over closed trades; NULL without any.", NUMBER)
    profit_factor: Mapped[float | None] = column("Money won over money lost; NULL without a loss.", NUMBER)
    exposure: Mapped[float | None] = column("Sessions with a position over all sessions.", NUMBER)
    end_equity: Mapped[float | None] = column("Equity at the last close.", NUMBER)
