"""What the page of a portfolio is made of: the contract between whoever reads the tables and whoever writes the page.

Goes in: plain values, already computed, as in `contexts`. `None` always means undefined and is shown as a dash with its
reason. Fractions are fractions: returns, weights, drawdowns and risks are shares of equity (0.05 is 5 %), losses and
drawdowns as returns negative, VaR and CVaR positive. Money is in account currency, dates are sessions. Curves have
shape (sessions,), NaN where undefined.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.domain.mandate import RebalanceRules, RiskLimits
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.reports.backtest_contexts import CostSplit, DrawdownRow, ExitRow, OrderCount
    from alphafactory.reports.contexts import MetricRow, MetricUnit, MonthlyRow


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric of the portfolio beside equal weight of its universe and the index; reasons say why one is None."""

    label: str
    unit: MetricUnit
    formula: str
    portfolio: float | None
    equal_weight: float | None
    index: float | None
    reason: str = ""
    equal_weight_reason: str = ""
    index_reason: str = ""


@dataclass(frozen=True, slots=True)
class NextOrderRow:
    """One order of the coming session, as a person types it into a broker.

    `side` is buy, sell, sell_short or buy_to_cover; `quantity` positive raw shares; `kind` one of ORDER_KINDS (market,
    limit, stop_market, stop_limit, or an exit's). Prices are raw; `price` is the last raw close, which sizes it.
    `risk` is the share of equity that the whole position then loses from `price` to its stop, None without a stop.
    """

    symbol: str
    side: str
    quantity: float
    kind: str
    limit_price: float | None
    stop_price: float | None
    reason: str
    weight_before: float
    weight_after: float
    risk: float | None
    price: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One act of a limit: a row of risk_events. `rule` and `action` are of RISK_RULES and RISK_ACTIONS.

    `subject` is the symbol or the sector, empty for the account. `measured` and `limit` are shares of equity, but
    counts for max_positions and correlation. `wanted` and `allowed` are signed shares, None where none were sought.
    """

    session: date
    rule: str
    action: str
    subject: str
    measured: float | None
    limit: float | None
    wanted: float | None = None
    allowed: float | None = None


@dataclass(frozen=True, slots=True)
class LimitEffect:
    """What one limit did over the whole run, and what the portfolio would have been without it.

    `rule` is of RISK_RULES, `*` for all limits off at once. `actions` are (action, times), those that happened.
    `reason` says why the values without it are None.
    """

    rule: str
    actions: tuple[tuple[str, int], ...]
    total_return: float | None
    max_drawdown: float | None
    sharpe: float | None
    total_return_without: float | None
    max_drawdown_without: float | None
    sharpe_without: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ValueAtRiskRow:
    """VaR and CVaR of the weights held now, one session ahead: losses, positive, as shares of equity.

    `method` is history, normal, cornish_fisher or monte_carlo; `level` the confidence, such as 0.95.
    """

    method: str
    level: float
    value_at_risk: float | None
    conditional: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VarBacktestRow:
    """How one VaR would have done: sessions on which the loss was beyond what the `window` returns before forecast.

    `kupiec_p` is of the number of breaches, `christoffersen_p` of their independence.
    """

    method: str
    level: float
    window: int
    sessions: int
    breaches: int
    expected: float
    kupiec_p: float | None
    christoffersen_p: float | None
    kupiec_reason: str = ""
    christoffersen_reason: str = ""


@dataclass(frozen=True, slots=True)
class StressRow:
    """Today's weights through one bad time. `kind` is history (a window of the data) or shock (asked for).

    `loss` is their return over it (negative is a loss). `missing` is the weight of positions without data then.
    """

    kind: str
    name: str
    loss: float | None
    start: date | None = None
    end: date | None = None
    missing: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PositionRow:
    """One position at the last close, on raw prices and shares. Components of VaR and CVaR add up over positions."""

    symbol: str
    name: str | None
    sector: str | None
    since: date
    quantity: float
    price: float
    value: float
    weight: float
    profit: float
    var_component: float | None
    cvar_component: float | None = None
    marginal_var: float | None = None
    cluster: int | None = None


@dataclass(frozen=True, slots=True)
class ContributionRow:
    """What one symbol, sector or strategy added: shares of starting cash that add up to the total return.

    `risk_share` is its share of the variance of the daily returns; those of one kind add up to 1. None with `reason`.
    """

    name: str
    contribution: float | None
    risk_share: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ExposureCurves:
    """Shares of equity at each close, shape (sessions,). `sectors` are (name, gross), the largest on average first."""

    gross: FloatArray
    net: FloatArray
    cash: FloatArray
    sectors: tuple[tuple[str, FloatArray], ...]


@dataclass(frozen=True, slots=True)
class CorrelationMatrix:
    """Correlations of the held symbols' returns, at most 60 of them, in order of their clusters.

    `clusters` has a number from 1 for each symbol, equal numbers standing together. `values` is square, None where too
    few returns are known. `held` counts all symbols held, `sessions` the returns looked at.
    """

    symbols: tuple[str, ...]
    clusters: tuple[int, ...]
    values: tuple[tuple[float | None, ...], ...]
    held: int
    sessions: int


@dataclass(frozen=True, slots=True)
class TurnoverRow:
    """A year's trading: `turnover` is traded value over mean equity, `drag` costs over mean equity."""

    year: int
    turnover: float
    costs: float
    drag: float


