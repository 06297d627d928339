"""Weights over time: what acts between rebalances, fits that can be made elsewhere, keys, and no look ahead."""

from __future__ import annotations

import pickle
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from portfolio_samples import WIDE, future_replaced, random_market
from threadpoolctl import threadpool_limits

from alphafactory.domain.allocation import ALLOCATIONS, FITTED, SIDES, Allocation, AllocationSettings
from alphafactory.errors import UnknownNameError
from alphafactory.portfolio import Close, Fit, Market, allocate, estimate, needed_fits, weights_over_time

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray, FloatArray

ROWS, SYMBOLS = 60, 6
SECTORS = ["Energy", "Energy", "Health", "Health", "Tech", "Tech"]
MARKET = random_market(1, ROWS, SYMBOLS)
SHORT = replace(WIDE, sessions=30)


def at_rows(*rows: int, count: int = ROWS) -> BoolArray:
    marked = np.zeros(count, dtype=np.bool_)
    marked[list(rows)] = True
    return marked


def signals_of(seed: int) -> FloatArray:
    return np.random.default_rng(seed).choice([-1.0, -0.4, 0.0, 0.5, 1.0], (ROWS, SYMBOLS))


def small_plan(between: str, side: str = "long_only") -> FloatArray:
    """Three symbols, rebalances at rows 1 and 5, signals that end, begin, turn and come back in between."""
    signals = np.array(
        [
            [1.0, 1.0, 0.0],
            [1.0, 1.0, 0.0],  # rebalance: halves
            [1.0, 0.0, 0.5],  # the second ends, the third begins
            [-1.0, 1.0, 0.5],  # the first turns, the second comes back
            [-1.0, 1.0, 0.0],  # the third ends again
            [1.0, 1.0, 1.0],  # rebalance: thirds
            [1.0, 1.0, 1.0],
        ]
    )
    market = random_market(2, 7, 3)
    settings = replace(WIDE, model="equal", side=side)
    return weights_over_time(signals, market, at_rows(1, 5, count=7), settings, ["", "", ""], between=between).weights


def test_exits_act_between_rebalances() -> None:
    third = 1.0 / 3.0
    expected = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0], [0, 0, 0], [0, 0, 0], [third] * 3, [third] * 3]
    np.testing.assert_allclose(small_plan("exits"), expected)


def test_nothing_acts_between_rebalances() -> None:
    third = 1.0 / 3.0
    expected = [[0, 0, 0], *[[0.5, 0.5, 0]] * 4, [third] * 3, [third] * 3]
    np.testing.assert_allclose(small_plan("nothing"), expected)


def test_signals_that_begin_get_the_mean_weight() -> None:
    third = 1.0 / 3.0
    expected = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5], [0, 0.5, 0], [third] * 3, [third] * 3]
    np.testing.assert_allclose(small_plan("signals"), expected)
    # Where shorts are allowed, the one that turned begins anew on its other side.
    expected[3:5] = [[-0.5, 0.5, 0.5], [-0.5, 0.5, 0]]
    np.testing.assert_allclose(small_plan("signals", "long_short"), expected)


def test_the_mean_is_of_those_that_have_weight() -> None:
    signals = np.array([[1.0, 0.5, 0.0, 0.0], [1.0, 0.5, 0.2, 0.0], [1.0, 0.5, 0.2, 0.0]])
    settings = replace(WIDE, model="signal", max_weight=0.5, gross=0.9)
    plan = weights_over_time(
        signals, random_market(3, 3, 4), at_rows(0, count=3), settings, [""] * 4, between="signals"
    )
    np.testing.assert_allclose(plan.weights, [[0.5, 0.4, 0, 0], [0.5, 0.4, 0.45, 0], [0.5, 0.4, 0.45, 0]])


