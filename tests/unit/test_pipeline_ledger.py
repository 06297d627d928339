"""The ledger of a trade adds up, session by session, and says what a person would say of the same bars."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from small_markets import market, model, random_market

from alphafactory.domain.bars import Bars
from alphafactory.domain.signals import Signals
from alphafactory.pipeline.ledger import Ledger, check_rows, trade_ledger
from alphafactory.pipeline.played import Played
from alphafactory.simulation import simulate

COSTS = {"commission": "bps:5", "slippage": "bps:5", "borrow": "2%", "interest": "3%", "margin_interest": "6%"}


def played(bars: Bars, target: Any, delisted: bool = False, **words: str | float) -> Played:
    settings = model(**words)
    signals = Signals(np.array(target, dtype=np.float64)[:, None])
    return Played(bars, signals, settings, 252, simulate(bars, signals, settings, delisted=delisted))


def bars_of(rows: list[tuple[float, float, float, float]], **more: Any) -> Bars:
    opens, highs, lows, closes = (np.array(column) for column in zip(*rows, strict=True))
    plain = market(opens.tolist(), closes.tolist(), **more)
    return Bars(plain.sessions, opens, highs, lows, closes, plain.volume, plain.split_factor, plain.dividends)


def recomputed_cash(ledger: Ledger, before: float) -> list[float]:
    """Return the cash of each close from nothing but the rows' own numbers."""
    found = []
    for row in ledger.rows:
        before += row.interest + row.dividends - row.borrow
        for fill in row.fills:
            before -= fill.quantity * fill.price + fill.commission + fill.fees
        found.append(before)
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "words",
    [
        {},
        {"stop": "3%", "take_profit": "2R", "reentry": "immediate"},
        {"trail": "2atr", "sizing": "risk:1%", "leverage": 2.0, "fill": "next_close"},
        {"entry": "limit:1%", "good_for": 5, "shares": "whole"},
        {"participation": "0.1%", "initial_capital": 1e6, "time_stop": 3},
        {"fill": "same_close", "sell_fees": ("2023-01-01 bps:2,per_share=0.001",)},
    ],
    ids=str,
)
def test_cash_can_be_recomputed_from_the_rows_and_every_share_is_in_a_fill(seed: int, words: dict[str, Any]) -> None:
    bars, target = random_market(seed)
    made = played(bars, target, **(COSTS | words))
    assert len(made.simulation.trades) > 3
    for number in range(1, len(made.simulation.trades) + 1):
        ledger = trade_ledger(made, number)
        first = int(np.searchsorted(bars.sessions, np.datetime64(ledger.rows[0].session)))
        cash = float(made.simulation.cash[first - 1]) if first else made.settings.initial_capital
        held = float(made.simulation.positions[first - 1, 0]) if first else 0.0
        assert recomputed_cash(ledger, cash) == pytest.approx([row.cash for row in ledger.rows], rel=1e-9, abs=1e-6)
        for row in ledger.rows:
            held += sum(fill.quantity for fill in row.fills)
            assert held == pytest.approx(row.position, rel=1e-9, abs=1e-9)
            assert row.equity == pytest.approx(row.cash + row.position * row.close, rel=1e-9)
            assert row.words
        assert ledger.check.holds
        assert ledger.check.cash_before == cash
        exit_row = int(made.simulation.trades.exit_row[number - 1])
        assert ledger.rows[-1].session == bars.sessions[exit_row].item()


def test_an_order_that_fills_over_sessions_is_taken_apart() -> None:
    bars = market([10.0] * 8, volume=[100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 107.0])
    made = played(bars, [1, 1, 1, 1, 1, 0, 0, 0], participation="10%", sizing="shares:25", commission="per_trade:1")
    ledger = trade_ledger(made, 1)
    quantities = {row.session: [fill.quantity for fill in row.fills] for row in ledger.rows if row.fills}
    assert quantities[date(2024, 1, 2)] == pytest.approx([10.1])
    assert quantities[date(2024, 1, 3)] == pytest.approx([10.2])
    assert quantities[date(2024, 1, 4)] == pytest.approx([4.7])
    assert [fill.commission for row in ledger.rows[:4] for fill in row.fills] == pytest.approx([1.0, 1.0, 1.0])
    assert "the rest waits" in ledger.rows[1].words
    assert "the rest of the order" in ledger.rows[2].words


def test_a_gap_through_the_stop_is_told_as_it_fell() -> None:
    bars = bars_of(
        [(100, 101, 99, 100), (100, 102, 99, 101), (101, 103, 98, 102), (93.2, 95, 92, 94), (94, 95, 93, 94)]
    )
    ledger = trade_ledger(played(bars, [1, 1, 1, 1, 1], stop="5%", sizing="shares:2"), 1)
    assert [row.stop for row in ledger.rows] == [None, *[pytest.approx(95.0)] * 3]
    assert ledger.rows[0].words == "target 1 at the close 100.00: a market order"
    assert ledger.rows[1].words == "at the open 100.00: bought 2 at 100.00; stop set at 95.00"
    assert ledger.rows[2].words == "2 held"
    assert ledger.rows[3].words == "stop 95.00 crossed at the open 93.20: sold 2 at 93.20"
    (fill,) = ledger.rows[3].fills
    assert (fill.kind, fill.quantity, fill.price) == ("stop", -2.0, pytest.approx(93.2))


