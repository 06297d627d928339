"""The parts of the audit by hand: markets that are cut and disturbed, first differences, warm-ups, dead parameters."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from strategy_markets import context_of, random_symbols

from alphafactory.audit import AuditedMarket, Subject, Terms, Verdict, audit, market_of
from alphafactory.audit.comparison import first_difference
from alphafactory.audit.look_ahead import cut_rows
from alphafactory.audit.witness import Answer
from alphafactory.domain.bars import Bars
from alphafactory.domain.plugins import MarketView, Parameter
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from alphafactory.domain.arrays import FloatArray

    Signalling = Callable[[MarketView, dict[str, float]], FloatArray | Signals]

LENGTH = 400
NAN = float("nan")


def market(symbols: int = 1, length: int = LENGTH) -> AuditedMarket:
    return market_of(random_symbols(1, length, symbols), context_of(length))


def view_of(market: AuditedMarket, values: object) -> MarketView:  # noqa: ARG001  as a subject is called
    """Show one symbol, with an honest indicator and one that peeks after row 200."""
    (symbol,) = market.symbols
    bars = symbol.bars
    close = bars.close[:, None]
    peek = close.copy()
    peek[200:-1] = close[201:]
    prices = {name: getattr(bars, name)[:, None] for name in ("open", "high", "low", "close", "volume")}
    return MarketView(bars.sessions, **prices, indicators={"honest": close + 1.0, "peek": peek})


def subject(answer: Signalling, **declared: object) -> Subject:
    """Make a subject without parameters, unless some are declared."""

    def signals(view: MarketView, values: dict[str, float]) -> Signals:
        said = answer(view, values)
        return said if isinstance(said, Signals) else Signals(said)

    given = {"parameters": {}, "declared": 0, "endless": (), "check": lambda _: None} | declared
    defaults = {name: parameter.default for name, parameter in given["parameters"].items()}
    return Subject(name="mine", view=view_of, signals=signals, defaults=defaults, **given)


def judged(answer: Signalling, terms: Terms | None = None, **declared: object) -> Verdict:
    return audit(subject(answer, **declared), [market()], terms)


def rising(view: MarketView) -> FloatArray:
    """Return 1 where the close is higher than in the row before."""
    target = np.zeros(view.close.shape)
    target[1:] = view.close[1:] > view.close[:-1]
    return target


def checks(verdict: Verdict) -> list[str]:
    return sorted({finding.check for finding in verdict.findings})


def test_a_market_is_cut_where_its_newest_bar_was() -> None:
    whole = market(3)
    part = whole.until(99)
    assert len(part) == 100
    assert part.sessions[-1] == whole.sessions[99]
    assert part.context.sessions[-1] == whole.sessions[99]
    assert {len(symbol.bars) for symbol in part.symbols} == {100}
    np.testing.assert_array_equal(part.symbols[1].earnings, whole.symbols[1].earnings[:100])
    assert part.tickers == ("S1", "S2", "S3")


def test_a_cut_shares_no_memory_with_what_was_cut_off() -> None:
    part = market().until(99)
    bars = part.symbols[0].bars
    for array in [getattr(bars, field.name) for field in fields(Bars)]:
        assert array.base is None
        assert not array.flags.writeable


def test_symbols_that_are_listed_later_are_not_known_at_a_cut_nor_those_that_left_to_a_later_start() -> None:
    first, second, third = random_symbols(1, LENGTH, 3)
    whole = market_of([first.part(slice(0, 150)), second.part(slice(200, None)), third], context_of(LENGTH))
    assert whole.until(199).tickers == ("S1", "S3")
    assert whole.until(200).tickers == ("S1", "S2", "S3")
    assert whole.since(150).tickers == ("S2", "S3")
    assert len(whole.since(150)) == LENGTH - 150


def test_a_disturbed_market_has_other_bars_after_the_row_and_the_same_ones_before() -> None:
    whole = market(2)
    other = whole.disturbed(250, np.random.default_rng(1))
    assert np.array_equal(other.sessions, whole.sessions)
    for mine, theirs in zip(whole.symbols, other.symbols, strict=True):
        for name in ("open", "high", "low", "close", "volume"):
            before, after = getattr(mine.bars, name), getattr(theirs.bars, name)
            assert np.array_equal(before[:251], after[:251])
            assert (before[251:] != after[251:]).all()
        bars = theirs.bars
        assert (bars.low > 0.0).all()
        assert (bars.low <= np.minimum(bars.open, bars.close)).all()
        assert (bars.high >= np.maximum(bars.open, bars.close)).all()
        assert not np.array_equal(mine.earnings[251:], theirs.earnings[251:], equal_nan=True)
        assert np.array_equal(mine.earnings[:251], theirs.earnings[:251], equal_nan=True)
    for name, values in whole.context.series.items():
        assert np.array_equal(values[:251], other.context.series[name][:251])
        assert (values[251:] != other.context.series[name][251:]).all()


def test_a_torn_market_has_gaps_a_late_listing_and_a_leaver() -> None:
    torn = market(3).torn()
    first, second, third = (symbol.bars for symbol in torn.symbols)
    days = market().sessions
    assert (len(first), len(second), len(third)) == (294, 388, 192)
    assert (first.sessions[-1], third.sessions[0]) == (days[301], days[208])
    assert not np.isin(days[160:168], torn.sessions).any()
    assert len(torn) == LENGTH - 8


@pytest.mark.parametrize("symbols", [[], [random_symbols(1, 0, 1)[0]]])
def test_a_market_without_bars_is_refused(symbols: list[object]) -> None:
    with pytest.raises(SimulationError, match="needs symbols with bars"):
        market_of(symbols, context_of(LENGTH))


def test_cuts_are_made_at_every_one_of_the_last_bars_at_random_ones_and_where_something_happens() -> None:
    whole = market()
    target = np.zeros((LENGTH, 1))
    target[77:90] = 1.0
    close = whole.symbols[0].bars.close[:, None].copy()
    close[140:] *= 1.5
    answer = Answer({"target": target}, distances=False, indicators={}, close=close, columns={"S1": 0})
    terms = Terms()
    rows = set(cut_rows(whole, answer, terms).tolist())
    assert set(range(LENGTH - 61, LENGTH - 1)) <= rows
    assert {77, 90, 140} <= rows
    assert max(rows) == LENGTH - 2
    quarters = whole.sessions.astype("datetime64[M]").astype(int) // 3
    assert set(np.flatnonzero(np.diff(quarters)).tolist()) <= rows
    bare = replace(terms, changes=0, moves=0)
    others = [row for row in cut_rows(whole, answer, bare).tolist() if row < LENGTH - 61]
    assert 40 <= len(others) <= 60 + 4 + 8


def answer_of(target: list[list[float]], indicator: list[list[float]], tickers: str, **arrays: object) -> Answer:
    given = {"target": np.array(target)} | {name: np.array(array) for name, array in arrays.items()}
    columns = {ticker: place for place, ticker in enumerate(tickers)}
    seen = {"average": np.array(indicator)}
    return Answer(given, distances=False, indicators=seen, close=np.array(target), columns=columns)


def test_the_first_difference_is_the_earliest_row_of_any_array() -> None:
    one = answer_of([[0, 0], [1, NAN], [1, 1]], [[1, 1], [1, 1], [1, 1]], "AB", stop=[[NAN, 1], [NAN, 2], [3, 3]])
    assert first_difference(one, one, 3) is None
    late = answer_of([[0, 0], [1, NAN], [1, 0]], [[1, 1], [1, 1], [1, 1]], "AB", stop=[[NAN, 1], [NAN, 2.5], [3, 3]])
    found = first_difference(one, late, 3)
    assert found is not None
    assert (found.row, found.ticker, found.array, found.early, found.late) == (1, "B", "stop", 2.0, 2.5)
    assert found.indicators == ()
    assert first_difference(one, late, 1) is None


def test_an_array_that_only_one_has_differs_and_so_does_a_number_from_none() -> None:
    bare = answer_of([[0.0], [1.0]], [[1.0], [1.0]], "A")
    more = answer_of([[0.0], [1.0]], [[1.0], [1.0]], "A", entry_limit=[[NAN], [5.0]])
    for early, late in ((bare, more), (more, bare)):
        found = first_difference(early, late, 2)
        assert found is not None
        assert (found.row, found.array) == (1, "entry_limit")


def test_symbols_are_compared_by_ticker_and_rounding_is_a_matter_of_tolerance() -> None:
    early = answer_of([[0.3]], [[2.0]], "B")
    late = answer_of([[0.7, 0.3 + 1e-12]], [[1.0, 2.0]], "AB")
    assert first_difference(early, late, 1, 1e-9) is None
    found = first_difference(early, late, 1)
    assert found is not None
    assert found.ticker == "B"


def test_an_indicator_that_looks_ahead_is_named() -> None:
    verdict = judged(lambda view, _: (view.close > view.indicators["peek"]).astype(float))
    finding = next(one for one in verdict.errors if one.check == "look_ahead")
    assert finding.message.split(": ")[-1].startswith("peek.")
    assert str(finding.session) >= str(market().sessions[200])
    assert "own code" not in finding.message


def test_prices_and_priorities_are_compared_as_targets_are() -> None:
    def peeks_in_priority(view: MarketView, _: object) -> Signals:
        priority = view.close.copy()
        priority[:-1] = view.close[1:]
        return Signals(rising(view), priority=priority)

    verdict = judged(peeks_in_priority, declared=1)
    assert checks(verdict) == ["disturbance", "look_ahead"]
    assert "S1's priority of" in verdict.errors[0].message
    assert judged(lambda view, _: Signals(rising(view), priority=view.close), declared=1).findings == ()


@pytest.mark.parametrize(("declared", "found"), [(6, ["warm_up"]), (7, [])])
def test_the_measured_warm_up_is_exact(declared: int, found: list[str]) -> None:
    def after_seven(view: MarketView, _: object) -> FloatArray:
        return np.where(np.arange(len(view.close))[:, None] >= 7, np.ones(view.close.shape), 0.0)

    verdict = judged(after_seven, declared=declared)
    assert checks(verdict) == found
    assert verdict.warm_up is not None
    measured = verdict.warm_up
    assert (measured.median, measured.high, measured.worst, measured.never) == (7.0, 7.0, 7, 0.0)
    assert (measured.declared, measured.histories) == (declared, 16)


def test_a_target_counted_from_the_first_bar_never_converges() -> None:
    def every_third(view: MarketView, _: object) -> FloatArray:
        return np.where(np.arange(len(view.close))[:, None] % 3 == 0, np.ones(view.close.shape), 0.0)

    verdict = judged(every_third)
    assert verdict.warm_up is not None
    assert verdict.warm_up.never > 0.5
    assert [finding.severity for finding in verdict.findings] == ["warning"]
    assert [finding.severity for finding in judged(every_third, endless=("obv",)).findings] == ["error"]


PARAMETERS = {
    "switch": Parameter(0, 0, 1, "whether the level counts"),
    "level": Parameter(0.5, 0.0, 1.0, "what is wanted where the switch is on"),
    "nothing": Parameter(3, 1, 9, "not used"),
}


def test_a_parameter_behind_a_switch_is_alive() -> None:
    def switched(view: MarketView, values: dict[str, float]) -> FloatArray:
        return rising(view) * (values["level"] if values["switch"] else 1.0)

    verdict = judged(switched, parameters=PARAMETERS, declared=1)
    assert [finding.check for finding in verdict.findings] == ["dead_parameter"]
    assert "'nothing'" in verdict.findings[0].message


def test_values_that_contradict_each_other_are_not_tried() -> None:
    tried = []

    def refuses(values: dict[str, float]) -> None:
        if values["level"] != 0.5:
            raise UsageError("The level is 0.5.")

    def records(view: MarketView, values: dict[str, float]) -> FloatArray:
        tried.append(values["level"])
        return rising(view)

    verdict = judged(records, parameters={"level": PARAMETERS["level"]}, check=refuses, declared=1)
    assert verdict.findings == ()
    assert set(tried) == {0.5}


def test_a_value_within_the_bounds_that_fails_or_wants_too_much_is_a_warning() -> None:
    def fails_high(view: MarketView, values: dict[str, float]) -> FloatArray:
        if values["level"] == 1.0:
            raise ZeroDivisionError("level")
        return rising(view) * (2.0 if values["level"] == 0.0 else 0.5)

    verdict = judged(fails_high, parameters={"level": PARAMETERS["level"]}, declared=1)
    assert verdict.passed
    assert checks(verdict) == ["exception", "range"]
    assert "with level=1.0" in next(f.message for f in verdict.warnings if f.check == "exception")
    assert "with level=0.0" in next(f.message for f in verdict.warnings if f.check == "range")


@pytest.mark.parametrize(
    ("name", "value", "bad"),
    [
        ("entry_limit", 5.0, False),
        ("entry_limit", 0.0, True),
        ("stop", -1.0, True),
        ("take_profit", np.inf, True),
        ("good_for", 2.0, False),
        ("good_for", 2.5, True),
        ("good_for", -1.0, True),
        ("priority", -3.0, False),
    ],
)
def test_prices_and_lives_have_their_ranges(name: str, value: float, *, bad: bool) -> None:
    verdict = judged(lambda view, _: Signals(rising(view), **{name: np.full(view.close.shape, value)}), declared=1)
    assert checks(verdict) == (["range"] if bad else [])


def test_numbers_that_cannot_be_computed_are_a_warning_wherever_warnings_go() -> None:
    def divides(view: MarketView, _: object) -> FloatArray:
        return np.where(view.close / (view.close - view.close) > 0.0, rising(view), 0.0)

    verdict = judged(divides, declared=1)
    assert checks(verdict) == ["warns"]
    assert "RuntimeWarning: divide by zero" in verdict.findings[0].message


def test_an_audit_goes_on_after_a_market_on_which_the_strategy_fails() -> None:
    def fails_on_first(view: MarketView, _: object) -> FloatArray:
        if view.close[0, 0] == first.symbols[0].bars.close[0]:
            raise KeyError("S1")
        return rising(view)

    first = market()
    second = first.since(10)
    verdict = audit(subject(fails_on_first, declared=1), [first, second])
    assert checks(verdict) == ["exception"]
    assert verdict.cuts > 100
    assert "KeyError: 'S1'" in verdict.errors[0].message
