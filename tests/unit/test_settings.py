"""The settings of a simulation: every word is read, written back the same, or refused by the name of its setting."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.domain import settings as models
from alphafactory.domain.fees import SellFee, parse_sell_fees
from alphafactory.domain.grammar import Distance, Model, ModelValue, parse_distance, parse_number
from alphafactory.domain.settings import SimulationSettings, parse_settings, words_of
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TABLES: Mapping[str, Mapping[str, Model]] = {
    "fill": models.FILLS,
    "entry": models.ENTRIES,
    "resting": models.RESTINGS,
    "trail": models.TRAILS,
    "reentry": models.REENTRIES,
    "commission": models.COMMISSIONS,
    "slippage": models.SLIPPAGES,
    "sizing": models.SIZINGS,
    "size_at": models.SIZE_AT,
    "shares": models.SHARES,
}

# One way to write each setting, and what it is read as.
READ: list[tuple[str, Any, Any]] = [
    ("initial_capital", 2500, 2500.0),
    ("leverage", 2, 2.0),
    *[("fill", name, ModelValue(name)) for name in models.FILLS],
    ("entry", "market", ModelValue("market")),
    ("entry", "limit:1%", ModelValue("limit", 0.01, {}, "%")),
    ("entry", "limit:0.5atr", ModelValue("limit", 0.5, {}, "atr")),
    ("entry", "stop:2ATR", ModelValue("stop", 2.0, {}, "atr")),
    ("entry", "stop_limit:1%,limit=0.5%", ModelValue("stop_limit", 0.01, {"limit": 0.005}, "%")),
    ("entry", "stop_limit:1%", ModelValue("stop_limit", 0.01, {"limit": 0.0}, "%")),
    ("resting", "session", ModelValue("session")),
    ("resting", "auction", ModelValue("auction")),
    ("good_for", 5, 5),
    ("time_stop", 10, 10),
    ("max_entries", 3, 3),
    ("stop", "none", None),
    ("stop", "3%", Distance(0.03, "%")),
    ("stop", " 2 atr ", Distance(2.0, "atr")),
    ("take_profit", "2R", Distance(2.0, "R")),
    ("take_profit", "2r", Distance(2.0, "R")),
    ("take_profit", "250%", Distance(2.5, "%")),
    ("break_even", "1R", Distance(1.0, "R")),
    ("break_even", "1.5atr", Distance(1.5, "atr")),
    ("trail", "none", ModelValue("none")),
    ("trail", "3%", ModelValue("percent", 0.03)),
    ("trail", "percent:3%", ModelValue("percent", 0.03)),
    ("trail", "2atr", ModelValue("atr", 2.0)),
    ("trail", "atr:2", ModelValue("atr", 2.0)),
    ("trail", "chandelier:3", ModelValue("chandelier", 3.0)),
    ("reentry", "fresh", ModelValue("fresh")),
    ("reentry", "immediate", ModelValue("immediate")),
    ("participation", "10%", 0.1),
    ("participation", "none", 0.0),
    ("commission", "none", ModelValue("none")),
    ("commission", "bps:5", ModelValue("bps", 5.0)),
    ("commission", "per_trade:1", ModelValue("per_trade", 1.0)),
    ("commission", "per_share:0.005,min=1", ModelValue("per_share", 0.005, {"min": 1.0, "max_pct": 100.0})),
    ("commission", "ibkr_fixed", ModelValue("ibkr_fixed")),
    ("slippage", "none", ModelValue("none")),
    ("slippage", "bps:2.5", ModelValue("bps", 2.5)),
    ("slippage", "per_share:.01", ModelValue("per_share", 0.01)),
    ("slippage", "half_spread", ModelValue("half_spread")),
    ("slippage", "atr:10%", ModelValue("atr", 0.1)),
    ("slippage", "volume_share", ModelValue("volume_share", 0.1)),
    ("slippage", "sqrt_impact", ModelValue("sqrt_impact", 1.0)),
    ("slippage", "sqrt_impact:0.5", ModelValue("sqrt_impact", 0.5)),
    ("sizing", "all_in", ModelValue("all_in")),
    ("sizing", "cash:1e4", ModelValue("cash", 10_000.0)),
    ("sizing", "shares:100", ModelValue("shares", 100.0)),
    ("sizing", "percent:25%", ModelValue("percent", 0.25)),
    ("sizing", "risk:1%", ModelValue("risk", 0.01)),
    ("sizing", "atr:1%", ModelValue("atr", 0.01, {"k": 2.0})),
    ("sizing", "vol_target:20%", ModelValue("vol_target", 0.2)),
    ("sizing", "kelly:0.5,min=10", ModelValue("kelly", 0.5, {"min": 10.0, "percent": 0.1})),
    ("size_at", "fill", ModelValue("fill")),
    ("size_at", "decision", ModelValue("decision")),
    ("shares", "fractional", ModelValue("fractional")),
    ("shares", "whole", ModelValue("whole")),
    ("shares", "lots:100", ModelValue("lots", 100.0)),
    ("maintenance", "25%", 0.25),
    ("borrow", "2%", 0.02),
    ("interest", "0.03", 0.03),
    ("margin_interest", "6%", 0.06),
    ("delisting_return", "-30%", -0.3),
    ("sell_fees", ["2018-05-22 bps:0.5"], (SellFee(date(2018, 5, 22), 0.5 / 1e4, 0.0, 1e300),)),
]

# What is refused, and a part of why. The message begins with the setting.
REFUSED: list[tuple[str, Any, str]] = [
    *[("initial_capital", value, "not a positive amount") for value in (0.0, -1.0, float("nan"), float("inf"))],
    *[("leverage", value, "above 0 and at most at 100") for value in (0.0, -1.0, 100.5, float("nan"), float("inf"))],
    ("fill", "next_opne", "Did you mean 'next_open'"),
    ("fill", "next_open:1", "has no meaning here"),
    ("fill", "", "is not a fill model"),
    ("entry", "limit", "needs a value, for example limit:3%"),
    ("entry", "limit:", "needs a value"),
    ("entry", "limit:1", "no distance of a known unit"),
    ("entry", "limit:1R", "no distance of a known unit"),
    ("entry", "limit:0%", "not above 0"),
    ("entry", "stop:-1%", "not above 0"),
    ("entry", "limit:100%", "less than 100%"),
    ("entry", "stop:1.5%,limit=1%", "has no option 'limit'"),
    ("entry", "stop_limit:1%,limt=1%", "Did you mean 'limit'"),
    ("resting", "always", "Known: auction, session"),
    *[(name, value, "not a whole number") for name in ("good_for", "time_stop", "max_entries")
      for value in (-1, 2.5, True, "5")],
    ("stop", "3", "no distance of a known unit"),
    ("stop", "2R", "no distance of a known unit"),
    ("stop", "0%", "not above 0"),
    ("stop", "-3%", "not above 0"),
    ("stop", "100%", "reaches a price of zero"),
    ("stop", "x%", "'x%' is not a number"),
    ("stop", "3%%", "is not a number"),
    ("take_profit", "0R", "not above 0"),
    ("take_profit", "6", "no distance of a known unit"),
    ("take_profit", "-1atr", "not above 0"),
    ("break_even", "R", "is not a number"),
    ("break_even", "0%", "not above 0"),
    ("trail", "100%", "reaches a price of zero"),
    ("trail", "percent:1", "reaches a price of zero"),
    ("trail", "0%", "not above 0"),
    ("trail", "atr:0", "not above 0"),
    ("trail", "chandelier:-1", "not above 0"),
    ("trail", "chandelier", "needs a value"),
    ("trail", "2R", "is not a trail model"),
    ("reentry", "never", "is not a reentry model"),
    *[("participation", value, "between 0% and 100%") for value in ("-1%", "101%")],
    ("participation", "lots", "is not a number"),
    ("commission", "bps:-1", "negative"),
    ("commission", "bps:10000", "whole price"),
    ("commission", "bps:1e400", "too large"),
    ("commission", "bps:nan", "is not a number"),
    ("commission", "per_trade", "needs a value"),
    ("commission", "per_trade:-1", "negative"),
    ("commission", "per_share:-0.01", "negative"),
    ("commission", "per_share:0.01,min=-1", "negative"),
    ("commission", "per_share:0.01,max_pct=-1", "negative"),
    ("commission", "ibkr_fixed:1", "has no meaning here"),
    ("slippage", "bps:5,6", "has no meaning here"),
    *[("slippage", f"{name}:-0.1", "negative") for name, model in models.SLIPPAGES.items() if model.takes_value],
    ("slippage", "bps:10000", "whole price"),
    *[("sizing", f"{name}:{value}", "is not above 0") for name, model in models.SIZINGS.items() if model.takes_value
      for value in ("0", "-1")],
    ("sizing", "percent:101%", "at most at the leverage of 1"),
    ("sizing", "kelly:0.5,percent=101%", "at most at the leverage of 1"),
    ("sizing", "kelly:0.5,percent=0", "above 0"),
    ("sizing", "kelly:0.5,min=1", "at least min=2"),
    ("sizing", "risk:100%", "between 0 and 1"),
    ("sizing", "atr:1%,k=0", "k above 0"),
    ("sizing", "atr:1%,k=-2", "k above 0"),
    ("size_at", "close", "is not a size_at model"),
    ("shares", "lots:0", "not above 0"),
    ("shares", "lots:2.5", "not a whole number"),
    ("shares", "lots", "needs a value"),
    *[("maintenance", value, "between 0% and 100%") for value in ("-1%", "101%")],
    *[(name, value, "between 0% and 1000%") for name in ("borrow", "interest", "margin_interest")
      for value in ("-1%", "1001%")],
    *[("delisting_return", value, "between -100% and 1000%") for value in ("-101%", "1001%")],
    ("sell_fees", ["bps:1"], "does not begin with a date"),
    ("sell_fees", ["2018-13-01 bps:1"], "does not begin with a date"),
    ("sell_fees", ["2018-05-22"], "Known: bps"),
    ("sell_fees", ["2018-05-22 bps"], "needs a value"),
    ("sell_fees", ["2018-05-22 bps:-1"], "negative"),
    ("sell_fees", ["2018-05-22 bps:1,per_share=-1"], "negative"),
    ("sell_fees", ["2018-05-22 bps:1,max=-1"], "negative"),
    ("sell_fees", ["2018-05-22 bps:10000"], "whole value"),
    ("sell_fees", ["2018-05-22 bps:1", "2018-05-22 bps:2"], "2018-05-22 is given twice"),
]  # fmt: skip


def read(**words: Any) -> SimulationSettings:
    return parse_settings(**({"initial_capital": 1000.0} | words))


def written_again(parsed: SimulationSettings) -> SimulationSettings:
    """Read what is stored of the settings, by way of the JSON that it is stored in."""
    return parse_settings(**words_of(json.loads(json.dumps(parsed.canonical))))


@pytest.mark.parametrize(("setting", "words", "expected"), READ)
def test_every_setting_is_read_and_written_back(setting: str, words: Any, expected: Any) -> None:
    parsed = read(**{setting: words})
    assert getattr(parsed, setting) == expected
    assert type(getattr(parsed, setting)) is type(expected)
    assert written_again(parsed) == parsed
    others = {field.name for field in fields(parsed)} - {setting, "initial_capital"}
    assert {name: getattr(parsed, name) for name in others} == {name: getattr(read(), name) for name in others}


def test_every_model_has_a_way_to_be_read() -> None:
    read_models = {(setting, expected.name) for setting, _, expected in READ if isinstance(expected, ModelValue)}
    assert read_models == {(kind, name) for kind, table in TABLES.items() for name in table}


def test_every_setting_has_a_way_to_be_read_and_one_to_be_refused() -> None:
    names = {field.name for field in fields(SimulationSettings)}
    assert {setting for setting, _, _ in READ} == names
    assert {setting for setting, _, _ in REFUSED} == names


@pytest.mark.parametrize(("setting", "words", "why"), REFUSED)
def test_what_is_out_of_range_is_refused_by_name(setting: str, words: Any, why: str) -> None:
    with pytest.raises(UsageError, match=why) as error:
        read(**{setting: words})
    assert str(error.value).startswith(setting)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"resting": "auction", "fill": "next_mid"}, "resting: next_mid has no auction"),
        ({"resting": "auction", "fill": "next_typical"}, "resting: next_typical has no auction"),
        ({"size_at": "decision", "fill": "same_close"}, "size_at: decision and fill: same_close"),
        ({"sizing": "percent:60%", "leverage": 0.5}, "sizing: percent:0.6 must .* leverage of 0.5"),
        ({"sizing": "kelly:0.5,percent=60%", "leverage": 0.5}, "sizing: kelly.* must .* leverage of 0.5"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(words: dict[str, Any], why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read(**words)
    for setting in words:
        read(**{name: value for name, value in words.items() if name not in {setting, "sizing"}})


def test_leverage_makes_room_for_larger_positions() -> None:
    assert read(sizing="percent:200%", leverage=2).sizing.value == 2.0
    assert read(sizing="kelly:0.5,percent=200%", leverage=2).sizing.options["percent"] == 2.0


def test_only_a_fill_that_the_signal_has_seen_is_optimistic() -> None:
    assert [name for name in models.FILLS if read(fill=name).optimistic] == ["same_close"]


def test_the_canonical_form_is_one_for_one_meaning_and_another_for_another() -> None:
    same = [read(trail=words).canonical for words in ("3%", "percent:3%", " percent:0.03 ", "3.0 %")]
    assert same == [same[0]] * 4
    distinct = [json.dumps(read(**{setting: words}).canonical) for setting, words, _ in READ]
    meanings = [repr(read(**{setting: words})) for setting, words, _ in READ]
    assert len(set(distinct)) == len(set(meanings)) > 40


def test_a_regulators_fees_are_in_order_of_their_dates() -> None:
    fees = parse_sell_fees(
        ["2024-05-22 bps:0.278,per_share=0.000166,max=8.3", "2018-05-22 bps:0.13,per_share=0.000119"]
    )
    assert fees[0] == SellFee(date(2018, 5, 22), 0.13 / 1e4, 0.000119, 1e300)
    assert fees[1] == SellFee(date(2024, 5, 22), 0.278 / 1e4, 0.000166, 8.3)
    assert parse_sell_fees([str(fee) for fee in fees]) == fees


def test_a_distance_keeps_its_unit() -> None:
    assert [str(parse_distance(text, "x", ("%", "atr", "R"))) for text in ("03.50 %", "2Atr", ".5r")] == [
        "3.5%",
        "2atr",
        "0.5R",
    ]
    with pytest.raises(UsageError, match=r"x: '2atr' is no distance of a known unit\. Write for example 2%"):
        parse_distance("2atr", "x", ("%",))


def test_a_percentage_is_the_number_that_it_would_be_without_the_sign() -> None:
    for number in range(1, 20_000):
        assert parse_number(f"{number / 1000:.12g}%", "x") == number / 100_000
        assert str(parse_distance(f"{number / 1000:.12g}%", "x", ("%",))) == f"{number / 1000:.12g}%"
    assert parse_number("-1.5E2%", "x") == -1.5
    assert parse_number("25e-1%", "x") == 0.025


@pytest.mark.parametrize("text", ["", "1,5", "1 000", "0x10", "1_000", "--1", "1e", "e5", "5 %%", "inf", "nan", "½"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"where: .* is not a number"):
        parse_number(text, "where")


# Twelve digits are what the canonical form keeps.
amounts = st.integers(1, 99_999).map(lambda number: number / 1000)
fractions = st.integers(1, 99_999).map(lambda number: f"{number / 1000:.12g}%")


def distances(*units: str) -> st.SearchStrategy[str]:
    return st.one_of(st.just("none"), *[amounts.map(lambda amount, unit=unit: f"{amount}{unit}") for unit in units])


def any_model(kind: str, value: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Write any model of the kind, with values and options as drawn."""

    def text(name: str, model: Model, first: str, options: Mapping[str, str]) -> str:
        parts = [first] if model.takes_value else []
        return f"{name}:{','.join(parts + [f'{key}={number}' for key, number in options.items()])}".rstrip(":")

    def of(name: str, model: Model) -> st.SearchStrategy[str]:
        first = st.sampled_from(model.units).flatmap(distances) if model.units else value
        whole = st.integers(2, 90).map(str)
        keys = {key: whole.map(lambda number: f"{number}%") if key == "percent" else whole for key in model.keys}
        return st.builds(
            text,
            st.just(name),
            st.just(model),
            first.filter(lambda words: words != "none"),
            st.fixed_dictionaries({}, optional=keys),
        )

    return st.one_of([of(name, model) for name, model in TABLES[kind].items()])


