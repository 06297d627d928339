"""The settings in which our simulator must agree with vectorbt and backtesting.py, on any bars and any target.

`AGREEMENTS[name](bars, target)` raises an `AssertionError` where a trade, its prices, its quantity or the equity at a
close differ by more than 1e-9. `bars` have no halts (`peer_markets.without_halts`), no dividends and no splits; the
target is 1, 0 or -1, in the first session 0, and never ruinous.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from peer_runs import CAPITAL, demand_same, ours, with_backtesting, with_vectorbt

from alphafactory.domain.bars import Bars
from alphafactory.domain.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alphafactory.domain.arrays import FloatArray

COSTS = {"commission": "bps:10", "slippage": "bps:5"}
VECTORBT_COSTS = {"fees": 0.001, "slippage": 0.0005}
STOP, TAKE_PROFIT = 0.03, 0.04
RATE = 0.001


def _vectorbt(bars: Bars, target: FloatArray, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    fill = mine.get("fill", "next_open")
    demand_same(ours(bars, target, **mine), with_vectorbt(bars, target, fill=fill, **theirs))


def _each_side(bars: Bars, target: FloatArray, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    """Compare with vectorbt on the long and on the short targets alone, where it knows no change of side."""
    for side in (1.0, -1.0):
        _vectorbt(bars, np.where(target == side, target, 0.0), mine, theirs)


def _vectorbt_shares(bars: Bars, target: FloatArray) -> None:
    shares = _few_shares(bars)
    _vectorbt(bars, target, {"sizing": f"shares:{shares:.0f}", **COSTS}, {"size": shares, **VECTORBT_COSTS})


def _backtesting(bars: Bars, target: FloatArray, mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    demand_same(ours(bars, target, **mine), with_backtesting(bars, target, **theirs))


def _backtesting_shares(bars: Bars, target: FloatArray) -> None:
    shares = _few_shares(bars)
    mine = {"sizing": f"shares:{shares:.0f}", "commission": "per_trade:5"}
    _backtesting(bars, target, mine, {"size": shares, "commission": (5.0, 0.0)})


def _few_shares(bars: Bars) -> float:
    """Return a number of shares that the account can pay however it fares: a quarter of it at the dearest open."""
    return max(1.0, CAPITAL // (4.0 * bars.open.max()))


def _backtesting_same_close(bars: Bars, target: FloatArray) -> None:
    """Compare fills at the close just seen; an order of the last close has no bar left in which it would fill there.

    Fractions, because without costs equity often buys an exact number of shares, of which it buys one less.
    """
    held = np.append(target[:-1], target[-2])
    _backtesting(bars, held, {"fill": "same_close"}, {"trade_on_close": True, "whole": False})


def _priced(bars: Bars, signals: Signals) -> None:
    mine = ours(bars, signals, shares="whole", commission="bps:10")
    demand_same(mine, with_backtesting(bars, signals, commission=RATE))


def _vectorbt_brackets(bars: Bars, target: FloatArray) -> None:
    calm, held = _without_wild_bars(bars, target)
    mine = {"commission": "bps:10", "stop": f"{STOP:.0%}", "take_profit": f"{TAKE_PROFIT:.0%}"}
    _each_side(calm, held, mine | _AT_CLOSE, {"fees": RATE, "sl_stop": STOP, "tp_stop": TAKE_PROFIT})


def _without_wild_bars(bars: Bars, target: FloatArray) -> tuple[Bars, FloatArray]:
    """Leave out bars so wide that they could open beyond a target and still meet the stop: there the peers differ."""
    kept = bars.high / bars.low < (1.0 + TAKE_PROFIT) / (1.0 - STOP)
    return Bars(*(getattr(bars, field.name)[kept] for field in fields(bars))), np.append(0.0, target[kept][1:])


def _backtesting_brackets(bars: Bars, target: FloatArray) -> None:
    """Compare stops and targets as prices, so far beyond the next open that no entry has passed them already."""
    bars, target = _without_wild_bars(bars, target)
    upcoming = np.append(bars.open[1:], bars.close[-1])
    low, high = np.minimum(bars.close, upcoming), np.maximum(bars.close, upcoming)
    long = target >= 0.0
    stop, take_profit = (
        np.where(long, low * (1 - STOP), high * (1 + STOP)),
        np.where(long, high * (1 + TAKE_PROFIT), low * (1 - TAKE_PROFIT)),
    )
    _priced(bars, Signals(target, stop=stop, take_profit=take_profit))


def _limits(bars: Bars, target: FloatArray) -> None:
    _priced(bars, Signals(target, entry_limit=bars.close * (1.0 - np.sign(target) * 0.01)))


def _stops(bars: Bars, target: FloatArray) -> None:
    _priced(bars, Signals(target, entry_stop=bars.close * (1.0 + np.sign(target) * 0.01)))


_AT_CLOSE = {"fill": "next_close"}
AGREEMENTS: dict[str, Callable[[Bars, FloatArray], None]] = {
    "vectorbt, next open": partial(_vectorbt, mine=COSTS, theirs=VECTORBT_COSTS),
    "vectorbt, next close": partial(_vectorbt, mine=COSTS | _AT_CLOSE, theirs=VECTORBT_COSTS),
    "vectorbt, same close": partial(_vectorbt, mine=COSTS | {"fill": "same_close"}, theirs=VECTORBT_COSTS),
    "vectorbt, shares": _vectorbt_shares,
    "vectorbt, percent": partial(
        _each_side,
        mine={"sizing": "percent:25%", **COSTS},
        theirs={"size": 0.25, "size_type": "percent"} | VECTORBT_COSTS,
    ),
    "vectorbt, whole shares": partial(
        _each_side, mine={"shares": "whole", **COSTS}, theirs={"size_granularity": 1.0} | VECTORBT_COSTS
    ),
    "vectorbt, money a trade": partial(_each_side, mine={"commission": "per_trade:5"}, theirs={"fixed_fees": 5.0}),
    "vectorbt, stop and target": _vectorbt_brackets,
    "vectorbt, stop that slips": partial(
        _each_side, mine=COSTS | {"stop": "3%"} | _AT_CLOSE, theirs=VECTORBT_COSTS | {"sl_stop": 0.03}
    ),
    "vectorbt, entry again at once": partial(
        _each_side,
        mine=COSTS | {"stop": "3%", "reentry": "immediate"} | _AT_CLOSE,
        theirs=VECTORBT_COSTS | {"sl_stop": 0.03, "again": True},
    ),
    "backtesting.py, whole shares": partial(
        _backtesting, mine={"shares": "whole", "commission": "bps:10"}, theirs={"commission": RATE}
    ),
    "backtesting.py, fractions": partial(
        _backtesting, mine={"commission": "bps:10"}, theirs={"commission": RATE, "whole": False}
    ),
    "backtesting.py, percent": partial(
        _backtesting,
        mine={"shares": "whole", "sizing": "percent:25%", "commission": "bps:10"},
        theirs={"commission": RATE, "size": 0.25},
    ),
    "backtesting.py, twice the equity": partial(
        _backtesting,
        mine={"shares": "whole", "sizing": "percent:200%", "leverage": 2.0, "commission": "bps:10"},
        theirs={"commission": RATE, "margin": 0.5},
    ),
    "backtesting.py, shares": _backtesting_shares,
    "backtesting.py, same close": _backtesting_same_close,
    "backtesting.py, stop and target": _backtesting_brackets,
    "backtesting.py, limit entries": _limits,
    "backtesting.py, stop entries": _stops,
}
"""Each setting in which the programs must agree, by name."""
