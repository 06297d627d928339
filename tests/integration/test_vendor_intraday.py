"""Intraday bars in the night: from vendors, from files; daily bars never notice."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

import numpy as np
from vendor_fakes.crypto import BinanceApp
from vendor_fakes.downloads import download
from vendor_fakes.server import LoopbackServer
from vendor_fakes.street import LIMITS, open_street
from vendor_fakes.truth import make_market, make_security

from alphafactory.domain.resampling import resample
from alphafactory.pipeline import reading
from alphafactory.store.bars import read_bars
from alphafactory.store.intraday import read_intraday

if TYPE_CHECKING:
    from nights import Nights

FIRST, EVE, NIGHT = date(2024, 2, 20), date(2024, 3, 13), date(2024, 3, 14)


def count(nights: Nights, timeframe: str, ticker: str) -> int:
    found = nights.ask(
        "SELECT count(*) FROM bars b JOIN symbols s ON s.id = b.symbol_id WHERE timeframe = %s AND ticker = %s",
        timeframe,
        ticker,
    )
    return int(found[0][0])


def test_crypto_brings_days_and_hours_every_day_of_the_week(nights: Nights) -> None:
    pairs = ("BTC/USDT", "ETH/USDT")
    market = {pair: make_security(pair, FIRST, NIGHT, calendar="24/7", asset_class="crypto") for pair in pairs}
    with LoopbackServer(BinanceApp(market, newest_session=EVE)) as server:
        nights.settings |= {
            "sources.order": ["crypto"],
            "sources.crypto.base_url": server.url,
            "sources.crypto.limits": LIMITS,
            "sources.timeframes": ["1d", "1h"],
            "sources.start": FIRST,
        }
        midnight = datetime.combine(NIGHT, time(0, 30), tzinfo=UTC)
        step = download(nights, EVE, midnight)
        assert step.outcome == "fine", step
        days = (EVE - FIRST).days + 1
        assert (count(nights, "1d", "BTC/USDT"), count(nights, "1h", "BTC/USDT")) == (days, 24 * days)
        server.requests.clear()
        assert download(nights, EVE, midnight).rows == 0
        assert [r for r in server.requests if "klines" in r.path] == []
        with nights.database() as database, database.begin() as connection:
            ((key,),) = nights.ask("SELECT id FROM symbols WHERE ticker = 'BTC/USDT'")
            hours = read_intraday(connection, [key], ["BTC/USDT"], "1h", midnight)
            whole = read_bars(connection, [key], ["BTC/USDT"], midnight, clean=False)
        opens = hours.sessions.astype("datetime64[us]")
        resampled = resample(hours, "1h", "1d", opens=opens, closes=opens + np.timedelta64(1, "D"))
        assert resampled.sessions.tolist() == whole.sessions.tolist()
        assert np.allclose(resampled.close, whole.close)


def test_hours_of_shares_beside_their_days(nights: Nights) -> None:
    with open_street(make_market(["T0", "T1"], FIRST, NIGHT)) as street:
        street.lead(nights, "polygon")
        nights.settings["sources.timeframes"] = ["1d", "1h"]
        street.open_until(EVE)
        assert nights.run(EVE).outcome == "fine"
        first = count(nights, "1h", "T0")
        assert first >= 6 * count(nights, "1d", "T0")
        street.open_until(NIGHT)
        assert nights.run(NIGHT).outcome == "fine"
        assert count(nights, "1d", "T0") == len(street.market["T0"].bars)
        assert count(nights, "1h", "T0") > first
        assert nights.ask("SELECT count(*) FROM quality_findings WHERE quarantined") == [(0,)]
        assert nights.ask("SELECT count(DISTINCT known_at) > 20 FROM bars WHERE timeframe = '1h'") == [(True,)]


def test_a_vendor_is_asked_for_no_more_than_it_keeps(nights: Nights) -> None:
    with open_street(make_market(["T0"], date(2023, 6, 1), NIGHT)) as street:
        street.lead(nights, "yahoo")
        nights.settings["sources.timeframes"] = ["1d", "15m"]
        street.open_until(EVE)
        step = download(nights, EVE)
        assert step.outcome == "fine", step
        assert nights.ask("SELECT min(session) FROM bars WHERE timeframe = '15m'") == [(date(2024, 1, 16),)]
        street.forget()
        assert download(nights, EVE).rows == 0
        assert street.asked("yahoo", "interval", "15m") == []


def test_a_file_of_minutes_touches_no_daily_bar(nights: Nights) -> None:
    minutes = [f"AAA,2024-03-13 09:{minute}:00,10,11,9,{10 + minute / 100},100" for minute in range(30, 50)]
    contradiction = "AAA,2024-03-13 09:49:00,10,11,9,10.6,100"
    rows = ["symbol,datetime,open,high,low,close,volume", *minutes, contradiction]
    (nights.folder / "minutes.csv").write_text("\n".join(rows) + "\n")
    nights.settings |= {
        "sources.order": ["csv"],
        "sources.csv.path": nights.folder / "minutes.csv",
        "sources.csv.timeframe": "1m",
        "sources.csv.basis": "raw",
    }
    download(nights, EVE)
    assert (count(nights, "1m", "AAA"), count(nights, "1d", "AAA")) == (20, 0)
    found = nights.ask("SELECT rule, timeframe, session FROM quality_findings WHERE quarantined")
    assert found == [("conflicting_bars", "1m", EVE)]

    with nights.workspace(EVE) as workspace:
        (five, *_), (day,) = (reading.read_bars(workspace, "AAA", timeframe=length) for length in ("5m", "1d"))
    assert (five["source"], five["open"], five["close"], five["volume"]) == ("made of 1m", 10.0, 10.34, 500.0)
    assert (day["session"], day["close"], day["volume"]) == (EVE, 10.49, 2000.0)
