"""The audit judges the samples right: who cheats fails for what they do, who is honest passes without a word."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import context_of, random_symbols

from alphafactory.audit import Terms
from alphafactory.domain.context import NO_CONTEXT
from alphafactory.errors import SimulationError
from alphafactory.pipeline import auditing
from alphafactory.pipeline.auditing import audit_code, audit_strategy, declared_warm_up
from alphafactory.pipeline.known_strategies import known_strategies
from alphafactory.strategies.catalogue import discover_strategies
from alphafactory.strategies.combination import resolve_strategy

if TYPE_CHECKING:
    from alphafactory.audit import Verdict

REGISTRY = discover_strategies(Path(__file__).parents[1] / "audited_strategies")
LENGTH = 700

PEEKING = {
    "cheat_shift": {"look_ahead", "disturbance"},
    "cheat_normalisation": {"look_ahead", "disturbance"},
    "cheat_centred_window": {"look_ahead", "disturbance"},
    "cheat_backward_fill": {"look_ahead", "disturbance"},
    "cheat_month_end": {"look_ahead"},
}
ADVERSARIES = {
    "cheat_base": {"look_ahead"},
    "cheat_chance": {"determinism", "code"},
    "cheat_columns": {"gaps"},
    "cheat_early_holder": {"gaps"},
    "cheat_file": {"code", "outside"},
    "cheat_hidden_memory": {"state"},
    "cheat_highest": {"disturbance"},
    "cheat_length": {"look_ahead"},
    "cheat_memory": {"state"},
    "cheat_parameters": {"arguments"},
    "cheat_rare_peek": {"look_ahead", "disturbance"},
    "cheat_writing": {"arguments"},
    "faulty_level": {"warm_up"},
    "faulty_values": {"range", "exception"},
}
"""The checks that refuse each. Where the highest price comes early, no shorter history tells, and other bars must."""
HONEST = [name for name in REGISTRY.names() if name.startswith("honest_")]


@cache
def verdict_on(name: str, terms: Terms | None = None) -> Verdict:
    strategy = resolve_strategy(name, REGISTRY)
    count = 2 if strategy.scope == "symbol" else 6
    return audit_strategy(strategy, random_symbols(1, LENGTH, count), context_of(LENGTH), terms)


def errors_of(name: str) -> set[str]:
    return {finding.check for finding in verdict_on(name).errors}


def warnings_of(name: str) -> dict[str, str]:
    return {finding.check: finding.message for finding in verdict_on(name).warnings}


def message_of(name: str, check: str) -> str:
    return next(finding.message for finding in verdict_on(name).findings if finding.check == check)


def test_every_sample_is_read_and_judged_here() -> None:
    assert REGISTRY.broken == []
    samples = {name for name in REGISTRY.names() if name.startswith(("cheat_", "faulty_", "honest_"))}
    assert samples == {*PEEKING, *ADVERSARIES, *HONEST, "faulty_declaration", "faulty_silence"}
    assert len(HONEST) >= 10


@pytest.mark.parametrize(("name", "checks"), [*PEEKING.items(), *ADVERSARIES.items()])
def test_who_cheats_fails_for_what_they_do(name: str, checks: set[str]) -> None:
    assert errors_of(name) == checks
    assert not verdict_on(name).passed


@pytest.mark.parametrize("name", [*HONEST, "buy_and_hold", "sma_crossover"])
def test_who_is_honest_passes_without_a_word(name: str) -> None:
    verdict = verdict_on(name)
    assert verdict.findings == ()
    assert verdict.passed
    assert verdict.warm_up is not None
    assert verdict.warm_up.worst <= verdict.warm_up.declared
    assert verdict.warm_up.never == 0.0


def test_a_verdict_counts_what_was_done() -> None:
    verdict = verdict_on("honest_fading")
    assert verdict.symbols == ("S1", "S2")
    assert verdict.cuts > 2 * 120
    assert verdict.disturbances >= 2 * 10
    assert verdict.warm_up is not None
    assert verdict.warm_up.histories == 2 * Terms().starts
    assert verdict.asked > verdict.cuts + verdict.disturbances + verdict.warm_up.histories


def test_the_first_row_that_peeks_and_the_values_are_named() -> None:
    finding = next(finding for finding in verdict_on("cheat_month_end").errors)
    assert (finding.symbol, str(finding.session)) == ("S1", "2010-03-31")
    assert finding.message.startswith("Known until 2010-03-31, S1's target of 2010-03-31 is 0, on the whole history 1.")
    assert "its own code looks ahead" in finding.message


def test_what_is_written_to_and_where_is_named() -> None:
    assert "in cheat_writing.py:18" in message_of("cheat_writing", "arguments")
    assert "(level)" in message_of("cheat_parameters", "arguments")


def test_a_file_is_seen_in_the_source_and_in_the_call() -> None:
    assert message_of("cheat_file", "code") == "cheat_file.py:19: `numpy.load` reads or writes files."
    assert "opens the file 'tomorrow.npy'" in message_of("cheat_file", "outside")


def test_what_is_kept_between_calls_is_named() -> None:
    messages = [finding.message for finding in verdict_on("cheat_memory").errors]
    assert any("cheat_memory.py: _SAID" in message for message in messages)


def test_a_level_that_never_converges_is_an_error_that_names_the_indicator() -> None:
    assert "the level of obv is a sum since the first bar" in message_of("faulty_level", "warm_up")
    assert verdict_on("faulty_level").warm_up.never > 0.0


def test_a_warm_up_beyond_the_declared_one_is_a_warning_with_the_numbers() -> None:
    verdict = verdict_on("faulty_declaration")
    assert verdict.passed
    assert verdict.warm_up is not None
    assert verdict.warm_up.declared == 0 < verdict.warm_up.worst
    assert f"up to {verdict.warm_up.worst} bars" in warnings_of("faulty_declaration")["warm_up"]


def test_a_dead_parameter_is_a_warning_and_a_living_one_is_none() -> None:
    assert "'unused'" in warnings_of("faulty_declaration")["dead_parameter"]
    dead = [f for f in verdict_on("faulty_declaration").warnings if f.check == "dead_parameter"]
    assert len(dead) == 1


def test_who_never_trades_is_a_warning_and_nobody_judges_the_parameters() -> None:
    assert set(warnings_of("faulty_silence")) == {"missing", "never_trades"}
    assert verdict_on("faulty_silence").passed


def test_a_failure_on_a_short_history_is_told_in_words() -> None:
    message = message_of("faulty_values", "exception")
    assert message.startswith("On S1, 1 bars to 2010-01-04, it fails in faulty_values.py:")
    assert "IndexError" in message
    ranges = [f.message for f in verdict_on("faulty_values").errors if f.check == "range"]
    assert any("target of 2010-01-04 is 1.5" in text for text in ranges)


def test_a_combination_is_as_honest_as_its_parts() -> None:
    assert verdict_on("0.5*honest_fading+0.5*sma_crossover").passed
    mixed = verdict_on("0.5*honest_fading+0.5*cheat_shift")
    assert {f.check for f in mixed.errors} == {"look_ahead", "disturbance"}
    assert {f.check for f in verdict_on("0.5*cheat_file+0.5*buy_and_hold").errors} == {"code", "outside"}


@pytest.mark.parametrize(
    ("name", "checks"), [("honest_price_weights", set()), ("cheat_columns", {"look_ahead", "gaps"})]
)
def test_a_sum_over_fewer_symbols_may_be_rounded_otherwise_and_no_more(name: str, checks: set[str]) -> None:
    every = random_symbols(1, LENGTH, 12)
    symbols = [symbol.part(slice(40 * (place % 5), None)) for place, symbol in enumerate(every)]
    verdict = audit_strategy(REGISTRY.get(name), symbols, context_of(LENGTH))
    assert {finding.check for finding in verdict.errors} == checks


def test_who_is_not_shown_what_they_need_has_not_passed() -> None:
    symbols = [replace(symbol, earnings=None) for symbol in random_symbols(1, LENGTH, 1)]
    verdict = audit_strategy(REGISTRY.get("earnings_filter"), symbols, context_of(LENGTH))
    assert not verdict.passed
    assert [finding.check for finding in verdict.findings] == ["data"]
    assert "needs announcements of earnings" in verdict.findings[0].message


STRATEGY = """
from alphafactory.strategies.base import Strategy
from .neighbour import wanted


