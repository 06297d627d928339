"""The compiled simulator with a mandate against the slow plain-Python one, on random markets, targets and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import assume, given, settings
from random_mandates import mandate_cases
from reference_simulator import simulate_slowly
from test_simulation_reference import EXAMPLES, THOROUGH, differences

from alphafactory.simulation import simulate_account

if TYPE_CHECKING:
    from random_mandates import MandateCase


@settings(EXAMPLES, max_examples=5_000 if THOROUGH else 300)
@given(portfolio=mandate_cases())
def test_the_kernel_obeys_a_mandate_as_the_reference_does(portfolio: MandateCase) -> None:
    case = portfolio.case
    given_to_both = {"periods_per_year": case.periods_per_year, "delisted": case.delisted, "mandate": portfolio.mandate}
    slow = simulate_slowly(case.bars, case.signals, case.settings, **given_to_both)
    assume(not slow.close_calls)
    fast = simulate_account(case.bars, case.signals, case.settings, **given_to_both)
    assert differences(fast, slow) == []
