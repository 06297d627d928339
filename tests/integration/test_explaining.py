"""A stored backtest is repeated from the tables, as they were known, and a difference is told."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from nights import Nights, PriceFile

from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.pipeline.backtest import run_adhoc
from alphafactory.pipeline.explaining import Explanation, explain

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = date(2024, 2, 15)
NEXT = DAY + timedelta(days=1)
MINE = """
import numpy as np
from alphafactory.domain.plugins import Parameter
from alphafactory.strategies.base import Strategy

class Turning(Strategy):
    name = "turning"
    title = "Turning"
    idea = "In and out every ten sessions."
    source = "Made up."
    fails_when = "Always."

    @staticmethod
    def signals(view, params):
        rows = np.arange(len(view.close))[:, None]
        return np.where(rows // 10 % 2 == 1, 1.0, 0.0) + 0.0 * view.close
"""


@pytest.fixture
def file(nights: Nights) -> PriceFile:
    """A night on two symbols, of a strategy of the user's own and those that ship."""
    (nights.folder / "strategies").mkdir()
    (nights.folder / "strategies" / "turning.py").write_text(MINE)
    nights.settings |= {"simulation.stop": "4%", "simulation.interest": "2%"}
    nights.settings["backtest.strategies"] = ["sma_crossover", "buy_and_hold", "turning"]
    made = PriceFile(nights)
    made.write(until=DAY)
    nights.run(DAY)
    return made


def key_of(nights: Nights, ticker: str = "S0", strategy: str = "turning") -> int:
    query = "SELECT id FROM v_current_backtests WHERE ticker = %s AND strategy = %s"
    ((key,),) = nights.ask(query, ticker, strategy)
    return int(key)


def explained(nights: Nights, key: int, trade: int | None = None, day: date = DAY) -> Explanation:
    with nights.workspace(day) as workspace:
        return explain(workspace, key, trade)


@pytest.mark.parametrize("strategy", ["turning", "sma_crossover", "buy_and_hold"])
def test_the_repetition_is_what_is_stored(nights: Nights, file: PriceFile, strategy: str) -> None:
    assert file.path.exists()
    key = key_of(nights, strategy=strategy)
    found = explained(nights, key)
    assert (found.agrees, found.differences, found.changes, found.ledger) == (True, (), (), None)
    assert (found.strategy, found.symbol, found.settings["stop"]) == (strategy, "S0", "4%")
    stored = nights.ask(
        "SELECT number, entry_session, exit_session, exit_reason, net_pnl FROM trades WHERE backtest_id = %s "
        "ORDER BY number", key,
    )  # fmt: skip
    assert stored
    assert [(t.number, t.entry_session, t.exit_session, t.net_pnl) for t in found.trades] == [
        (number, entry, end, pytest.approx(net, rel=1e-12)) for number, entry, end, _, net in stored
    ]
    for number, entry, end, reason, _ in stored:
        ledger = explained(nights, key, number).ledger
        assert ledger is not None
        assert ledger.check.holds
        assert entry in {row.session for row in ledger.rows}
        assert ledger.rows[-1].session == (end or DAY)
        assert sum(len(row.fills) for row in ledger.rows) >= (2 if reason else 1)


def test_a_superseded_backtest_is_repeated_on_what_its_night_knew(nights: Nights, file: PriceFile) -> None:
    before = key_of(nights)
    file.row("S0", date(2023, 6, 1))[2:6] = [44.0, 45.0, 43.0, 44.5]
    file.write(until=NEXT)
    nights.run(NEXT)
    after = key_of(nights)
    assert after != before
    for key in (before, after):
        found = explained(nights, key, day=NEXT)
        assert (found.agrees, found.changes) == (True, ())
    assert explained(nights, before, day=NEXT).known_at < explained(nights, after, day=NEXT).known_at


def test_bars_that_are_gone_are_told_and_the_repetition_explained(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    key = key_of(nights)
    ((entry,),) = nights.ask("SELECT entry_session FROM trades WHERE backtest_id = %s AND number = 2", key)
    nights.ask("DELETE FROM bars WHERE session = %s", entry)
    found = explained(nights, key, 2)
    assert not found.agrees
    assert "bars, splits or dividends of S0" in found.changes[0]
    assert any(words.startswith("Trade ") for words in found.differences)
    assert found.ledger is not None
    assert found.ledger.check.holds


def test_another_source_of_the_strategy_is_told(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    key = key_of(nights)
    path = nights.folder / "strategies" / "turning.py"
    path.write_text(MINE.replace("// 10", "// 12"))
    found = explained(nights, key)
    assert not found.agrees
    assert len(found.changes) == 1
    assert "source of the strategy turning has changed since version 1" in found.changes[0]
    path.write_text(MINE + "# the same signals\n")
    same = explained(nights, key)
    assert same.agrees
    assert "source of the strategy" in same.changes[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("UPDATE trades SET net_pnl = net_pnl + 0.01 WHERE number = 3", ["Trade 3 is another now: net pnl."]),
        ("UPDATE trades SET exit_reason = 'time' WHERE number = 1", ["exit reason"]),
        ("UPDATE backtests SET end_equity = end_equity * 1.000001", ["End equity is"]),
        ("DELETE FROM trades WHERE number > 2", ["2 are stored"]),
        ("UPDATE equity SET equity[100] = equity[100] + 0.1", ["Equity differs from 2023-05-25 on"]),
    ],
)
def test_a_stored_number_that_the_repetition_does_not_give_is_told(
    nights: Nights, file: PriceFile, change: str, told: Sequence[str]
) -> None:
    assert file.path.exists()
    nights.ask(change)
    found = explained(nights, key_of(nights))
    assert not found.agrees
    assert all(any(words in line for line in found.differences) for words in told), found.differences
    assert found.changes == ()


def test_a_backtest_without_detail_is_compared_by_what_is_left(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    key = key_of(nights)
    for table in ("trades", "orders", "equity"):
        nights.ask(f"DELETE FROM {table}")
    assert explained(nights, key).agrees
    nights.ask("UPDATE backtests SET n_trades = n_trades + 1")
    assert "trades now" in explained(nights, key).differences[0]


def test_what_a_person_asked_for_is_explained_with_its_own_settings(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    with nights.workspace(DAY) as workspace:
        words = {"stop": "none", "trail": "3%", "sizing": "percent:50%", "fill": "next_close"}
        found = run_adhoc(workspace, "turning", ["S1"], {}, start=date(2023, 3, 1), words=words)
        (result,) = found.results
        explanation = explain(workspace, int(str(result["backtest_id"])), 1)
    assert explanation.agrees
    assert explanation.changes == ()
    assert (explanation.settings["trail"], explanation.start) == ("percent:0.03", date(2023, 3, 1))
    assert explanation.ledger is not None
    assert any(row.stop is not None for row in explanation.ledger.rows)


def test_numbers_that_do_not_exist_are_refused(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    key = key_of(nights)
    trades = len(explained(nights, key).trades)
    with pytest.raises(UsageError, match=f"Write --trade 1 to {trades}"):
        explained(nights, key, trades + 1)
    with pytest.raises(UsageError, match="no trade 0"):
        explained(nights, key, 0)
    with pytest.raises(UnknownNameError, match="no backtest '999999'"):
        explained(nights, 999_999)
    nights.ask("UPDATE backtests SET status = 'failed', error = 'it broke' WHERE id = %s", key)
    with pytest.raises(UsageError, match="it broke"):
        explained(nights, key)
