"""The symbol beside the index: how it moves with it, how much it moves alone, and which of them is stronger."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.plugins import Parameter
from alphafactory.indicators.base import IndicatorFunction, Output
from alphafactory.indicators.rolling import correlation, lagged, ratio, rolling_comoments, rolling_mean

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.indicators.computation import Computation

SESSIONS_A_YEAR = 252


def _index_log_return(data: Computation, period: int) -> tuple[FloatArray, ...]:
    index = data.market("index")
    return (np.log(index / lagged(index, period)),)


def _index_regression(data: Computation, period: int) -> tuple[FloatArray, ...]:
    """Regress the symbol's logarithmic returns on the index' by least squares."""
    found = rolling_comoments(data.value("log_return", period=1), data.value("index_log_return", period=1), period)
    beta = ratio(found.covariance, found.other_variance)
    alpha = SESSIONS_A_YEAR * (found.mean - beta * found.other_mean)
    residual = np.maximum(found.variance - beta * found.covariance, 0.0) * (period / (period - 2))
    return beta, correlation(found), alpha, np.sqrt(SESSIONS_A_YEAR * residual)


def _relative_strength(data: Computation, period: int) -> tuple[FloatArray, ...]:
    index = data.market("index")
    return ((data.close / lagged(data.close, period)) / (index / lagged(index, period)) - 1.0,)


def _mansfield_strength(data: Computation, period: int) -> tuple[FloatArray, ...]:
    relative = data.close / data.market("index")
    return (relative / rolling_mean(relative, period) - 1.0,)


INDEX_LOG_RETURN = IndicatorFunction(
    name="index_log_return",
    title="Logarithm of the index divided by its value some bars before",
    group="momentum",
    inputs=("index",),
    outputs=(Output("index_log_return", unit="ratio"),),
    parameters={"period": Parameter(1, 1, 2000, "bars between the two values")},
    warm_up=lambda period: period,
    compute=_index_log_return,
)

INDEX_REGRESSION = IndicatorFunction(
    name="index_regression",
    title="Regression of the logarithmic returns on those of the index; alpha and idiosyncratic volatility a year",
    group="statistic",
    inputs=("close", "index"),
    outputs=(
        Output("beta", unit="ratio"),
        Output("correlation", unit="ratio", low=-1.0, high=1.0),
        Output("alpha", unit="ratio"),
        Output("idiosyncratic_volatility", unit="ratio", low=0.0),
    ),
    parameters={"period": Parameter(60, 3, 2000, "returns in the window")},
    warm_up=lambda period: period,
    compute=_index_regression,
    uses=("log_return", "index_log_return"),
)

RELATIVE_STRENGTH = IndicatorFunction(
    name="relative_strength",
    title="Gross return divided by that of the index over the same bars, less 1",
    group="momentum",
    inputs=("close", "index"),
    outputs=(Output("relative_strength", unit="ratio", low=-1.0),),
    parameters={"period": Parameter(63, 1, 2000, "bars of the return")},
    warm_up=lambda period: period,
    compute=_relative_strength,
)

MANSFIELD_STRENGTH = IndicatorFunction(
    name="mansfield_strength",
    title="Mansfield's relative strength: price over index, divided by the average of that, less 1",
    group="momentum",
    inputs=("close", "index"),
    outputs=(Output("mansfield_strength", unit="ratio", low=-1.0),),
    parameters={"period": Parameter(252, 2, 2000, "bars in the average")},
    warm_up=lambda period: period - 1,
    compute=_mansfield_strength,
)
