"""One night on which everything goes wrong that does go wrong, and the night before it repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from vendor_fakes.server import Reply
from vendor_fakes.street import Street, open_street
from vendor_fakes.truth import make_market

from alphafactory.domain.market import Split

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nights import Nights

FIRST, BEFORE, NIGHT = date(2023, 1, 3), date(2024, 3, 13), date(2024, 3, 14)
TICKERS = [f"T{number:02d}" for number in range(20)]
SPLIT, GONE, RESTATED, NO_PRICE = "T03", "T05", "T07", ["T11", "T12"]
RESTATED_DAY = date(2024, 3, 11)
DEAD = Reply({"status": "ERROR", "error": "internal"}, 500)


@pytest.fixture
def street() -> Iterator[Street]:
    market = make_market(TICKERS, FIRST, NIGHT)
    gone = market[GONE]
    gone.bars = {day: bar for day, bar in gone.bars.items() if day <= BEFORE}
    with open_street(market) as opened:
        opened.open_until(BEFORE)
        yield opened


def split_tonight(street: Street) -> None:
    security = street.market[SPLIT]
    bar = security.bars[NIGHT]
    prices = {name: round(getattr(bar, name) / 4, 2) for name in ("open", "high", "low", "close")}
    security.restate(NIGHT, **prices, volume=bar.volume * 4)
    security.splits.append(Split(SPLIT, NIGHT, 4.0))


def die_after(street: Street, requests: int) -> None:
    """Let Polygon answer so many more requests, and then none."""
    server = street.servers["polygon"]
    last = len(server.requests) + requests
    server.fail(DEAD, 10_000, lambda _: len(server.requests) > last)


def results(nights: Nights) -> list[tuple[Any, ...]]:
    return nights.ask(
        "SELECT s.ticker, t.name, b.fingerprint, b.total_return, b.sharpe, b.max_drawdown, b.n_trades FROM backtests b "
        "JOIN symbols s ON s.id = b.symbol_id JOIN strategies t ON t.id = b.strategy_id "
        "WHERE b.superseded_by IS NULL ORDER BY 1, 2"
    )


def bars(nights: Nights, ticker: str) -> dict[date, tuple[Any, ...]]:
    rows = nights.ask(
        "SELECT session, open, high, low, close, volume, b.source FROM bars b JOIN symbols s ON s.id = b.symbol_id "
        "WHERE ticker = %s",
        ticker,
    )
    return {row[0]: row[1:] for row in rows}


def everything_goes_wrong(street: Street, polygon_lasts: int) -> None:
    split_tonight(street)
    street.market[RESTATED].restate(RESTATED_DAY, close=street.market[RESTATED].bars[RESTATED_DAY].low)
    street.yahoo.unpriced |= set(NO_PRICE)
    street.yahoo.delisted.add(GONE)
    street.alpha_vantage.per_day = 0
    street.open_until(NIGHT)
    street.forget()
    die_after(street, polygon_lasts)


def test_a_night_on_which_everything_goes_wrong(nights: Nights, street: Street) -> None:
    street.lead(nights, "polygon", "yahoo", "alpha_vantage")
    first = nights.run(BEFORE)
    assert first.outcome == "fine", first.steps
    before, raw_before = results(nights), bars(nights, SPLIT)
    everything_goes_wrong(street, polygon_lasts=0)
    night = nights.run(NIGHT)
    download = night.steps[0]

    # A verdict that a person understands: partial, and exactly the symbols that nobody could serve are named.
    assert night.outcome == "partial"
    assert {one["subject"] for one in download.failures if one["kind"] == "symbol"} == {GONE, *NO_PRICE}
    assert all(str(NIGHT) in one["message"] for one in download.failures if one["kind"] == "symbol")
    assert "polygon" in download.message
    assert "left out for the night" in download.message

    # Complete raw bars from the right sources: Polygon's stand, Yahoo filled the night.
    for ticker in set(TICKERS) - {GONE, *NO_PRICE}:
        held, told = bars(nights, ticker), street.market[ticker].bars
        assert held.keys() == told.keys()
        assert held[NIGHT][:5] == (
            told[NIGHT].open,
            told[NIGHT].high,
            told[NIGHT].low,
            told[NIGHT].close,
            told[NIGHT].volume,
        )
        assert held[NIGHT][5] == "yahoo"
        assert {bar[5] for day, bar in held.items() if day < NIGHT} == {"polygon"}

    # The split arrived and rewrote no raw row; the adjusted series has no jump.
    assert nights.ask("SELECT ratio, source FROM v_splits WHERE ticker = %s", SPLIT) == [(4.0, "yahoo")]
    assert {day: bar for day, bar in bars(nights, SPLIT).items() if day < NIGHT} == raw_before
    (worst,) = nights.ask(
        "SELECT max(abs(close / before - 1)) FROM (SELECT close, lag(close) OVER (ORDER BY session) AS before "
        "FROM v_bars WHERE ticker = %s) b",
        SPLIT,
    )
    assert worst[0] < 0.2

    # Another vendor's word is no revision; without Polygon nobody learnt of the restated bar.
    assert nights.ask("SELECT count(*) FROM bar_revisions") == [(0,)]
    refused = nights.ask(
        "SELECT DISTINCT subject, session, quarantined FROM quality_findings WHERE rule = 'unparsable_row' ORDER BY 1"
    )
    assert refused == [(ticker, NIGHT, False) for ticker in NO_PRICE]
    assert nights.ask("SELECT count(*) FROM v_quarantined") == [(0,)]

    # What did not change was not computed again: only the symbols that have a new session.
    assert {row[0] for row in results(nights) if row not in before} == set(TICKERS) - {GONE, *NO_PRICE}

    # The same night again, as of the day before, to the bit.
    as_it_was = nights.ask("SELECT count(*) FROM bars")
    nights.ask("DELETE FROM backtests WHERE superseded_by IS NOT NULL")
    again = nights.run(BEFORE, datetime.combine(NIGHT + timedelta(days=1), datetime.min.time(), tzinfo=UTC))
    assert again.outcome == "fine", again.steps
    assert again.steps[0].outcome == "skipped"
    repeated = nights.ask(
        "SELECT s.ticker, t.name, b.fingerprint, b.total_return, b.sharpe, b.max_drawdown, b.n_trades FROM backtests b "
        "JOIN symbols s ON s.id = b.symbol_id JOIN strategies t ON t.id = b.strategy_id "
        "WHERE b.fingerprint = ANY(%s) ORDER BY 1, 2",
        [row[2] for row in before],
    )
    assert repeated == before
    assert nights.ask("SELECT count(*) FROM bars") == as_it_was

    # The next evening everybody is well again: what was missing comes, the delisting is known, the restatement seen.
    street.servers["polygon"].mend()
    street.market[GONE].listing = replace(street.market[GONE].listing, delisted=BEFORE)
    mended = nights.run(NIGHT, datetime.combine(NIGHT, datetime.max.time(), tzinfo=UTC))
    assert mended.outcome == "fine", mended.steps[0]
    for ticker in NO_PRICE:
        assert bars(nights, ticker)[NIGHT][5] == "polygon"
    assert nights.ask("SELECT delisted FROM symbols WHERE ticker = %s", GONE) == [(BEFORE,)]
    revised = nights.ask("SELECT ticker, session FROM v_revisions")
    assert revised == [(RESTATED, RESTATED_DAY)]


def test_polygon_dies_half_way_and_the_others_fill_what_is_missing(nights: Nights, street: Street) -> None:
    """It lasts for the new session of everybody and for half of the rechecks: complete, and the verdict is fine."""
    street.market[GONE].bars[NIGHT] = street.market["T00"].bars[NIGHT]
    street.lead(nights, "polygon", "yahoo", "alpha_vantage")
    nights.run(BEFORE)
    everything_goes_wrong(street, polygon_lasts=4)
    street.yahoo.delisted.clear()
    night = nights.run(NIGHT)
    assert night.outcome == "fine", night.steps[0]
    assert len(street.asked("polygon", "grouped")) >= 4
    for ticker in TICKERS:
        assert bars(nights, ticker)[NIGHT][5] == "polygon"
    revised = nights.ask("SELECT ticker, session, new_close FROM v_revisions")
    assert revised == [(RESTATED, RESTATED_DAY, street.market[RESTATED].bars[RESTATED_DAY].close)]
    assert nights.ask("SELECT ratio FROM v_splits WHERE ticker = %s", SPLIT) == [(4.0,)]
