"""`portfolio` and `orders` refuse in one line what does not exist, before anything is opened; and how they print."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from alphafactory.cli.application import main
from alphafactory.cli.portfolios import print_orders, print_portfolio

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2024, 3, 15, 23, tzinfo=UTC)
CONFIG = "portfolios:\n  core: {sleeves: [{strategy: buy_and_hold}]}\n"


@pytest.mark.parametrize("command", ["portfolio", "orders"])
@pytest.mark.parametrize(
    ("config", "name", "said"),
    [
        ("", "core", "The config defines no portfolio. Add one to its section portfolios"),
        (CONFIG, "cores", "There is no portfolio 'cores'. Did you mean 'core'?"),
    ],
)
def test_what_does_not_exist_is_refused(  # noqa: PLR0917  pytest names its parameters
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, config: str, name: str, said: str
) -> None:
    (tmp_path / "global_config.yaml").write_text(config, encoding="utf-8")
    assert main([command, name], NOW, root=tmp_path, environ={}) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert said in told.err
    assert not (tmp_path / "var").exists()


def test_the_order_list_is_printed_as_it_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    order = {
        "side": "buy", "quantity": 12.0, "symbol": "AAPL", "kind": "stop_market", "limit_price": None,
        "stop_price": 101.5, "reason": "signal ends", "weight_before": 0.0, "weight_after": 0.05, "risk": None,
        "note": "at the open",
    }  # fmt: skip
    result = {
        "portfolio": "core", "orders": [order], "orders_session": "2024-03-18", "end": date(2024, 3, 15),
        "orders_note": "",
    }  # fmt: skip
    print_orders(result)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Orders of core for 2024-03-18, decided at the close of 2024-03-15:"
    (row,) = (line.split() for line in lines if "AAPL" in line)
    assert row == ["buy", "12", "AAPL", "stop", "market", "-", "101.5", "signal", "ends", "0", "0.05", "-", "at", "the",
                   "open"]  # fmt: skip
    print_orders(result | {"orders": [], "orders_note": "The account is ruined."})
    assert capsys.readouterr().out == "core, for 2024-03-18: The account is ruined.\n"
    print_orders(result | {"orders": []})
    assert "Nothing is to be traded" in capsys.readouterr().out


def test_a_limit_is_printed_with_and_without(capsys: pytest.CaptureFixture[str]) -> None:
    numbers = {
        "total_return": 0.25, "max_drawdown": -0.1, "sharpe": 1.5, "total_return_without": 0.5,
        "max_drawdown_without": -0.2, "sharpe_without": 1.25,
    }  # fmt: skip
    lacking = {name: None for name in numbers if name.endswith("without")}
    result = {
        "portfolio": "core", "title": "Core", "start": date(2023, 1, 3), "end": date(2024, 3, 15), "backtest_id": 7,
        "simulated_prices": False, "optimistic": True, "ruined": False, "orders": [],
        "notes": [{"session": "2023-01-31", "words": "S1: flat."}],
        "orders_note": "Nothing is to be traded.", "orders_session": "2024-03-18",
        "comparison": {"sharpe": {"label": "Sharpe ratio", "portfolio": 1.5, "equal_weight": 0.75, "index": None}},
        "limits": [{"rule": "*", "acts": 3, **numbers}, {"rule": "day_loss", "acts": 0, **numbers, **lacking}],
        "positions": [{"symbol": f"S{n}", "quantity": n, "price": 1.0, "value": n, "weight": 0.01} for n in range(20)],
    }  # fmt: skip
    print_portfolio(result)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["Note:", "optimistic."] in lines
    assert ["Sharpe", "ratio", "1.5", "0.75", "-"] in lines
    assert ["day", "loss", "0", "25.00%", "-", "-10.00%", "-", "1.5", "-"] in lines
    assert ["all", "of", "them", "3", "25.00%", "50.00%", "-10.00%", "-20.00%", "1.5", "1.25"] in lines
    assert "...and5morepositions,allinthetablepositions." in {"".join(line) for line in lines}
    assert ["Note:", "2023-01-31:", "S1:", "flat."] in lines
