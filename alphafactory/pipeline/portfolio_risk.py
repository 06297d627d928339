"""The risk of a portfolio as it stands: value at risk, its backtest, stress tests, correlations, concentration.

Goes in: a finished run. Comes out: `Measure`s. Losses of value at risk are positive shares of equity here, as a reader
expects them; returns under stress keep their sign.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.metrics import aligned_returns, simple_returns
from alphafactory.pipeline.portfolio_question import MARKET
from alphafactory.portfolio.capacity import capacity
from alphafactory.portfolio.concentration import concentration
from alphafactory.portfolio.correlation import average_correlation, clusters, correlation_matrix
from alphafactory.portfolio.fills import session_fills
from alphafactory.portfolio.holding import holding_periods
from alphafactory.portfolio.stress import (
    WINDOWS,
    beta_shock,
    betas_to,
    equal_weight_market,
    sector_shock,
    worst_window,
)
from alphafactory.portfolio.turnover import cost_drag
from alphafactory.portfolio.value_at_risk import METHODS, RiskParts, portfolio_tail_risk
from alphafactory.portfolio.var_tests import var_backtest
from alphafactory.store.portfolios import Measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alphafactory.domain.arrays import FloatArray, IntArray
    from alphafactory.pipeline.portfolio_measures import Measured
    from alphafactory.portfolio.outcomes import Number
    from alphafactory.portfolio.value_at_risk import PortfolioTailRisk

_BACKTESTED = ("history", "normal", "cornish_fisher")
"""Methods whose forecasts are tested; a simulated one converges to history."""
_HISTORY = "history"
_MOST_CORRELATED = 60
"""Symbols of a matrix that a person can read."""


def risk_measures(measured: Measured) -> Iterator[Measure]:
    """Yield every measure of risk."""
    market = measured.market
    weights = _weights(measured)
    known = market.returns[: market.window.stop]
    newest = known[-measured.question.measuring.sessions :]
    risks = {method: _risk(measured, weights, newest, method) for method in METHODS}
    yield from _value_at_risk(measured, risks)
    yield from _var_backtests(measured)
    yield from _stress(measured, weights, known)
    held = np.flatnonzero(weights)
    labels, measures = _correlation(measured, weights, known)
    yield from measures
    yield from _positions(measured, weights, risks[_HISTORY], dict(zip(held.tolist(), labels.tolist(), strict=True)))
    yield from _activity(measured, weights)


def _weights(measured: Measured) -> FloatArray:
    """Return signed shares of equity at the last close, 0 where there is no equity."""
    simulation = measured.simulation
    held = simulation.positions[-1]
    value = np.where(held != 0.0, held * measured.prices[-1], 0.0)
    equity = float(simulation.equity[-1])
    return value / equity if equity > 0.0 else np.zeros(len(value))


def _risk(measured: Measured, weights: FloatArray, newest: FloatArray, method: str) -> PortfolioTailRisk:
    level, seed = measured.question.measuring.level, measured.question.portfolio.seed
    return portfolio_tail_risk(weights, newest, method, level, seed=seed)


def number(value: Number | None) -> tuple[float | None, str]:
    """Return a number and no reason, or none and the reason in words."""
    if isinstance(value, str):
        return None, value.replace("_", " ")
    if value is None or not math.isfinite(value):
        return None, "not a number"
    return float(value), ""


def _value_at_risk(measured: Measured, risks: Mapping[str, PortfolioTailRisk]) -> Iterator[Measure]:
    for method, risk in risks.items():
        value, reason = _loss(risk.value_at_risk)
        beyond, _ = _loss(risk.conditional)
        detail = {
            "level": measured.question.measuring.level, "conditional": beyond, "reason": reason,
            "sessions": risk.sessions,
        }  # fmt: skip
        yield Measure("value_at_risk", method, value, detail)


def _loss(parts: RiskParts | str) -> tuple[float | None, str]:
    return (None, parts.replace("_", " ")) if isinstance(parts, str) else (-parts.total, "")


def _var_backtests(measured: Measured) -> Iterator[Measure]:
    """Yield how forecasts of the account's own value at risk did, from the first session with a position on."""
    simulation, terms = measured.simulation, measured.question.measuring
    returns = simple_returns(simulation.equity, simulation.initial_capital)
    invested = np.flatnonzero(simulation.invested)
    own = returns[invested[0] :] if len(invested) else returns[:0]
    for method in _BACKTESTED:
        tests = var_backtest(own, terms.sessions, terms.level, method, seed=measured.question.portfolio.seed).tests
        kupiec, why_kupiec = number(tests.coverage.p_value)
        christoffersen, why_christoffersen = number(tests.independence.p_value)
        detail = {
            "level": terms.level, "window": terms.sessions, "sessions": tests.sessions, "expected": tests.expected,
            "kupiec_p": kupiec, "kupiec_reason": why_kupiec, "christoffersen_p": christoffersen,
            "christoffersen_reason": why_christoffersen,
        }  # fmt: skip
        yield Measure("var_backtest", method, float(tests.breaches), detail)


