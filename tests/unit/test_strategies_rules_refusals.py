"""What no rule may say is refused in words, with the line of the file and a caret under the character."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.domain.plugins import IndicatorRequest, IndicatorSignature, Parameter, Vocabulary
from alphafactory.errors import PluginError
from alphafactory.strategies.rules.reading import read_rule, rule_of

if TYPE_CHECKING:
    from pathlib import Path

PERIOD = {"period": Parameter(14, 2, 2000, "bars")}
KNOWN = Vocabulary(
    {
        "sma": IndicatorSignature("sma", "Average", "overlap", PERIOD, ("sma",)),
        "rsi": IndicatorSignature("rsi", "RSI", "momentum", PERIOD, ("rsi",)),
        "atr": IndicatorSignature("atr", "Range", "volatility", PERIOD, ("atr",)),
        "macd": IndicatorSignature("macd", "MACD", "momentum", PERIOD, ("line", "signal")),
        "obv": IndicatorSignature("obv", "Volume", "volume", {}, ("obv",)),
    },
    {"rsi_14": IndicatorRequest("rsi", {"period": 14}, "rsi")},
)
RULE = """name: mine
params: {few: 3, wide: {default: 1.5, range: [0.5, 3000]}}
exit: close < 1 and close[few] > wide
"""


def refusal(text: str) -> PluginError:
    """Return the error of a file that has to be refused."""
    with pytest.raises(PluginError) as caught:
        rule_of(KNOWN, "mine.yaml", text)
    assert str(caught.value).startswith(f"mine.yaml:{caught.value.line}: ")
    return caught.value


@pytest.mark.parametrize(
    ("expression", "caret", "message"),
    [
        ("close > smaa(20)", 8, "'smaa' is no indicator. Did you mean 'sma'?"),
        ("clsoe > 1", 0, "'clsoe' is no price, parameter or feature. Did you mean 'close'?"),
        ("close > sma", 8, "'sma' wants its arguments in parentheses, such as sma(14)."),
        ("close > rsi_14(3)", 8, "'rsi_14' takes no arguments."),
        ("close(3) > 1", 0, "'close' takes no arguments."),
        ("close > macd(12)", 16, "'macd' has several outputs. Add one of .line, .signal."),
        ("close > macd(12).signl", 17, "'macd' has no output 'signl'. Did you mean 'signal'?"),
        ("close > sma(1)", 12, "the period of 'sma' is a whole number from 2 to 2000, not 1."),
        ("close > sma(2.5)", 12, "not 2.5."),
        ("close > sma(-5)", 12, "not -5."),
        ("close > sma(True)", 12, "write a number or the name of a parameter"),
        ("close > sma(2 * few)", 12, "write a number or the name of a parameter"),
        ("close > sma(close)", 12, "write a number or the name of a parameter"),
        ("close > sma(wide)", 12, "and the parameter 'wide' is 1.5 in the range 0.5 to 3000.0."),
        ("close > sma(20, 30)", 16, "'sma' takes period."),
        ("close > obv(20)", 12, "'obv' takes no arguments."),
        ("close > sma(length=20)", 12, "'sma' takes period, no 'length'."),
        ("close > sma(20, period=20)", 16, "'sma' is given its period twice."),
        ("close > sma(*close)", 12, "write a number"),
        ("close > sma(**close)", 12, "no '**'"),
        ("close > 1 and volume", 14, "a condition belongs here, not a number."),
        ("close", 0, "a condition belongs here, not a number."),
        ("not close", 4, "a condition belongs here, not a number."),
        ("(close > 1) > 2", 1, "a number belongs here, not a condition."),
        ("-(close > 1) > 2", 2, "a number belongs here, not a condition."),
        ("sma(20) + (close > 1) > 2", 11, "a number belongs here, not a condition."),
        ("highest_of(close > 1, 3) > 2", 11, "a number belongs here, not a condition."),
        ("any_of(close, 3)", 7, "a condition belongs here, not a number."),
        ("close > True", 8, "True is not a number."),
        ("close > None", 8, "None is not a number."),
        ("close > 2j", 8, "2j is not a number."),
        ("close > 1e999", 8, "the number is too large."),
        ("close > " + "9" * 400, 8, "the number is too large."),
        ("close[-1] > 2", 6, "no rule looks into the future."),
        ("sma(20)[-few] > 2", 8, "is a whole number or a parameter, nothing else."),
        ("close[1.5] > 2", 6, "it is a whole number from 0 to 2000."),
        ("close[wide] > 2", 6, "the parameter 'wide' is 1.5 in the range 0.5 to 3000.0."),
        ("close[2001] > 2", 6, "it is a whole number from 0 to 2000."),
        ("close[1, 2] > 2", 6, "is a whole number or a parameter, nothing else."),
        ("few[1] > 2", 0, "this is the same on every bar; it has no past."),
        ("sum_of(2, 3) > 2", 7, "this is the same on every bar; it has no past."),
        ("crosses_above(few, 3)", 0, "compares two numbers that never change."),
        ("crosses_above(close) or close > 1", 0, "takes two arguments, the second another number."),
        ("highest_of(close) > 1", 0, "takes two arguments, the second a number of bars."),
        ("highest_of(close, 0) > 1", 18, "it is a whole number from 1 to 2000."),
        ("highest_of(close, bars=3) > 1", 18, "takes its arguments by place"),
        ("abs(close, 2) > 1", 0, "'abs' takes one number."),
        ("max(close) > 1", 0, "'max' takes two numbers or more."),
        ("close ** 2 > 1", 6, "there is no ** in a rule"),
        ("9**9**9**9**9 > close", 1, "there is no ** in a rule"),
        ("close // 2 > 1", 6, "there is no // in a rule"),
        ("close << 2 > 1", 6, "there is no << in a rule"),
        ("close > 1 & close < 3", 10, "'&' has no place in an expression. Write `and`."),
        ("close ≥ 1", 6, "'≥' has no place in an expression. Write >=."),
        ("close > 'a'", 8, "has no place in an expression."),
        ("close = 1", 6, "one = compares nothing. Write == to compare."),
        ("(close = 1)", 7, "Write == to compare."),
        ("close > 1 # a thought", 10, "A comment stands on a line of its own"),
        ("close is open", 6, "numbers are compared by < <= > >= == != alone."),
        ("close in open", 6, "numbers are compared by < <= > >= == != alone."),
        ("close >", 7, "the expression ends too soon."),
        ("(close > 1", 0, "'(' was never closed"),
        ("close > 1)", 9, "unmatched ')'"),
        ("close > 5and open > 1", 8, "invalid decimal literal"),
        ("close close", 6, "this is no expression"),
        ("close if open > 1 else close", 0, "this is no part of a rule's grammar"),
        ("close.__class__ > 1", 5, "only an indicator has outputs"),
        ("sma(20).__class__ > 1", 8, "'sma' has no output '__class__'."),
        ("sma.__globals__ > 1", 3, "only an indicator has outputs"),
        ("sma(20).sma.real > 1", 11, "only an indicator has outputs"),
        ("().__class__.__bases__ > 1", 12, "only an indicator has outputs"),
        ("__import__(close) > 1", 0, "'__import__' is no indicator."),
        ("eval(close) > 1", 0, "'eval' is no indicator."),
        ("sma(20)(3) > 1", 0, "only a function that is named can be called"),
        ("[close for close in open] > 1", 0, "this is no part of a rule's grammar"),
        ("(yield) > 1", 1, "this is no part of a rule's grammar"),
        ("(lambda: 1)", 7, "':' has no place in an expression."),
        ("(x := 3) > 1", 3, "':' has no place in an expression."),
        ("(1, 2) > 1", 0, "this is no part of a rule's grammar"),
    ],
)
def test_an_expression_is_refused_under_its_character(expression: str, caret: int, message: str) -> None:
    error = refusal(f'{RULE}enter: "{expression}"\n')
    words, shown, below = str(error).split("\n")
    assert message in words
    assert words.startswith("mine.yaml:4: enter: ")
    assert error.line == 4
    if len(expression) < 100:
        assert shown == f"  {expression}"
    assert below == " " * (caret + 2) + "^"


@pytest.mark.parametrize(
    "expression",
    [
        "(" * 10_000 + "close" + ")" * 10_000 + " > 1",
        "(" * 500 + "close" + ")" * 500 + " > 1",
        "-" * 900 + "close > 1",
        "not " * 400 + "close > 1",
        "close" + " + close" * 200 + " > 1",
        "close" + "[1]" * 500 + " > 1",
        "abs(" * 150 + "close" + ")" * 150 + " > 1",
        "close > 1" + " " * 2_000 + "and open > 1",
    ],
)
def test_what_nobody_means_is_refused_in_words(expression: str) -> None:
    assert any(word in str(refusal(f"{RULE}enter: {expression}\n")) for word in ("nested", "longer"))


def test_the_caret_of_a_long_expression_stands_below_it() -> None:
    words, shown, below = str(refusal(f"{RULE}enter: {'close > 1 and ' * 40}wrong > 1\n")).split("\n")
    assert "'wrong' is no price" in words
    assert len(shown) <= 122
    assert shown[below.index("^") :].startswith("wrong")


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("enter: wrong > 1\n", 4),
        ("enter:   wrong > 1   # a thought\n", 4),
        ("enter: 'wrong > 1'\n", 4),
        ('enter: "\\x77rong > 1"\n', 4),
        ('enter: "close > 1 and\\n wrong > 1"\n', 4),
        ("enter: |\n\n  close > 1\n  and wrong > 1\n", 7),
        ("enter: |2-\n    close > 1\n  and\n  wrong > 1\n", 7),
        ("enter: >\n  close > 1\n  and open > 1\n\n  and wrong > 1\n", 8),
        ("enter: close > 1\n  and\n  wrong > 1\n", 6),
        ("enter: 'close > 1\n  and\n\n  wrong > 1'\n", 7),
        ("{enter: wrong > 1}\n", 0),
    ],
)
def test_the_line_is_that_of_the_character(written: str, line: int) -> None:
    text = RULE + written if line else "{name: mine, exit: close < 1,\n  enter: wrong > 1}"
    error = refusal(text)
    _, shown, below = str(error).split("\n")
    assert error.line == (line or 2)
    assert shown[below.index("^") :].startswith("wrong > 1")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# nothing\n", 1, "the file is empty"),
        ("- a\n", 1, "named fields belong here"),
        ("name: a\nenter: close > 1\nexti: close < 1\n", 3, "there is no key 'exti' here. Did you mean 'exit'?"),
        ("name: a\nenter: close > 1\nexit: close < 1\nenter: open > 1\n", 4, "'enter' stands here and on line 2."),
        ("enter: close > 1\nexit: close < 1\n", 1, "the rule has no name."),
        ("name: Dip Rule\nenter: close > 1\nexit: close < 1\n", 1, "'Dip Rule' is no strategy name"),
        ("name:\nenter: close > 1\nexit: close < 1\n", 1, "nothing stands here."),
        ("name: a\n", 1, "the rule never opens a position."),
        ("name: a\nenter: close > 1\n", 2, "nothing ends this position."),
        ("name: a\nenter: close > 1\nexit: close < 1\ncover: close < 1\n", 4, "there is no `short`"),
        ("name: a\nenter: [close > 1]\nexit: close < 1\n", 2, "one text or number belongs here"),
        ("name: a\nenter: !!python/object:os.system close > 1\nexit: close < 1\n", 2, "means nothing here"),
        ("name: a\nenter: close > 1\nexit: close < 1\n<<: {a: 1}\n", 4, "there is no key '<<' here."),
        ("name: a\nenter: close > 1\nexit: 'close < 1\n", 4, "this is not valid YAML"),
        ("name: a\nenter: close > 1\n\texit: close < 1\n", 3, "this is not valid YAML"),
        ("name: a\nenter: *nowhere\n", 2, "this is not valid YAML"),
        ("name: a\n---\nname: b\n", 2, "this is not valid YAML"),
        ("name: a\nenter: close \x07> 1\n", 2, "a character does not belong into a text file"),
        ('name: a\nenter: "\\UFFFFFFFF"\n', 1, "this is not valid YAML"),
        ("[" * 1_000, 1, "nested too deeply"),
        ("name: a\nenter: yes\nexit: close < 1\n", 2, "'yes' is no price, parameter or feature."),
        ("name: a\nenter: 5\nexit: close < 1\n", 2, "a condition belongs here, not a number."),
    ],
)
def test_a_file_that_is_no_rule_is_refused_with_its_line(text: str, line: int, message: str) -> None:
    error = refusal(text)
    assert message in str(error)
    assert error.line == line


@pytest.mark.parametrize(
    ("written", "line", "message"),
    [
        ("stop: 3\n", 4, "named fields belong here"),
        ("stop: {}\n", 4, "exactly one of atr, percent and r"),
        ("stop: {atr: 3, percent: 5}\n", 4, "exactly one of atr, percent and r"),
        ("stop:\n  art: 3\n", 5, "there is no key 'art' here. Did you mean 'atr'?"),
        ("stop: {atr: yes}\n", 4, "'yes' is no number and no parameter."),
        ("stop: {atr: few2}\n", 4, "'few2' is no number and no parameter. Did you mean 'few'?"),
        ("stop: {atr: 0}\n", 4, "0 is not above 0"),
        ("stop: {atr: -1}\n", 4, "-1 is not above 0"),
        ("stop: {atr: .nan}\n", 4, "'.nan' is not a number."),
        ("stop: {atr: 3, period: 1}\n", 4, "'1' lies outside of 2 to 2000 bars."),
        ("stop: {atr: 3, period: wide}\n", 4, "has to be a whole number of bars"),
        ("stop: {percent: 3, period: 9}\n", 4, "only {atr: 3} has a period."),
        ("stop: {r: 2}\n", 4, "r is the distance of the rule's own `stop`"),
        ("take_profit: {r: 2}\n", 4, "r is the distance of the rule's own `stop`"),
        ("take_profit: {percent: wide}\n", 4, "the parameter 'wide' has to be above 0, at most 1000"),
        ("time_stop: 2.5\n", 4, "2.5 is not a whole number of bars"),
        ("time_stop: 0\n", 4, "0 is not a whole number of bars"),
        ("time_stop: wide\n", 4, "has to be a whole number of bars"),
        ("strength: close > 1\n", 4, "a number belongs here, not a condition."),
        ("settling: -1\n", 4, "-1 is not a whole number of bars"),
    ],
)
def test_a_key_is_refused_with_its_line(written: str, line: int, message: str) -> None:
    error = refusal(f"{RULE}{written}enter: close > 1\n")
    assert message in str(error)
    assert error.line == line


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ("{a: }", "nothing stands here."),
        ("{a: yes}", "'yes' is not a number."),
        ("{a: 0}", "half and twice 0 make no range."),
        ("{a: {default: 3}}", "the parameter lacks its range."),
        ("{a: {range: [1, 2]}}", "the parameter lacks its default."),
        ("{a: {default: 3, range: 4}}", "a list belongs here"),
        ("{a: {default: 3, range: [4]}}", "a range has two ends"),
        ("{a: {default: 3, range: [4, 5]}}", "the default 3 lies outside of the range 4 to 5."),
        ("{a: {default: 3, range: [1, 5], low: 3}}", "there is no key 'low' here."),
        ("{a: 3, a: 4}", "'a' stands here and on line 2."),
        ("{close: 3}", "'close' means something else"),
        ("{max: 3}", "'max' means something else"),
        ("{and: 3}", "'and' is no name of a parameter"),
        ("{A b: 3}", "'A b' is no name of a parameter"),
        ("{a: 3, unused: 4}", "nothing in the rule uses the parameter 'unused'."),
    ],
)
def test_a_parameter_is_refused_with_its_line(params: str, message: str) -> None:
    error = refusal(f"name: mine\nparams: {params}\nenter: close > a\nexit: close < 1\n")
    assert message in str(error)
    assert error.line == 2


def test_a_file_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"name: mine\nenter: close > \xff1\n")
    with pytest.raises(PluginError, match=r"^mine\.yaml:2: this is not UTF-8 text"):
        read_rule(KNOWN, path)


PIECES = (
    "close", "sma(20)", "rsi(few)", "macd(12).line", "rsi_14", "few", "3", "2.5", "and", "or", "not", "<", ">=", "==",
    "+", "-", "*", "/", "%", "(", ")", "[", "]", "[1]", ",", ".", "crosses_above(", "highest_of(", "any_of(", "=", "'",
    '"', ":", "#", "|", "\n", "\\", "é", "\u2028", "{", "!", "0x1f", "1_0", "lambda", "for", "__class__", "\t",
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join), st.sampled_from(["", "|\n  ", "'", '"']))
def test_any_expression_is_a_rule_or_is_refused(text: str, quote: str) -> None:
    _read_or_refuse(f"name: mine\nparams: {{few: 3}}\nexit: close < few\nenter: {quote}{text}{quote.strip('|')}\n")


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.integers(0, 10_000))
def test_any_file_is_a_rule_or_is_refused(inserted: str, seed: int) -> None:
    draw = random.Random(seed)
    text = f"{RULE}enter: |\n  close > sma(20)\n  and rsi(2) < few\nstop: {{atr: 3}}\n"
    start = draw.randrange(len(text))
    _read_or_refuse(text[:start] + inserted + text[start + draw.randrange(5) :])


def _read_or_refuse(text: str) -> None:
    refused = None
    try:
        rule_of(KNOWN, "mine.yaml", text)
    except PluginError as error:
        refused = error
    if refused is not None:
        assert 1 <= refused.line <= len(text.splitlines()) + 1, str(refused)
        assert str(refused).startswith(f"mine.yaml:{refused.line}: ")
