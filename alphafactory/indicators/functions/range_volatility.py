"""Volatility estimated from returns and from the ranges of bars, annualised by 252 sessions.

Estimators from ranges use what happened within a bar and need fewer bars for the same precision. Their formulas are in
Parkinson (1980), Garman and Klass (1980), Rogers and Satchell (1991), and Yang and Zhang (2000).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import lagged, ratio, rolling_mean, rolling_rank, rolling_variance

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

SESSIONS_A_YEAR = 252


def _annual(variance: FloatArray) -> tuple[FloatArray, ...]:
    """Return the volatility a year of a variance a bar; bars outside their range can make an estimate negative."""
    return (np.sqrt(SESSIONS_A_YEAR * np.maximum(variance, 0.0)),)


def _realised(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return _annual(rolling_variance(data.value("log_return", period=1), period))


def _downside(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return _annual(rolling_mean(np.minimum(data.value("log_return", period=1), 0.0) ** 2, period))


def _parkinson(data: Computation, period: int) -> tuple[FloatArray, ...]:
    return _annual(rolling_mean(np.log(data.high / data.low) ** 2, period) / (4.0 * math.log(2.0)))


def _garman_klass(data: Computation, period: int) -> tuple[FloatArray, ...]:
    travel = 0.5 * np.log(data.high / data.low) ** 2
    body = (2.0 * math.log(2.0) - 1.0) * np.log(data.close / data.open) ** 2
    return _annual(rolling_mean(travel - body, period))


def _rogers_satchell_variance(data: Computation, period: int) -> FloatArray:
    up = np.log(data.high / data.close) * np.log(data.high / data.open)
    down = np.log(data.low / data.close) * np.log(data.low / data.open)
    return rolling_mean(up + down, period)


def _yang_zhang(data: Computation, period: int) -> tuple[FloatArray, ...]:
    night = rolling_variance(np.log(data.open / lagged(data.close, 1)), period)
    day = rolling_variance(np.log(data.close / data.open), period)
    share = 0.34 / (1.34 + (period + 1) / (period - 1))
    return _annual(night + share * day + (1.0 - share) * _rogers_satchell_variance(data, period))


def _volatility_ratio(data: Computation, fast: int, slow: int) -> tuple[FloatArray, ...]:
    recent = data.value("realised_volatility", period=fast)
    return (ratio(recent, data.value("realised_volatility", period=slow)),)


def _volatility_rank(data: Computation, period: int, window: int) -> tuple[FloatArray, ...]:
    return (rolling_rank(data.value("realised_volatility", period=period), window),)


def _estimator(name: str) -> tuple[Output, ...]:
    return (Output(name, unit="ratio", low=0.0),)


def _period(low: int, default: int = 20) -> dict[str, Parameter]:
    return {"period": Parameter(default, low, 2000, "bars in the window")}


REALISED_VOLATILITY = IndicatorFunction(
    name="realised_volatility",
    title="Sample standard deviation of the logarithmic returns, a year",
    group="volatility",
    inputs=("close",),
    outputs=_estimator("realised_volatility"),
    parameters=_period(2),
    warm_up=lambda period: period,
    compute=_realised,
    uses=("log_return",),
)

DOWNSIDE_VOLATILITY = IndicatorFunction(
    name="downside_volatility",
    title="Root of the mean square of the falls among the logarithmic returns, rises counted as 0, a year",
    group="volatility",
    inputs=("close",),
    outputs=_estimator("downside_volatility"),
    parameters=_period(1, 60),
    warm_up=lambda period: period,
    compute=_downside,
    uses=("log_return",),
)

PARKINSON_VOLATILITY = IndicatorFunction(
    name="parkinson_volatility",
    title="Parkinson's volatility from highs and lows, a year",
    group="volatility",
    inputs=("high", "low"),
    outputs=_estimator("parkinson_volatility"),
    parameters=_period(1),
    warm_up=lambda period: period - 1,
    compute=_parkinson,
)

GARMAN_KLASS_VOLATILITY = IndicatorFunction(
    name="garman_klass_volatility",
    title="Garman and Klass' volatility from all prices of the bar, a year",
    group="volatility",
    inputs=("open", "high", "low", "close"),
    outputs=_estimator("garman_klass_volatility"),
    parameters=_period(1),
    warm_up=lambda period: period - 1,
    compute=_garman_klass,
)

ROGERS_SATCHELL_VOLATILITY = IndicatorFunction(
    name="rogers_satchell_volatility",
    title="Rogers and Satchell's volatility, which a trend within the bars does not raise, a year",
    group="volatility",
    inputs=("open", "high", "low", "close"),
    outputs=_estimator("rogers_satchell_volatility"),
    parameters=_period(1),
    warm_up=lambda period: period - 1,
    compute=lambda data, period: _annual(_rogers_satchell_variance(data, period)),
)

YANG_ZHANG_VOLATILITY = IndicatorFunction(
    name="yang_zhang_volatility",
    title="Yang and Zhang's volatility from nights, days and ranges, a year",
    group="volatility",
    inputs=("open", "high", "low", "close"),
    outputs=_estimator("yang_zhang_volatility"),
    parameters=_period(2),
    warm_up=lambda period: period,
    compute=_yang_zhang,
)

VOLATILITY_RATIO = IndicatorFunction(
    name="volatility_ratio",
    title="Realised volatility of a few bars divided by that of many",
    group="volatility",
    inputs=("close",),
    outputs=_estimator("volatility_ratio"),
    parameters={
        "fast": Parameter(10, 2, 2000, "returns in the volatility above the line"),
        "slow": Parameter(60, 2, 2000, "returns in the volatility below it"),
    },
    warm_up=lambda **periods: max(periods.values()),
    compute=_volatility_ratio,
    uses=("realised_volatility",),
)

VOLATILITY_RANK = IndicatorFunction(
    name="volatility_rank",
    title="Share of the realised volatilities before that lie below the newest, half of those that tie",
    group="volatility",
    inputs=("close",),
    outputs=(Output("volatility_rank", unit="ratio", low=0.0, high=1.0),),
    parameters={
        "period": Parameter(20, 2, 2000, "returns in the volatility"),
        "window": Parameter(252, 2, 1000, "volatilities that are compared"),
    },
    warm_up=lambda period, window: period + window - 1,
    compute=_volatility_rank,
    uses=("realised_volatility",),
)
