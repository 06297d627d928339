"""The csv source: the formats it recognises, and every bad input it must survive or refuse clearly."""

from __future__ import annotations

import gzip
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphafactory.config_sources import CsvSettings
from alphafactory.domain.market import Delivery, Listing
from alphafactory.errors import SourceError, SourceUnavailableError
from alphafactory.sources.csv_files import CsvSource

if TYPE_CHECKING:
    from pathlib import Path

AS_OF = date(2024, 12, 31)
HEADER = "symbol,date,open,high,low,close,volume"
GOOD = "AAA,2024-01-02,10,11,9,10.5,100"
LATER = "AAA,2024-01-03,10.5,12,10,11,200"


def write(path: Path, *lines: str, end: str = "\n") -> Path:
    path.write_bytes(end.join([*lines, ""]).encode())
    return path


def fetch(path: Path, **settings: Any) -> Delivery:
    return CsvSource(CsvSettings(path=path, **settings)).fetch(AS_OF)


@pytest.mark.parametrize(
    "lines",
    [
        (HEADER, GOOD),
        ("Ticker,Session,OPEN,High,LOW,Close,Volume", GOOD),
        ("symbol;date;open;high;low;close;volume", GOOD.replace(",", ";")),
        ("symbol\tdate\topen\thigh\tlow\tclose\tvolume", GOOD.replace(",", "\t")),
        ("\ufeff" + HEADER, GOOD),
        (HEADER, '"AAA","2024-01-02","10","11","9","10.5","100"'),
        (HEADER, " AAA ,2024-01-02, 10 ,11,9,1.05e1,100.0"),
        (HEADER, GOOD.replace("2024-01-02", "20240102")),
        (HEADER, GOOD.replace("2024-01-02", "2024-01-02 00:00:00-05:00")),
        (
            "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>",
            "AAA,D,20240102,000000,10,11,9,10.5,100,0",
        ),
        ("Date,Open,High,Low,Close,Adj Close,Volume,Symbol", "2024-01-02,10,11,9,10.5,10.4,100,AAA"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_known_formats_give_the_same_bar(tmp_path: Path, lines: tuple[str, ...], end: str) -> None:
    delivery = fetch(write(tmp_path / "prices.csv", *lines, end=end))
    bars = delivery.bars
    assert bars.tickers == ("AAA",)
    assert bars.sessions.tolist() == [date(2024, 1, 2)]
    row = [bars.open[0], bars.high[0], bars.low[0], bars.close[0], bars.volume[0]]
    assert row == [10.0, 11.0, 9.0, 10.5, 100.0]
    assert bars.lines.tolist() == [2]
    assert delivery.rejected == ()
    assert delivery.newest_session == date(2024, 1, 2)


def test_columns_and_dates_of_any_name_are_mapped(tmp_path: Path) -> None:
    path = write(
        tmp_path / "kurse.csv", "Wert;Tag;Eröffnung;Hoch;Tief;Schluss;Stück", "BMW;02.01.2024;10;11;9;10.5;100"
    )
    names = {"symbol": "Wert", "date": "Tag", "open": "Eröffnung", "high": "Hoch", "low": "Tief"}
    columns = {**names, "close": "Schluss", "volume": "Stück"}
    bars = fetch(path, columns=columns, date_format="%d.%m.%Y").bars
    assert (bars.tickers, bars.sessions[0].item(), bars.open[0]) == (("BMW",), date(2024, 1, 2), 10.0)


def test_gzip_and_parquet_give_the_same_bars(tmp_path: Path) -> None:
    text = f"{HEADER}\n{GOOD}\n{LATER}\n"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(text.encode()))
    table = pa.table(
        {
            "symbol": pa.array(["AAA", "AAA"]).dictionary_encode(),
            "date": pa.array([date(2024, 1, 2), date(2024, 1, 3)]),
            **{n: [a, b] for n, a, b in [("open", 10, 10.5), ("high", 11, 12), ("low", 9, 10), ("close", 10.5, 11)]},
            "volume": [100, 200],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    zipped, columnar = fetch(tmp_path / "a.csv.gz").bars, fetch(tmp_path / "a.parquet").bars
    for name in ("codes", "sessions", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(zipped, name), getattr(columnar, name))


def test_a_folder_has_one_file_a_ticker_and_a_bad_file_does_not_stop_it(tmp_path: Path) -> None:
    header = HEADER.removeprefix("symbol,")
    write(tmp_path / "BBB.csv", header, "2024-01-03,1,2,1,2,10")
    write(tmp_path / "AAA.csv", header, "2024-01-02,1,2,1,2,10")
    write(tmp_path / "CCC.csv", "date,open", "2024-01-02,1")
    (tmp_path / "notes.md").write_text("not a price file")
    seen: list[tuple[str, int, int]] = []
    source = CsvSource(CsvSettings(path=tmp_path))
    delivery = source.fetch(AS_OF, progress=lambda label, done, count: seen.append((label, done, count)))
    assert delivery.bars.tickers == ("AAA", "BBB")
    assert [row.ticker for row in delivery.rejected] == ["CCC"]
    assert "there is no column for high" in delivery.rejected[0].reason
    assert seen[-1] == ("files", 3, 3)


def test_bad_cells_reject_their_row_with_its_line_and_words(tmp_path: Path) -> None:
    path = write(
        tmp_path / "prices.csv",
        HEADER,
        GOOD,
        "AAA,2024-01-03,10,abc,9,10,100",
        "",
        "AAA,2024-13-45,10,11,9,10,100",
        ",2024-01-04,10,11,9,10,100",
        "AAA,2024-01-05,10,11,9,10",
        'AAA,2024-01-08,10,11,9,10,"1,000"',
        "AAA,2024-01-09,10,11,9,10,7",
    )
    delivery = fetch(path)
    assert delivery.bars.lines.tolist() == [2, 9]
    found = sorted((row.where, row.reason) for row in delivery.rejected)
    assert found == [
        ("prices.csv:3", "high 'abc' is no number"),
        ("prices.csv:5", "date '2024-13-45' is no date"),
        ("prices.csv:6", "symbol '' is no ticker"),
        ("prices.csv:7", "the row has 6 cells, the header 7"),
        ("prices.csv:8", "volume '1,000' is no number"),
    ]
    by_line = {row.where: row for row in delivery.rejected}
    assert by_line["prices.csv:3"].payload["high"] == "abc"
    assert by_line["prices.csv:3"].payload["session"] == "2024-01-03"
    assert by_line["prices.csv:6"].ticker is None


@pytest.mark.parametrize("word", ["", "NaN", "null", "N/A", "None"])
def test_missing_prices_are_delivered_for_the_gate_to_judge(tmp_path: Path, word: str) -> None:
    delivery = fetch(write(tmp_path / "prices.csv", HEADER, GOOD, f"AAA,2024-01-03,10,11,9,{word},100"))
    assert np.isnan(delivery.bars.close).tolist() == [False, True]
    assert delivery.rejected == ()


def test_infinite_prices_are_delivered_for_the_gate_to_judge(tmp_path: Path) -> None:
    bars = fetch(write(tmp_path / "prices.csv", HEADER, GOOD, "AAA,2024-01-03,10,-inf,9,x,100", LATER)).bars
    assert bars.high.tolist() == [11.0, 12.0]
    bars = fetch(write(tmp_path / "prices.csv", HEADER, GOOD, "AAA,2024-01-03,10,inf,9,10, 100 ")).bars
    assert bars.high.tolist() == [11.0, np.inf]


def test_bars_after_the_night_are_delivered_but_are_not_the_newest_session(tmp_path: Path) -> None:
    delivery = fetch(write(tmp_path / "prices.csv", HEADER, GOOD, "AAA,2099-01-02,10,11,9,10,100"))
    assert len(delivery.bars) == 2
    assert delivery.newest_session == date(2024, 1, 2)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ((), "empty"),
        (("",), "empty"),
        ((HEADER,), "no rows"),
        (("symbol,date,open,high,low,close", "A,2024-01-02,1,1,1,1"), "no column for volume.*Found: symbol, date"),
        (("symbol,date,open,high,low,clse,volume", GOOD), "no column for close.*Did you mean 'clse'"),
        (("date,open,high,low,close,volume", "2024-01-02,1,1,1,1,1"), "no column for symbol"),
        ((HEADER + ",Close", GOOD + ",1"), "two columns are called 'close'"),
        ((HEADER, GOOD.replace("2024-01-02", "02.01.2024")), "no row has a usable date.*'02.01.2024'.*date_format"),
        (("symbol;date;open;high;low;close;volume", "A;2024-01-02;1,5;2,0;1,0;1,5;7"), "decimal point"),
        ((HEADER, "A,2024-01-02"), "no row matches the header; prices.csv:2"),
        (
            ("<TICKER>,<PER>,<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>", "A,60,20240102,1,1,1,1,1"),
            "PER holds 60.*daily",
        ),
        ((HEADER, *(f"A,2024-01-02 1{hour}:00,1,1,1,1,1" for hour in range(4))), "4 bars a day.*daily"),
    ],
)
def test_what_cannot_be_read_at_all_is_one_clear_error(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        fetch(write(tmp_path / "prices.csv", *lines))
    assert "prices.csv" in str(caught.value)


@pytest.mark.parametrize("name", ["prices.csv.gz", "prices.parquet"])
@pytest.mark.parametrize(
    "content",
    [b"", b"no archive", gzip.compress(b"symbol,date\n" * 5000, mtime=0)[:40]],
    ids=["empty", "no archive", "cut off"],
)
def test_a_damaged_archive_is_one_clear_error(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=name):
        fetch(tmp_path / name)


def test_an_archive_cut_off_in_its_rows_is_damaged(tmp_path: Path) -> None:
    text = "\n".join([HEADER, *(f"A{i},2024-01-02,{i},{i},{i},{i},{i * 7919}" for i in range(1, 20_000))])
    whole = gzip.compress(text.encode())
    (tmp_path / "prices.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="damaged or incomplete"):
        fetch(tmp_path / "prices.csv.gz")


@pytest.mark.parametrize("where", ["header", "row"])
def test_text_that_is_not_utf8_says_so(tmp_path: Path, where: str) -> None:
    rows = f"{HEADER}\n{GOOD.replace('AAA', 'ÄÄÄ')}\n"
    (tmp_path / "p.csv").write_bytes(rows.encode("utf-16" if where == "header" else "latin-1"))
    with pytest.raises(SourceError, match="UTF-8"):
        fetch(tmp_path / "p.csv")


def test_a_source_without_a_path_says_how_to_set_it_up() -> None:
    with pytest.raises(SourceUnavailableError, match=r"sources\.csv\.path"):
        CsvSource(CsvSettings()).check_available()


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"nowhere\.csv: there is no such file"):
        fetch(tmp_path / "nowhere.csv")
    with pytest.raises(SourceError, match="has no price file"):
        fetch(tmp_path)
    path = write(tmp_path / "prices.csv", HEADER, GOOD)
    with pytest.raises(SourceError, match=r"sectors\.csv: there is no such file"):
        fetch(path, symbols_path=tmp_path / "sectors.csv")
    with pytest.raises(SourceError, match="files of this kind"):
        fetch(write(tmp_path / "prices.xlsx", HEADER))


def test_listings_come_from_the_symbols_file_and_stand_in_for_the_rest(tmp_path: Path) -> None:
    prices = write(tmp_path / "prices.csv", HEADER, GOOD, GOOD.replace("AAA", "ZZZ"))
    symbols = write(
        tmp_path / "symbols.csv",
        "Symbol,Sector,Name,Listed,Delisted,Calendar",
        "AAA,Energy,Åland & Söhne,2001-05-04,,",
        "BTC,,,,2024-06-01,24/7",
    )
    listings = {listing.ticker: listing for listing in fetch(prices, symbols_path=symbols, calendar="XLON").listings}
    assert listings["AAA"] == Listing("AAA", "Åland & Söhne", sector="Energy", listed=date(2001, 5, 4), calendar="XLON")
    assert listings["BTC"] == Listing("BTC", calendar="24/7", delisted=date(2024, 6, 1))
    assert listings["ZZZ"] == Listing("ZZZ", calendar="XLON")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("symbol,sector", "AAA,Energy", "AAA,Utilities"), "symbols.csv:3: 'AAA' is listed twice"),
        (("name,sector", "AAA,Energy"), "there is no column 'symbol'"),
        (("symbol,listed", "AAA,soon"), "symbols.csv:2: 'soon' in 'listed' is no date"),
        (("symbol,sector", ",Energy"), "symbols.csv:2: the cell 'symbol' is empty"),
    ],
)
def test_a_wrong_symbols_file_is_refused_with_its_line(tmp_path: Path, lines: tuple[str, ...], message: str) -> None:
    prices = write(tmp_path / "prices.csv", HEADER, GOOD)
    with pytest.raises(SourceError, match=message):
        fetch(prices, symbols_path=write(tmp_path / "symbols.csv", *lines))


