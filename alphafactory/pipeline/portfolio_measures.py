"""What is to be known of a portfolio's run beside its metrics: comparisons, contributions, its worst week, notes.

Goes in: a finished run with its market and benchmarks. Comes out: `Measure`s, which SQL asks and the page shows. A kind
is a table of the page; undefined values are None with a reason in `detail`. Risk has a file of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.results import EXIT_REASONS, ORDER_KINDS
from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES
from alphafactory.metrics import METRICS, compute_curve_metrics
from alphafactory.pipeline.portfolio_risk import number, risk_measures
from alphafactory.portfolio.contribution import (
    by_group,
    by_sleeve,
    daily_parts,
    return_parts,
    session_profits,
    volatility_parts,
)
from alphafactory.portfolio.fills import session_fills
from alphafactory.portfolio.turnover import turnover_by_year
from alphafactory.store.portfolios import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.domain.results import Simulation
    from alphafactory.metrics import MetricSet
    from alphafactory.pipeline.portfolio_account import Account
    from alphafactory.pipeline.portfolio_market import PortfolioMarket
    from alphafactory.pipeline.portfolio_question import PortfolioQuestion
    from alphafactory.pipeline.portfolio_signals import SleeveSignals

_COMPARED = ("total_return", "cagr", "sharpe", "max_drawdown", "annual_volatility", "sortino", "calmar")
_RELATIVE = ("alpha", "beta", "tracking_error", "information_ratio")
_METRICS = {metric.name: metric for metric in METRICS}


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished run with all that it is measured by.

    `own` are the metrics of the portfolio, `beside` those of equal weight, `against` the portfolio's with equal weight
    as what is held. `equal_weight` and `index` are returns, shape (n,), None without an index.
    """

    question: PortfolioQuestion
    market: PortfolioMarket
    account: Account
    simulation: Simulation
    equal_weight: FloatArray
    own: MetricSet
    beside: MetricSet
    against: MetricSet
    index: FloatArray | None
    signals: SleeveSignals
    notes: Sequence[Note]
    coming: date
    orders_note: str
    risk_free_rate: float

    @property
    def prices(self) -> FloatArray:
        """The last known closes of the simulated sessions, shape (n, m)."""
        return self.market.close[self.market.window]


@dataclass(frozen=True, slots=True)
class Note:
    """Something a reader must know, of a session or of all the time."""

    words: str
    session: date | None = None


def portfolio_measures(measured: Measured) -> list[Measure]:
    """Return every measure of a run."""
    return [
        *_comparison(measured),
        *_relative(measured),
        *_curves(measured),
        *_contributions(measured),
        *risk_measures(measured),
        *_years(measured),
        *_worst_week(measured),
        *_words(measured),
    ]


def _comparison(measured: Measured) -> Iterator[Measure]:
    index = None
    if measured.index is not None and not np.isnan(measured.index).any():
        sessions, periods = measured.market.simulated_sessions, measured.market.chosen.periods
        index = compute_curve_metrics(measured.index, sessions, periods, measured.risk_free_rate)
    for place, name in enumerate(_COMPARED):
        metric = _METRICS[name]
        detail: dict[str, Any] = {
            "place": place, "label": metric.label, "unit": metric.unit, "formula": metric.formula,
        }  # fmt: skip
        for who, found in (("equal_weight", measured.beside), ("index", index)):
            missing = "no index" if measured.index is None else "the index is not known on every session"
            detail[who] = None if found is None else found.values.get(name)
            detail[f"{who}_reason"] = missing if found is None else _reason(found, name)
        yield Measure(
            "comparison", name, measured.own.values.get(name), detail | {"reason": _reason(measured.own, name)}
        )


def _relative(measured: Measured) -> Iterator[Measure]:
    """Yield what the portfolio is against equal weight, and against the index."""
    for place, name in enumerate(_RELATIVE):
        metric = _METRICS[name]
        yield Measure(
            "relative",
            name,
            None,
            {
                "place": place, "label": metric.label, "unit": metric.unit, "formula": metric.formula,
                "equal_weight": measured.against.values.get(f"hold_{name}"),
                "equal_weight_reason": _reason(measured.against, f"hold_{name}"),
                "index": measured.own.values.get(name), "index_reason": _reason(measured.own, name),
            },
        )  # fmt: skip