def test_a_signal_that_goes_on_does_not_begin() -> None:
    # The model knows too little of the last symbol at the rebalance; its signal has been there all the time.
    close = MARKET.close.copy()
    close[:20, 5] = np.nan
    settings = replace(SHORT, model="inverse_volatility")
    market = replace(MARKET, close=close)
    plan = weights_over_time(np.ones((ROWS, SYMBOLS)), market, at_rows(30), settings, SECTORS, between="signals")
    assert plan.notes[0].words.startswith("left out: S5 (fewer than 20 returns")
    assert not plan.weights[:, 5].any()
    assert plan.weights[59, :5].all()


def test_an_empty_rebalance_gives_begun_signals_nothing() -> None:
    signals = np.array([[0.0], [1.0], [1.0]])
    settings = replace(WIDE, model="equal")
    plan = weights_over_time(signals, random_market(3, 3, 1), at_rows(0, count=3), settings, [""], between="signals")
    assert not plan.weights.any()


def test_without_an_allocation_signals_are_the_targets() -> None:
    signals = signals_of(1)
    plan = weights_over_time(signals, MARKET, at_rows(), replace(WIDE, model="none"), SECTORS, between="exits")
    np.testing.assert_array_equal(plan.weights, signals)
    assert needed_fits(signals, MARKET, at_rows(), replace(WIDE, model="none"), SECTORS) == []


@pytest.mark.parametrize("model", ["signal", "inverse_volatility", "atr_parity", "min_variance"])
def test_a_rebalance_is_what_allocate_says(model: str) -> None:
    signals, settings = signals_of(2), replace(SHORT, model=model, side="long_short")
    plan = weights_over_time(signals, MARKET, at_rows(30, 45), settings, SECTORS, between="nothing")
    for row in (30, 45):
        close = Close(
            signals=signals[row],
            estimates=estimate(MARKET, row, 30),
            sectors=SECTORS,
            tickers=MARKET.tickers,
            before=np.zeros(SYMBOLS),
            session=MARKET.sessions[row],
        )
        np.testing.assert_array_equal(plan.weights[row], allocate(close, settings).weights)


def test_kept_weights_are_those_of_the_rebalance_before() -> None:
    fall = np.where(np.arange(ROWS) > 40, 0.95 ** (np.arange(ROWS) - 40.0), 1.0)
    falling = replace(MARKET, close=MARKET.close * fall[:, None])
    settings = replace(WIDE, sessions=20, model="max_sharpe", fallback="keep")
    plan = weights_over_time(np.ones((ROWS, SYMBOLS)), falling, at_rows(40, 59), settings, SECTORS)
    assert [(note.row, note.model) for note in plan.notes] == [(59, "keep")]
    assert plan.weights[40].sum() == pytest.approx(1.0)
    np.testing.assert_array_equal(plan.weights[59], plan.weights[40])


@pytest.mark.parametrize("model", [model for model in ALLOCATIONS if model != "none"])
@pytest.mark.parametrize("side", SIDES)
def test_the_future_changes_nothing(model: str, side: str) -> None:
    signals = signals_of(3)
    settings = replace(SHORT, model=model, side=side, max_weight=0.4)
    marked = at_rows(29, 40, 50)
    before = weights_over_time(signals, MARKET, marked, settings, SECTORS, between="signals")
    assert before.weights[40].any()
    changed = signals.copy()
    changed[41:] = signals_of(4)[41:]
    after = weights_over_time(changed, future_replaced(MARKET, 40, 5), marked, settings, SECTORS, between="signals")
    np.testing.assert_array_equal(after.weights[:41], before.weights[:41])
    assert not np.array_equal(after.weights, before.weights)


def test_notes_tell_the_row() -> None:
    settings = replace(SHORT, model="min_variance", max_weight=0.1)
    plan = weights_over_time(np.ones((ROWS, SYMBOLS)), MARKET, at_rows(5, 25, 50), settings, SECTORS)
    assert [(note.row, note.model) for note in plan.notes] == [(5, "equal"), (25, "min_variance"), (50, "min_variance")]
    assert "fewer than 18 of 30 returns" in plan.notes[0].words
    assert plan.notes[1].words.startswith("bounds allow 60.00% of equity")


