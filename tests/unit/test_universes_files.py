"""Files of universes: tickers and dated memberships, and what is said of a line that cannot be understood."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

import pytest

from alphafactory.domain.market import Membership
from alphafactory.errors import SourceError
from alphafactory.universes import members_on, read_memberships, read_tickers

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "members.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_list_is_one_ticker_a_line_with_comments(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff# mine\nMSFT\r\n\n  BRK.B  # the second class\nBTC/USDT\n^GSPC\nMSFT\n")
    assert read_tickers(path) == ("MSFT", "BRK.B", "BTC/USDT", "^GSPC")


@pytest.mark.parametrize("line", ["AAPL, MSFT", "AAPL MSFT", "AAPL;MSFT", "AAPL\tMSFT"])
def test_several_tickers_on_a_line_are_refused(tmp_path: Path, line: str) -> None:
    path = written(tmp_path, f"# list\n{line}\n")
    with pytest.raises(SourceError, match=re.escape(f"{path}:2:") + ".*one ticker a line"):
        read_tickers(path)


@pytest.mark.parametrize("text", ["", "# nothing yet\n\n"])
def test_a_list_of_nothing_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match=r"names no ticker.*correct universes\.mine\.file"):
        read_tickers(written(tmp_path, text), "universes.mine.file")


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no such file\. Correct universes\.mine\.file"):
        read_tickers(tmp_path / "nothing.txt", "universes.mine.file")
    with pytest.raises(SourceError, match="no such file"):
        read_memberships(tmp_path)
    with pytest.raises(SourceError, match="Save it as UTF-8"):
        read_memberships(written(tmp_path, "ticker,from,to\nÄ,,\n", encoding="latin-1"))


@pytest.mark.parametrize(
    "header",
    ["ticker,from,to", "Symbol,Start,End", "<TICKER>,valid_from,Valid To", "symbol;from;to", "to\tfrom\tticker"],
)
def test_the_names_of_columns_may_vary(tmp_path: Path, header: str) -> None:
    separator = next(mark for mark in ",;\t" if mark in header)
    cells = {"t": "AAPL", "f": "2015-03-19", "e": ""}
    order = "eft" if header.startswith("to") else "tfe"
    row = separator.join(cells[column] for column in order)
    path = written(tmp_path, f"{header}\n{row}\n")
    assert read_memberships(path) == (Membership("AAPL", date(2015, 3, 19), None),)


def test_a_ticker_may_have_several_spells_in_any_order(tmp_path: Path) -> None:
    text = (
        "ticker,name,from,to\n"
        "AAL,American Airlines,2015-03-23,\n"
        'DELL,"Dell, Inc.",,2013-10-28\n'
        "\n"
        "DELL,Dell Technologies,2024-09-23\n"
        "AAL,American Airlines,2001-01-02,2003-03-14\n"
    )
    memberships = read_memberships(written(tmp_path, text))
    assert memberships == (
        Membership("AAL", date(2001, 1, 2), date(2003, 3, 14)),
        Membership("AAL", date(2015, 3, 23), None),
        Membership("DELL", None, date(2013, 10, 28)),
        Membership("DELL", date(2024, 9, 23), None),
    )
    assert members_on(memberships, date(2003, 3, 14)) == ("AAL", "DELL")
    assert members_on(memberships, date(2003, 3, 15)) == ("DELL",)
    assert members_on(memberships, date(2015, 3, 22)) == ()
    assert members_on(memberships, date(2015, 3, 23)) == ("AAL",)


def test_a_spell_may_start_on_the_day_after_the_last(tmp_path: Path) -> None:
    memberships = read_memberships(written(tmp_path, "ticker,from,to\nA,2020-01-01,2020-01-31\nA,2020-02-01,\n"))
    assert len(memberships) == 2


@pytest.mark.parametrize(
    ("rows", "line", "message"),
    [
        (["A,2020-01-01,2020-06-30", "A,2020-06-30,"], 3, "by line 2 .from 2020-01-01 to 2020-06-30"),
        (["A,2020-06-30,", "A,2020-01-01,2020-06-30"], 2, "by line 3 "),
        (["A,2020-01-01,", "B,,", "A,2021-01-01,2021-02-01"], 4, "by line 2 .from 2020-01-01 to now"),
        (["A,,", "A,,"], 3, "by line 2 .from the beginning to now"),
        (["A,,2020-01-01", "A,,2021-01-01"], 3, "by line 2 "),
        (["B,,", "A,2020-01-02,2020-01-01"], 3, "A ends on 2020-01-01, before it starts on 2020-01-02"),
        (["A,01/02/2020,"], 2, "'01/02/2020' in 'from' is no date. Write it as 2024-12-31"),
        (["A,,2020-02-30"], 2, "'2020-02-30' in 'to' is no date"),
        (["A,,", ",2020-01-01,"], 3, "the ticker is empty"),
        (["A,,", "B,2020-01-01,,now"], 3, "4 cells stand below 3 columns"),
    ],
)
def test_a_row_that_means_nothing_is_named_by_its_line(
    tmp_path: Path, rows: list[str], line: int, message: str
) -> None:
    path = written(tmp_path, "\n".join(["ticker,from,to", *rows, ""]))
    with pytest.raises(SourceError, match=re.escape(f"{path}:{line}: ") + ".*" + message):
        read_memberships(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("ticker,from", "no column 'to'. Found: ticker, from. Name the right one to or end or valid_to"),
        ("AAPL,2020-01-01,", "no column 'ticker'. Found: aapl, 2020-01-01"),
        ("ticker,symbol,from,to", "two columns mean 'ticker'"),
        ("ticker,from,to,to", "two columns mean 'to'"),
    ],
)
def test_a_header_that_is_not_understood_is_refused(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(SourceError, match=re.escape(message)):
        read_memberships(written(tmp_path, f"{header}\nA,,\n"))


@pytest.mark.parametrize(("text", "message"), [("", "no column"), ("ticker,from,to\n ,,\n", "no row below the header")])
def test_a_file_without_members_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        read_memberships(written(tmp_path, text))