@dataclass(frozen=True, slots=True)
class FillRow:
    """One fill of the week replayed. `quantity` is signed; `reason` a word: signal, rebalance, stop, loss_limit."""

    symbol: str
    quantity: float
    price: float
    reason: str


@dataclass(frozen=True, slots=True)
class WeekDay:
    """One session of the week replayed; `gross` is at its close."""

    session: date
    equity: float
    day_return: float | None
    gross: float
    events: tuple[EventRow, ...] = ()
    fills: tuple[FillRow, ...] = ()


@dataclass(frozen=True, slots=True)
class WorstWeek:
    """The ISO week with the lowest return, day by day; the first day is the close before it began, if there is one."""

    week_return: float
    index_return: float | None
    days: tuple[WeekDay, ...]


@dataclass(frozen=True, slots=True)
class NoteRow:
    """Something the reader must know: a fallback, clashing bounds, a symbol without data. No session: all the time."""

    session: date | None
    words: str


@dataclass(frozen=True, slots=True)
class PortfolioRow:
    """One portfolio on the night's index. `acts` counts risk events, `orders` those of `orders_session`."""

    name: str
    title: str
    start: date
    end: date
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    equal_weight_return: float | None
    equal_weight_sharpe: float | None
    acts: int
    orders: int
    orders_session: date | None
    changed: bool = False
    ruined: bool = False


@dataclass(frozen=True, slots=True)
class PortfolioPage:
    """One portfolio in full.

    `definition` holds (name, value) pairs of the config in words: sleeves, universe, ranking. `comparison` comes in the
    order shown; its rows are the headline. `orders` are decided at the close of `end` for `orders_session`;
    `orders_note` says in words what else is to know of them, such as why there are none. `overshoots` are events at
    which a loss or a share lay beyond its limit at a close, `events` the newest events, at most some hundreds, of
    `events_total`. `components_of` names the VaR that the components of `positions` add up to: 95% by history.
    `activity` are metrics in groups: concentration, capacity, turnover, holding periods. In `monthly`, `holding` is
    equal weight. `notes` may be a part of `notes_total`. `stamp` names everything the page is made from.
    """

    name: str
    title: str
    backtest_id: int
    start: date
    end: date
    universe_symbols: int
    initial_capital: float
    comparison: tuple[ComparedMetric, ...]
    sessions: DateArray
    equity: FloatArray
    drawdown: FloatArray
    run_id: str
    code_version: str
    data_stamp: str
    fingerprint: str
    simulated: bool = False
    ruined: bool = False
    optimistic: bool = False
    balance_error: float = 0.0
    stamp: str = ""
    equal_weight: FloatArray | None = None
    equal_weight_drawdown: FloatArray | None = None
    index_equity: FloatArray | None = None
    index_symbol: str | None = None
    relative: tuple[ComparedMetric, ...] = ()
    orders: tuple[NextOrderRow, ...] = ()
    orders_session: date | None = None
    orders_note: str = ""
    effects: tuple[LimitEffect, ...] = ()
    overshoots: tuple[EventRow, ...] = ()
    events: tuple[EventRow, ...] = ()
    events_total: int = 0
    value_at_risk: tuple[ValueAtRiskRow, ...] = ()
    var_sessions: int = 0
    var_backtests: tuple[VarBacktestRow, ...] = ()
    stress: tuple[StressRow, ...] = ()
    exposures: ExposureCurves | None = None
    positions: tuple[PositionRow, ...] = ()
    components_of: str = ""
    by_symbol: tuple[ContributionRow, ...] = ()
    by_sector: tuple[ContributionRow, ...] = ()
    by_strategy: tuple[ContributionRow, ...] = ()
    correlation: CorrelationMatrix | None = None
    activity: tuple[MetricRow, ...] = ()
    turnover: tuple[TurnoverRow, ...] = ()
    monthly: tuple[MonthlyRow, ...] = ()
    drawdowns: tuple[DrawdownRow, ...] = ()
    worst_week: WorstWeek | None = None
    costs: CostSplit | None = None
    exits: tuple[ExitRow, ...] = ()
    order_counts: tuple[OrderCount, ...] = ()
    metrics: tuple[MetricRow, ...] = ()
    definition: tuple[tuple[str, str], ...] = ()
    allocation: AllocationSettings | None = None
    rules: RebalanceRules | None = None
    limits: RiskLimits | None = None
    simulation: SimulationSettings | None = None
    notes: tuple[NoteRow, ...] = ()
    notes_total: int = 0