def test_a_target_that_is_touched_and_the_session_before_the_signal() -> None:
    bars = bars_of([(100, 101, 99, 100), (100, 101, 99, 100), (100, 102, 99, 101), (101, 112, 100, 105)])
    ledger = trade_ledger(played(bars, [0, 1, 1, 1], take_profit="10%", sizing="shares:1"), 1)
    assert [row.session for row in ledger.rows] == [date(2024, 1, day) for day in (1, 2, 3, 4)]
    assert ledger.rows[0].words == "nothing happened"
    assert ledger.rows[3].words == "target 110.00 touched (high 112.00): sold 1 at 110.00"


def test_an_order_that_waits_shows_its_price_and_why_it_ends() -> None:
    bars = bars_of(
        [(100, 101, 99, 100), (100, 101, 99, 100), (100, 101, 99, 100), (100, 101, 96, 97), (97, 98, 96, 97)]
    )
    ledger = trade_ledger(played(bars, [1, 1, 1, 1, 1], entry="limit:2%", sizing="shares:1"), 1)
    (order,) = ledger.rows[0].orders
    assert (order.kind, order.limit, order.stop, order.outcome) == ("limit", pytest.approx(98.0), None, "filled")
    assert ledger.rows[1].words == "the order of 2024-01-01 waits"
    assert ledger.rows[3].words == "limit reached in the session at 98.00: bought 1 at 98.00"


def test_an_entry_stop_is_told_apart_from_the_stop_of_a_trade() -> None:
    bars = bars_of([(100, 101, 99, 100), (100, 104, 99, 103), (103, 104, 97, 98), (98, 99, 97, 98)])
    ledger = trade_ledger(played(bars, [1, 1, 1, 1], entry="stop_limit:2%,limit=1%", stop="3%", sizing="shares:1"), 1)
    (order,) = ledger.rows[0].orders
    assert (order.kind, order.stop, order.limit) == ("stop_limit", pytest.approx(102.0), pytest.approx(103.02))
    assert [len(row.orders) for row in ledger.rows] == [1, 0, 0]
    plain = trade_ledger(played(bars, [1, 1, 1, 1], entry="stop:2%", stop="3%", sizing="shares:1"), 1)
    (order,) = plain.rows[0].orders
    assert (order.stop, order.limit) == (pytest.approx(102.0), None)
    assert plain.rows[1].words == "stop price reached in the session at 102.00: bought 1 at 102.00; stop set at 98.94"
    assert plain.rows[2].words == "stop 98.94 touched (low 97.00): sold 1 at 98.94"


def test_a_turn_leaves_at_once_and_enters_at_its_price() -> None:
    bars = bars_of([(100, 101, 99, 100), (100, 101, 98, 99), (99, 101, 98, 100), (99, 100, 98, 99), (99, 102, 98, 101)])
    ledger = trade_ledger(played(bars, [1, 1, -1, -1, -1], entry="limit:1%", sizing="shares:5"), 1)
    assert ledger.rows[-1].words == "at the open 99.00: sold 5 at 99.00, the rest waits"
    (order,) = ledger.rows[2].orders
    assert (order.limit, order.asked) == (pytest.approx(101.0), -10.0)


def test_dividends_interest_and_borrow_are_in_the_row_that_they_fall_in() -> None:
    bars = market([10.0] * 5, dividends=[0, 0, 0.5, 0, 0])
    long = trade_ledger(played(bars, [1, 1, 1, 1, 1], sizing="shares:10", interest="36.5%"), 1)
    assert [row.dividends for row in long.rows] == [0.0, 0.0, 5.0, 0.0, 0.0]
    assert long.rows[1].interest == pytest.approx(1000 * 0.365 / 365)
    short = trade_ledger(played(bars, [-1, -1, -1, -1, -1], sizing="shares:10", borrow="36.5%"), 1)
    assert [row.dividends for row in short.rows] == [0.0, 0.0, -5.0, 0.0, 0.0]
    assert [row.borrow for row in short.rows] == pytest.approx([0.0, 0.0, 0.1, 0.1, 0.1])


def test_the_check_sees_a_cent_that_is_missing() -> None:
    bars, target = random_market(1)
    ledger = trade_ledger(played(bars, target, **COSTS), 1)
    assert ledger.check.holds
    assert not check_rows(ledger.rows, ledger.check.cash_before + 0.01).holds
