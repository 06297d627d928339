"""What a portfolio is measured against: everything in its universe in equal parts, and an index.

Goes in: closes, dividends and membership. Comes out: returns of holding the members in equal parts without costs;
and by name how a portfolio did beside a benchmark, or the reason why that has no number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray
    from alphafactory.portfolio.outcomes import Outcome

_NAMES = ("portfolio_return", "benchmark_return", "difference", "relative_wealth", "worst_lag")


def equal_weight_returns(
    closes: FloatArray,
    dividends: FloatArray,
    member: BoolArray,
    rebalance: BoolArray,
    *,
    delisted: BoolArray | None = None,
    delisting_return: float = 0.0,
) -> FloatArray:
    """Return the total returns of holding all members in equal parts, shape (n,), without costs.

    Bought at the close of the first session that has a tradable member, and at the close of every `rebalance` brought
    back to equal parts of those that are members and have a bar in that session. In between positions drift, dividends
    are put into their own symbol on the ex-date, a symbol without a bar stands at its last close, and one that has
    ceased to trade lies at its last price until the next rebalance. Nothing after a session changes its return, except
    that a delisted symbol's last bar is paid out at its close, as in the simulation. A rebalance that finds no tradable
    member changes nothing.

    Args:
        closes: shape (n, m), split-adjusted, NaN in sessions without a bar: late listings begin, delistings end so.
        dividends: shape (n, m), cash per adjusted share by ex-date, 0 where there is none.
        member: shape (n, m), members of the universe as known in each session.
        rebalance: shape (n,), such as the last sessions of the months.
        delisted: shape (m,), symbols that ceased to trade with their last bar; None for none.
        delisting_return: what is lost with it, as in the simulation's settings.

    Raises:
        UsageError: shapes that do not fit.
    """
    if not closes.shape == dividends.shape == member.shape or len(rebalance) != len(closes):
        raise UsageError(
            f"Closes {closes.shape}, dividends {dividends.shape} and members {member.shape} must have one shape, and "
            f"the rebalances ({len(rebalance)}) its sessions."
        )
    growth = _growth(closes, dividends)
    if delisted is not None:
        _pay_out(growth, closes, delisted, delisting_return)
    weights, returns = np.zeros(closes.shape[1]), np.zeros(len(closes))
    tradable = member & np.isfinite(closes)
    for row in range(len(closes)):
        if weights.any():
            worth = weights * growth[row]
            returns[row] = worth.sum() - 1.0
            weights = worth / worth.sum() if worth.any() else worth
        if tradable[row].any() and (rebalance[row] or not weights.any()):
            weights = tradable[row] / np.count_nonzero(tradable[row])
    return returns


def beside(returns: FloatArray, benchmark: FloatArray) -> Outcome:
    """Compute how a portfolio did beside a benchmark, on the same sessions.

    Both total returns and their `difference`; `relative_wealth`, (1 + portfolio) / (1 + benchmark) - 1: how much richer
    one is for having held the portfolio; `worst_lag`, the deepest drawdown of that ratio: how far it fell
    behind. `benchmark_is_unknown` where the benchmark has a NaN; `benchmark_lost_everything`.

    Args:
        returns: shape (n,), simple returns of the portfolio.
        benchmark: shape (n,), of the benchmark.

    Raises:
        UsageError: lengths that differ.
    """
    if len(returns) != len(benchmark):
        raise UsageError(f"{len(returns)} returns cannot be compared with {len(benchmark)} of a benchmark.")
    if len(returns) == 0:
        return dict.fromkeys(_NAMES, "no_session")
    if np.isnan(benchmark).any():
        return dict.fromkeys(_NAMES, "benchmark_is_unknown")
    own, other = np.cumprod(1.0 + returns), np.cumprod(1.0 + benchmark)
    found: Outcome = {
        "portfolio_return": float(own[-1]) - 1.0,
        "benchmark_return": float(other[-1]) - 1.0,
        "difference": float(own[-1] - other[-1]),
    }
    if (other <= 0.0).any():
        return found | dict.fromkeys(("relative_wealth", "worst_lag"), "benchmark_lost_everything")
    ratio = np.concatenate(([1.0], own / other))
    lag = ratio / np.maximum.accumulate(ratio) - 1.0
    return found | {"relative_wealth": float(ratio[-1]) - 1.0, "worst_lag": float(lag.min())}


def _growth(closes: FloatArray, dividends: FloatArray) -> FloatArray:
    """Return (close + dividend) / last known close, 1 in sessions without a bar and for the first, shape (n, m)."""
    rows = np.where(np.isfinite(closes), np.arange(len(closes))[:, None], -1)
    last = np.maximum.accumulate(rows, axis=0)
    before = np.vstack((np.full((1, closes.shape[1]), -1), last[:-1]))
    known = (rows >= 0) & (before >= 0)
    columns = np.broadcast_to(np.arange(closes.shape[1]), closes.shape)
    growth = np.ones(closes.shape)
    growth[known] = (closes + dividends)[known] / closes[before[known], columns[known]]
    return growth


def _pay_out(growth: FloatArray, closes: FloatArray, delisted: BoolArray, delisting_return: float) -> None:
    for symbol in np.flatnonzero(delisted):
        bars = np.flatnonzero(np.isfinite(closes[:, symbol]))
        growth[bars[-1:], symbol] *= 1.0 + delisting_return
