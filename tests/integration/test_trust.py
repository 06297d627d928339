"""How far a verdict reaches: what makes it new, what it must catch, and who goes without one."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from nights import PriceFile, evening, later_that_evening

from alphafactory.errors import UsageError
from alphafactory.pipeline.search import run_sweep

if TYPE_CHECKING:
    from nights import Nights

FIRST, LAST = date(2022, 6, 1), date(2024, 3, 1)
BESIDE_THE_INDEX = """name: beta
enter: "index_beta_60 < 1"
exit: "index_beta_60 > 1.2"
"""
SURVIVORS = '''"""Hold those that are still members at the end."""

import numpy as np

from alphafactory.strategies.base import Strategy


class Survivors(Strategy):
    """Equal parts of the last row's members."""

    name = "survivors"
    title = idea = source = fails_when = "It peeks at membership."
    scope = "universe"

    @staticmethod
    def signals(view, params):
        """Return equal parts of those that will not leave."""
        if len(view.member) == 0:
            return np.zeros(view.close.shape)
        kept = view.member & view.member[-1] & np.isfinite(view.close)
        return np.where(kept, 1.0 / np.maximum(kept.sum(axis=1, keepdims=True), 1), 0.0)
'''
PEEKING = (
    SURVIVORS.replace("survivors", "tomorrow")
    .replace("Survivors", "Tomorrow")
    .replace('scope = "universe"', 'scope = "symbol"')
    .replace(
        """        if len(view.member) == 0:
            return np.zeros(view.close.shape)
        kept = view.member & view.member[-1] & np.isfinite(view.close)
        return np.where(kept, 1.0 / np.maximum(kept.sum(axis=1, keepdims=True), 1), 0.0)
""",
        "        return np.where(np.roll(view.close, -1, axis=0) > view.close, 1.0, 0.0)\n",
    )
)


def prepared(nights: Nights, name: str, text: str) -> PriceFile:
    file = PriceFile(nights, symbols=4, first=FIRST, last=LAST)
    file.write()
    folder = nights.folder / "strategies"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    nights.settings["backtest.strategies"] = ["buy_and_hold", name.partition(".")[0]]
    return file


def verdict(nights: Nights, name: str) -> tuple[bool, set[str]]:
    ((passed, findings),) = nights.ask("SELECT passed, findings FROM v_audits WHERE strategy = %s", name)
    return passed, {finding["check"] for finding in findings if finding["severity"] == "error"}


def test_who_could_not_be_shown_an_index_is_judged_anew_with_one(nights: Nights) -> None:
    prepared(nights, "beta.yaml", BESIDE_THE_INDEX)
    without = nights.run(LAST, evening(LAST))
    assert without.outcome == "partial"  # it is not asked without an index; the others are
    assert verdict(nights, "beta") == (False, {"data"})
    assert dict(nights.ask("SELECT strategy, count(*) FROM v_current_backtests GROUP BY 1")) == {"buy_and_hold": 4}
    nights.settings["backtest.index"] = "S3"
    assert nights.run(LAST, later_that_evening(LAST)).outcome == "fine"
    assert verdict(nights, "beta") == (True, set())
    assert dict(nights.ask("SELECT strategy, count(*) FROM v_current_backtests GROUP BY 1"))["beta"] == 4


def test_an_index_that_is_no_symbol_costs_only_those_that_read_it(nights: Nights) -> None:
    prepared(nights, "beta.yaml", BESIDE_THE_INDEX)
    nights.settings["backtest.index"] = "NOWHERE"
    result = nights.run(LAST, evening(LAST))
    outcomes = {step.name: step.outcome for step in result.steps}
    assert (outcomes["audits"], outcomes["indicators"], outcomes["backtests"]) == ("fine", "fine", "partial")
    assert dict(nights.ask("SELECT strategy, count(*) FROM v_current_backtests GROUP BY 1")) == {"buy_and_hold": 4}


def test_who_knows_who_will_leave_the_universe_is_caught(nights: Nights) -> None:
    prepared(nights, "survivors.py", SURVIVORS)
    nights.run(LAST, evening(LAST))
    passed, errors = verdict(nights, "survivors")
    assert not passed
    assert errors & {"look_ahead", "disturbance", "gaps"}


def test_the_verdict_on_the_terms_in_force_counts(nights: Nights) -> None:
    prepared(nights, "beta.yaml", BESIDE_THE_INDEX.replace("index_beta_60 < 1", "rsi_14 < 40").replace(
        "index_beta_60 > 1.2", "rsi_14 > 60"))  # fmt: skip
    newest = "SELECT cuts FROM v_audits WHERE strategy = 'beta'"
    nights.run(LAST, evening(LAST))
    ((few,),) = nights.ask(newest)
    nights.settings["audit.random_bars"] = 40
    nights.run(LAST, later_that_evening(LAST))
    ((many,),) = nights.ask(newest)
    assert many > few
    del nights.settings["audit.random_bars"]
    again = nights.run(LAST, later_that_evening(LAST))
    assert {step.name: step.rows for step in again.steps}["audits"] == 0
    assert nights.ask(newest) == [(few,)]


def test_a_search_refuses_who_peeks(nights: Nights) -> None:
    prepared(nights, "tomorrow.py", PEEKING.replace(
        'scope = "symbol"', 'scope = "symbol"\n    parameters = {"more": Parameter(1, 1, 5, "nothing")}').replace(
        "from alphafactory.strategies", "from alphafactory.domain.plugins import Parameter\n"
        "from alphafactory.strategies"))  # fmt: skip
    nights.run(LAST, evening(LAST))
    with (
        nights.workspace(LAST) as workspace,
        pytest.raises(UsageError, match="failed its audit, so it is ranked nowhere"),
    ):
        run_sweep(workspace, "tomorrow", "all", ["more=1:3:1"], {})
    assert nights.ask("SELECT count(*) FROM experiments") == [(0,)]


def test_accounts_of_other_members_are_other_experiments(nights: Nights) -> None:
    prepared(nights, "survivors.py", SURVIVORS.replace("view.member[-1] & ", "").replace(
        'scope = "universe"', 'scope = "universe"\n    parameters = {"more": Parameter(1, 1, 5, "nothing")}').replace(
        "from alphafactory.strategies", "from alphafactory.domain.plugins import Parameter\n"
        "from alphafactory.strategies"))  # fmt: skip
    members = "ticker,from,to\nS0,2020-01-01,\nS1,2020-01-01,2023-01-31\nS2,2020-01-01,\nS3,2020-01-01,\n"
    (nights.folder / "early.csv").write_text(members, encoding="utf-8")
    nights.settings["universes"] = {"early": {"members": nights.folder / "early.csv"}}
    nights.run(LAST, evening(LAST))
    returns = []
    for universe in (None, "early"):
        nights.settings["universe.name"] = universe
        nights.run(LAST, later_that_evening(LAST))
        with nights.workspace(LAST) as workspace:
            found = run_sweep(workspace, "survivors", "all", ["more=1:1:1"], {})
        assert not found.known
        returns.append(found.top[0]["median_total_return"])
    assert returns[0] != returns[1]
