"""What strategies are averaged over, and how a comparison is put into sentences, without a database."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from alphafactory.pipeline.comparing_rows import average_returns
from alphafactory.pipeline.comparing_words import is_more_than_chance, sentences
from alphafactory.store.schema.research import TEST_COLUMNS


def days(first: int, last: int) -> np.ndarray:
    return np.datetime64("2020-01-01") + np.arange(first, last)


def returns(first: int, last: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    return days(first, last), level + np.arange(first, last) / 1000.0


def test_a_session_averages_the_symbols_that_every_strategy_has() -> None:
    curves = {
        "one": [returns(0, 10, 0.1), returns(4, 10, 0.3)],
        "other": [returns(0, 10, 0.2), returns(6, 10, 0.5)],  # its second symbol begins later
    }
    sessions, averages = average_returns(curves, frozenset())
    np.testing.assert_array_equal(sessions, days(0, 10))
    steps = np.arange(10) / 1000.0
    late = np.arange(10) >= 6
    np.testing.assert_allclose(averages["one"], steps + np.where(late, 0.2, 0.1), rtol=1e-12)
    np.testing.assert_allclose(averages["other"], steps + np.where(late, 0.35, 0.2), rtol=1e-12)


def test_an_account_of_all_symbols_takes_part_by_its_own_sessions() -> None:
    curves = {"many": [returns(0, 10, 0.1), returns(2, 12, 0.3)], "alone": [returns(3, 14, 0.0)]}
    sessions, averages = average_returns(curves, {"alone"})
    np.testing.assert_array_equal(sessions, days(3, 12))
    steps = np.arange(3, 12) / 1000.0
    np.testing.assert_allclose(averages["alone"], steps, rtol=1e-12)
    np.testing.assert_allclose(averages["many"], steps + np.where(np.arange(3, 12) < 10, 0.2, 0.3), rtol=1e-12)


def test_strategies_that_never_meet_have_no_session() -> None:
    sessions, averages = average_returns({"many": [returns(0, 5, 0.1)], "alone": [returns(5, 9, 0.1)]}, {"alone"})
    assert len(sessions) == len(averages["many"]) == len(averages["alone"]) == 0


def row(strategy: str, **values: Any) -> dict[str, Any]:
    return dict.fromkeys(TEST_COLUMNS) | {"strategy": strategy, "scope": "symbol", "undefined": {}} | values


def difference(benchmark: str, value: float, p: float, adjusted: float | None) -> dict[str, float | None]:
    name = f"sharpe_over_{benchmark}"
    ends = {name: value, f"{name}_low": value - 0.5, f"{name}_high": value + 0.5}
    return {**ends, f"{name}_p": p, f"{name}_p_holm": adjusted, f"block_length_{benchmark}": 3.25}


COMPARISON = {
    "strategies": ["good", "flat"], "symbols": ["A", "B"], "n_sessions": 1258, "draws": 5000, "seed": 1,
    "start_session": date(2015, 1, 2), "end_session": date(2019, 12, 31),
}  # fmt: skip
BENCHMARKS = {"baseline": "base", "hold": "buy_and_hold"}


def test_sentences_say_what_chance_does() -> None:
    good = row("good", **difference("baseline", 0.9, 0.0004, 0.0008), **difference("hold", -0.25, 0.4, 0.8))
    flat = row("flat", undefined=dict.fromkeys(["sharpe_over_baseline", "sharpe_over_hold"], "zero_volatility"))
    base = row("base", **difference("hold", 0.1, 0.5, None))
    said = sentences(COMPARISON, [good, base, flat], BENCHMARKS)
    assert said[0] == (
        "good against base: the Sharpe ratio is 0.90 higher (95 % interval 0.40 to 1.40), p < 0.001, after Holm "
        "p < 0.001: more than chance explains."
    )
    assert said[1].startswith("good against buy_and_hold: the Sharpe ratio is 0.25 lower (95 % interval -0.75 to 0.25)")
    assert said[1].endswith("p = 0.400, after Holm p = 0.800: not distinguishable from chance.")
    assert said[2].endswith("there is no difference of Sharpe ratios to test, for one of the two never moves.")
    assert len(said) == 5  # nobody asked about the baseline
    assert "2 symbols over 1,258 sessions from 2015-01-02 to 2019-12-31: 5,000 draws" in said[-1]
    assert "blocks of 3.2 to 3.2 sessions, seed 1" in said[-1]


@pytest.mark.parametrize(("adjusted", "expected"), [(0.05, True), (0.0501, False), (None, None)])
def test_the_adjusted_p_value_decides(adjusted: float | None, expected: bool | None) -> None:
    assert is_more_than_chance(row("one", **difference("hold", 1.0, 0.01, adjusted)), "hold") is expected


def test_holding_as_the_baseline_is_told_once() -> None:
    both = {**difference("baseline", 0.9, 0.01, 0.01), **difference("hold", 0.9, 0.01, 0.01)}
    said = sentences(COMPARISON, [row("good", **both)], {"baseline": "buy_and_hold", "hold": "buy_and_hold"})
    assert [line.split(":")[0] for line in said[:-1]] == ["good against buy_and_hold"]
