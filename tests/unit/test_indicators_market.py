"""Features of the calendar, the index, the breadth and the regimes: plain formulas, known dates, and the past alone."""

from __future__ import annotations

import calendar
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from strategy_markets import context_of, random_bars, sessions_of

from alphafactory.domain.context import MARKET_INPUTS, NO_CONTEXT, MarketContext
from alphafactory.errors import IndicatorError
from alphafactory.indicators.catalogue import compute_columns, compute_function, definitions, shipped_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.bars import Bars

NAN = float("nan")
FILES = {"relative", "calendar", "regime", "market"}
LENGTH = 800


def windows(values: FloatArray, length: int) -> FloatArray:
    """Return the window that ends at each bar, shape (bars, length), NaN before the first bar."""
    return sliding_window_view(np.concatenate([np.full(length - 1, NAN), values]), length)


def back(values: FloatArray, bars: int) -> FloatArray:
    return np.concatenate([np.full(bars, NAN), values[: len(values) - bars]])


def mean(values: FloatArray, length: int) -> FloatArray:
    return windows(values, length).mean(axis=1)


def logs(values: FloatArray) -> FloatArray:
    return np.log(values / back(values, 1))


def regression(bars: Bars, index: FloatArray, period: int) -> dict[str, FloatArray]:
    """Fit each window by the normal equations and measure what the fit leaves over."""
    found = {name: np.full(len(bars), NAN) for name in ("beta", "alpha", "correlation", "idiosyncratic")}
    own, other = logs(bars.close), logs(index)
    for t in range(period, len(bars)):
        y, x = own[t - period + 1 : t + 1], other[t - period + 1 : t + 1]
        beta, alpha = np.polyfit(x - x.mean(), y, 1)
        alpha -= beta * x.mean()
        found["beta"][t], found["alpha"][t] = beta, 252.0 * alpha
        found["correlation"][t] = np.corrcoef(x, y)[0, 1]
        found["idiosyncratic"][t] = np.sqrt(252.0 * ((y - alpha - beta * x) ** 2).sum() / (period - 2))
    return found


def lead(bars: Bars, index: FloatArray, period: int) -> FloatArray:
    return (bars.close * back(index, period)) / (back(bars.close, period) * index) - 1.0


def mansfield(bars: Bars, index: FloatArray) -> FloatArray:
    return bars.close / index / mean(bars.close / index, 252) - 1.0


def regime(price: FloatArray) -> dict[str, FloatArray]:
    found = {name: np.full(len(price), NAN) for name in ("trend", "volatility", "state")}
    average, returns = mean(price, 200), logs(price)
    for t in range(219, len(price)):
        up = price[t] > average[t] > average[t - 20]
        down = price[t] < average[t] < average[t - 20]
        wild = returns[t - 19 : t + 1].std(ddof=1) > returns[t - 199 : t + 1].std(ddof=1)
        trend = int(up) - int(down)
        found["trend"][t], found["volatility"][t], found["state"][t] = trend, wild, (trend + 1) + (3 if wild else 0)
    return found


def thrust(share: FloatArray) -> FloatArray:
    average = mean(share, 10)
    found = np.full(len(share), NAN)
    for t in range(18, len(share)):
        found[t] = average[t] > 0.615 and min(average[t - 9 : t + 1]) < 0.4
    return found


MARKET: dict[str, Callable[[Bars, Mapping[str, FloatArray]], FloatArray]] = {
    **{f"index_{k}_{n}": lambda b, s, k=k, n=n: regression(b, s["index"], n)[k]
       for k, n in (("beta", 60), ("beta", 252), ("correlation", 60), ("correlation", 252), ("alpha", 252))},
    "idiosyncratic_volatility_60": lambda b, s: regression(b, s["index"], 60)["idiosyncratic"],
    **{f"relative_strength_{n}": lambda b, s, n=n: lead(b, s["index"], n) for n in (21, 63, 252)},
    "mansfield_strength_252": lambda b, s: mansfield(b, s["index"]),
    "trend_regime": lambda b, _: regime(b.close)["trend"],
    "volatility_regime": lambda b, _: regime(b.close)["volatility"],
    "regime_state": lambda b, _: regime(b.close)["state"],
    "index_trend_regime": lambda _, s: regime(s["index"])["trend"],
    "index_volatility_regime": lambda _, s: regime(s["index"])["volatility"],
    "index_regime_state": lambda _, s: regime(s["index"])["state"],
    "advancing_share_10": lambda _, s: mean(s["advancing"], 10),
    "breadth_thrust": lambda _, s: thrust(s["advancing"]),
    "share_above_sma_50": lambda _, s: s["above_sma_50"],
    "share_above_sma_200": lambda _, s: s["above_sma_200"],
    "breadth_momentum_20": lambda _, s: s["above_sma_50"] - back(s["above_sma_50"], 20),
    "new_highs_less_lows_10": lambda _, s: mean(s["at_high_252"], 10) - mean(s["at_low_252"], 10),
}  # fmt: skip


