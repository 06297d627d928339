"""How a ledger is shown: every number of it, in lines that fit, with a sum that a person can follow."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from alphafactory.cli import explaining
from alphafactory.cli.explaining import ledger_lines
from alphafactory.pipeline.explaining import Explanation, TradeBrief
from alphafactory.pipeline.ledger import Ledger, LedgerRow, check_rows
from alphafactory.pipeline.played import LedgerFill

if TYPE_CHECKING:
    from pathlib import Path

BUY = LedgerFill(1, "market", 98.5, 101.0, 100.9, 1.25, 0.0, 9.85)
SELL = LedgerFill(2, "stop", -98.5, 95.5, 95.55, 1.5, 0.75, 4.925)
QUIET = LedgerRow(
    session=date(2024, 1, 2), open=100.0, high=103.0, low=99.0, close=102.0, volume=1e6, target=1.0, stop=None,
    take_profit=None, orders=(), fills=(), interest=0.0, dividends=0.0, borrow=0.0, position=0.0, cash=10_000.0,
    equity=10_000.0, words="target 1 at the close 102.00: a market order",
)  # fmt: skip


def small() -> Ledger:
    bought = replace(
        QUIET, session=date(2024, 1, 3), fills=(BUY,), position=98.5, cash=50.25, equity=10_097.25,
        words="at the open 100.90: bought 98.5 at 101.00; stop set at 95.30",
    )  # fmt: skip
    held = replace(
        bought, session=date(2024, 1, 4), fills=(), dividends=24.62, interest=0.01, cash=74.88, stop=95.3,
        take_profit=112.5, words="98.5 held",
    )  # fmt: skip
    out = replace(
        held, session=date(2024, 1, 5), fills=(SELL,), dividends=0.0, interest=0.0, target=0.0, position=0.0,
        cash=9479.38, equity=9479.38, words="stop 95.30 touched (low 95.00): sold 98.5 at 95.50",
    )  # fmt: skip
    rows = (QUIET, bought, held, out)
    return Ledger(1, rows, check_rows(rows, 10_000.0))


def test_every_session_has_its_numbers_and_what_happened() -> None:
    lines = list(ledger_lines(small()))
    assert lines[0] == "Trade 1:"
    assert " ".join(lines[1].split()) == "session open high low close target stop take profit position cash equity"
    numbers = [" ".join(line.split()) for line in lines if line.startswith("2024")]
    assert numbers[0] == "2024-01-02 100.00 103.00 99.00 102.00 1 - - 0 10,000.00 10,000.00"
    assert numbers[2] == "2024-01-04 100.00 103.00 99.00 102.00 1 95.30 112.50 98.5 74.88 10,097.25"
    below = [line.strip() for line in lines if line.startswith(" ")]
    assert "stop 95.30 touched (low 95.00): sold 98.5 at 95.50" in below
    assert "cash -9,948.50 (98.5 x 101.00), commission 1.25, fees 0.00, slippage 9.85 in it" in below
    assert "cash +0.01 interest, cash +24.62 dividends" in below


def test_the_sum_follows_from_what_is_shown() -> None:
    check = " ".join(list(ledger_lines(small()))[-2:])
    terms = [float(number.replace(",", "")) for number in re.findall(r"[a-z] ([\d,]+\.\d\d)", check)]
    before, bought, sold, commission, fees, interest, dividends, borrow, after = terms
    assert before - bought + sold - commission - fees + interest + dividends - borrow == pytest.approx(after, abs=0.02)
    assert "net -520.62" in check
    assert check.endswith("it adds up.")


def test_a_fill_can_be_multiplied_out() -> None:
    ledger = small()
    fill = replace(BUY, quantity=254.0, price=130.22508)
    rows = (replace(ledger.rows[1], fills=(fill,)),)
    [line] = [line for line in ledger_lines(Ledger(1, rows, ledger.check)) if " x " in line]
    value, shares, price = (
        float(n.replace(",", "")) for n in re.search(r"-([\d,.]+) \(([\d.]+) x ([\d.]+)\)", line).groups()
    )  # type: ignore[union-attr]
    assert value == round(shares * price, 2) == 33_077.17


def test_money_that_does_not_add_up_is_said() -> None:
    rows = small().rows
    lines = list(ledger_lines(Ledger(1, rows, check_rows(rows, 10_001.0))))
    assert "it does NOT add up (by 1.0e-04)." in " ".join(lines[-2:])


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e3, 5e3])
def test_no_line_is_longer_than_a_page_is_wide(scale: float) -> None:
    ledger = small()
    fields = ("open", "high", "low", "close", "position", "cash", "equity")
    rows = tuple(
        replace(row, **{name: getattr(row, name) * scale for name in fields}, words=f"{row.words}; " * 6)
        for row in ledger.rows
    )
    lines = list(ledger_lines(Ledger(1, rows, ledger.check)))
    assert max(map(len, lines)) <= 120
    assert any(len(line) > 100 for line in lines)


def test_what_differs_now_is_said_on_top(capsys: pytest.CaptureFixture[str]) -> None:
    trade = TradeBrief(
        1, date(2024, 1, 3), 101.0, date(2024, 1, 5), 95.25, "stop", 98.5, -569.875, -1.02, 2, ambiguous=True
    )
    found = Explanation(
        backtest_id=7, strategy="sma_crossover", params={"fast": 5, "slow": 20}, symbol="AAPL",
        start=date(2023, 1, 3), end=date(2024, 3, 1), settings={"stop": "5%", "trail": "none", "good_for": 0},
        known_at=datetime(2024, 3, 1, 23, tzinfo=UTC), agrees=False, differences=("Trade 1 is another now.",),
        changes=("The bars have changed since.",), trades=(trade,), ledger=None,
    )  # fmt: skip
    explaining._print_head(found)
    explaining._print_trades(found)
    shown = capsys.readouterr().out
    for words in (
        "Backtest 7: sma_crossover fast=5 slow=20 on AAPL, 2023-01-03 to 2024-03-01.", "Settings: stop 5%.",
        "The bars have changed since.", "it does not give what is stored", "Trade 1 is another now.", "ambiguous",
        "-569.88", "-1.02", "python run.py explain 7 --trade 1",
    ):  # fmt: skip
        assert words in shown
    assert "Repeated just now, it gives" not in shown


def test_a_wrong_word_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from alphafactory.cli import main  # noqa: PLC0415  for this test alone

    for words in (["explain"], ["explain", "first"], ["explain", "1", "--trade", "0"]):
        assert main(words, datetime(2024, 6, 5, tzinfo=UTC), root=tmp_path, environ={}) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1
        assert "Traceback" not in captured.err