def _reason(found: MetricSet, name: str) -> str:
    return found.reasons.get(name, "").replace("_", " ")


def _curves(measured: Measured) -> Iterator[Measure]:
    """Yield the benchmarks' equity, from the portfolio's starting cash."""
    for name, returns in (("equal_weight", measured.equal_weight), ("index", measured.index)):
        if returns is not None and not np.isnan(returns).any():
            equity = measured.simulation.initial_capital * np.cumprod(1.0 + returns)
            yield Measure("curve", name, float(equity[-1]), _listed(equity))


def _listed(values: np.ndarray) -> dict[str, Any]:
    return {"values": [round(value, 4) for value in values.tolist()]}


def _contributions(measured: Measured) -> Iterator[Measure]:
    """Yield who earned the return and who made its risk: symbols, sectors, sleeves."""
    market, simulation = measured.market, measured.simulation
    dividends = np.nan_to_num(market.column("dividends")[market.window], nan=0.0)
    profits = session_profits(simulation, measured.prices, dividends, market.simulated_sessions)
    sectors, of_sectors = by_group(profits, market.chosen.sectors)
    kinds: list[tuple[str, Sequence[str], FloatArray]] = [
        ("symbol", market.chosen.tickers, profits),
        ("sector", sectors, of_sectors),
    ]
    sleeves = measured.question.sleeves
    if len(sleeves) > 1:
        wishes = np.stack(
            [
                sleeve.capital * target[market.window]
                for sleeve, target in zip(sleeves, measured.signals.targets, strict=True)
            ]
        )
        divided = by_sleeve(profits, simulation.positions, wishes)
        own = [f"{place}. {sleeve}" for place, sleeve in enumerate(sleeves, start=1)]
        kinds.append(("strategy", [*own, "no sleeve"], divided))
    for kind, names, columns in kinds:
        yield from _parts(measured, kind, names, columns)


def _parts(measured: Measured, kind: str, names: Sequence[str], profits: FloatArray) -> Iterator[Measure]:
    simulation = measured.simulation
    returned = return_parts(profits, simulation.equity, simulation.initial_capital)
    daily = daily_parts(profits, simulation.equity, simulation.initial_capital)
    risk = volatility_parts(daily, measured.market.chosen.periods)
    moved = np.abs(profits).sum(axis=0) > 0.0
    for place in np.flatnonzero(moved).tolist():
        share = None if isinstance(risk, str) else float(risk.parts[place]) / risk.total
        reason = risk.replace("_", " ") if isinstance(risk, str) else ""
        detail = {"risk_share": share, "reason": reason}
        yield Measure(f"contribution_{kind}", names[place], float(returned.parts[place]), detail)
    if abs(returned.rest) > 1e-9 and kind == "symbol":  # noqa: PLR2004  rounding earns nothing
        yield Measure("contribution_rest", "interest on cash", returned.rest)


def _years(measured: Measured) -> Iterator[Measure]:
    """Yield what each year traded and what that cost, against its mean equity."""
    fills = session_fills(measured.simulation)
    for year in turnover_by_year(fills, measured.simulation.equity, measured.market.simulated_sessions):
        turnover, reason = number(year.turnover)
        detail = {"costs": year.costs, "drag": number(year.drag)[0], "reason": reason}
        yield Measure("year", str(year.year), turnover, detail)


def _worst_week(measured: Measured) -> Iterator[Measure]:
    """Yield the ISO week with the lowest return, day by day, and the close before it."""
    sessions, simulation = measured.market.simulated_sessions, measured.simulation
    weeks = (sessions.astype("datetime64[D]").astype(np.int64) + 3) // 7
    ends = np.flatnonzero(np.diff(weeks, append=weeks[-1] + 1))
    starts = np.concatenate(([0], ends[:-1] + 1))
    before = np.concatenate(([simulation.initial_capital], simulation.equity))
    returns = np.where(before[starts] > 0.0, simulation.equity[ends] / np.maximum(before[starts], 1e-300) - 1.0, 0.0)
    worst = int(np.argmin(returns))
    first, last = int(starts[worst]), int(ends[worst])
    days = [_day(measured, row, fills=row >= first) for row in range(max(first - 1, 0), last + 1)]
    index = None
    if measured.index is not None and not np.isnan(measured.index[first : last + 1]).any():
        index = float(np.prod(1.0 + measured.index[first : last + 1]) - 1.0)
    yield Measure("worst_week", str(sessions[first]), float(returns[worst]), {"index_return": index, "days": days})