def _stress(measured: Measured, weights: FloatArray, known: FloatArray) -> Iterator[Measure]:
    """Yield today's weights through the worst windows of the data, and under the shocks of the config."""
    sessions = measured.market.sessions[: measured.market.window.stop]
    for length in WINDOWS:
        found = worst_window(weights, known, sessions, length)
        name = f"worst {length} sessions"
        if isinstance(found, str):
            yield Measure("stress", name, None, {"kind": "history", "reason": found.replace("_", " ")})
        else:
            detail = {"kind": "history", "start": str(found.first), "end": str(found.last), "missing": found.missing}
            yield Measure("stress", name, found.loss, detail)
    for name, move in measured.question.measuring.shocks.items():
        if name == MARKET:
            shock = beta_shock(weights, betas_to(known, _market_returns(measured, known)), move)
        elif name in measured.market.chosen.sectors:
            shock = sector_shock(weights, measured.market.chosen.sectors, {name: move})
        else:
            yield Measure("stress", f"{name} {move:+.0%}", 0.0, {"kind": "shock", "reason": "no symbol of it"})
            continue
        assumed = [t for t, guess in zip(measured.market.chosen.tickers, shock.assumed.tolist(), strict=True) if guess]
        yield Measure("stress", shock.name, shock.loss, {"kind": "shock", "assumed_betas": assumed})


def _market_returns(measured: Measured, known: FloatArray) -> FloatArray:
    """Return those of the index on all known sessions, or of equal weight where there is none."""
    index = measured.question.index
    if index is None:
        return equal_weight_market(known)
    return aligned_returns(index.bars, measured.market.sessions[: len(known)])


def _correlation(measured: Measured, weights: FloatArray, known: FloatArray) -> tuple[IntArray, list[Measure]]:
    """Return the cluster of each held symbol, and the matrix of the largest positions in order of clusters."""
    limits = measured.question.limits
    held = np.flatnonzero(weights)
    newest = known[-limits.correlation_sessions :][:, held]
    matrix = correlation_matrix(newest)
    found = clusters(matrix, limits.correlated_above)
    tickers = measured.market.chosen.tickers
    largest = set(np.argsort(-np.abs(weights[held]), kind="stable")[:_MOST_CORRELATED].tolist())
    shown = [place for place in found.order.tolist() if place in largest]
    rows = [[_rounded(matrix[one, other]) for other in shown] for one in shown]
    detail: dict[str, Any] = {
        "symbols": [tickers[held[place]] for place in shown],
        "clusters": [int(found.labels[place]) for place in shown],
        "values": rows,
        "held": len(held),
        "sessions": len(newest),
    }
    mean, reason = number(average_correlation(matrix))
    return found.labels, [
        Measure("correlation", "matrix", None, detail),
        Measure("concentration", "average_correlation", mean, {"reason": reason}),
    ]


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(float(value), 4)


def _positions(
    measured: Measured, weights: FloatArray, risk: PortfolioTailRisk, cluster: Mapping[int, int]
) -> Iterator[Measure]:
    """Yield what is held at the last close, on raw prices and shares, with its parts of value at risk."""
    simulation, market = measured.simulation, measured.market
    trades, sessions = simulation.trades, market.simulated_sessions
    for place in np.flatnonzero(~trades.closed).tolist():
        column = int(trades.symbol[place])
        row, bars = market.chosen.rows[column], measured.account.bars[column]
        shares, factor = float(simulation.positions[-1, column]), float(bars.split_factor[-1])
        price = float(measured.prices[-1, column])
        detail = {
            "name": row.listing.name,
            "sector": row.listing.sector,
            "since": str(sessions[int(trades.entry_row[place])]),
            "quantity": shares / factor,
            "price": price * factor,
            "value": shares * price,
            "profit": float(trades.net_pnl[place] + trades.dividends[place] - trades.borrow[place]),
            "cluster": cluster.get(column),
            **_risk_parts(risk, column),
        }
        yield Measure("position", row.ticker, float(weights[column]), detail)


def _risk_parts(risk: PortfolioTailRisk, column: int) -> dict[str, float | None]:
    var, beyond = risk.value_at_risk, risk.conditional
    return {
        "var_component": None if isinstance(var, str) else -float(var.component[column]),
        "marginal_var": None if isinstance(var, str) else -float(var.marginal[column]),
        "cvar_component": None if isinstance(beyond, str) else -float(beyond.component[column]),
        "marginal_cvar": None if isinstance(beyond, str) else -float(beyond.marginal[column]),
    }


def _activity(measured: Measured, weights: FloatArray) -> Iterator[Measure]:
    """Yield concentration, capacity, turnover and holding periods."""
    market, simulation = measured.market, measured.simulation
    outcomes = {
        "concentration": concentration(weights, market.chosen.sectors),
        "turnover": cost_drag(simulation, market.chosen.periods),
        "holding": holding_periods(simulation.trades),
    }
    for kind, outcome in outcomes.items():
        for name, value in outcome.items():
            found, reason = number(value)
            yield Measure(kind, name, found, {"reason": reason})
    volume = np.nan_to_num(market.column("volume")[market.window], nan=0.0)
    limit = capacity(session_fills(simulation), volume, simulation.equity, simulation.initial_capital)
    for name, value in (("median", limit.median), ("worst", limit.worst)):
        found, reason = number(value)
        symbol = market.chosen.tickers[limit.worst_symbol] if name == "worst" and limit.worst_symbol >= 0 else None
        yield Measure("capacity", name, found, {"reason": reason, "symbol": symbol})
