"""What a report is made of: the contract between whoever reads the tables and whoever writes the pages.

Goes in: plain values, already computed; no number is derived here that a table does not hold, counts and pairings
aside. `None` always means undefined and is shown as a dash, never as a zero. Fractions are fractions (0.12 is 12 %).
Dates are sessions, moments are aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import date, datetime

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.reports.backtest_contexts import (
        ComparisonRow,
        CostSplit,
        DrawdownRow,
        ExitRow,
        OrderCount,
        OrderRow,
        RelativeRow,
        RollingCurves,
    )
    from alphafactory.reports.correlation_contexts import CorrelationPage
    from alphafactory.reports.data_contexts import DataQuality, PastChanges, SourceRow, VendorRow
    from alphafactory.reports.portfolio_contexts import PortfolioRow

Outcome = Literal["fine", "partial", "failed"]
StepOutcome = Literal["fine", "partial", "failed", "skipped", "running"]
MetricUnit = Literal["fraction", "ratio", "money", "count", "bars", "days", "session", "text"]
"""How a metric is written. `days` and `bars` are durations, `session` a date, `text` words as they stand."""


@dataclass(frozen=True, slots=True)
class CountRow:
    """How many rows of one thing the database holds: ("bars", 499471)."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of the night; `seconds` and `rows` (written) are None where a step has none (yet)."""

    name: str
    outcome: StepOutcome
    seconds: float | None
    rows: int | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class FailureRow:
    """Something that should have given a result and gave none: what, on what, why, and what to do next."""

    kind: str
    subject: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class DataChanges:
    """What the night changed in the data, and the span that the data cover now."""

    symbols: int
    bars_new: int
    bars_changed: int
    bars_quarantined: int
    first_session: date | None
    last_session: date | None


@dataclass(frozen=True, slots=True)
class RankRow:
    """One current backtest with its headline metrics. Returns, drawdown, win rate and exposure are fractions.

    `excess_return` is its total return less buy-and-hold's on the same symbol and period. `passed`: what the audit of
    its strategy says, None without one. `changed`: computed tonight because something it depends on changed.
    `optimistic`: fills use a price the signal has seen. `leveraged`: positions may exceed equity.
    """

    backtest_id: int
    symbol: str
    name: str | None
    sector: str | None
    strategy: str
    params: str
    start: date
    end: date
    total_return: float | None
    cagr: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float | None
    calmar: float | None
    trades: int | None
    win_rate: float | None
    profit_factor: float | None
    exposure: float | None
    excess_return: float | None
    is_benchmark: bool = False
    passed: bool | None = None
    changed: bool = False
    optimistic: bool = False
    ruined: bool = False
    leveraged: bool = False


@dataclass(frozen=True, slots=True)
class SectorRow:
    """A sector: its best backtest by Sharpe, benchmark left out, and the median over all of them."""

    sector: str
    backtests: int
    best_symbol: str | None
    best_strategy: str | None
    best_sharpe: float | None
    median_sharpe: float | None


@dataclass(frozen=True, slots=True)
class StrategyRow:
    """A strategy over all its symbols. `share_beating` is the fraction whose total return exceeds buy-and-hold's."""

    strategy: str
    version: int
    symbols: int
    median_sharpe: float | None
    mean_sharpe: float | None
    share_beating: float | None
    mean_return: float | None
    is_benchmark: bool = False
    passed: bool | None = None


@dataclass(frozen=True, slots=True)
class AuditFindingRow:
    """One finding of an audit: what was looked at, error or warning, in words, and where it showed first."""

    check: str
    severity: str
    message: str
    symbol: str | None = None
    session: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What the audit says of a version of a strategy.

    `declared` is the warm-up in bars that it names, `median`, `high` (95 %) and `worst` what was measured over symbols
    and starts of history, `never` the share of histories whose start was never forgotten; None where not measured.
    """

    strategy: str
    version: int
    passed: bool
    cuts: int
    disturbances: int
    symbols: tuple[str, ...]
    declared: int | None
    median: float | None
    high: float | None
    worst: int | None
    never: float | None
    findings: tuple[AuditFindingRow, ...]


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One open finding of the quality gate; `values` are the offending values in words."""

    severity: str
    rule: str
    subject: str
    session: date | None
    message: str
    values: str
    quarantined: bool


@dataclass(frozen=True, slots=True)
class FindingCount:
    """All open findings of one rule, shown or not."""

    rule: str
    severity: str
    count: int
    quarantined: int


@dataclass(frozen=True, slots=True)
class GlossaryRow:
    """What a metric's name means here: its label as column headings write it, and its formula."""

    label: str
    formula: str