any_words = st.fixed_dictionaries(
    {"initial_capital": st.integers(1, 10**11).map(lambda cents: cents / 100)},
    optional={
        "fill": any_model("fill", fractions),
        "entry": any_model("entry", fractions),
        "good_for": st.integers(0, 500),
        "stop": distances("%", "atr"),
        "take_profit": distances("%", "atr", "R"),
        "trail": st.one_of(any_model("trail", fractions), distances("%", "atr")),
        "break_even": distances("%", "atr", "R"),
        "time_stop": st.integers(0, 500),
        "reentry": any_model("reentry", fractions),
        "max_entries": st.integers(0, 9),
        "participation": fractions,
        "commission": any_model("commission", amounts.map(str)),
        "sell_fees": st.lists(
            st.builds(lambda day, fee, most: f"{day} bps:{fee},per_share={fee / 7:.9f},max={most}",
                      st.dates(), amounts, amounts),
            max_size=3, unique_by=lambda entry: entry[:10],
        ),
        "slippage": any_model("slippage", amounts.map(str)),
        "sizing": any_model("sizing", fractions),
        "shares": any_model("shares", st.integers(1, 1000).map(str)),
        "leverage": st.integers(100, 10_000).map(lambda number: number / 100),
        "maintenance": fractions,
        "borrow": fractions,
        "interest": fractions,
        "margin_interest": fractions,
        "delisting_return": st.one_of(fractions, fractions.map(lambda words: f"-{words}")),
    },
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(any_words)
def test_whatever_is_read_is_written_back_the_same(words: dict[str, Any]) -> None:
    parsed = parse_settings(**words)
    assert written_again(parsed) == parsed
    assert written_again(parsed).canonical == parsed.canonical
