"""The order list is what the next session does: one more day of prices fills these symbols, sides and sizes."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from nights import evening
from portfolio_markets import CROSSOVER, HOLD, portfolio, runs, small_market

if TYPE_CHECKING:
    from nights import Nights, PriceFile

END_OF_MONTH, BEFORE = date(2023, 5, 31), date(2023, 5, 16)


def listed(nights: Nights, day: date, file: PriceFile) -> list[tuple[Any, ...]]:
    """Run the night of a day and return its order list."""
    file.write(until=day)
    nights.run(day, evening(day))
    key = runs(nights)["one"][0]
    query = (
        "SELECT symbol, side, quantity, kind, reason, limit_price, stop_price FROM next_orders WHERE backtest_id = %s"
    )
    return nights.ask(query, key)


def traded(nights: Nights, day: date) -> dict[str, float]:
    """Return what the newest run traded in a session, by symbol, in order of symbols."""
    query = (
        "SELECT symbol, sum(filled) FROM orders WHERE backtest_id = %s AND first_fill_session = %s "
        "GROUP BY symbol ORDER BY symbol"
    )
    return dict(nights.ask(query, runs(nights)["one"][0], day))


def next_day(file: PriceFile, day: date) -> date:
    return min(row[1] for row in file.rows if row[1] > day)


def without_gaps(file: PriceFile) -> PriceFile:
    """Let each session open where the one before has closed: at the price that an order list is made for."""
    for before, row in pairwise(file.rows):
        if before[0] == row[0]:
            row[2] = before[5]
            row[3], row[4] = max(row[2:6]), min(row[2:6])
    return file


ALLOCATED = [
    ({"allocation": "inverse_volatility"}, END_OF_MONTH),
    ({"allocation": "inverse_volatility", "simulation": {"shares": "whole"}}, END_OF_MONTH),
    ({"allocation": "equal", "rebalance": "weekly", "between": "signals"}, BEFORE),
    (
        {"allocation": "equal", "drift": "0.5%", "simulation": {"fill": "next_open", "commission": "per_trade:1"}},
        BEFORE,
    ),
    ({"allocation": "equal", "rebalance": "daily", "risk": {"max_position": "20%", "day_loss": "0.5%"}}, BEFORE),
]


@pytest.mark.parametrize(("settings", "day"), ALLOCATED, ids=range(len(ALLOCATED)))
def test_the_next_session_fills_what_was_listed(nights: Nights, settings: dict[str, Any], day: date) -> None:
    file = without_gaps(small_market(nights))
    sleeves = CROSSOVER | {"capital": 0.5}, HOLD | {"capital": 0.5}
    nights.settings["portfolios"] = {"one": portfolio(*sleeves, **settings)}
    seen = 0
    for _ in range(4):
        promised = {row[0]: row[2] if row[1] == "buy" else -row[2] for row in listed(nights, day, file)}
        day = next_day(file, day)
        listed(nights, day, file)
        assert traded(nights, day) == pytest.approx(promised, rel=1e-9)
        seen += len(promised)
    assert seen > 0


def test_sizes_of_the_decision_are_filled_whatever_the_night_brings(nights: Nights) -> None:
    file = small_market(nights)
    settings = {"sizing": "percent:20%", "size_at": "decision", "stop": "3%"}
    nights.settings["portfolios"] = {
        "one": portfolio(CROSSOVER, allocation="none", rebalance="never", simulation=settings)
    }
    day, seen, resting = date(2023, 3, 1), 0, 0
    for _ in range(6):
        orders = listed(nights, day, file)
        promised = {row[0]: row[2] if row[1] == "buy" else -row[2] for row in orders if row[3] == "market"}
        resting += sum(row[3] == "stop_market" for row in orders)
        day = next_day(file, day)
        listed(nights, day, file)
        done = traded(nights, day)
        assert {symbol: done[symbol] for symbol in promised} == pytest.approx(promised, rel=1e-9)
        assert set(done) - set(promised) <= {row[0] for row in orders if row[3] == "stop_market"}
        seen += len(promised)
    assert seen > 0
    assert resting > 0


def test_whole_shares_and_levels_are_listed_as_they_are_typed(nights: Nights) -> None:
    file = small_market(nights)
    settings = {"sizing": "percent:30%", "stop": "5%", "entry": "limit:1%", "shares": "whole", "take_profit": "20%"}
    nights.settings["portfolios"] = {
        "one": portfolio(CROSSOVER, allocation="none", rebalance="never", simulation=settings)
    }
    kinds: dict[str, set[str]] = {}
    day = date(2023, 3, 1)
    for _ in range(6):
        for symbol, side, quantity, kind, reason, limit, stop in listed(nights, day, file):
            assert quantity == int(quantity) > 0
            assert (limit is not None) == (kind in {"limit", "stop_limit"}), symbol
            assert (stop is not None) == (kind in {"stop_market", "stop_limit"}), symbol
            kinds.setdefault(reason, set()).add(kind)
            if reason == "signal":
                close = file.row(symbol, day)[5]
                assert limit <= close * (0.99 if side == "buy" else 1.01) + 1e-9 or side == "sell"
        day = next_day(file, day + timedelta(days=6))
    assert kinds["signal"] == {"limit"}
    assert kinds["stop"] == {"stop_market"}
    assert kinds["take_profit"] == {"limit"}


def test_a_split_makes_raw_shares_of_adjusted_ones(nights: Nights) -> None:
    file = small_market(nights)
    (nights.folder / "splits.csv").write_text("symbol,ex_date,ratio\nS0,2023-07-31,2\n", encoding="utf-8")
    nights.settings["portfolios"] = {"one": portfolio(HOLD, symbols=["S0"], rebalance="monthly")}
    plain = listed(nights, END_OF_MONTH, file)
    nights.settings["sources.csv.splits_path"] = nights.folder / "splits.csv"
    again = listed(nights, END_OF_MONTH, file)
    # The split comes later: an order of today counts today's shares, whatever the basis of the bars.
    assert [row[:2] for row in again] == [row[:2] for row in plain]
    assert [row[2] for row in again] == pytest.approx([row[2] for row in plain])
