"""What vendors tell beside bars: corporate actions, announcements, profiles, tickers, delistings, second opinions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import pytest
from vendor_fakes.crypto import BinanceApp
from vendor_fakes.downloads import bars_of, download, sources_of
from vendor_fakes.server import LoopbackServer, Reply
from vendor_fakes.street import LIMITS, Street, open_street
from vendor_fakes.truth import Market, Security, make_market, make_security

from alphafactory.domain.market import EarningsDate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Nights
    from vendor_fakes.server import Request

FIRST, YESTERDAY, NIGHT, NEXT = date(2024, 1, 2), date(2024, 3, 13), date(2024, 3, 14), date(2024, 3, 15)
ANNOUNCED = date(2024, 3, 28)
SPLIT, PAID = date(2024, 2, 12), date(2024, 2, 26)
TICKERS = [f"T{number:02d}" for number in range(30)]
REFUSED = Reply({"status": "NOT_AUTHORIZED", "message": "not in your plan"}, 403)


def made_market() -> Market:
    market = make_market(TICKERS, FIRST, NEXT)
    for ticker in ("T01", "T02"):
        market[ticker] = make_security(ticker, FIRST, NEXT, splits=[(SPLIT, 4.0)], dividends=[(PAID, 0.25)])
    for ticker in TICKERS:
        market[ticker].earnings.append(EarningsDate(ticker, fiscal_period="2023Q4", announced=ANNOUNCED, estimate=1.25))
    return market


@pytest.fixture
def street() -> Iterator[Street]:
    with open_street(made_market()) as opened:
        opened.open_until(NIGHT)
        yield opened


def actions(nights: Nights) -> dict[str, set[tuple[object, ...]]]:
    return {
        "splits": set(nights.ask("SELECT ticker, ex_date, ratio, source FROM v_splits")),
        "dividends": set(nights.ask("SELECT ticker, ex_date, amount, source FROM v_dividends")),
    }


def told(source: str, *tickers: str) -> dict[str, set[tuple[object, ...]]]:
    return {
        "splits": {(ticker, SPLIT, 4.0, source) for ticker in tickers},
        "dividends": {(ticker, PAID, 0.25, source) for ticker in tickers},
    }


def is_reference(request: Request) -> bool:
    return "/reference/splits" in request.path or "/reference/dividends" in request.path


def test_actions_of_the_whole_market_take_a_request_a_kind(nights: Nights, street: Street) -> None:
    street.lead(nights, "polygon")
    assert download(nights, NIGHT).outcome == "fine"
    assert actions(nights) == told("polygon", "T01", "T02")
    assert [len(street.asked("polygon", f"/reference/{kind}")) for kind in ("splits", "dividends")] == [1, 1]
    street.forget()
    download(nights, NIGHT)
    assert not street.asked("polygon", "/reference/splits")


def test_actions_fall_back_symbol_by_symbol_within_the_quota(nights: Nights, street: Street) -> None:
    street.servers["polygon"].fail(REFUSED, 10_000, is_reference)
    street.alpha_vantage.per_day = 7  # three symbols, and a half
    street.lead(nights, "polygon", "alpha_vantage")
    nights.settings["universe.symbols"] = ["T01", "T02", "T03", "T04", "T05"]
    step = download(nights, NIGHT)
    assert actions(nights) == told("alpha_vantage", "T01", "T02")
    assert {failure["subject"] for failure in step.failures if failure["kind"] == "actions"} == {"T04", "T05"}
    street.alpha_vantage.per_day = None
    street.open_until(NEXT)
    street.forget()
    assert download(nights, NEXT).outcome == "fine"
    asked = [request.query["symbol"] for request in street.asked("alpha_vantage", "SPLITS")]
    assert sorted(asked) == ["T01", "T02", "T03", "T04", "T05"]


def earnings(nights: Nights, ticker: str) -> list[tuple[object, ...]]:
    return nights.ask(
        "SELECT announced, estimate, e.source, hindsight FROM earnings_calendar e "
        "JOIN symbols s ON s.id = e.symbol_id WHERE ticker = %s ORDER BY e.known_at, announced",
        ticker,
    )


def test_one_call_brings_all_announcements(nights: Nights, street: Street) -> None:
    street.lead(nights, "polygon", "alpha_vantage", "yahoo")
    download(nights, NIGHT)
    assert len(street.asked("alpha_vantage", "EARNINGS_CALENDAR")) == 1
    assert len(street.servers["alpha_vantage"].requests) == 1
    assert nights.ask("SELECT count(DISTINCT symbol_id) FROM earnings_calendar") == [(len(TICKERS),)]
    assert earnings(nights, "T03")[0][:3] == (ANNOUNCED, 1.25, "alpha_vantage")
    download(nights, NIGHT)
    assert len(street.asked("alpha_vantage", "EARNINGS_CALENDAR")) == 1

    # A new estimate is a new version beside the old one.
    (row,) = street.market["T03"].earnings
    street.market["T03"].earnings[:] = [replace(row, estimate=1.5)]
    street.open_until(NEXT)
    download(nights, NEXT)
    assert [estimate for _, estimate, *_ in earnings(nights, "T03")] == [1.25, 1.5]
    assert len(earnings(nights, "T04")) == 1


def test_yahoo_tells_the_announcements_where_the_quota_is_spent(nights: Nights, street: Street) -> None:
    street.alpha_vantage.per_day = 0
    street.lead(nights, "polygon", "alpha_vantage", "yahoo")
    step = download(nights, NIGHT)
    assert earnings(nights, "T03")[0][:3] == (ANNOUNCED, 1.25, "yahoo")
    assert "yahoo: 30 announcements" in step.message


def test_a_profile_is_asked_for_once(nights: Nights, street: Street) -> None:
    street.lead(nights, "polygon", "yahoo")
    nights.settings["sources.profiles_a_night"] = 20
    download(nights, NIGHT)
    assert nights.ask("SELECT count(*) FROM symbols WHERE sector IS NOT NULL") == [(20,)]
    download(nights, NIGHT)
    assert len(street.asked("polygon", "/reference/tickers/T")) == 20
    street.open_until(NEXT)
    download(nights, NEXT)
    assert nights.ask("SELECT count(*) FROM symbols WHERE sector IS NOT NULL") == [(30,)]
    assert len(street.asked("polygon", "/reference/tickers/T")) == 30


def stop_trading(street: Street, ticker: str, last: date) -> Security:
    security = street.market[ticker]
    security.bars = {day: bar for day, bar in security.bars.items() if day <= last}
    street.yahoo.forget()
    return security


def test_a_list_confirms_a_delisting(nights: Nights, street: Street) -> None:
    gone = stop_trading(street, "T05", YESTERDAY)
    stop_trading(street, "T06", YESTERDAY)
    gone.listing = replace(gone.listing, delisted=YESTERDAY)
    street.lead(nights, "polygon")
    step = download(nights, NIGHT)
    assert f"T05 was delisted on {YESTERDAY} (polygon)." in step.message
    assert [failure["subject"] for failure in step.failures] == ["T06"]
    assert nights.ask("SELECT ticker, delisted FROM symbols WHERE delisted IS NOT NULL") == [("T05", YESTERDAY)]
    street.open_until(NEXT)
    assert [failure["subject"] for failure in download(nights, NEXT).failures] == ["T06"]


def test_a_late_vendor_is_no_reason_to_ask_for_delistings(nights: Nights, street: Street) -> None:
    street.open_until(YESTERDAY)
    street.lead(nights, "polygon")
    download(nights, YESTERDAY)
    street.forget()
    step = download(nights, NIGHT)
    assert len(step.failures) == len(TICKERS)
    assert not [one for one in street.asked("polygon") if one.path.endswith(("/reference/tickers", "/events"))]
    assert len(street.asked("polygon", "/aggs/")) <= 1 + 1 + 5 + 3  # new, whether it is there, rechecks, a few whole


def test_a_rename_keeps_one_symbol(nights: Nights) -> None:
    """FB trades as META from some day on: one symbol, dated aliases, each part asked for under its ticker."""
    changed = date(2024, 3, 11)
    whole = make_security("FB", FIRST, NEXT)
    fb, meta = make_security("FB", FIRST, NEXT), make_security("META", FIRST, NEXT)
    fb.bars = {day: bar for day, bar in whole.bars.items() if day < changed}
    meta.bars = {day: bar for day, bar in whole.bars.items() if day >= changed}
    market = {
        "FB": fb,
        "META": meta,
        "T00": make_security("T00", FIRST, NEXT),
        "T01": make_security("T01", FIRST, NEXT),
    }
    with open_street(market) as street:
        street.polygon.renames = {"FB": [(FIRST, "FB"), (changed, "META")]}
        street.lead(nights, "polygon")
        nights.settings["universe.symbols"] = ["FB", "T00", "T01"]
        street.open_until(date(2024, 3, 8))
        assert download(nights, date(2024, 3, 8)).outcome == "fine"
        street.open_until(changed)
        step = download(nights, changed)
        assert step.outcome == "fine", step
        street.open_until(NIGHT)
        assert download(nights, NIGHT).outcome == "fine"
        assert {day: bar[3] for day, bar in bars_of(nights, "FB").items()} == {
            day: bar.close for day, bar in whole.bars.items() if day <= NIGHT
        }
        assert nights.ask("SELECT ticker FROM symbols ORDER BY 1") == [("FB",), ("T00",), ("T01",)]
        aliases = nights.ask("SELECT ticker, valid_from, valid_to FROM symbol_aliases ORDER BY valid_from NULLS FIRST")
        assert aliases == [("FB", None, date(2024, 3, 10)), ("META", changed, None)]

        # The whole history again: the old part under FB, the new one under META.
        nights.settings["sources.recheck_nights"] = 1
        street.open_until(NEXT)
        street.forget()
        assert download(nights, NEXT).outcome == "fine"
        asked = {request.path.split("/")[4]: request.path for request in street.asked("polygon", "/aggs/ticker/")}
        assert asked["FB"].endswith("/2024-01-02/2024-03-10")
        assert asked["META"].endswith(f"/{changed}/{NEXT}")
        assert max(bars_of(nights, "FB")) == NEXT


def test_a_reused_ticker_is_two_symbols(nights: Nights) -> None:
    """OLD traded as XYZ until it was taken over; some days later another company took the ticker."""
    last, first = date(2024, 2, 15), date(2024, 2, 20)
    market = make_market(["XYZ", "T00", "T01"], FIRST, NIGHT)
    market["XYZ"].bars = {day: bar for day, bar in market["XYZ"].bars.items() if not last < day < first}
    path = nights.folder / "aliases.csv"
    path.write_text(f"symbol,ticker,from,to,merged_into\nOLD,XYZ,,{last},T00\nXYZ,XYZ,{first},,\n")
    with open_street(market) as street:
        street.open_until(NIGHT)
        street.lead(nights, "polygon")
        nights.settings |= {"universe.symbols": ["OLD", "XYZ", "T00", "T01"], "universe.aliases_path": path}
        assert download(nights, NIGHT).outcome == "fine"
        held = {ticker: {day: bar[3] for day, bar in bars_of(nights, ticker).items()} for ticker in ("OLD", "XYZ")}
        assert held["OLD"] == {day: bar.close for day, bar in market["XYZ"].bars.items() if day <= last}
        assert held["XYZ"] == {day: bar.close for day, bar in market["XYZ"].bars.items() if day >= first}


def test_a_second_vendor_that_disagrees_is_found(nights: Nights, street: Street) -> None:
    """Yahoo tells another close of one session: the gate names it, and the bars stay."""
    street.lead(nights, "polygon", "yahoo")
    nights.settings["quality.cross_check_symbols"] = len(TICKERS)
    day = date(2024, 3, 12)
    wrong = make_market(TICKERS, FIRST, NEXT)
    for ticker in ("T01", "T02"):
        wrong[ticker] = street.market[ticker]
    wrong["T03"].restate(day, close=round(wrong["T03"].bars[day].low * 0.999, 2), low=1.0)
    street.yahoo.market = wrong
    street.yahoo.forget()
    result = nights.run(NIGHT)
    assert "30 symbols compared with a second vendor" in result.steps[0].message
    found = nights.ask("SELECT DISTINCT subject, session FROM quality_findings WHERE rule = 'vendor_disagreement'")
    assert found == [("T03", day)]
    assert bars_of(nights, "T03")[day][3] == street.market["T03"].bars[day].close


def test_pairs_trade_every_day(nights: Nights, street: Street) -> None:
    pairs = ("BTC/USDT", "ETH/USDT")
    coins = {pair: make_security(pair, FIRST, NIGHT, calendar="24/7", asset_class="crypto") for pair in pairs}
    app = BinanceApp(coins)
    with LoopbackServer(app) as server:
        street.lead(nights, "crypto", "polygon", "yahoo")
        nights.settings |= {"sources.crypto.base_url": server.url, "sources.crypto.limits": LIMITS}
        now = datetime.combine(NIGHT, time(22), tzinfo=UTC)
        result = nights.run(NIGHT, now)
        assert result.outcome == "fine", result.steps
        for pair in pairs:
            days = list(bars_of(nights, pair))
            assert days == sorted(day for day in coins[pair].bars if day < NIGHT)  # tonight's has not closed
            assert any(day.weekday() >= 5 for day in days)
            assert set(sources_of(nights, pair)) == {"crypto"}
        assert nights.ask("SELECT calendar, asset_class FROM symbols WHERE ticker = 'BTC/USDT'") == [("24/7", "crypto")]
        asked = [request.path for name in ("polygon", "yahoo") for request in street.servers[name].requests]
        assert not [path for path in asked if "BTC" in path or "ETH" in path]
        assert not [request for request in server.requests if "T0" in str(request.query)]
        assert nights.ask("SELECT count(*) FROM v_quarantined") == [(0,)]

        # The next night of the pairs is the day that has closed by then.
        app.newest_session = NIGHT
        street.open_until(NEXT)
        result = nights.run(NEXT, now + timedelta(days=1))
        assert result.outcome == "fine", result.steps
        assert max(bars_of(nights, "BTC/USDT")) == NIGHT
