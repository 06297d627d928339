"""Alpha Vantage over real HTTP on loopback: bodies that are nearly right are refused or taken apart row by row."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from vendor_fakes.alpha_vantage_desk import (
    END,
    KEY,
    LATE,
    ROW,
    SERIES,
    START,
    World,
    assert_truth,
    open_world,
    refused,
    series,
)
from vendor_fakes.server import Reply
from vendor_fakes.truth import make_security

from alphafactory.domain.market import Dividend, EarningsDate
from alphafactory.sources.alpha_vantage_payloads import number_of, spell
from alphafactory.sources.vendor import EmptyAnswerError, GarbageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world() -> Iterator[World]:
    with open_world() as opened:
        yield opened


@pytest.mark.parametrize(
    ("question", "reply"),
    [
        ("bars", Reply({"Meta Data": None, SERIES: None})),
        ("bars", series([ROW])),
        ("bars", series("2024-06-28")),
        ("bars", Reply({"Meta Data": {}})),
        ("actions", Reply({"symbol": "AAPL", "data": None})),
        ("actions", Reply({"symbol": "AAPL", "data": [None]})),
        ("actions", Reply({"data": [{"effective_date": "2024-05-06", "split_factor": "four"}]})),
        ("actions", Reply({"data": [{"effective_date": "2024-05-06", "split_factor": "-4"}]})),
        ("actions", Reply({"data": [{"effective_date": "6.5.2024", "split_factor": "4"}]})),
        ("actions", Reply({"data": [{"effective_date": 20240506, "split_factor": "4"}]})),
        ("actions", Reply({"data": [{"effective_date": "2024-05-06", "split_factor": r} for r in ("4", "5")]})),
        ("profile", Reply({"Name": "Apple"})),
        ("profile", Reply({"Symbol": "AAPL", "Name": ["Apple"]})),
        ("earnings", Reply({})),
        ("earnings", Reply("symbol,reportDate\r\nAAPL,2024-03-01\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,2024-03-01,20")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,1.3.2024,2024-01-31,1\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,2024-03-01,,1\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\nAAPL,2024-03-01,2024-01-31,one\r\n")),
        ("earnings", Reply("symbol,reportDate,fiscalDateEnding,estimate\r\n" + "A" * 200_000 + ",,,\r\n")),
        ("delistings", Reply("symbol,name,exchange,ipoDate,delistingDate\r\nA,A,NYSE,x,2024-03-01\r\n")),
    ],
)
def test_wrong_types_are_garbage(world: World, question: str, reply: Reply) -> None:
    error = refused(world, question, reply)
    assert type(error) is GarbageError
    assert len(world.server.requests) == 2


def test_a_bad_dividend_or_inline_action_is_garbage(world: World) -> None:
    world.server.fail(
        Reply({"data": [{"ex_dividend_date": "2024-05-06", "amount": "None"}]}),
        times=2,
        applies=lambda request: request.query["function"] == "DIVIDENDS",
    )
    with pytest.raises(GarbageError, match="no dividend of 2024-05-06"):
        world.source().fetch_actions(["AAPL"], START, END)
    world.app.premium = True
    row = {**ROW, "6. volume": "1", "7. dividend amount": "0.0", "8. split coefficient": None}
    world.server.fail(series({"2024-06-28": row}), times=2)
    with pytest.raises(GarbageError, match="no split factor of 2024-06-28"):
        world.bars()
    world.server.fail(series({"2024-06-28": {**row, "7. dividend amount": [1], "8. split coefficient": "1"}}), times=2)
    with pytest.raises(GarbageError, match="no dividend of 2024-06-28"):
        world.bars()


def test_a_ticker_used_twice_stands_twice_with_the_latest_last(world: World) -> None:
    header = "symbol,name,exchange,assetType,ipoDate,delistingDate,status\r\n"
    rows = ("FB,New,NYSE,Stock,2015-01-02,2021-03-01,Delisted", "FB,Old,NYSE,Stock,null,2009-05-04,Delisted")
    world.server.fail(
        Reply(header + "\r\n".join((*rows, ",,NYSE,Stock,null,2020-01-02,Delisted", "A,A,N,ETF,null,null,x")))
    )
    found = world.source().fetch_delistings(END)
    assert [(row.ticker, row.name, row.listed) for row in found] == [
        ("FB", "Old", None),
        ("FB", "New", date(2015, 1, 2)),
    ]


def test_an_earnings_calendar_without_a_row_is_an_error(world: World) -> None:
    with pytest.raises(EmptyAnswerError):
        world.source().fetch_earnings(["AAPL"], START, END)
    world.app.market["MSFT"].earnings = [EarningsDate("MSFT", "2024-06-30", date(2024, 7, 25), 2.9)]
    assert world.source().fetch_earnings(["AAPL"], START, END) == ()


def test_dividends_not_dated_or_after_the_end_are_left_out_and_one_days_payments_added_up(world: World) -> None:
    rows = [
        {"ex_dividend_date": "None", "amount": "None"},
        {"ex_dividend_date": "2024-07-01", "amount": "None"},
        {"ex_dividend_date": "2024-05-06", "amount": "0.24", "payment_date": "2024-05-16"},
        {"ex_dividend_date": "2024-05-06", "amount": "0.24", "payment_date": "2024-05-16"},
        {"ex_dividend_date": "2024-05-06", "amount": "2.00", "payment_date": "2024-05-20"},
        {"ex_dividend_date": "2024-02-09", "amount": "0"},
    ]
    applies = lambda request: request.query["function"] == "DIVIDENDS"  # noqa: E731  a word for the next line
    world.server.fail(Reply({"symbol": "AAPL", "data": rows}), applies=applies)
    actions = world.source().fetch_actions(["AAPL"], START, END)
    assert actions.dividends == (Dividend("AAPL", date(2024, 5, 6), 2.24),)


@pytest.mark.parametrize("cell", ["None", "NaN", "", None, "inf", "1e999", "1_0", "ten", "-", True, [1], {}, 10**400])
@pytest.mark.parametrize("column", ["3. low", "5. volume"])
def test_a_row_without_a_number_is_rejected_with_its_words(world: World, cell: object, column: str) -> None:
    world.server.fail(series({"2024-06-28": {**ROW, column: cell}, "2024-06-27": ROW}))
    answer = world.bars()
    assert [str(day) for day in answer.bars.sessions] == ["2024-06-27"]
    [row] = answer.rejected
    assert (row.ticker, row.where) == ("AAPL", "alpha_vantage:2024-06-28")
    assert row.reason == f"no number in {column[3:]}"
    assert row.payload[column] == (None if cell is None else str(cell)[:200])
    assert row.payload["1. open"] == "10.0"
    json.dumps(row.payload, allow_nan=False)


def test_json_words_for_no_number_are_rejected_too(world: World) -> None:
    body = json.dumps({"Meta Data": {}, SERIES: {"2024-06-28": {**ROW, "1. open": float("nan")}}})
    world.server.fail(Reply(body))
    [row] = world.bars().rejected
    assert row.payload["1. open"] == "nan"


@pytest.mark.parametrize("row", [None, "10.0", [10.0, 11.0], {}, {"close": "10"}])
def test_what_is_no_row_is_rejected(world: World, row: object) -> None:
    world.server.fail(series({"2024-06-28": row}))
    answer = world.bars()
    assert len(answer.bars) == 0
    assert [found.reason for found in answer.rejected] == ["no number in open, high, low, close, volume"]


@pytest.mark.parametrize("text", ["28.06.2024", "2024-02-30", "", "20240628", "2024-06-28 16:00", "٢٠٢٤-٠٦-٢٨"])
def test_a_row_without_a_date_is_rejected(world: World, text: str) -> None:
    world.server.fail(series({text: ROW, "2024-06-27": ROW, "2023-06-27": {}, "2024-07-01": {}}))
    answer = world.bars()
    assert [str(day) for day in answer.bars.sessions] == ["2024-06-27"]
    assert [(found.where, found.reason) for found in answer.rejected] == [
        (f"alpha_vantage:{text}", "the session is no date")
    ]


def test_duplicated_and_unordered_rows_are_passed_on(world: World) -> None:
    first, second = json.dumps(ROW), json.dumps({**ROW, "4. close": "9.75"})
    rows = f'"2024-06-26": {first}, "2024-06-28": {first}, "2024-06-27": {first}, "2024-06-28": {second}'
    world.server.fail(Reply(f'{{"Meta Data": {{}}, "{SERIES}": {{{rows}}}}}'))
    bars = world.bars().bars
    assert [str(day)[-2:] for day in bars.sessions] == ["26", "28", "27", "28"]
    assert bars.close.tolist() == [10.5, 10.5, 10.5, 9.75]


def test_the_last_session_without_prices_is_rejected(world: World) -> None:
    world.app.blank_last = {"AAPL"}
    answer = world.bars()
    assert_truth(answer, world.app.market["AAPL"], LATE, date(2024, 6, 27))
    assert [row.where for row in answer.rejected] == ["alpha_vantage:2024-06-28"]


def test_a_gap_of_ten_years_stays_a_gap(world: World) -> None:
    world.app.premium = True
    start, end = date(2005, 1, 3), date(2020, 12, 31)
    long = make_security("LONG", start, end)
    long.bars = {day: bar for day, bar in long.bars.items() if not 2007 <= day.year < 2017}
    world.app.market["LONG"] = long
    answer = world.bars("LONG", start, end, timeout=5)
    assert_truth(answer, long, start, end)
    steps = np.diff(np.sort(answer.bars.sessions)).astype(int)
    assert steps.max() > 3650


@pytest.mark.parametrize(
    "ticker", ["ÄÖÜ", "'; DROP TABLE symbols; --", 'A"B', "A&symbol=MSFT", "A/B#?=%", "日本", "A B", "%41", "A+B"]
)
def test_names_are_quoted_on_the_wire(world: World, ticker: str) -> None:
    security = make_security(ticker, LATE, END)
    security.listing = replace(security.listing, name=f'{ticker}, \r\n"Inc" 😀\')--')
    security.earnings = [EarningsDate(ticker, "2024-06-30", date(2024, 7, 30), 1.0)]
    spelled = spell(ticker)
    world.app.market = {spelled: replace(security, listing=replace(security.listing, ticker=spelled))}
    answer = world.bars(ticker)
    assert len(answer.bars) == len(security.bars)
    assert answer.bars.tickers == (ticker,)
    assert world.source().fetch_profile(ticker).name == security.listing.name
    assert world.source().fetch_earnings([ticker], LATE, date(2024, 12, 31)) == tuple(security.earnings)
    assert [request.query.get("symbol", spelled) for request in world.server.requests] == [spelled] * 3
    assert {request.query["apikey"] for request in world.server.requests} == {KEY}


def test_numbers_in_other_writings() -> None:
    assert [number_of(cell) for cell in ("184.2200", " 1e3 ", ".5", "-2", 7, 2.5)] == [
        184.22,
        1000.0,
        0.5,
        -2.0,
        7,
        2.5,
    ]
    assert [number_of(cell) for cell in ("\u0661", "0x10", "1,5", float("inf"), object())] == [None] * 5