@dataclass(frozen=True, slots=True)
class NightContext:
    """One night. `findings` may be a part of what `finding_counts` counts; `finished_at` is None while it runs."""

    title: str
    run_id: str
    as_of: date
    outcome: Outcome
    started_at: datetime
    finished_at: datetime | None
    code_version: str
    config_digest: str
    simulated: bool
    database: tuple[CountRow, ...]
    steps: tuple[StepRow, ...]
    failures: tuple[FailureRow, ...]
    changes: DataChanges
    past: PastChanges
    vendors: tuple[VendorRow, ...]
    bars_by_source: tuple[SourceRow, ...]
    quality: DataQuality
    ranking: tuple[RankRow, ...]
    by_sector: tuple[SectorRow, ...]
    by_strategy: tuple[StrategyRow, ...]
    findings: tuple[FindingRow, ...]
    finding_counts: tuple[FindingCount, ...]
    glossary: tuple[GlossaryRow, ...]
    portfolios: tuple[PortfolioRow, ...] = ()
    correlations: CorrelationPage | None = None
    audits: tuple[AuditRow, ...] = ()
    unranked: tuple[RankRow, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of one backtest. `reason` says why `value` is None; `formula` is its definition.

    Rows of one `group` stand together, in the order of their first rows.
    """

    label: str
    value: float | date | str | None
    unit: MetricUnit
    formula: str
    reason: str | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class TradeRow:
    """One round trip; exit fields are None while it is open. Prices are split-adjusted; return, mae, mfe fractions.

    `costs` are commission, slippage and fees together, all inside `net_pnl`; borrow and dividends are not. `r_multiple`
    is net_pnl over the risk to the first stop. `ambiguous`: one bar met two levels; `optimistic_pnl` is then the
    net_pnl, had the better one been met first. `symbol` is named where an account has several.
    """

    entry_session: date
    entry_price: float
    exit_session: date | None
    exit_price: float | None
    quantity: float
    net_pnl: float
    trade_return: float | None
    costs: float
    mae: float | None
    mfe: float | None
    bars_held: int
    exit_reason: str
    commission: float = 0.0
    slippage: float = 0.0
    fees: float = 0.0
    borrow: float = 0.0
    dividends: float = 0.0
    r_multiple: float | None = None
    ambiguous: bool = False
    optimistic_pnl: float | None = None
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class MonthlyRow:
    """A year's simple returns, January to December, None for a month without sessions, and the year's own.

    `holding` and `index` are the year's returns of holding the symbol and of the index.
    """

    year: int
    months: tuple[float | None, ...]
    total: float | None
    holding: float | None = None
    index: float | None = None


@dataclass(frozen=True, slots=True)
class BacktestContext:
    """One backtest in full. Every array has shape (sessions,); prices split-adjusted, `drawdown` a fraction <= 0.

    `params` and `settings` are (name, value) pairs in words, `simulation` the settings themselves, None where they can
    no longer be read. `benchmark_equity` is the money had the share been held from the first close, dividends
    reinvested and no costs paid, `index_equity` the same of the index. `several`: one account over several symbols,
    whose prices are NaN here. `short_orders` may be a part of what `order_counts` counts. `data_stamp` names the data
    as they were read, `stamp` everything that the page is made from.
    """

    backtest_id: int
    strategy: str
    strategy_title: str
    idea: str
    params: tuple[tuple[str, str], ...]
    symbol: str
    name: str | None
    sector: str | None
    start: date
    end: date
    settings: tuple[tuple[str, str], ...]
    fingerprint: str
    run_id: str
    code_version: str
    data_stamp: str
    simulated: bool
    is_benchmark: bool
    optimistic: bool
    ruined: bool
    balance_error: float
    metrics: tuple[MetricRow, ...]
    sessions: DateArray
    equity: FloatArray
    benchmark_equity: FloatArray | None
    drawdown: FloatArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    trades: tuple[TradeRow, ...]
    monthly: tuple[MonthlyRow, ...]
    sources: tuple[SourceRow, ...]
    stamp: str = ""
    simulation: SimulationSettings | None = None
    index_equity: FloatArray | None = None
    index_symbol: str | None = None
    comparison: tuple[ComparisonRow, ...] = ()
    relative: tuple[RelativeRow, ...] = ()
    rolling: RollingCurves | None = None
    drawdowns: tuple[DrawdownRow, ...] = ()
    order_counts: tuple[OrderCount, ...] = ()
    short_orders: tuple[OrderRow, ...] = ()
    exits: tuple[ExitRow, ...] = ()
    costs: CostSplit | None = None
    ambiguous_pnl: float | None = None
    audit: AuditRow | None = None
    several: bool = False

    @property
    def leveraged(self) -> bool:
        """Whether positions may exceed equity."""
        return self.simulation is not None and self.simulation.leverage > 1.0