def test_only_the_tickers_asked_for_are_delivered(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", HEADER, GOOD, GOOD.replace("AAA", "BBB"), "BBB,x,1,1,1,1,1", "AAA,x,1,1,1,1,1")
    delivery = CsvSource(CsvSettings(path=path)).fetch(AS_OF, ["BBB", "UNKNOWN"])
    assert delivery.bars.tickers == ("BBB",)
    assert delivery.bars.codes.tolist() == [0]
    assert delivery.bars.lines.tolist() == [3]
    assert [row.where for row in delivery.rejected] == ["p.csv:4"]
    assert [listing.ticker for listing in delivery.listings] == ["BBB"]


def test_the_stamp_follows_content_settings_and_day_but_not_the_folder(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "prices.csv", HEADER, GOOD)
    one = CsvSource(CsvSettings(path=tmp_path / "one" / "prices.csv"))
    two = CsvSource(CsvSettings(path=tmp_path / "two" / "prices.csv"))
    first = one.stamp(AS_OF)
    assert first == two.stamp(AS_OF)
    assert first != one.stamp(date(2025, 1, 1))
    assert first != CsvSource(CsvSettings(path=tmp_path / "one" / "prices.csv", basis="raw")).stamp(AS_OF)
    write(tmp_path / "one" / "prices.csv", HEADER, LATER)
    assert first != one.stamp(AS_OF)
