"""What the night says of a symbol that no vendor delivered: one plain sentence a vendor."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest

from alphafactory.domain.market import Listing
from alphafactory.pipeline.needs import NO_SESSIONS, Need
from alphafactory.pipeline.vendor_night import _unfilled
from alphafactory.store.symbols import SymbolRow

if TYPE_CHECKING:
    from alphafactory.pipeline.running import Failure

NEWEST = np.array(["2024-03-14"], dtype="datetime64[D]")


def told(**troubles: str) -> Failure:
    """Return the failure of a symbol that has no bar, after vendors have said these words."""
    row = SymbolRow(1, Listing("KO"), "polygon", simulated=False, first_night=date(2024, 3, 14))
    (found,) = _unfilled([Need(row, NEWEST, NO_SESSIONS, NEWEST, NO_SESSIONS, None, troubles=troubles)], {})
    return found


def test_reasons_are_joined_to_one_sentence() -> None:
    found = told(polygon="polygon KO: out of order (HTTP 503). Try again later.", yahoo="yahoo KO: no row yet.")
    assert found["message"] == (
        "No source has any bar of it: polygon KO: out of order (HTTP 503). Try again later; yahoo KO: no row yet."
    )
    assert found["remedy"].startswith("See `python run.py sources check`")
    assert told()["message"] == "No source has any bar of it: every vendor left it out."


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "polygon KO: the connection failed (HTTPConnection(host='h', port=1, at 0x7f00ab12): refused). Wait.",
            "polygon KO: the connection failed (refused). Wait",
        ),
        (
            "polygon KO: <urllib3.connection.HTTPSConnection object at 0x7F12>: Failed to establish a connection.",
            "polygon KO: Failed to establish a connection",
        ),
    ],
)
def test_addresses_in_memory_are_left_out(words: str, said: str) -> None:
    assert told(polygon=words)["message"] == f"No source has any bar of it: {said}."


def test_a_long_story_is_cut() -> None:
    reason = told(polygon="polygon KO: " + "and then it failed again " * 20)["message"].partition("of it: ")[2]
    assert reason.startswith("polygon KO: and then")
    assert reason.endswith(" ….")
    assert 140 < len(reason) <= 161
