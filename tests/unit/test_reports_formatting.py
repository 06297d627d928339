"""Words for numbers: signs, dashes, units and tints."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest

from alphafactory.reports import formatting

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("write", [formatting.write_number, formatting.write_percent, formatting.write_price])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_undefined_is_a_dash(write: Callable[[float | None], str], value: float | None) -> None:
    assert write(value) == "—"


@pytest.mark.parametrize(
    ("value", "signed", "words"),
    [
        (1234.5, False, "1,234.50"),
        (-1234.5, False, "\u22121,234.50"),
        (0.5, True, "+0.50"),
        (0.0, True, "0.00"),
        (-0.001, True, "0.00"),
        (0.004, True, "0.00"),
    ],
)
def test_numbers_carry_a_true_sign_unless_they_round_to_zero(value: float, signed: bool, words: str) -> None:
    assert formatting.write_number(value, signed=signed) == words


def test_percent_shows_a_fraction() -> None:
    assert formatting.write_percent(-0.2831) == "\u221228.3%"
    assert formatting.write_percent(2.774, signed=True) == "+277.4%"


@pytest.mark.parametrize(
    ("price", "words"), [(1234.567, "1,234.57"), (1.0, "1.00"), (0.01234, "0.01234"), (0.5, "0.5000"), (0.0, "0.00")]
)
def test_small_prices_keep_four_figures(price: float, words: str) -> None:
    assert formatting.write_price(price) == words


def test_shares_are_whole_where_they_are() -> None:
    assert formatting.write_quantity(2613.0) == "2,613"
    assert formatting.write_quantity(-12.34567) == "\u221212.3457"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.424, "0.42 s"), (59.994, "59.99 s"), (185.0, "3 min 05 s"), (3725.0, "1 h 02 min")]
)
def test_durations(seconds: float, words: str) -> None:
    assert formatting.write_seconds(seconds) == words


def test_moments_are_written_in_utc() -> None:
    eastern = timezone(timedelta(hours=-5))
    assert formatting.write_moment(datetime(2020, 1, 10, 17, 30, tzinfo=eastern)) == "2020-01-10 22:30 UTC"


@pytest.mark.parametrize(
    ("value", "tint"),
    [
        (0.004, ""),
        (0.005, "gain-1"),
        (-0.03, "loss-2"),
        (0.07, "gain-3"),
        (-0.4, "loss-4"),
        (0.0, "muted"),
        (None, "muted"),
    ],
)
def test_tints_grow_with_the_return(value: float | None, tint: str) -> None:
    assert formatting.write_heat(value) == tint


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0712, "fraction", "7.12%"),
        (0.4382, "ratio", "0.438"),
        (4120.5, "money", "4,120.50"),
        (1_668_342_789.26, "money", "1,668,342,789"),
        (14, "count", "14"),
        (46.5, "bars", "46.5 bars"),
        (31, "days", "31 days"),
        (date(2018, 12, 24), "session", "2018-12-24"),
        ("next_open", "text", "next_open"),
        (None, "ratio", "—"),
        (float("nan"), "bars", "—"),
    ],
)
def test_metrics_are_written_by_their_unit(value: float | date | str | None, unit: str, words: str) -> None:
    assert formatting.write_metric(value, unit) == words
