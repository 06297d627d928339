"""From backtests to the rows of a comparison: what a strategy's accounts say together, its tests, its rank.

Goes in: the stored backtests of every strategy, and the returns of their averages on common sessions. Comes out: the
columns of the table `comparison_rows`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from alphafactory.metrics.significance import holm_adjusted, paired_test
from alphafactory.store.schema.research import TEST_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from alphafactory.domain.arrays import DateArray, FloatArray
    from alphafactory.metrics.significance import Difference

HOLD = "buy_and_hold"
_BENCHMARKS = ("baseline", "hold")


@dataclass(frozen=True, slots=True)
class ComparisonOrder:
    """What is to be compared with what: strategies asked about, the baseline, where, when, and how it is tested."""

    named: tuple[str, ...]
    baseline: str
    universe: str | None
    start: date | None
    end: date | None
    risk_free_rate: float
    draws: int
    seed: int

    @property
    def everybody(self) -> tuple[str, ...]:
        """Every strategy that is backtested."""
        return tuple(dict.fromkeys([*self.named, self.baseline, HOLD]))


@dataclass(frozen=True, slots=True)
class Played:
    """One strategy's backtests: the stored rows by the key of their symbol, None for an account of all symbols."""

    rows: Mapping[int | None, Mapping[str, Any]]

    @property
    def scope(self) -> Literal["symbol", "universe"]:
        """Whether it has an account for each symbol, or one for all of them."""
        return "universe" if None in self.rows else "symbol"


def average_returns(
    curves: Mapping[str, Sequence[tuple[DateArray, FloatArray]]], alone: Collection[str]
) -> tuple[DateArray, dict[str, FloatArray]]:
    """Return the sessions that all strategies have in common, and the returns of each in them, averaged over accounts.

    A symbol counts in a session in which every strategy has a return of it, so that all averages are of the same
    symbols.

    Args:
        curves: by strategy, sessions and returns of each of its accounts, in the same order of symbols for all.
        alone: the strategies with one account for all symbols.
    """
    joint = np.unique(np.concatenate([sessions for name in curves for sessions, _ in curves[name]]))
    laid = {name: _laid(accounts, joint) for name, accounts in curves.items()}
    shared = [np.isfinite(laid[name]) for name in curves if name not in alone]
    known = np.logical_and.reduce(shared)
    rows = np.logical_and.reduce([known.any(axis=1), *(np.isfinite(laid[name][:, 0]) for name in alone)])
    averages = {}
    for name, returns in laid.items():
        used = np.isfinite(returns) if name in alone else known
        averages[name] = np.where(used, returns, 0.0)[rows].sum(axis=1) / used[rows].sum(axis=1)
    return joint[rows], averages


def _laid(accounts: Sequence[tuple[DateArray, FloatArray]], joint: DateArray) -> FloatArray:
    laid = np.full((len(joint), len(accounts)), np.nan)
    for place, (sessions, returns) in enumerate(accounts):
        laid[np.searchsorted(joint, sessions), place] = returns
    return laid


def comparison_rows(
    order: ComparisonOrder,
    played: Mapping[str, Played],
    chosen: Sequence[int],
    averages: Mapping[str, FloatArray],
    *,
    sharpes: Mapping[str, float | None],
    periods: int,
) -> list[dict[str, Any]]:
    """Return the columns of every strategy, in order of rank.

    Args:
        order: what is compared.
        played: the backtests of each strategy.
        chosen: keys of the symbols that take part.
        averages: of each strategy, the average of its accounts' returns, on the same sessions for all.
        sharpes: the Sharpe ratio of each of these.
        periods: sessions by which they are annualised.
    """
    rows = [_accounts(name, order, played, chosen, sharpes) | _tests(name, order, averages, periods) for name in played]
    _adjust(rows, order.named)
    return _ranked(rows)


