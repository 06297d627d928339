"""What a rule becomes: a strategy like any other, with the requests, parameters, signals and version of one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from strategy_markets import context_of, random_symbol, signals_of

from alphafactory.domain.plugins import IndicatorRequest, MarketView, Parameter
from alphafactory.domain.settings import parse_settings
from alphafactory.domain.signals import Signals
from alphafactory.errors import PluginError
from alphafactory.indicators.catalogue import compute_function, function_settling, vocabulary
from alphafactory.pipeline.sweeping import sweep_panel
from alphafactory.strategies.catalogue import code_hash, discover_strategies, source_text
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.holding import held
from alphafactory.strategies.parameters import resolve_parameters
from alphafactory.strategies.rules.reading import read_rule, rule_of

KNOWN = vocabulary()
PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
EXAMPLES = re.findall(r"^```yml\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
DIP = EXAMPLES[0]
BARS = 700


def signals(text: str, params: dict[str, object] | None = None, seed: int = 1) -> Signals:
    """Return what a rule answers on a random symbol."""
    rule = rule_of(KNOWN, "mine.yaml", text)
    return signals_of(rule, resolve_parameters(rule, params or {}), [random_symbol(seed, BARS)], context_of(BARS))


def values(name: str, output: str | None = None, /, **arguments: float) -> np.ndarray:
    found = compute_function(name, random_symbol(1, BARS).bars, arguments)
    return found[output or name][:, None]


def small(close: list[float], **other: list[float]) -> MarketView:
    """Return a market of a few closes, whose other prices are the same."""
    prices = {name: np.array(other.get(name, close))[:, None] for name in ("open", "high", "low", "close", "volume")}
    return MarketView(np.datetime64("2020-01-01") + np.arange(len(close)), **prices, indicators={})


def test_a_rule_does_what_the_same_strategy_by_hand_does() -> None:
    found, close = signals(DIP, {"rsi_low": 15}), random_symbol(1, BARS).bars.close[:, None]
    trend, rsi, distance = values("sma", period=200), values("rsi", period=2), 3 * values("atr", period=14)
    by_hand = held((close > trend) & (rsi < 15) & (distance > 0), (rsi > 70) | (close < trend))
    np.testing.assert_array_equal(found.target, by_hand)
    np.testing.assert_array_equal(found.stop, distance)
    assert found.distances
    assert found.take_profit is None
    assert 5 < found.target.sum() < BARS / 2


def test_a_rule_declares_what_a_strategy_declares() -> None:
    rule = rule_of(KNOWN, "dip.yaml", DIP)
    assert (rule.name, rule.title, rule.group, rule.scope) == ("dip_in_uptrend", "Dip in uptrend", "rule", "symbol")
    assert rule.parameters == {"rsi_low": Parameter(10, 5, 20, "rsi low, as the rule uses it")}
    assert (len(rule.idea) > 80, len(rule.source) > 20, len(rule.fails_when) > 40) == (True, True, True)
    assert "rsi(2) < rsi_low" in rule.idea
    assert sorted(rule.indicators.values(), key=repr) == [
        IndicatorRequest("atr", {"period": 14}, "atr"),
        IndicatorRequest("rsi", {"period": 2}, "rsi"),
        IndicatorRequest("sma", {"period": 200}, "sma"),
    ]


def test_each_distinct_indicator_is_requested_once() -> None:
    rule = rule_of(
        KNOWN,
        "mine.yaml",
        "name: mine\nparams: {n: 14}\n"
        "enter: rsi_14 > 50 and rsi(14) > 50 and rsi() > 5 and rsi(period=14) > 1 and rsi(n) > 50\n"
        "exit: macd(12).line < macd(fast=12).signal or macd().line < 0\n",
    )
    found = [(one.function, one.output, tuple(one.arguments.values())) for one in rule.indicators.values()]
    assert found == [
        ("rsi", "rsi", (14,)),
        ("rsi", "rsi", ("n",)),
        ("macd", "line", (12, 26, 9)),
        ("macd", "signal", (12, 26, 9)),
    ]


def test_texts_that_are_given_are_kept() -> None:
    rule = rule_of(KNOWN, "mine.yaml", EXAMPLES[1])
    assert rule.title == "Channel breakout with a range stop"
    assert rule.source == "Faith (2007), Way of the Turtle."
    assert rule.parameters["ranges"] == Parameter(2.0, 1.0, 5.0, "average true ranges to the stop")
    assert rule.parameters["entry"].meaning == "bars in the channel above"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("10", (10, 5, 20)),
        ("3", (3, 2, 6)),
        ("2.5", (2.5, 1.25, 5.0)),
        ("-4", (-4, -8, -2)),
        ("{default: 3, range: [1, 5.5]}", (3.0, 1.0, 5.5)),
        ("{default: 1e1, range: [-5, +20]}", (10.0, -5.0, 20.0)),
    ],
)
def test_a_parameter_is_written_in_full_or_in_short(written: str, expected: tuple[float, ...]) -> None:
    rule = rule_of(KNOWN, "mine.yaml", f"name: mine\nparams: {{a: {written}}}\nenter: close > a\nexit: close < 1\n")
    parameter = rule.parameters["a"]
    assert (parameter.default, parameter.low, parameter.high) == expected
    assert type(parameter.default) is type(expected[0])


def test_an_entry_of_the_other_side_ends_a_position() -> None:
    rule = rule_of(KNOWN, "x.yaml", "name: x\nenter: close > 10\nshort: close < 5\ncover: close > 8\n")
    answer = rule.signals(small([7, 11, 7, 4, 7, 9, 12, 7]), {})
    assert isinstance(answer, np.ndarray)
    assert answer[:, 0].tolist() == [0, 1, 1, -1, -1, 0, 1, 1]
    only = rule_of(KNOWN, "x.yaml", "name: x\nshort: close < 5\ncover: close > 8\n").signals(small([7, 4, 7, 9]), {})
    assert isinstance(only, np.ndarray)
    assert only[:, 0].tolist() == [0, -1, -1, 0]
    both = rule_of(KNOWN, "x.yaml", "name: x\nenter: close > 5\nshort: close > 6\n").signals(small([7, 5.5, 7]), {})
    assert isinstance(both, np.ndarray)
    assert both[:, 0].tolist() == [0, 1, 0]


def test_a_time_stop_ends_a_position() -> None:
    rule = rule_of(KNOWN, "x.yaml", "name: x\nparams: {n: 2}\nenter: close > 5\ntime_stop: n\n")
    answer = rule.signals(small([9, 9, 9, 9, 1, 1, 9, 1, 1]), {"n": 2})
    assert isinstance(answer, np.ndarray)
    assert answer[:, 0].tolist() == [1, 1, 0, 1, 1, 0, 1, 1, 0]


def test_strength_is_cut_and_what_is_unknown_is_flat() -> None:
    rule = rule_of(KNOWN, "x.yaml", "name: x\nenter: close > 0\nexit: close < 0\nstrength: (close - 5) / volume\n")
    answer = rule.signals(small([6, 9, 2, 5, 7, 5], volume=[2, 1, 6, 3, 0, np.nan]), {})
    assert isinstance(answer, np.ndarray)
    assert answer[:, 0].tolist() == [0.5, 1.0, -0.5, 0.0, 0.0, 0.0]


def test_levels_are_distances_and_nothing_is_opened_without_them() -> None:
    text = "name: x\nenter: close > 5\nexit: close < 5\nstop: {percent: 10}\ntake_profit: {r: 3}\n"
    answer = rule_of(KNOWN, "x.yaml", text).signals(small([20, 4, np.nan, 30]), {})
    assert isinstance(answer, Signals)
    assert answer.stop is not None
    assert answer.take_profit is not None
    np.testing.assert_allclose(answer.stop[:, 0], [2, 0.4, np.nan, 3])
    np.testing.assert_allclose(answer.take_profit[:, 0], [6, 1.2, np.nan, 9])
    found = signals(f"{text}params: {{p: 40}}\n".replace("percent: 10", "atr: 2, period: p").replace("< 5", "< 0"))
    assert not found.target[:40].any()
    assert found.target[40:].all()
    apart = signals("name: x\nenter: close > 1\nexit: close < 1\nstop: {atr: 2}\ntake_profit: {percent: 1}\n")
    np.testing.assert_array_equal(apart.stop, 2 * values("atr", period=14))
    np.testing.assert_allclose(apart.take_profit, random_symbol(1, BARS).bars.close[:, None] / 100)


def test_settling_is_the_longest_way_back_and_what_an_event_takes() -> None:
    text = (
        "name: x\nparams: {n: 10, m: {default: 3, range: [0, 9]}}\nsettling: 50\nexit: close < 1\n"
        "enter: highest_of(average_of(close[5], n), 20)[m] > 1 and crosses_above(close[2], sma(200))\n"
    )
    rule = rule_of(KNOWN, "x.yaml", text)
    assert rule.settling({"n": 10, "m": 3}) == 50 + 5 + 9 + 19 + 3
    assert rule.settling({"n": 20, "m": 0}) == 50 + 5 + 19 + 19
    usual = rule_of(KNOWN, "x.yaml", text.replace("settling: 50\n", "").replace("[5]", "").replace("[m]", "[m] + m"))
    assert usual.settling({"n": 5, "m": 1}) == 252 + 4 + 19 + 1


def test_what_overflows_or_has_no_ratio_is_unknown_without_a_warning() -> None:
    text = "name: x\nexit: close < 0\nenter: close * 1e308 * 10 - close * 1e308 * 10 > 0 or 1 / (close - close) > 0\n"
    assert not signals(text).target.any()
    constant = (
        "name: x\nparams: {a: {default: 1, range: [0, 2]}}\nexit: close < 0\nenter: close / a > 0 or close % a < 0\n"
    )
    assert signals(constant).target.all()
    assert not signals(constant, {"a": 0}).target.any()


def test_a_condition_of_parameters_alone_is_a_switch() -> None:
    text = "name: x\nparams: {on: {default: 1, range: [0, 1]}}\nenter: on > 0\nexit: on < 1\nstrength: 0.5 * on\n"
    assert (signals(text).target == 0.5).all()
    assert not signals(text, {"on": 0}).target.any()


@pytest.mark.parametrize("text", EXAMPLES, ids=[text.split()[1] for text in EXAMPLES])
def test_an_example_of_the_page_trades_and_depends_on_its_parameters(text: str) -> None:
    rule = rule_of(KNOWN, "example.yaml", text)
    defaults = resolve_parameters(rule, {})
    markets = [[random_symbol(seed, BARS)] for seed in range(8)]
    usual = [signals_of(rule, defaults, market, context_of(BARS)) for market in markets]
    assert any(one.target.any() for one in usual)
    for name, parameter in rule.parameters.items():
        assert any(
            differ(one, signals_of(rule, defaults | {name: value}, market, context_of(BARS)))
            for market, one in zip(markets, usual, strict=True)
            for value in (parameter.low, parameter.high)
        ), name


def differ(one: Signals, other: Signals) -> bool:
    stops = one.stop is not None and not np.array_equal(one.stop, other.stop, equal_nan=True)
    return stops or not np.array_equal(one.target, other.target)


@pytest.mark.parametrize("text", EXAMPLES, ids=[text.split()[1] for text in EXAMPLES])
def test_an_example_settles_as_it_declares(text: str) -> None:
    rule = rule_of(KNOWN, "example.yaml", text)
    params = resolve_parameters(rule, {})
    symbol, length = random_symbol(3, 1_100), 1_100
    waits = [function_settling(one.function, one.resolve(params)) for one in rule.indicators.values()]
    declared = max(waits, default=0) + rule.settling(params)
    assert declared < length
    whole = signals_of(rule, params, [symbol], context_of(length)).target
    for start in (1, 40, 97):
        later = signals_of(rule, params, [symbol.part(slice(start, None))], context_of(length)).target
        np.testing.assert_allclose(later[declared:], whole[start + declared :], rtol=0, atol=1e-9)


def test_the_refusal_that_the_page_shows_is_the_one_that_is_given() -> None:
    [shown] = re.findall(r"^```text\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    with pytest.raises(PluginError) as caught:
        rule_of(KNOWN, "dip.yaml", DIP.replace("> sma(200)", "> smaa(200)"))
    assert str(caught.value) == shown.rstrip("\n")


def test_it_sweeps_like_a_strategy() -> None:
    rule = rule_of(KNOWN, "dip.yaml", DIP)
    bars = [random_symbol(seed, BARS).bars for seed in range(2)]
    sets = [{"rsi_low": 5}, {"rsi_low": 20}]
    found = sweep_panel(bars, rule, sets, parse_settings(initial_capital=10_000.0))
    assert found.shape[:2] == (2, 2)
    assert not np.array_equal(found[0], found[1], equal_nan=True)


def test_a_dropped_file_is_a_strategy_and_a_part_of_combinations(tmp_path: Path) -> None:
    (tmp_path / "dip.yaml").write_text(DIP.replace("stop: {atr: 3}\n", ""), encoding="utf-8")
    (tmp_path / "turn.yml").write_text(EXAMPLES[-1], encoding="utf-8")
    (tmp_path / "faulty.yaml").write_text("name: faulty\nenter: close > smaa(20)\nexit: close < 1\n", encoding="utf-8")
    found = discover_strategies(tmp_path, KNOWN)
    assert {"dip_in_uptrend", "early_turn", "sma_crossover"} <= set(found.names())
    [broken] = found.broken
    assert str(broken).startswith(f"{tmp_path / 'faulty.yaml'}:2: enter: 'smaa' is no indicator. Did you mean 'sma'?\n")
    assert "dip_in_uptrend" not in discover_strategies(tmp_path).names()
    both = resolve_strategy("0.5*dip_in_uptrend+0.5*buy_and_hold", found)
    answer = signals_of(both, resolve_parameters(both, {}), [random_symbol(1, BARS)], context_of(BARS))
    assert set(np.unique(answer.target)) == {0.5, 1.0}
    assert "close > sma(200)" in source_text(both)


def test_a_version_is_the_text_and_what_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "dip.yaml"
    path.write_bytes(DIP.encode())
    version = code_hash(read_rule(KNOWN, path))
    source = source_text(read_rule(KNOWN, path))
    assert source.startswith(DIP)
    for module in ("compiling", "terms", "arithmetic", "positions", "names", "fields", "expressions", "declaration"):
        assert f"alphafactory.strategies/rules/{module}.py" in source
    assert "alphafactory.strategies/base.py" in source
    assert str(tmp_path) not in source
    path.write_bytes(b"\xef\xbb\xbf" + DIP.replace("\n", "\r\n").encode())
    assert code_hash(read_rule(KNOWN, path)) == version
    path.write_text(DIP.replace("70", "71"), encoding="utf-8")
    assert code_hash(read_rule(KNOWN, path)) != version


def test_a_version_is_the_same_in_another_process(tmp_path: Path) -> None:
    (tmp_path / "dip.yaml").write_text(DIP, encoding="utf-8")
    program = (
        "import sys\nfrom pathlib import Path\nfrom alphafactory.indicators.catalogue import vocabulary\n"
        "from alphafactory.strategies.catalogue import code_hash\n"
        "from alphafactory.strategies.rules.reading import read_rule\n"
        "print(code_hash(read_rule(vocabulary(), Path(sys.argv[1]))))"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "dip.yaml")]
    done = subprocess.run(words, cwd=PAGE.parents[1], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == code_hash(read_rule(KNOWN, tmp_path / "dip.yaml"))