def third_friday(day: date) -> date:
    fridays = [week[4] for week in calendar.monthcalendar(day.year, day.month) if week[4]]
    return date(day.year, day.month, fridays[2])


def in_expiry_week(day: date) -> bool:
    friday = day + timedelta(4 - day.weekday())
    return friday == third_friday(friday)


def next_weekday(day: date) -> date:
    return day + timedelta({4: 3, 5: 2}.get(day.weekday(), 1))


# What is expected of a session, its next one, and its place among the sessions of its month, counted from 0.
CALENDAR: dict[str, Callable[[date, date, int], float]] = {
    "day_of_week": lambda day, *_: day.isoweekday(),
    "month_of_year": lambda day, *_: day.month,
    "winter_half": lambda day, *_: day.month in {11, 12, 1, 2, 3, 4},
    "option_expiry_week": lambda day, *_: in_expiry_week(day),
    "first_session_of_month": lambda _day, _next, place: place == 0,
    "last_session_of_month": lambda day, following, _: day.month != following.month,
    "turn_of_month": lambda day, following, place: place < 3 or day.month != following.month,
    "last_session_of_week": lambda day, following, _: day.isocalendar()[:2] != following.isocalendar()[:2],
    "last_session_of_quarter": lambda day, following, _: (day.month - 1) // 3 != (following.month - 1) // 3,
    "last_session_of_year": lambda day, following, _: day.year != following.year,
    "before_holiday": lambda day, following, _: following > next_weekday(day),
    "days_to_next_session": lambda day, following, _: (following - day).days,
}


def test_every_feature_of_these_files_has_an_oracle() -> None:
    paths = shipped_catalogue().functions.paths
    found = {d.name for d in definitions() if Path(paths[d.function]).stem in FILES}
    assert found == set(MARKET) | set(CALENDAR)


