"""Intraday bars from files: times with a zone and without, their sessions, and what must be refused."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphafactory.config_sources import CsvSettings
from alphafactory.errors import SourceError
from alphafactory.sources.csv_files import CsvSource

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from alphafactory.domain.market import Delivery

HEADER = "symbol,datetime,open,high,low,close,volume"
PRICES = "10,11,9,10.5,100"


def utc(text: str) -> datetime:
    """Return a moment without its zone, as NumPy gives them."""
    moment: datetime = np.datetime64(text, "us").item()
    return moment


OPEN, NEXT = utc("2024-01-02T14:30"), utc("2024-01-02T14:35")


def write(path: Path, *times: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *(f"AAA,{time},{PRICES}" for time in times), ""]), encoding="utf-8")
    return path


def fetch(path: Path, **settings: Any) -> Delivery:
    chosen = {"timeframe": "5m", **settings}
    return CsvSource(CsvSettings(path=path, **chosen)).fetch(date(2024, 12, 31))


def instants(delivery: Delivery) -> list[datetime]:
    assert delivery.bars.instants is not None
    assert delivery.bars.instants.dtype == np.dtype("datetime64[us]")
    return list(delivery.bars.instants.tolist())


@pytest.mark.parametrize(
    "times",
    [
        ("2024-01-02 09:30:00", "2024-01-02 09:35:00"),
        ("2024-01-02T09:30", "2024-01-02T09:35"),
        ("2024-01-02 09:30:00-05:00", "2024-01-02 09:35:00-05:00"),
        ("2024-01-02T14:30:00Z", "2024-01-02T14:35:00Z"),
        ("2024-01-02 14:30:00+00:00", "2024-01-02T09:35:00-0500"),
        ("2024-01-02 09:30:00", "2024-01-02T14:35:00Z"),
        (" 2024-01-02 09:30 ", "2024-01-02 09:35:00.000"),
    ],
)
@pytest.mark.parametrize("name", ["datetime", "Timestamp", "date"])
def test_every_way_to_write_a_time_gives_the_same_instants(tmp_path: Path, times: tuple[str, ...], name: str) -> None:
    delivery = fetch(write(tmp_path / "bars.csv", *times, header=HEADER.replace("datetime", name)))
    assert instants(delivery) == [OPEN, NEXT]
    assert delivery.bars.sessions.tolist() == [date(2024, 1, 2)] * 2
    assert delivery.bars.lines.tolist() == [2, 3]
    assert (delivery.rejected, delivery.newest_session) == ((), date(2024, 1, 2))


def test_a_zone_and_a_form_of_one_s_own(tmp_path: Path) -> None:
    path = write(tmp_path / "bars.csv", "02.01.2024 15:30", "02.01.2024 15:35")
    assert instants(fetch(path, date_format="%d.%m.%Y %H:%M", timezone="Europe/Berlin")) == [OPEN, NEXT]
    assert instants(fetch(path, date_format="%d.%m.%Y %H:%M", timezone="UTC"))[0] == utc("2024-01-02T15:30")


def test_clocks_change_with_the_seasons(tmp_path: Path) -> None:
    times = [f"2024-{day} 09:{minute}" for day in ("03-08", "03-11", "11-04") for minute in ("30", "35")]
    hours = [moment.hour for moment in instants(fetch(write(tmp_path / "bars.csv", *times)))]
    assert hours == [14, 14, 13, 13, 14, 14]


def test_of_an_hour_that_comes_twice_it_is_the_first(tmp_path: Path) -> None:
    times = ("2024-11-03 01:30:00", "2024-11-03 01:35:00")
    plain = fetch(write(tmp_path / "bars.csv", *times))
    one_by_one = fetch(write(tmp_path / "bars.csv", *times, "2024-11-05 oops"))
    assert instants(plain) == [utc("2024-11-03T05:30"), utc("2024-11-03T05:35")] == instants(one_by_one)


@pytest.mark.parametrize(
    ("calendar", "time", "session"),
    [
        ("XASX", "2024-01-01T23:00:00Z", date(2024, 1, 2)),  # 10:00 in Sydney
        ("XNYS", "2024-01-03T00:55:00Z", date(2024, 1, 2)),  # 19:55 in New York, after hours
        ("24/7", "2024-01-03T00:55:00Z", date(2024, 1, 3)),
    ],
)
def test_a_session_is_the_date_at_the_exchange(tmp_path: Path, calendar: str, time: str, session: date) -> None:
    delivery = fetch(write(tmp_path / "bars.csv", time), calendar=calendar)
    assert delivery.bars.sessions.tolist() == [session]
    assert delivery.newest_session == session


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_parquet_times(tmp_path: Path, zone: str | None) -> None:
    moments = [OPEN, NEXT] if zone else [utc("2024-01-02T09:30"), utc("2024-01-02T09:35")]
    column = pa.array(moments, type=pa.timestamp("ns", tz=zone))
    numbers = {name: [10.0, 10.0] for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"symbol": ["AAA", "AAA"], "timestamp": column, **numbers}), tmp_path / "bars.parquet")
    assert instants(fetch(tmp_path / "bars.parquet")) == [OPEN, NEXT]


def test_a_cell_that_is_no_time_is_a_rejected_row(tmp_path: Path) -> None:
    bad = ("2024-01-02", "2024-13-02 09:30", "soon", "")
    delivery = fetch(write(tmp_path / "bars.csv", "2024-01-02 09:30", *bad, "2024-01-02 09:35"))
    assert instants(delivery) == [OPEN, NEXT]
    assert [row.where for row in delivery.rejected] == [f"bars.csv:{line}" for line in (3, 4, 5, 6)]
    assert delivery.rejected[0].reason == "date '2024-01-02' is no date"


def test_a_folder_is_stacked_with_its_instants(tmp_path: Path) -> None:
    folder = tmp_path / "bars"
    folder.mkdir()
    for name, start in (("BBB", 30), ("AAA", 40)):
        lines = [f"2024-01-02 09:{start + k}:00,{PRICES}" for k in (0, 5)]
        (folder / f"{name}.csv").write_text("\n".join(["datetime,open,high,low,close,volume", *lines]), "utf-8")
    delivery = fetch(folder)
    assert delivery.bars.tickers == ("AAA", "BBB")
    assert delivery.bars.codes.tolist() == [0, 0, 1, 1]
    assert [moment.minute for moment in instants(delivery)] == [40, 45, 30, 35]


def test_splits_are_undone_and_an_adjusted_close_implies_no_dividend(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_text("symbol,ex_date,ratio\nAAA,2024-01-03,4\n", "utf-8")
    header = HEADER.replace("close", "close,adj_close")
    lines = [
        f"AAA,2024-01-0{day} 09:{m}:00,10,11,9,10,{close},100" for day, close in ((2, 9), (3, 10)) for m in (30, 35)
    ]
    path = tmp_path / "bars.csv"
    path.write_text("\n".join([header, *lines]), "utf-8")
    delivery = fetch(path, splits_path=tmp_path / "splits.csv")
    assert delivery.bars.close.tolist() == [40.0, 40.0, 10.0, 10.0]
    assert delivery.bars.instants is not None
    assert delivery.dividends == ()


@pytest.mark.parametrize(
    ("times", "settings", "message"),
    [
        (("2024-01-02", "2024-01-03"), {}, "no row has a usable date; .* Bars of 5m need a time of day"),
        (("2024-01-02 09:30", "2024-01-02 09:31", "2024-01-02 09:32"), {}, "after 60 seconds mostly.*says 5m"),
        (("2024-01-02 09:30", "2024-01-02 10:30"), {}, "3600 at least, but sources.csv.timeframe says 5m"),
        (("2024-01-02 09:30",), {"timezone": "Mars/Olympus"}, "no time zone 'Mars/Olympus'"),
        (("2024-01-02 09:30",), {"timezone": "../etc"}, "no time zone"),
        (("2024-01-02 09:30", "2024-01-02 09:35"), {"timeframe": "1d"}, "2 bars a day.*sources.csv.timeframe"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_error(
    tmp_path: Path, times: tuple[str, ...], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        fetch(write(tmp_path / "bars.csv", *times), **settings)


def test_illiquid_bars_may_be_far_apart(tmp_path: Path) -> None:
    times = [f"2024-01-02 {clock}" for clock in ("09:30", "09:35", "10:40", "13:20", "15:00")]
    assert len(fetch(write(tmp_path / "bars.csv", *times)).bars) == 5


def test_a_stamp_tells_timeframes_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "bars.csv", "2024-01-02 09:30")
    stamps = {CsvSource(CsvSettings(path=path, timeframe=t)).stamp(date(2024, 1, 5)) for t in ("1m", "5m")}
    assert len(stamps) == 2
