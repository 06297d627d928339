"""Corporate actions of the csv source: raw prices from adjusted ones, dividends from an adjusted close."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.calendar import sessions_between
from alphafactory.config_sources import CsvSettings
from alphafactory.domain.bars import BarBatch
from alphafactory.domain.market import Delivery, Dividend, Split
from alphafactory.errors import SourceError
from alphafactory.sources.actions import as_traded, implied_dividends, split_factors
from alphafactory.sources.csv_files import CsvSource

DAYS = sessions_between("XNYS", date(2020, 8, 24), date(2020, 9, 4))
SPLIT_DAY = date(2020, 8, 31)
SHARED = Path(__file__).parents[3] / "shared" / "data" / "sp500_daily_2015_2020.csv.gz"


def batch(close: np.ndarray, sessions: np.ndarray, volume: float = 1000.0) -> BarBatch:
    n = len(close)
    return BarBatch(
        tickers=("AAPL",),
        codes=np.zeros(n, dtype=np.int64),
        sessions=sessions,
        open=close.copy(),
        high=close.copy(),
        low=close.copy(),
        close=close,
        volume=np.full(n, volume),
        lines=np.arange(2, n + 2),
    )


def adjusted_closes(raw: np.ndarray, ratios: np.ndarray, dividends: np.ndarray) -> np.ndarray:
    """Return adjusted closes day by day backwards, as a vendor makes them: the slow way round."""
    adjusted = raw.astype(np.float64).copy()
    for t in range(len(raw) - 1, 0, -1):
        adjusted[:t] *= (1.0 - dividends[t] / raw[t - 1]) / ratios[t]
    return adjusted


def fetch(tmp_path: Path, rows: list[str], header: str, **given_settings: Any) -> Delivery:
    (tmp_path / "p.csv").write_text("\n".join([header, *rows, ""]))
    return CsvSource(CsvSettings(path=tmp_path / "p.csv", **given_settings)).fetch(date(2024, 1, 1))


def test_split_adjusted_prices_become_raw_only_before_the_split(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_text("symbol,ex_date,ratio\nAAPL,2020-08-31,4:1\nAAPL,2023-06-01,10\n")
    rows = [f"AAPL,{day},125,126,124,125.01,4000" for day in DAYS]
    delivery = fetch(tmp_path, rows, "symbol,date,open,high,low,close,volume", splits_path=tmp_path / "splits.csv")
    before = np.datetime64(SPLIT_DAY) > DAYS
    assert before.any()
    np.testing.assert_array_equal(delivery.bars.close, np.where(before, 500.04, 125.01))
    np.testing.assert_array_equal(delivery.bars.high, np.where(before, 504.0, 126.0))
    np.testing.assert_array_equal(delivery.bars.volume, np.where(before, 1000.0, 4000.0))
    # The split of 2023 came after the file's last session, so the file is not adjusted for it.
    assert delivery.splits == (Split("AAPL", SPLIT_DAY, 4.0), Split("AAPL", date(2023, 6, 1), 10.0))


def test_raw_prices_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_text("symbol,date,ratio\nAAPL,2020-08-31,4\n")
    rows = [f"AAPL,{day},125,126,124,125,4000" for day in DAYS]
    header = "symbol,date,open,high,low,close,volume"
    delivery = fetch(tmp_path, rows, header, splits_path=tmp_path / "splits.csv", basis="raw")
    assert set(delivery.bars.close) == {125.0}
    assert delivery.splits == (Split("AAPL", SPLIT_DAY, 4.0),)


@pytest.mark.parametrize(
    ("basis", "dividends_basis", "paid"),
    [("raw", None, 0.205), ("split_adjusted", None, 0.82), ("split_adjusted", "raw", 0.205)],
)
def test_amounts_of_a_dividend_file_follow_their_basis(
    tmp_path: Path, basis: str, dividends_basis: str | None, paid: float
) -> None:
    (tmp_path / "splits.csv").write_text("symbol,date,ratio\nAAPL,2020-08-31,4\n")
    (tmp_path / "dividends.csv").write_text("symbol,ex_date,amount\nAAPL,2020-08-31,0.205\nAAPL,2020-09-03,0.3\n")
    rows = [f"AAPL,{day},125,126,124,125,100,4000" for day in DAYS]
    delivery = fetch(
        tmp_path,
        rows,
        "symbol,date,open,high,low,close,adj_close,volume",
        splits_path=tmp_path / "splits.csv",
        dividends_path=tmp_path / "dividends.csv",
        basis=basis,
        dividends_basis=dividends_basis,
    )
    assert delivery.dividends == (
        Dividend("AAPL", SPLIT_DAY, paid),  # as traded before its own day's split
        Dividend("AAPL", date(2020, 9, 3), 0.3),
    )


@pytest.mark.parametrize("text", ["0", "-4", "x", "4:0", "", "nan"])
def test_a_split_that_is_no_ratio_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "splits.csv").write_text(f"symbol,date,ratio\nAAPL,2020-08-31,{text}\n")
    rows = ["AAPL,2020-08-24,1,1,1,1,1"]
    with pytest.raises(SourceError, match=r"splits\.csv:2"):
        fetch(tmp_path, rows, "symbol,date,open,high,low,close,volume", splits_path=tmp_path / "splits.csv")


def test_a_split_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "splits.csv").write_text("symbol,date,ratio\nAAPL,2020-08-31,4\nAAPL,2020-08-31,4\n")
    with pytest.raises(SourceError, match=r"splits\.csv:3: AAPL on 2020-08-31 already stands at splits\.csv:2"):
        fetch(
            tmp_path,
            ["AAPL,2020-08-24,1,1,1,1,1"],
            "symbol,date,open,high,low,close,volume",
            splits_path=tmp_path / "splits.csv",
        )


@settings(max_examples=60, deadline=None)
@given(data=st.data(), basis=st.sampled_from(["raw", "split_adjusted"]))
def test_dividends_come_back_from_the_adjusted_close(data: st.DataObject, basis: str) -> None:
    n = 40
    sessions = sessions_between("XNYS", date(2019, 1, 1), date(2019, 12, 31))[:n]
    raw = np.array(data.draw(st.lists(st.integers(2000, 9000), min_size=n, max_size=n))) / 100
    ratios, dividends = np.ones(n), np.zeros(n)
    for t in data.draw(st.sets(st.integers(1, n - 1), max_size=2)):
        ratios[t] = data.draw(st.sampled_from([2.0, 4.0, 0.5]))
    for t in data.draw(st.sets(st.integers(1, n - 1), max_size=4)):
        dividends[t] = data.draw(st.integers(1, 150)) / 100
    splits = [Split("AAPL", sessions[t].item(), ratios[t]) for t in np.flatnonzero(ratios != 1)]
    prices = batch(raw, sessions)
    factors = split_factors(prices, splits, sessions[-1].item())
    if basis == "split_adjusted":
        prices = as_traded(batch(raw / factors, sessions), factors)
    implied = implied_dividends(prices, factors, adjusted_closes(raw, ratios, dividends))
    expected = {sessions[t].item(): dividends[t] for t in np.flatnonzero(dividends)}
    assert {d.ex_date: d.amount for d in implied.dividends} == pytest.approx(expected, abs=2e-6)
    assert len(implied.refused) == 0


@pytest.mark.parametrize("decimals", [2, 3, 4, 6])
def test_rounding_of_the_adjusted_close_makes_no_dividends(decimals: int) -> None:
    sessions = sessions_between("XNYS", date(2018, 1, 1), date(2019, 12, 31))
    close = np.round(30 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.02, len(sessions)))), 2)
    dividends = np.zeros(len(sessions))
    dividends[[100, 200, 300]] = 0.25
    adjusted = np.round(adjusted_closes(close, np.ones(len(close)), dividends), decimals)
    implied = implied_dividends(batch(close, sessions), np.ones(len(close)), adjusted)
    assert [d.ex_date for d in implied.dividends] == [sessions[t].item() for t in (100, 200, 300)]


def test_closes_rounded_after_the_adjustment_make_no_dividends() -> None:
    sessions = sessions_between("XNYS", date(2018, 1, 1), date(2019, 12, 31))
    close = 9 * np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.02, len(sessions))))
    dividends = np.zeros(len(sessions))
    dividends[150] = 0.11
    adjusted = adjusted_closes(close, np.ones(len(close)), dividends)
    implied = implied_dividends(batch(np.round(close, 2), sessions), np.ones(len(close)), adjusted)
    assert [d.ex_date for d in implied.dividends] == [sessions[150].item()]


@pytest.mark.parametrize("wrong", [0.5, 1.5, np.nan, 0.0, -1.0])
def test_one_faulty_close_makes_no_dividend(wrong: float) -> None:
    close = np.full(9, 100.0)
    dividends = np.zeros(9)
    dividends[7] = 0.5
    adjusted = adjusted_closes(close, np.ones(9), dividends)
    close[4] *= wrong
    implied = implied_dividends(batch(close, DAYS[:9]), np.ones(9), adjusted)
    assert [(d.ex_date, d.amount) for d in implied.dividends] == [(DAYS[7].item(), 0.5)]


def test_a_split_nobody_told_of_is_no_dividend(tmp_path: Path) -> None:
    close = [500 if day < np.datetime64(SPLIT_DAY) else 125 for day in DAYS]
    rows = [f"AAPL,{day},{c},{c},{c},{c},125,4000" for day, c in zip(DAYS, close, strict=True)]
    delivery = fetch(tmp_path, rows, "symbol,date,open,high,low,close,adj_close,volume", basis="raw")
    assert delivery.dividends == ()
    assert [(row.ticker, row.where) for row in delivery.rejected] == [("AAPL", "p.csv:7")]
    assert "splits_path" in delivery.rejected[0].reason


@pytest.mark.skipif(not SHARED.is_file(), reason="the real prices are not on this machine (../shared/data)")
def test_real_prices_imply_the_dividends_that_apple_paid() -> None:
    delivery = CsvSource(CsvSettings(path=SHARED)).fetch(date(2020, 1, 31), ["AAPL", "AMZN"])
    apple = [round(d.amount, 2) for d in delivery.dividends if d.ticker == "AAPL"]
    assert apple == [0.47, *[0.52] * 4, *[0.57] * 4, *[0.63] * 4, *[0.73] * 4, *[0.77] * 3]
    assert not any(d.ticker == "AMZN" for d in delivery.dividends)
