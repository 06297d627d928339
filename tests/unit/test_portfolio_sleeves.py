"""Sleeves net by capital, members alone have signals."""

from __future__ import annotations

import numpy as np
import pytest

from alphafactory.portfolio import net_signals


def test_targets_are_weighted_by_capital_and_added() -> None:
    first = np.array([[1.0, -1.0, np.nan], [0.5, 0.0, 1.0]])
    second = np.array([[-1.0, np.nan, np.nan], [1.0, 0.25, -1.0]])
    found = net_signals([first, second], [0.6, 0.4], np.ones((2, 3), dtype=np.bool_))
    np.testing.assert_allclose(found, [[0.2, -0.6, 0.0], [0.7, 0.1, 0.2]], rtol=0, atol=1e-15)


def test_opposite_wishes_of_equal_size_are_nothing() -> None:
    # 0.1 + 0.2 - 0.3 is 5.6e-17 in doubles; no strategy has said that.
    targets = [np.array([[1.0]]), np.array([[1.0]]), np.array([[-1.0]])]
    assert net_signals(targets, [0.1, 0.2, 0.3], np.ones((1, 1), dtype=np.bool_))[0, 0] == 0.0


def test_shares_of_one_whole_never_add_up_to_more() -> None:
    sides = np.array([[1.0, -1.0]])
    assert sum([0.05] * 20) > 1.0  # in doubles
    np.testing.assert_array_equal(net_signals([sides] * 20, [0.05] * 20, np.ones((1, 2), dtype=np.bool_)), sides)


def test_outside_of_a_membership_there_is_no_signal() -> None:
    member = np.array([[True, False], [False, True]])
    found = net_signals([np.ones((2, 2))], [1.0], member)
    np.testing.assert_array_equal(found, [[1.0, 0.0], [0.0, 1.0]])


def test_inputs_stay_as_they_are() -> None:
    target = np.array([[np.nan, 1.0]])
    net_signals([target], [0.5], np.ones((1, 2), dtype=np.bool_))
    assert np.isnan(target[0, 0])


def test_a_sleeve_without_capital_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        net_signals([np.ones((1, 1))], [0.5, 0.5], np.ones((1, 1), dtype=np.bool_))