@pytest.mark.parametrize("model", FITTED)
def test_fits_made_elsewhere_give_the_same_weights(model: str) -> None:
    signals, settings = signals_of(6), replace(SHORT, model=model, side="long_short")
    fits = needed_fits(signals, MARKET, at_rows(10, 30, 50), settings, SECTORS)
    assert [str(fit.session) for fit in fits] == [str(MARKET.sessions[row]) for row in (30, 50)]
    assert fits[0].tickers == tuple(f"S{column}" for column in range(SYMBOLS) if signals[30, column] != 0.0)
    travelled = [pickle.loads(pickle.dumps(fit)) for fit in fits]
    assert [fit.key for fit in travelled] == [fit.key for fit in fits]
    solved = {fit.key: fit.solve() for fit in travelled}
    alone = weights_over_time(signals, MARKET, at_rows(10, 30, 50), settings, SECTORS)
    given = weights_over_time(signals, MARKET, at_rows(10, 30, 50), settings, SECTORS, solved=solved)
    np.testing.assert_array_equal(given.weights, alone.weights)
    assert given.notes == alone.notes


@pytest.mark.parametrize("model", FITTED)
def test_the_number_of_threads_changes_no_digit(model: str) -> None:
    market = random_market(7, 260, 200)
    settings = replace(WIDE, sessions=250, model=model)
    signals = np.ones((260, 200))
    [fit] = needed_fits(signals, market, at_rows(259, count=260), settings, ["Tech"] * 200)
    with threadpool_limits(limits=1):
        one = fit.solve().weights
    with threadpool_limits(limits=2):
        np.testing.assert_array_equal(fit.solve().weights, one)


def test_remembered_answers_are_believed() -> None:
    settings = replace(SHORT, model="risk_parity", fallback="equal")
    signals = np.ones((ROWS, SYMBOLS))
    first, second = needed_fits(signals, MARKET, at_rows(30, 50), settings, SECTORS)
    remembered = np.array([0.5, 0.1, 0.1, 0.1, 0.1, 0.1])
    solved = {
        first.key: Allocation(remembered, "risk_parity"),
        second.key: Allocation(np.empty(0), "", "it was too late"),
    }
    plan = weights_over_time(signals, MARKET, at_rows(30, 50), settings, SECTORS, solved=solved)
    np.testing.assert_array_equal(plan.weights[30], remembered)
    np.testing.assert_allclose(plan.weights[50], 1.0 / SYMBOLS)
    assert (plan.notes[0].row, plan.notes[0].words) == (50, "risk_parity: it was too late")


def test_nothing_leaks_and_nothing_is_silenced_for_others() -> None:
    market = replace(MARKET, close=MARKET.close.copy())
    market.close[:, 1] = market.close[:, 0]
    fit = needed_fits(
        np.ones((ROWS, SYMBOLS)),
        market,
        at_rows(50),
        replace(SHORT, model="min_variance", covariance="empirical"),
        SECTORS,
    )[0]
    filters = list(warnings.filters)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert fit.solve().model == "min_variance"
    assert said == []
    assert list(warnings.filters) == filters


def key_of(
    settings: AllocationSettings,
    signals: FloatArray | None = None,
    market: Market = MARKET,
    sectors: list[str] = SECTORS,
) -> str:
    return fit_of_row(settings, signals, market, sectors).key


def fit_of_row(settings: AllocationSettings, signals: FloatArray | None, market: Market, sectors: list[str]) -> Fit:
    wanted = np.ones((ROWS, SYMBOLS)) if signals is None else signals
    return needed_fits(wanted, market, at_rows(50), settings, sectors)[0]


BASE = replace(SHORT, model="min_variance", max_weight=0.5, sector_bounds={"Energy": (0.0, 0.4)})