@pytest.mark.parametrize("name", sorted(MARKET))
def test_market_feature_equals_a_plain_formula(name: str) -> None:
    bars, context = random_bars(31, LENGTH), context_of(LENGTH)
    ours = compute_columns(bars, [name], context=context)[name]
    np.testing.assert_allclose(ours, MARKET[name](bars, context.series), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", sorted(CALENDAR))
def test_calendar_feature_equals_the_calendar(name: str) -> None:
    bars = random_bars(32, LENGTH)
    days = sessions_of(LENGTH + 1).astype(object).tolist()
    places = [sum(one.year == day.year and one.month == day.month for one in days[:t]) for t, day in enumerate(days)]
    expected = [float(CALENDAR[name](days[t], days[t + 1], places[t])) for t in range(LENGTH)]
    ours = compute_columns(bars, [name], context=context_of(LENGTH))[name]
    known = slice({"first_session_of_month": 1, "turn_of_month": 3}.get(name, 0), None)
    assert np.isnan(ours[: known.start]).all()
    np.testing.assert_array_equal(ours[known], expected[known])


@pytest.mark.parametrize(
    ("name", "day", "value"),
    [
        ("before_holiday", "2010-07-02", 1.0),  # Independence Day, kept on Monday the 5th
        ("before_holiday", "2010-07-09", 0.0),
        ("before_holiday", "2010-11-24", 1.0),  # Thanksgiving, a Thursday
        ("before_holiday", "2010-04-01", 1.0),  # Good Friday
        ("days_to_next_session", "2010-07-02", 4.0),
        ("days_to_next_session", "2010-07-09", 3.0),
        ("last_session_of_month", "2010-05-28", 1.0),  # Memorial Day is the 31st
        ("last_session_of_week", "2010-04-01", 1.0),
        ("option_expiry_week", "2010-01-11", 1.0),
        ("option_expiry_week", "2010-01-08", 0.0),
        ("turn_of_month", "2010-02-03", 1.0),
        ("turn_of_month", "2010-02-04", 0.0),
    ],
)
def test_known_dates(name: str, day: str, value: float) -> None:
    bars = random_bars(33, 300)
    row = int(np.searchsorted(bars.sessions, np.datetime64(day)))
    assert bars.sessions[row] == np.datetime64(day)
    assert compute_columns(bars, [name], context=context_of(300))[name][row] == value


@pytest.mark.parametrize("cut", [1, 3, 230, 500, 799])
def test_the_past_does_not_change_when_bars_and_the_market_go_on(cut: int) -> None:
    bars, context, names = random_bars(34, LENGTH), context_of(LENGTH), [*MARKET, *CALENDAR]
    whole = compute_columns(bars, names, context=context)
    known = context.until(bars.sessions[cut - 1])
    part = compute_columns(bars.part(slice(0, cut)), names, context=known)
    for name in names:
        assert whole[name][:cut].tobytes() == part[name].tobytes(), name


@pytest.mark.parametrize("start", [1, 17, 101])
def test_features_do_not_remember_what_lies_before_their_window(start: int) -> None:
    """To the bit: coarse prices and shares make ties, which the day on which history starts must not decide."""
    walk, context, names = random_bars(35, LENGTH), context_of(LENGTH), [*MARKET, *CALENDAR]
    bars = replace(walk, close=np.maximum(np.round(walk.close), 1.0))
    series = {name: np.round(values, 1) for name, values in context.series.items()}
    context = MarketContext(context.days, context.sessions, series)
    whole = compute_columns(bars, names, context=context)
    later = compute_columns(bars.part(slice(start, None)), names, context=context)
    for definition in definitions():
        if definition.name in later:
            expected = whole[definition.name][start:][definition.warm_up :]
            got = later[definition.name][definition.warm_up :]
            assert got.tobytes() == expected.tobytes(), definition.name


@pytest.mark.parametrize("start", [1, 2])
def test_a_price_at_its_average_is_no_trend_wherever_history_starts(start: int) -> None:
    """Three closes in steps of a tenth often have the newest at their mean, but for the last digit of the sum."""
    walk = random_bars(40, 600)
    bars = replace(walk, close=np.maximum(np.round(walk.close / 5.0, 1), 0.1))
    short = {"trend_period": 3, "volatility_period": 2}
    whole = compute_function("regime", bars, short)["trend"]
    later = compute_function("regime", bars.part(slice(start, None)), short)["trend"]
    np.testing.assert_array_equal(later[4:], whole[start + 4 :])


def test_an_index_that_begins_later_leaves_its_features_unknown_until_then() -> None:
    bars, full = random_bars(36, LENGTH), context_of(LENGTH)
    late = MarketContext(full.days, full.sessions[100:], {key: values[100:] for key, values in full.series.items()})
    for definition in definitions():
        if definition.name in MARKET and set(definition.inputs) & set(MARKET_INPUTS):
            ours = compute_columns(bars, [definition.name], context=late)[definition.name]
            assert np.isnan(ours[: 100 + definition.warm_up]).all(), definition.name
            assert not np.isnan(ours[100 + definition.warm_up :]).any(), definition.name


def test_an_index_that_stands_still_has_no_beta() -> None:
    bars, context = random_bars(37, 200), context_of(200)
    flat = replace(context, series={"index": np.full(200, 100.0)})
    found = compute_function("index_regression", bars, {"period": 60}, context=flat)
    assert all(np.isnan(values).all() for values in found.values())


def test_a_symbol_that_is_the_index_has_nothing_of_its_own() -> None:
    bars, context = random_bars(38, 300), context_of(300)
    same = replace(context, series={"index": bars.close})
    found = {name: values[60:] for name, values in compute_function("index_regression", bars, context=same).items()}
    np.testing.assert_allclose(found["beta"], 1.0, rtol=1e-12)
    np.testing.assert_allclose(found["correlation"], 1.0, rtol=1e-12)
    np.testing.assert_allclose(found["alpha"], 0.0, atol=1e-12)
    np.testing.assert_allclose(found["idiosyncratic_volatility"], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "missing"),
    [("index_beta_60", "index"), ("advancing_share_10", "advancing"), ("before_holiday", "calendar")],
)
def test_what_is_not_known_is_asked_for_in_words(name: str, missing: str) -> None:
    with pytest.raises(IndicatorError, match=missing):
        compute_columns(random_bars(39, 50), [name], context=NO_CONTEXT)
