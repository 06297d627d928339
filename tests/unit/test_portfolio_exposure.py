"""Exposures by hand, and the identities that bind them."""

from __future__ import annotations

import numpy as np
import pytest

from alphafactory.errors import SimulationError
from alphafactory.portfolio.exposure import exposures, values


def test_exposures_by_hand() -> None:
    positions = np.array([[0.0, 0.0, 0.0], [5.0, -2.0, 1.0]])
    prices = np.array([[10.0, 50.0, np.nan], [20.0, 100.0, 50.0]])
    found = exposures(positions, prices, np.array([1000.0, 1000.0]), np.array([1000.0, 1050.0]), ["B", "A", "B"])
    assert found.gross.tolist() == pytest.approx([0.0, 0.35])
    assert found.net.tolist() == pytest.approx([0.0, -0.05])
    assert found.long.tolist() == pytest.approx([0.0, 0.15])
    assert found.short.tolist() == pytest.approx([0.0, -0.2])
    assert found.cash.tolist() == pytest.approx([1.0, 1.05])
    assert found.by_symbol[1] == pytest.approx([0.1, -0.2, 0.05])
    assert found.sectors == ("A", "B")
    assert found.sector_gross[1] == pytest.approx([0.2, 0.15])
    assert found.sector_net[1] == pytest.approx([-0.2, 0.15])


@pytest.mark.parametrize("symbols", [1, 7])
def test_identities(symbols: int) -> None:
    random = np.random.default_rng(symbols)
    positions = random.normal(0, 10, (50, symbols))
    prices = random.uniform(1, 20, (50, symbols))
    cash = random.uniform(2000, 3000, 50)
    equity = cash + (positions * prices).sum(axis=1)
    found = exposures(positions, prices, equity, cash, [f"sector {k % 3}" for k in range(symbols)])
    np.testing.assert_allclose(found.net + found.cash, 1.0, rtol=1e-12)
    np.testing.assert_allclose(found.gross, found.long - found.short, rtol=1e-12)
    np.testing.assert_allclose(found.net, found.long + found.short, atol=1e-12)
    np.testing.assert_allclose(found.sector_gross.sum(axis=1), found.gross, rtol=1e-12)
    np.testing.assert_allclose(found.sector_net.sum(axis=1), found.net, atol=1e-12)
    assert (found.short <= 0).all()
    assert (found.long >= 0).all()


def test_a_sector_with_long_and_short_nets_but_its_gross_adds() -> None:
    found = exposures(np.array([[1.0, -1.0]]), np.array([[100.0, 100.0]]), np.array([400.0]), np.array([400.0]), "XX")
    assert found.sector_gross.tolist() == [[0.5]]
    assert found.sector_net.tolist() == [[0.0]]


def test_without_equity_there_are_no_shares_of_it() -> None:
    found = exposures(np.zeros((2, 1)), np.ones((2, 1)), np.array([0.0, -5.0]), np.array([0.0, -5.0]), ["X"])
    assert np.isnan(found.gross).all()
    assert np.isnan(found.cash).all()
    assert np.isnan(found.sector_gross).all()


def test_a_position_without_a_price_is_an_error_and_a_price_without_a_position_is_not() -> None:
    with pytest.raises(SimulationError, match="column 1 has no price in row 0"):
        values(np.array([[0.0, 2.0]]), np.array([[1.0, np.nan]]))
    assert values(np.array([[0.0, 2.0]]), np.array([[np.nan, 3.0]])).tolist() == [[0.0, 6.0]]
