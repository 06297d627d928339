"""One small interface to both simulators, the slow and the fast one, for examples that were worked out by hand.

Goes in: bars in lines of text, targets, and settings in words. Comes out: a run, read alike from either. Capital is
1,000, shares are fractional and nothing costs anything unless the words say so. Sessions are days from Monday,
2024-01-01 on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from reference_simulator import Reference, simulate_slowly

from alphafactory.domain.bars import Bars
from alphafactory.domain.mandate import Mandate, RebalanceRules, RiskLimits
from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Simulation
from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.simulation import simulate_account

if TYPE_CHECKING:
    from collections.abc import Sequence

Run = Reference | Simulation
Simulator = Callable[..., Run]
NONE = float("nan")
CALM = "100 101 99 100 900"
"""A bar whose range is 2; with the volume of its neighbour it would count as halted."""
WISHES = {
    **{name: name for name in ("entry_limit", "entry_stop", "priority")},
    "stop_price": "stop",
    "take_profit_price": "take_profit",
    "good_for_bars": "good_for",
}
"""Words of an example that are arrays of the signals, where settings have the same name."""


def market(*rows: str, days: Sequence[int] = (), ratios: dict[int, float] | None = None, **paid: float) -> Bars:
    """Bars from lines `open high low close [volume]`; `days` after Monday; `day2=1.0` is a dividend."""
    table = np.array([[float(word) for word in f"{row} 1000".split()[:5]] for row in rows]).T
    offsets = np.array(days or range(len(rows)))
    ratio = np.array([(ratios or {}).get(k, 1.0) for k in range(len(rows))])
    factor = np.append(np.cumprod(ratio[::-1])[::-1][1:], 1.0)
    dividends = np.array([paid.get(f"day{k}", 0.0) for k in range(len(rows))])
    return Bars(np.datetime64("2024-01-01") + offsets, *table, split_factor=factor, dividends=dividends)


def calm(sessions: int) -> list[str]:
    """Bars with a true range of 2 each: the ATR is exactly 2, a close is always 100."""
    return [f"100 101 99 100 {1000 + 7 * k}" for k in range(sessions)]


def at(*prices: float, days: Sequence[int] = ()) -> Bars:
    """Bars of one price each: what a close decides fills at the next price."""
    return market(*(f"{price} {price} {price} {price} {1000 + k}" for k, price in enumerate(prices)), days=days)


def mandate(
    rows: int,
    sectors: Sequence[int],
    rebalance: Sequence[int] = (),
    rules: dict[str, float] | None = None,
    **limits: Any,
) -> Mandate:
    """A mandate whose rebalances are the closes of those rows."""
    flags = np.zeros(rows, dtype=bool)
    flags[list(rebalance)] = True
    return Mandate(flags, np.array(sectors, dtype=np.int64), RiskLimits(**limits), RebalanceRules(**(rules or {})))


def runner(simulator: Callable[..., Run]) -> Simulator:
    """Let a simulator take what examples give: bars of one symbol or several, a target, words."""

    def run(bars: Bars | Sequence[Bars], target: Sequence[Any], **words: Any) -> Run:
        several = [bars] if isinstance(bars, Bars) else list(bars)
        rows = len(target)
        arrays = {
            field: np.array(words.pop(word), dtype=float).reshape(rows, -1)
            for word, field in WISHES.items()
            if word in words
        }
        targets = np.array(target, dtype=float).reshape(rows, -1)
        signals = Signals(targets, **arrays, distances=words.pop("distances", False))
        delisted, mandate = words.pop("delisted", ()), words.pop("mandate", None)
        settings = parse_settings(**{"initial_capital": 1000.0, **words})
        return simulator(several, signals, settings, delisted=delisted, mandate=mandate)

    return run


on_both = pytest.mark.parametrize("simulate", [runner(simulate_slowly), runner(simulate_account)], ids=["slow", "fast"])


def reasons(run: Run) -> list[str]:
    return [EXIT_REASONS[k] for k in run.trades.exit_reason]


def ends(run: Run) -> list[str]:
    return [ORDER_ENDS[k] for k in run.orders.end]


def kinds(run: Run) -> list[str]:
    return [ORDER_KINDS[k] for k in run.orders.kind]


def events(run: Run) -> list[tuple[int, str, str, int, int]]:
    """Row, rule, action, symbol and sector of every event."""
    found = run.events
    columns = (found.row, found.rule, found.action, found.symbol, found.sector)
    return [(t, RISK_RULES[rule], RISK_ACTIONS[act], k, s) for t, rule, act, k, s in zip(*columns, strict=True)]


def close_to(*numbers: float) -> Any:
    return pytest.approx(list(numbers), rel=1e-12, abs=1e-9, nan_ok=True)
