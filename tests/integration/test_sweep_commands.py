"""`sweep` and `explain` as a user types them, on the tables of a small market: what they print, and how they end."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from nights import Nights, PriceFile

from alphafactory.cli import main
from alphafactory.pipeline import gate, ingest
from alphafactory.pipeline.running import run_job

if TYPE_CHECKING:
    from collections.abc import Callable

NIGHT = date(2024, 3, 1)
NOW = datetime(2024, 3, 2, 3, tzinfo=UTC)
SWEEP = ("sweep", "sma_crossover", "--grid", "fast=5:20:5", "--grid", "slow=30,60")


@pytest.fixture
def command(nights: Nights, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """A function that runs a command on two symbols of full length and a third that is short."""
    file = PriceFile(nights, symbols=3)
    file.rows = [row for row in file.rows if row[0] != "S2" or row[1] > date(2024, 1, 2)]
    file.write()
    with nights.workspace(NIGHT) as workspace:
        assert run_job(workspace, "load", [("download", ingest.download), ("quality", gate.check_quality)]) is not None
    config: dict[str, Any] = {
        "database": {"url": nights.url},
        "paths": {"var": str(nights.cache)},
        "compute": {"backend": "sequential"},
        "sources": {"order": ["csv"], "csv": {"path": str(file.path), "basis": "raw"}},
        "universes": {"pair": {"symbols": ["S0", "S1"]}},
        "simulation": {"profiles": {"dear": {"slippage": "bps:50"}}},
    }
    (nights.folder / "global_config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        status = main([*words, "--quiet"], NOW, root=nights.folder, environ={})
        return status, *capsys.readouterr()

    return run


def test_a_sweep_prints_a_ranking_and_what_luck_would_show(command: Callable[..., tuple[int, str, str]]) -> None:
    status, out, err = command(*SWEEP, "--symbols", "S0,S1", "--top", "3")
    assert (status, err) == (0, "")
    ranks = re.findall(r"^ +(\d) +fast=\d+ slow=\d+", out, re.MULTILINE)
    assert ranks == ["1", "2", "3"]
    assert "8 parameter sets on 2 symbols, 16 backtests (" in out
    assert re.search(r"the best of 8 sets looks good by chance alone.*median Sharpe ratio would be about 0\.\d+", out)
    again = command(*SWEEP, "--symbols", "S0,S1", "--top", "3")[1]
    assert "it was made before and stands" in again
    assert again.splitlines()[:6] == out.splitlines()[:6]


def test_a_sweep_answers_in_json(command: Callable[..., tuple[int, str, str]], nights: Nights) -> None:
    status, out, _ = command(
        *SWEEP, "--symbol", "S0", "--profile", "dear", "--stop", "5%", "--capital", "5000", "--json"
    )
    found = json.loads(out)
    assert status == 0
    assert {"experiment_id", "evaluated", "skipped", "seconds", "top", "expected_by_luck"} <= set(found)
    assert (found["evaluated"], found["skipped"]) == (8, 0)
    assert [row["rank"] for row in found["top"]] == list(range(1, 9))
    assert set(found["top"][0]["params"]) == {"fast", "slow"}
    [(settings, profile)] = nights.ask("SELECT settings, profile FROM experiments")
    assert (settings["slippage"], settings["stop"], settings["initial_capital"]) == ("bps:50", "5%", "5000")
    assert profile == "dear"


def test_a_symbol_that_gave_nothing_makes_the_sweep_partial(command: Callable[..., tuple[int, str, str]]) -> None:
    for _ in range(2):  # the second time from the tables
        status, out, err = command(*SWEEP)
        assert status == 3
        assert "on 2 symbols, 16 backtests" in out
        assert err.startswith("Failed: symbol S2: It has 41 usable bars")
    status, out, err = command(*SWEEP, "--symbol", "S2")
    assert (status, out) == (1, "")
    assert err.startswith("Error: Nothing could be searched on S2")
    status, out, err = command(*SWEEP, "--universe", "pair")
    assert (status, out) == (2, "")
    assert "There are no symbols yet" in err  # no night has worked the universe out yet


def test_a_backtest_is_explained_trade_by_trade(command: Callable[..., tuple[int, str, str]]) -> None:
    words = ("--set", "fast=5", "--set", "slow=20", "--stop", "3%", "--trail", "2atr", "--commission", "ibkr_fixed")
    status, out, _ = command("backtest", "sma_crossover", "--symbol", "S0", *words, "--json")
    assert status == 0
    [backtest] = json.loads(out)
    assert backtest["settings"]["trail"] == "atr:2"
    key = str(backtest["backtest_id"])
    status, out, _ = command("explain", key)
    assert status == 0
    assert "Repeated just now, it gives what is stored." in out
    assert len(re.findall(r"^ +\d+ +20\d\d-", out, re.MULTILINE)) == len(backtest["trades"]) > 1
    status, out, _ = command("explain", key, "--trade", "1")
    assert status == 0
    assert out.rstrip().endswith("it adds up.")
    assert max(map(len, out.splitlines())) <= 120
    first = backtest["trades"][0]
    assert f"\n{first['entry_session']} " in out
    assert f"\n{first['exit_session']} " in out
    status, out, _ = command("explain", key, "--trade", "1", "--json")
    told = json.loads(out)
    assert told["ledger"]["check"]["holds"] is True
    assert told["agrees"] is True
    status, out, err = command("explain", key, "--trade", "999")
    assert (status, out) == (2, "")
    assert "no trade 999" in err
