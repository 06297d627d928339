"""Regimes: which way a price trends and whether it is calm or wild, of the symbol itself and of the index.

The trend is 1 where the price stands above a rising average, -1 where it stands below a falling one, and 0 between.
An average rises that is above its own value of a tenth of its length ago. The volatility is 1 where the realised
volatility of a few bars exceeds that over the trend's whole length, and 0 where it does not. Both make six states:
trend + 1, and 3 more where it is wild.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import lagged, rolling_mean, rolling_variance

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_OUTPUTS = (
    Output("trend", unit="state", kind="flag", low=-1.0, high=1.0),
    Output("volatility", unit="state", kind="flag", low=0.0, high=1.0),
    Output("state", unit="state", kind="flag", low=0.0, high=5.0),
)
_PARAMETERS = {
    "trend_period": Parameter(200, 2, 1500, "bars in the average, and in the volatility that is usual"),
    "volatility_period": Parameter(20, 2, 1500, "bars in the volatility that is compared with it"),
}


def _slope_bars(trend_period: int) -> int:
    return max(1, trend_period // 10)


def _warm_up(trend_period: int, volatility_period: int) -> int:
    return max(trend_period - 1 + _slope_bars(trend_period), trend_period, volatility_period)


def _regime(price: FloatArray, trend_period: int, volatility_period: int) -> tuple[FloatArray, ...]:
    average = rolling_mean(price, trend_period)
    earlier = lagged(average, _slope_bars(trend_period))
    rising = (price > average) & (average > earlier)
    falling = (price < average) & (average < earlier)
    returns = np.log(price / lagged(price, 1))
    recent, usual = (rolling_variance(returns, period) for period in (volatility_period, trend_period))
    trend = rising.astype(np.float64) - falling
    wild = (recent > usual).astype(np.float64)
    known = ~(np.isnan(earlier) | np.isnan(recent) | np.isnan(usual))
    return tuple(np.where(known, values, np.nan) for values in (trend, wild, trend + 1.0 + 3.0 * wild))


REGIME = IndicatorFunction(
    name="regime",
    title="Regime of the symbol: trend, volatility, and both as one of six states",
    group="regime",
    inputs=("close",),
    outputs=_OUTPUTS,
    parameters=_PARAMETERS,
    warm_up=_warm_up,
    compute=lambda data, **periods: _regime(data.close, **periods),
)

INDEX_REGIME = IndicatorFunction(
    name="index_regime",
    title="Regime of the index: trend, volatility, and both as one of six states",
    group="regime",
    inputs=("index",),
    outputs=_OUTPUTS,
    parameters=_PARAMETERS,
    warm_up=_warm_up,
    compute=lambda data, **periods: _regime(data.market("index"), **periods),
)