def _day(measured: Measured, row: int, *, fills: bool) -> dict[str, Any]:
    simulation = measured.simulation
    equity = simulation.equity[row]
    before = simulation.equity[row - 1] if row > 0 else simulation.initial_capital
    gross = float(
        np.abs(np.where(simulation.positions[row] != 0.0, simulation.positions[row] * measured.prices[row], 0.0)).sum()
    )
    return {
        "session": str(measured.market.simulated_sessions[row]),
        "equity": float(equity),
        "day_return": float(equity / before - 1.0) if before > 0.0 else None,
        "gross": gross / float(equity) if equity > 0.0 else None,
        "events": _events(measured, row) if fills else [],
        "fills": _fills(measured, row) if fills else [],
    }


def _events(measured: Measured, row: int) -> list[dict[str, Any]]:
    events = measured.simulation.events
    names, sectors = measured.market.chosen.tickers, sorted(set(measured.market.chosen.sectors))
    return [
        {
            "rule": RISK_RULES[int(events.rule[place])],
            "action": RISK_ACTIONS[int(events.action[place])],
            "subject": _subject(int(events.symbol[place]), int(events.sector[place]), names, sectors),
            "measured": number(float(events.measured[place]))[0],
            "limit": number(float(events.limit[place]))[0],
            "wanted": number(float(events.wanted[place]))[0],
            "allowed": number(float(events.allowed[place]))[0],
        }
        for place in np.flatnonzero(events.row == row).tolist()
    ]


def _subject(symbol: int, sector: int, names: Sequence[str], sectors: Sequence[str]) -> str:
    return names[symbol] if symbol >= 0 else sectors[sector] if sector >= 0 else ""


def _fills(measured: Measured, row: int) -> list[dict[str, Any]]:
    """Return what a session traded, on raw prices and shares, and why."""
    simulation, found = measured.simulation, session_fills(measured.simulation)
    listed = []
    for place in np.flatnonzero(found.row == row).tolist():
        column = int(found.symbol[place])
        factor = _factor(measured, column, row)
        listed.append(
            {
                "symbol": measured.market.chosen.tickers[column],
                "quantity": float(found.quantity[place]) / factor,
                "price": float(found.price[place]) * factor,
                "reason": _why(simulation, column, row, measured.account.mandate.rebalance),
            }
        )
    return listed


def _factor(measured: Measured, column: int, row: int) -> float:
    bars = measured.account.bars[column]
    place = int(np.searchsorted(bars.sessions, measured.market.simulated_sessions[row], side="right")) - 1
    return float(bars.split_factor[max(place, 0)])


def _why(simulation: Simulation, column: int, row: int, rebalance: BoolArray) -> str:
    """Return the reason of the order of a symbol that worked in a session."""
    orders = simulation.orders
    own = (orders.symbol == column) & (orders.first_fill >= 0) & (orders.first_fill <= row) & (orders.ended >= row)
    places = np.flatnonzero(own)
    if len(places) == 0:
        return ""
    kind = ORDER_KINDS[int(orders.kind[places[0]])]
    if kind in EXIT_REASONS:
        return kind
    return "rebalance" if rebalance[int(orders.decided[places[0]])] else "signal"


def _words(measured: Measured) -> Iterator[Measure]:
    for place, note in enumerate(measured.notes):
        session = None if note.session is None else note.session.isoformat()
        yield Measure("note", f"{place:06d}", None, {"words": note.words, "session": session})
    for place, failure in enumerate(measured.signals.failures):
        yield Measure("failure", f"{place:06d}", None, failure)
    yield Measure("symbols", "in the universe", float(len(measured.market.chosen.rows)))
    yield Measure("orders", "coming", None, {"session": measured.coming.isoformat(), "note": measured.orders_note})