class Mine(Strategy):
    name = "mine"
    title = idea = source = fails_when = "A user's own words."

    @staticmethod
    def signals(view, params):
        return wanted(view.close)
"""


def test_the_files_of_its_own_folder_are_read_with_a_strategy(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(STRATEGY)
    neighbour = tmp_path / "neighbour.py"
    body = "def wanted(close):\n    return (close > 0.0).astype(float)\n"
    neighbour.write_text(body)
    symbols, context = random_symbols(1, 300, 1), context_of(300)
    assert audit_strategy(discover_strategies(tmp_path).get("mine"), symbols, context).findings == ()
    neighbour.write_text("import os\nSEEN = []\n\n\n" + body.replace("\n    ", "\n    SEEN.append(len(close))\n    "))
    verdict = audit_strategy(discover_strategies(tmp_path).get("mine"), symbols, context)
    assert {finding.check for finding in verdict.errors} == {"code", "state"}
    assert any(finding.message.startswith("neighbour.py:1: it imports os") for finding in verdict.errors)
    assert any("neighbour.py: SEEN" in finding.message for finding in verdict.errors)
    assert list(tmp_path.glob("__pycache__")) == []


RULE = """
name: {name}
enter: "close > sma(50) and rsi(2) < rsi_low"
exit: "rsi(2) > 70 or close < sma(50)"
params: {{rsi_low: {{default: 20, range: [5, 40]}}}}
"""


def test_a_rule_is_audited_as_a_strategy_is(tmp_path: Path) -> None:
    (tmp_path / "dip.yaml").write_text(RULE.format(name="dip"))
    rule = known_strategies(tmp_path).get("dip")
    verdict = audit_strategy(rule, random_symbols(1, LENGTH, 2), context_of(LENGTH))
    assert verdict.passed, verdict.errors
    assert verdict.cuts > 240


def test_the_same_question_has_the_same_verdict_and_another_seed_other_rows() -> None:
    symbols, context = random_symbols(1, LENGTH, 2), context_of(LENGTH)
    fading = REGISTRY.get("honest_fading")
    again = audit_strategy(fading, symbols, context)
    assert again == verdict_on("honest_fading")
    other = audit_strategy(fading, symbols, context, replace(Terms(), seed=5))
    assert other.passed
    assert other.cuts != again.cuts or other.disturbances != again.disturbances


def test_the_bars_that_were_handed_over_are_as_they_were() -> None:
    symbols = random_symbols(1, 300, 2)
    before = [symbol.bars.close.copy() for symbol in symbols]
    audit_strategy(REGISTRY.get("cheat_writing"), symbols, context_of(300))
    assert all(np.array_equal(b, s.bars.close) for b, s in zip(before, symbols, strict=True))
    assert all(symbol.bars.close.flags.writeable for symbol in symbols)


@pytest.mark.parametrize("length", [1, 2, 3, 30, 61])
@pytest.mark.parametrize("name", ["honest_fading", "honest_rank", "honest_prices", "sma_crossover"])
def test_a_market_of_few_bars_is_no_failure(name: str, length: int) -> None:
    verdict = audit_strategy(REGISTRY.get(name), random_symbols(3, length, 3), context_of(length))
    assert verdict.passed
    assert verdict.warm_up is None


@pytest.mark.parametrize("name", ["honest_fading", "honest_rank"])
def test_an_audit_without_symbols_is_refused(name: str) -> None:
    with pytest.raises(SimulationError, match="symbol"):
        audit_strategy(REGISTRY.get(name), [], NO_CONTEXT)


def test_the_declared_warm_up_is_that_of_the_slowest_indicator_and_the_strategy() -> None:
    assert declared_warm_up(REGISTRY.get("sma_crossover"), {"fast": 20, "slow": 50}) == 49
    assert declared_warm_up(REGISTRY.get("honest_volume_change"), {"back": 20}) == 21
    assert declared_warm_up(REGISTRY.get("honest_fading"), {"period": 30}) > 300


def test_the_version_of_the_audit_follows_its_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    before = audit_code.__wrapped__()
    assert len(before) == 64
    read = Path.read_text
    for name in ("look_ahead.py", "auditing.py", "market_views.py"):
        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_text", lambda path, name=name, **_: read(path) + "#" * (path.name == name))
            assert auditing.audit_code.__wrapped__() != before


@pytest.mark.parametrize(
    "text",
    ["0.5*cheat_hidden_memory+0.5*sma_crossover", "cheat_hidden_memory & volume_filter", "vote(cheat_shift, rsi_2)"],
)
def test_a_part_hides_in_no_combination(text: str) -> None:
    found = [finding.message for finding in verdict_on(text).errors]
    assert any(message.startswith("Its part cheat_") for message in found), found
