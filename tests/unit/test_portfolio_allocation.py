"""One date's weights: formulas by hand, bounds kept whatever the model, and an answer to every misfortune."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from portfolio_samples import WIDE, close_of, random_returns

from alphafactory.domain.allocation import ALLOCATIONS, COVARIANCES, FALLBACKS, FITTED, SIDES, Allocation
from alphafactory.portfolio import allocate

MODELS = [model for model in ALLOCATIONS if model != "none"]
RETURNS = random_returns(1, 120, 8)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("equal", [0.25, 0.25, 0.0, 0.25, 0.25]),
        ("signal", [1.0 / 2.2, 0.5 / 2.2, 0.0, 0.2 / 2.2, 0.5 / 2.2]),
        ("atr_parity", [0.4, 0.2, 0.0, 0.2, 0.2]),
    ],
)
def test_formulas_by_hand(model: str, expected: list[float]) -> None:
    close = close_of(RETURNS[:, :5], [1.0, 0.5, -0.7, 0.2, 0.5], atr=np.array([0.01, 0.02, 0.01, 0.02, 0.02]))
    found = allocate(close, replace(WIDE, model=model))
    np.testing.assert_allclose(found.weights, expected, rtol=1e-14)
    assert (found.model, found.note) == (model, "")


def test_inverse_volatility_by_hand() -> None:
    returns = RETURNS.copy()
    returns[:40, 2] = np.nan
    deviations = [np.std(column[~np.isnan(column)], ddof=1) for column in returns.T]
    found = allocate(close_of(returns), replace(WIDE, model="inverse_volatility", gross=0.8))
    expected = 0.8 * (1.0 / np.array(deviations)) / (1.0 / np.array(deviations)).sum()
    np.testing.assert_allclose(found.weights, expected, rtol=1e-12)


def test_sides_decide_who_may_have_weight() -> None:
    signals = [1.0, -1.0, 0.5, -0.5, 0.0, 0.25, -0.25, 1.0]
    close = close_of(RETURNS, signals)
    long_only = allocate(close, replace(WIDE, model="signal")).weights
    np.testing.assert_allclose(long_only, np.maximum(signals, 0.0) / 2.75)
    both = allocate(close, replace(WIDE, model="signal", side="long_short", gross=1.2)).weights
    np.testing.assert_allclose(both, 1.2 * np.array(signals) / 4.5)
    neutral = allocate(close, replace(WIDE, model="signal", side="market_neutral", gross=1.2)).weights
    np.testing.assert_allclose(
        neutral, 0.6 * np.where(np.array(signals) > 0, np.array(signals) / 2.75, np.array(signals) / 1.75)
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("side", SIDES)
def test_every_model_keeps_every_bound(model: str, side: str) -> None:
    returns = random_returns(2, 120, 12)
    sectors = ["Energy", "Health", "Tech"] * 4
    signals = np.linspace(0.2, 1.0, 12) * np.where(np.arange(12) % 2, -1.0, 1.0)
    settings = replace(
        WIDE,
        model=model,
        side=side,
        gross=0.9,
        min_weight=0.02,
        max_weight=0.35 if side == "long_only" else 0.14,
        sector_bounds={"Energy": (0.0, 0.2), "Tech": (0.45, 1.0)},
    )
    found = allocate(close_of(returns, signals, sectors=sectors), settings)
    assert found.note == ""
    held = np.abs(found.weights[found.weights != 0.0])
    assert held.min() >= 0.02 - 1e-12
    assert held.max() <= settings.max_weight + 1e-12
    assert held.sum() == pytest.approx(0.9, abs=1e-12)
    sums = {name: np.abs(found.weights[np.array(sectors) == name]).sum() for name in set(sectors)}
    assert sums["Energy"] <= 0.2 + 1e-12
    assert sums["Tech"] >= 0.45 - 1e-12
    assert np.all((np.sign(found.weights) == np.sign(signals)) | ((side == "long_only") & (found.weights == 0.0)))
    if side == "market_neutral":
        assert found.weights.sum() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_too_few_symbols_give_what_bounds_allow(model: str) -> None:
    found = allocate(close_of(RETURNS), replace(WIDE, model=model, gross=0.9, max_weight=0.05))
    np.testing.assert_allclose(found.weights, 0.05, rtol=0, atol=1e-9)
    assert found.model == model
    assert found.note == "bounds allow 40.00% of equity, not 90.00%: max_weight 5.00% of 8 symbols"


@pytest.mark.parametrize("model", MODELS)
def test_one_symbol_and_none(model: str) -> None:
    one = allocate(close_of(RETURNS[:, :1]), replace(WIDE, model=model, max_weight=0.3))
    assert (one.weights.tolist(), one.model) == ([0.3], model)
    none = allocate(close_of(RETURNS, np.zeros(8)), replace(WIDE, model=model))
    assert (none.weights.any(), none.model, none.note) == (False, model, "")


@pytest.mark.parametrize("model", MODELS)
def test_a_sector_that_may_have_nothing_has_nothing(model: str) -> None:
    settings = replace(WIDE, model=model, sector_bounds={"Energy": (0.0, 0.0)})
    found = allocate(close_of(RETURNS, sectors=["Energy"] * 2 + ["Tech"] * 6), settings)
    rest = allocate(close_of(RETURNS[:, 2:], sectors=["Tech"] * 6), settings)
    np.testing.assert_array_equal(found.weights, [0.0, 0.0, *rest.weights])
    assert (found.model, found.note) == (model, "")
    empty = allocate(close_of(RETURNS, sectors=["Energy"] * 8), settings)
    assert (empty.weights.any(), empty.model) == (False, model)


@pytest.mark.parametrize("model", MODELS)
def test_one_side_alone_leaves_a_neutral_portfolio_empty(model: str) -> None:
    found = allocate(close_of(RETURNS), replace(WIDE, model=model, side="market_neutral"))
    assert not found.weights.any()
    assert found.note == "market_neutral holds nothing: all signals are on one side"


@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("model", FITTED)
def test_two_equal_symbols_make_the_covariance_singular(model: str, covariance: str) -> None:
    returns = RETURNS.copy()
    returns[:, 5] = returns[:, 1]
    found = allocate(close_of(returns), replace(WIDE, model=model, covariance=covariance))
    assert np.isfinite(found.weights).all()
    assert np.abs(found.weights).sum() == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("model", FITTED)
def test_late_listings_and_still_prices_are_left_out(model: str) -> None:
    returns = RETURNS.copy()
    returns[:49, 0] = np.nan  # 71 of 120 known, one less than 60 %
    returns[:48, 1] = np.nan
    returns[:, 2] = 0.0
    found = allocate(close_of(returns), replace(WIDE, model=model))
    assert found.model == model
    assert found.note == "left out: S0, S2 (fewer than 72 of 120 returns, or a price that does not move)"
    assert found.weights[[0, 2]].tolist() == [0.0, 0.0]
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("fallback", FALLBACKS)
@pytest.mark.parametrize("model", FITTED)
def test_at_the_begin_of_the_data_the_fallback_answers(model: str, fallback: str) -> None:
    before = np.array([0.3, -0.1, 0.2, 0.0, 0.0, 0.0, 0.1, 0.1])
    signals = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, -1.0]
    close = close_of(RETURNS[:30], signals, before=before, sessions=120)
    found = allocate(close, replace(WIDE, model=model, fallback=fallback))
    assert found.model == fallback
    assert found.note.startswith(f"{model}: every symbol with a signal has fewer than 72 of 120 returns")
    inverse = 1.0 / RETURNS[:30, :6].std(axis=0, ddof=1)
    expected = {
        "keep": [0.3, 0.0, 0.2, 0.0, 0.0, 0.0, 0.0, 0.0],
        "equal": [1.0 / 6.0] * 6 + [0.0, 0.0],
        "inverse_volatility": [*(inverse / inverse.sum()), 0.0, 0.0],
    }
    np.testing.assert_allclose(found.weights, expected[fallback], rtol=1e-12)


def test_without_any_data_the_last_resort_is_equal() -> None:
    close = close_of(np.full((5, 3), np.nan), sessions=120, atr=np.full(3, np.nan))
    found = allocate(close, replace(WIDE, model="min_variance", max_weight=0.2))
    np.testing.assert_allclose(found.weights, 0.2)
    assert found.model == "equal"
    assert "min_variance: every symbol" in found.note
    assert "inverse_volatility: every symbol" in found.note
    assert "bounds allow 60.00%" in found.note
    atr = allocate(close, replace(WIDE, model="atr_parity", fallback="equal"))
    assert (atr.model, atr.weights.sum()) == ("equal", pytest.approx(1.0))


def test_falling_markets_leave_max_sharpe_to_the_fallback() -> None:
    found = allocate(close_of(RETURNS * 0.1 - 0.01), replace(WIDE, model="max_sharpe"))
    assert found.model == "inverse_volatility"
    assert found.note.startswith("max_sharpe: the optimiser found no answer (no expected return is above the risk-free")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"min_weight": 0.15}, "min_weight 15.00% of 8 symbols add up to 120.00%, above gross 100.00%"),
        (
            {"sector_bounds": {"Energy": (0.3, 1.0)}, "max_weight": 0.25},
            "sectors.Energy wants 30.00%, but max_weight 25.00% of 1 symbol is 25.00%",
        ),
        (
            {"sector_bounds": {"Rest": (0.0, 0.1)}, "min_weight": 0.02},
            "sectors.Rest allows 10.00%, but min_weight 2.00% of 7 symbols is 14.00%",
        ),
        (
            {"sector_bounds": {"Gone": (0.1, 1.0)}},
            "sectors.Gone wants 10.00%, but max_weight 100.00% of 0 symbols is 0.00%",
        ),
        (
            {"sector_bounds": {"Energy": (0.6, 1.0), "Rest": (0.5, 1.0)}},
            "sectors.Energy 60.00%, sectors.Rest 50.00% add up to 110.00%, above gross 100.00%",
        ),
    ],
)
def test_bounds_that_clash_are_named_and_those_above_are_kept(
    model: str, changes: dict[str, object], words: str
) -> None:
    settings = replace(WIDE, model=model, **changes)
    found = allocate(close_of(RETURNS, sectors=["Energy"] + ["Rest"] * 7), settings)
    assert found.model == "inverse_volatility"
    assert found.note.startswith(f"{model}: {words}; bounds from below are left aside")
    assert found.weights.max() <= settings.max_weight + 1e-12
    rest = settings.sector_bounds.get("Rest", (0.0, 1.0))[1]
    assert found.weights[1:].sum() <= rest + 1e-12


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"min_weight": 0.08},
            "market_neutral: min_weight 8.00% of 8 symbols give the longs 56.00%, but each side may",
        ),
        (
            {"sector_bounds": {"Rest": (0.7, 1.0)}, "max_weight": 0.3},
            "market_neutral: sectors.Rest 70.00% give the longs 70.00%, but each side may have 30.00%; ",
        ),
    ],
)
def test_clashes_of_a_neutral_portfolio(changes: dict[str, object], words: str) -> None:
    settings = replace(WIDE, model="equal", side="market_neutral", **changes)
    signals = [-1.0] + [1.0] * 7
    found = allocate(close_of(RETURNS, signals, sectors=["Energy"] + ["Rest"] * 7), settings)
    assert found.note.startswith(f"equal: {words}")
    assert found.weights.sum() == pytest.approx(0.0, abs=1e-12)


def test_kept_weights_stay_neutral() -> None:
    settings = replace(WIDE, model="min_variance", side="market_neutral", fallback="keep", min_weight=0.3)
    before = np.array([0.2, 0.2, -0.3, -0.1, 0.0, 0.0, 0.0, 0.0])
    signals = [1.0, 0.0, -1.0, -1.0, 1.0, 0.0, 0.0, 0.0]
    found = allocate(close_of(RETURNS, signals, before=before), settings)
    assert found.model == "keep"
    np.testing.assert_allclose(found.weights, [0.2, 0.0, -0.15, -0.05, 0.0, 0.0, 0.0, 0.0], rtol=1e-12)
    mirrored = allocate(close_of(RETURNS, [-one for one in signals], before=-before), settings)
    np.testing.assert_allclose(mirrored.weights, -found.weights, rtol=1e-12)
    gone = allocate(close_of(RETURNS, [1.0, 1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0], before=before), settings)
    assert not gone.weights.any()


def test_an_optimiser_that_fails_is_a_note() -> None:
    found = allocate(
        close_of(RETURNS),
        replace(WIDE, model="risk_parity", fallback="equal"),
        solve=lambda _: Allocation(np.empty(0), "", "the optimiser found no answer (it sleeps)"),
    )
    np.testing.assert_allclose(found.weights, 0.125)
    assert (found.model, found.note) == ("equal", "risk_parity: the optimiser found no answer (it sleeps)")


def test_solver_noise_is_no_position() -> None:
    found = allocate(close_of(random_returns(3, 120, 12)), replace(WIDE, model="max_sharpe"))
    held = found.weights[found.weights != 0.0]
    assert 0 < len(held) < 12
    assert held.min() > 1e-6
