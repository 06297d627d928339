"""The tables of results: strategies, backtests with every metric, their trades, their orders and their curves."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped

from alphafactory.store.schema.base import JSON, MOMENT, NOW, NUMBER, Model, column

METRIC_COLUMNS: dict[str, str] = {
    "total_return": "End equity over starting cash, less 1.",
    "cagr": "Annual growth by periods a year.",
    "cagr_calendar": "Annual growth by calendar days.",
    "annual_volatility": "Annualised standard deviation of returns.",
    "sharpe": "Annualised Sharpe ratio.",
    "sortino": "Annualised Sortino ratio.",
    "max_drawdown": "Deepest drawdown, a negative fraction.",
    "max_drawdown_peak": "Session of the peak before the deepest drawdown.",
    "max_drawdown_trough": "Session of the deepest drawdown's trough.",
    "max_drawdown_recovery": "Session at which the peak was reached again; NULL if never.",
    "calmar": "cagr over abs(max_drawdown).",
    "omega": "Omega ratio.",
    "tail_ratio": "Tail ratio.",
    "value_at_risk": "One-day historical value at risk at 95 %, a negative fraction.",
    "conditional_value_at_risk": "Mean loss beyond the value at risk, a negative fraction.",
    "skew": "Bias-corrected skewness of returns.",
    "kurtosis": "Bias-corrected excess kurtosis of returns.",
    "probabilistic_sharpe": "Probability that the true Sharpe ratio is above 0.",
    "index_return": "Total return of the index between the simulation's sessions, dividends included.",
    "alpha": "Annual return beyond beta times the index's.",
    "beta": "Covariance with the index over the index's variance.",
    "up_capture": "Annual growth on sessions on which the index rose over the index's own.",
    "down_capture": "Annual growth on sessions on which the index fell over the index's own.",
    "tracking_error": "Annualised deviation of the returns beyond the index's.",
    "information_ratio": "Annualised mean over deviation of the returns beyond the index's.",
    "hold_return": "Total return of the share itself from the first close, dividends included.",
    "hold_alpha": "Annual return beyond beta times that of holding the share.",
    "hold_beta": "Covariance with holding the share over its variance.",
    "hold_up_capture": "Annual growth on sessions on which the share rose over the share's own.",
    "hold_down_capture": "Annual growth on sessions on which the share fell over the share's own.",
    "hold_tracking_error": "Annualised deviation of the returns beyond those of holding the share.",
    "hold_information_ratio": "Annualised mean over deviation of the returns beyond those of holding the share.",
    "exposure": "Sessions with a position over all sessions.",
    "turnover": "Traded value over mean equity, a year.",
    "n_trades": "Trades, an open one included.",
    "n_closed_trades": "Trades that have ended.",
    "n_ambiguous_trades": "Trades in which one bar met two levels.",
    "n_short_orders": "Orders that were refused, cut or given up.",
    "win_rate": "Winning closed trades over closed trades.",
    "profit_factor": "Money won over money lost, closed trades, net of costs.",
    "expectancy": "Mean net profit of a closed trade.",
    "expectancy_r": "Mean of net profit over risk, closed trades that have a stop.",
    "sqn": "System quality number.",
    "payoff_ratio": "Mean win over mean loss.",
    "avg_win": "Mean net profit of the winners.",
    "avg_loss": "Mean net loss of the losers.",
    "largest_win": "Largest net profit.",
    "largest_loss": "Largest net loss.",
    "max_consecutive_losses": "Longest run of losing trades.",
    "avg_bars_held": "Mean bars from entry to exit.",
    "commission_total": "Commission paid.",
    "slippage_total": "Money lost to slippage.",
    "fees_total": "Fees of sales.",
    "dividends_total": "Dividends received less paid.",
    "borrow_total": "Cost of borrowed shares.",
    "interest_total": "Interest earned on cash less paid on debt.",
    "ambiguous_pnl": "Money that hangs on bars that met two levels: optimistic less counted profit.",
    "start_equity": "Cash before the first session.",
    "end_equity": "Equity at the last close.",
    "n_sessions": "Sessions simulated.",
}
"""The metric columns; their definitions stand in the metrics catalogue, and a test compares the two."""

DATE_METRICS = frozenset({"max_drawdown_peak", "max_drawdown_trough", "max_drawdown_recovery"})


class StrategyVersion(Model):
    """A version of a strategy."""

    __tablename__ = "strategies"
    __table_args__ = (
        UniqueConstraint("name", "code_hash"),
        UniqueConstraint("name", "version"),
        {"comment": "A version of a strategy: a changed source text is a new version, old results keep theirs."},
    )
    id: Mapped[int] = column("Surrogate key.", Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = column("Name of the strategy.", Text)
    version: Mapped[int] = column("Counts up by name.", Integer)
    title: Mapped[str] = column("Title for people.", Text)
    description: Mapped[str] = column("The idea.", Text)
    params_schema: Mapped[dict[str, Any]] = column("Parameters with default, bounds and meaning.", JSON)
    source_text: Mapped[str] = column("Source of the strategy and its local imports.", Text)
    code_hash: Mapped[str] = column("Hash of that source.", Text)
    first_seen_at: Mapped[datetime] = column("When this version was first seen.", MOMENT, server_default=NOW)


class Backtest(Model):
    """One simulation."""

    __tablename__ = "backtests"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        Index(None, "subject_key"),
        Index(None, "symbol_id", "strategy_id"),
        Index("ix_backtests_current", "id", postgresql_where="superseded_by IS NULL AND origin = 'nightly'"),
        Index(None, "portfolio_id", postgresql_where="portfolio_id IS NOT NULL"),
        CheckConstraint("num_nonnulls(strategy_id, portfolio_id) = 1", name="one_subject"),
        {"comment": "One simulation with every metric. The same fingerprint is never simulated twice."},
    )
    id: Mapped[int] = column("Surrogate key.", BigInteger, Identity(always=True), primary_key=True)
    strategy_id: Mapped[int | None] = column(
        "The version of the strategy; NULL for a portfolio.", ForeignKey("strategies.id")
    )
    symbol_id: Mapped[int | None] = column(
        "The symbol; NULL for several on one account: a portfolio, or a strategy that sees a universe.",
        ForeignKey("symbols.id"),
    )
    scope: Mapped[str] = column(
        "What it ran on, in words: the ticker, the universe of a strategy over many symbols, or the portfolio's name.",
        Text,
    )
    params: Mapped[dict[str, Any]] = column("Parameters of the strategy.", JSON)
    settings: Mapped[dict[str, Any]] = column("Settings of the simulation.", JSON)
    period_start: Mapped[date | None] = column("First session asked for; NULL for all.", Date)
    period_end: Mapped[date | None] = column("Last session asked for; NULL for all.", Date)
    start_session: Mapped[date | None] = column("First session simulated.", Date)
    end_session: Mapped[date | None] = column("Last session simulated.", Date)
    fingerprint: Mapped[str] = column("Hash of everything the result depends on.", Text)
    data_fingerprint: Mapped[str] = column("Hash of the bars, actions and quarantine it read.", Text)
    subject_key: Mapped[str] = column("Hash of the question it answers; stable over nights.", Text)
    origin: Mapped[str] = column("nightly, adhoc or sweep.", Text)
    superseded_by: Mapped[int | None] = column(
        "The newer answer to the same question; NULL for the current one.", BigInteger, ForeignKey("backtests.id")
    )
    status: Mapped[str] = column(
        "done, failed, or skipped where there are fewer bars than the strategy's warm-up.", Text
    )
    error: Mapped[str | None] = column("Why it failed or was skipped.", Text)
    index_symbol: Mapped[str | None] = column("Ticker of the index it is measured against; NULL without one.", Text)
    simulated_prices: Mapped[bool] = column("True where the prices are made by a simulation.", Boolean)
    optimistic: Mapped[bool] = column("True where fills use a price that the signal had seen.", Boolean)
    ruined: Mapped[bool] = column("True where equity fell to nothing.", Boolean)
    periods_per_year: Mapped[int] = column("Periods a year used by the metrics.", Integer)
    risk_free_rate: Mapped[float] = column("Annual risk-free rate used by the metrics.", NUMBER)
    balance_error: Mapped[float | None] = column("Relative breach of the balance identity.", NUMBER)
    nan_targets: Mapped[int] = column("Sessions whose target was not a number, taken as flat.", Integer)
    undefined: Mapped[dict[str, Any]] = column("Metrics that are NULL, each with its reason.", JSON)
    job_run_id: Mapped[int | None] = column("The run that computed it.", ForeignKey("job_runs.id"))
    code_version: Mapped[str] = column("Version of AlphaFactory that computed it.", Text)
    portfolio_id: Mapped[int | None] = column(
        "The definition of the portfolio; NULL for a strategy on a symbol.", ForeignKey("portfolios.id")
    )
    created_at: Mapped[datetime] = column("When it was stored.", MOMENT, server_default=NOW)


for _name, _comment in METRIC_COLUMNS.items():
    _type = Date() if _name in DATE_METRICS else NUMBER
    setattr(Backtest, _name, Column(_name, _type, nullable=True, comment=_comment))


class TradeRow(Model):
    """One round trip."""

    __tablename__ = "trades"
    __table_args__ = ({"comment": "One round trip, from flat to flat. Exit columns are NULL while it is open."},)
    backtest_id: Mapped[int] = column(
        "The simulation.", BigInteger, ForeignKey("backtests.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = column("Its place in the simulation, from 1.", Integer, primary_key=True)
    symbol: Mapped[str] = column("Ticker of the symbol; several may share the account.", Text)
    entry_session: Mapped[date] = column("Session of the entry.", Date)
    entry_price: Mapped[float] = column("Average entry price after slippage, split-adjusted.", NUMBER)
    exit_session: Mapped[date | None] = column("Session of the exit.", Date)
    exit_price: Mapped[float | None] = column("Average exit price after slippage, split-adjusted.", NUMBER)
    exit_reason: Mapped[str | None] = column(
        "signal, stop, trail, break_even, take_profit, time, margin_call, delisted, ruined, loss_limit, risk_limit; "
        "NULL while open.",
        Text,
    )
    quantity: Mapped[float] = column("Largest holding in split-adjusted shares; negative when short.", NUMBER)
    gross_pnl: Mapped[float] = column("Profit before commission, slippage and fees.", NUMBER)
    net_pnl: Mapped[float] = column("Profit after commission, slippage and fees, without dividends and borrow.", NUMBER)
    commission: Mapped[float] = column("Commission of all its fills.", NUMBER)
    fees: Mapped[float] = column("Fees of its sales.", NUMBER)
    slippage: Mapped[float] = column("Money lost to slippage.", NUMBER)
    dividends: Mapped[float] = column("Dividends received less paid.", NUMBER)
    borrow: Mapped[float] = column("Cost of borrowed shares.", NUMBER)
    mae: Mapped[float] = column("Worst excursion, a fraction of the entry price, at most 0.", NUMBER)
    mfe: Mapped[float] = column("Best excursion, a fraction of the entry price, at least 0.", NUMBER)
    bars_held: Mapped[int] = column("Bars from entry to exit.", Integer)
    risk: Mapped[float | None] = column(
        "Money between the first fill and the first stop, for the largest holding; NULL without a stop.", NUMBER
    )
    ambiguous: Mapped[bool] = column("True where one bar met two levels; the worse one counts.", Boolean)
    optimistic_pnl: Mapped[float | None] = column(
        "net_pnl of an ambiguous trade, had the better level been met first.", NUMBER
    )


class OrderRow(Model):
    """One order, and what became of it."""

    __tablename__ = "orders"
    __table_args__ = (
        {"comment": "Every order of a simulation, filled or not, in the order in which they ended, and how it ended."},
    )
    backtest_id: Mapped[int] = column(
        "The simulation.", BigInteger, ForeignKey("backtests.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = column("Its place in the simulation, from 1.", Integer, primary_key=True)
    symbol: Mapped[str] = column("Ticker of the symbol; several may share the account.", Text)
    decided_session: Mapped[date] = column("Session whose close gave rise to it; for levels, whose bar did.", Date)
    ended_session: Mapped[date] = column("Session in which it was filled whole, refused or given up.", Date)
    kind: Mapped[str] = column(
        "market, limit, stop_market or stop_limit of a signal; else why a trade was ended, as in trades.exit_reason.",
        Text,
    )
    outcome: Mapped[str] = column(
        "filled; else what hindered it: no_cash, less_than_one_share, no_volume, halted, no_bar, no_estimate, "
        "no_edge, limit, stop, participation, direction_closed, level_crossed, max_entries, delisted, ruined, "
        "end_of_data, or a limit of a portfolio: frozen, max_positions, correlation, position, sector, trade_loss, "
        "cash_reserve.",
        Text,
    )
    weight: Mapped[float | None] = column("Target that it served, -1 to 1; NULL where it was not kept.", NUMBER)
    asked: Mapped[float] = column("Split-adjusted shares sought at its first attempt, negative for a sale.", NUMBER)
    filled: Mapped[float] = column("Split-adjusted shares traded, negative for a sale.", NUMBER)
    price: Mapped[float | None] = column("Average price after slippage, split-adjusted; NULL without a fill.", NUMBER)
    first_fill_session: Mapped[date | None] = column("Session of its first fill.", Date)
    commission: Mapped[float] = column("Commission of its fills.", NUMBER)
    fees: Mapped[float] = column("Fees of its sales.", NUMBER)
    slippage: Mapped[float] = column("Money lost to slippage.", NUMBER)
    stop: Mapped[float | None] = column("Stop of the trade after its last fill; NULL for none.", NUMBER)
    take_profit: Mapped[float | None] = column("Target of the trade after its last fill; NULL for none.", NUMBER)


class EquityCurve(Model):
    """The curve of a backtest."""

    __tablename__ = "equity"
    __table_args__ = ({"comment": "The curve of a backtest as arrays; performance_snapshots gives one row a session."},)
    backtest_id: Mapped[int] = column(
        "The simulation.", BigInteger, ForeignKey("backtests.id", ondelete="CASCADE"), primary_key=True
    )
    sessions: Mapped[list[date]] = column("Sessions.", ARRAY(Date))
    equity: Mapped[list[float]] = column("Equity at each close.", ARRAY(NUMBER))
    cash: Mapped[list[float]] = column("Cash at each close.", ARRAY(NUMBER))
    position: Mapped[list[float] | None] = column(
        "Split-adjusted shares held at each close; NULL for an account of several symbols.",
        ARRAY(NUMBER),
    )
