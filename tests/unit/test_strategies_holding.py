"""Positions from events: the fast form equals the plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphafactory.strategies.holding import held

if TYPE_CHECKING:
    from alphafactory.domain.arrays import BoolArray


def plain(enter: BoolArray, leave: BoolArray, most: int) -> BoolArray:
    """Walk through the rows of each column."""
    found = np.zeros(enter.shape, dtype=bool)
    for column in range(enter.shape[1]):
        inside, since, barred = False, 0, -1
        for row in range(len(enter)):
            if inside and (leave[row, column] or (most and row - since >= most)):
                inside, barred = False, row
            elif not inside and row != barred and enter[row, column] and not leave[row, column]:
                inside, since = True, row
            found[row, column] = inside
    return found


@given(
    seed=st.integers(0, 10_000), rows=st.integers(0, 60), columns=st.integers(1, 3), most=st.sampled_from([0, 1, 2, 7])
)
def test_equals_the_plain_walk(seed: int, rows: int, columns: int, most: int) -> None:
    random = np.random.default_rng(seed)
    enter, leave = random.random((2, rows, columns)) < random.choice([0.1, 0.4])
    assert held(enter, leave, most).tolist() == plain(enter, leave, most).tolist()


def events(text: str) -> tuple[BoolArray, BoolArray]:
    """Read `e` as an entry, `l` as an exit, `b` as both, `.` as nothing."""
    signs = np.array(list(text))[:, None]
    return (signs == "e") | (signs == "b"), (signs == "l") | (signs == "b")


@pytest.mark.parametrize(
    ("text", "most", "expected"),
    [
        ("..e..l..", 0, "00111000"),
        ("l.e.b.e.", 0, "00110011"),
        ("eel.e", 0, "11001"),
        ("e......", 3, "1110000"),
        ("eeeeeee", 3, "1110111"),
        ("e.l.e.l", 5, "1100110"),
    ],
)
def test_by_hand(text: str, most: int, expected: str) -> None:
    assert "".join(map(str, held(*events(text), most).astype(int)[:, 0])) == expected