def _accounts(
    name: str,
    order: ComparisonOrder,
    played: Mapping[str, Played],
    chosen: Sequence[int],
    sharpes: Mapping[str, float | None],
) -> dict[str, Any]:
    """Return what a strategy's accounts say together."""
    one = played[name]
    keys: list[int | None] = [None] if one.scope == "universe" else list(chosen)
    rows = [one.rows[key] for key in keys]
    defined = [row["sharpe"] for row in rows if row["sharpe"] is not None]
    return {
        "strategy": name,
        "scope": one.scope,
        "accounts": len(rows),
        "median_sharpe": float(np.median(defined)) if defined else None,
        "mean_return": float(np.mean([row["total_return"] for row in rows])),
        "median_max_drawdown": float(np.median([row["max_drawdown"] for row in rows])),
        "beats_hold": _share_above(one, played[HOLD], keys, sharpes[HOLD]),
        "beats_baseline": _share_above(one, played[order.baseline], keys, sharpes[order.baseline]),
        "n_trades": int(sum(row["n_trades"] for row in rows)),
        "average_sharpe": sharpes[name],
        "backtest_ids": [row["id"] for row in rows],
    }


def _share_above(one: Played, other: Played, keys: Sequence[int | None], average: float | None) -> float | None:
    """Return the share of accounts with a higher Sharpe ratio than the other strategy's on the same symbol.

    Where one of the two has a single account, the other's ratio is that account's, or that of the average of accounts.
    """
    if one is other:
        return None
    above = []
    for key in keys:
        counterpart = other.rows.get(key, other.rows.get(None))
        against = average if counterpart is None else counterpart["sharpe"]
        own = one.rows[key]["sharpe"]
        if own is not None and against is not None:
            above.append(own > against)
    return float(np.mean(above)) if above else None


def _tests(name: str, order: ComparisonOrder, averages: Mapping[str, FloatArray], periods: int) -> dict[str, Any]:
    """Return the columns of a strategy's tests, and why some are undefined."""
    columns: dict[str, Any] = dict.fromkeys(TEST_COLUMNS)
    undefined: dict[str, str] = {}
    for benchmark, other in zip(_BENCHMARKS, (order.baseline, HOLD), strict=True):
        if other == name:
            continue
        test = paired_test(
            averages[name], averages[other],
            periods_per_year=periods, risk_free_rate=order.risk_free_rate, draws=order.draws, seed=order.seed,
        )  # fmt: skip
        columns[f"block_length_{benchmark}"] = test.block_length
        for kind, found in (("sharpe", test.sharpe), ("return", test.mean_return)):
            column = f"{kind}_over_{benchmark}"
            if isinstance(found, str):
                undefined[column] = found
            else:
                columns |= _difference(column, found)
    return columns | {"undefined": undefined}


def _difference(column: str, found: Difference) -> dict[str, float]:
    return {column: found.value, f"{column}_low": found.low, f"{column}_high": found.high, f"{column}_p": found.p_value}


def _adjust(rows: Sequence[dict[str, Any]], named: Sequence[str]) -> None:
    """Adjust the p-values of each kind of test for the number of strategies that were asked about."""
    for column in TEST_COLUMNS:
        if column.endswith("_p_holm"):
            own = column.removesuffix("_holm")
            tested = [row for row in rows if row["strategy"] in named and row[own] is not None]
            adjusted = holm_adjusted(np.array([row[own] for row in tested], dtype=np.float64))
            for row, value in zip(tested, adjusted.tolist(), strict=True):
                row[column] = value


def _ranked(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows by Sharpe ratio, undefined ones last, then by mean return, then by name.

    That is the median of the accounts. An account of many symbols is spread as no account of one symbol is, so that
    where both are compared it is the ratio of the average of accounts.
    """
    mixed = any(row["scope"] == "universe" for row in rows)

    def place(row: dict[str, Any]) -> tuple[Any, ...]:
        sharpe = row["average_sharpe" if mixed else "median_sharpe"]
        return (sharpe is None, -(sharpe or 0.0), -row["mean_return"], row["strategy"])

    return [row | {"rank": rank} for rank, row in enumerate(sorted(rows, key=place), start=1)]