@pytest.mark.parametrize(
    "change",
    [
        {"model": "risk_parity"},
        {"sessions": 29},
        {"covariance": "oas"},
        {"side": "long_short", "gross": 0.9},
        {"gross": 0.9},
        {"min_weight": 0.01},
        {"max_weight": 0.4},
        {"sector_bounds": {"Energy": (0.0, 0.3)}},
        {"sector_bounds": {"Energy": (0.1, 0.4)}},
        {"sector_bounds": {"Tech": (0.0, 0.4)}},
        {"sector_bounds": {}},
    ],
)
def test_settings_that_matter_change_the_key(change: dict[str, Any]) -> None:
    assert key_of(replace(BASE, **change)) != key_of(BASE)


@pytest.mark.parametrize(
    "change",
    [
        {"fallback": "equal"},
        {"risk_free_rate": 0.03},
        {"side": "long_short"},  # every signal is long
        {"sector_bounds": {"Energy": (0.0, 0.4), "Tech": (0.0, 1.0)}},  # binds nobody
    ],
)
def test_settings_that_do_not_matter_do_not(change: dict[str, Any]) -> None:
    assert key_of(replace(BASE, **change)) == key_of(BASE)


def test_a_most_above_the_gross_is_none() -> None:
    wide, wider = replace(BASE, max_weight=1.0), replace(BASE, max_weight=2.0)
    assert key_of(wide) == key_of(wider) != key_of(BASE)
    first, second = (fit_of_row(settings, None, MARKET, SECTORS).solve() for settings in (wide, wider))
    np.testing.assert_array_equal(first.weights, second.weights)


def test_the_free_rate_matters_to_a_ratio() -> None:
    ratio = replace(BASE, model="max_sharpe")
    assert key_of(ratio) != key_of(replace(ratio, risk_free_rate=0.03))


def test_signals_matter_by_side_and_to_views_by_strength() -> None:
    ones = np.ones((ROWS, SYMBOLS))
    weaker, elsewhere, gone, turned = ones.copy(), ones.copy(), ones.copy(), ones.copy()
    weaker[50, 2], elsewhere[49, 2], gone[50, 2], turned[50, 2] = 0.5, 0.0, 0.0, -1.0
    both = replace(BASE, side="long_short")
    assert key_of(both, weaker) == key_of(both, elsewhere) == key_of(both, ones)
    assert len({key_of(both, ones), key_of(both, gone), key_of(both, turned)}) == 3
    views = replace(both, model="black_litterman")
    assert key_of(views, weaker) != key_of(views, ones)
    assert key_of(views, elsewhere) == key_of(views, ones)


def test_data_matter_within_the_window_and_of_those_that_take_part() -> None:
    signals = np.ones((ROWS, SYMBOLS))
    signals[:, 5] = 0.0

    def changed(row: int, column: int) -> str:
        close = MARKET.close.copy()
        close[row, column] *= 1.01
        return key_of(BASE, signals, replace(MARKET, close=close))

    base = key_of(BASE, signals)
    assert changed(50, 0) != base
    # The window's oldest return, of row 21, is from the close of row 20.
    assert changed(20, 0) != base
    assert changed(19, 0) == base
    assert changed(51, 0) == base
    assert changed(40, 5) == base


def test_names_and_sectors_matter_where_they_decide() -> None:
    renamed = replace(MARKET, tickers=("X", *MARKET.tickers[1:]))
    assert key_of(BASE, market=renamed) != key_of(BASE)
    assert key_of(BASE, sectors=["Tech", "Energy", *SECTORS[2:]]) != key_of(BASE)
    assert key_of(BASE, sectors=["Energy", "Energy", "Tech", "Health", "Health", "Tech"]) == key_of(BASE)


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"rule between rebalances 'exit'.*'exits'"):
        weights_over_time(signals_of(1), MARKET, at_rows(), WIDE, SECTORS, between="exit")
