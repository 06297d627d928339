"""Strategies dropped into the user's folder: audited, versioned, in the report; one that peeks is ranked nowhere."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from nights import PriceFile, evening, later_that_evening

from alphafactory.pipeline.audits import audit_asked

if TYPE_CHECKING:
    from nights import Nights

FIRST, LAST = date(2022, 6, 1), date(2024, 3, 1)
HONEST = '''"""Long above an average."""

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.strategies.base import Strategy


class Mine(Strategy):
    """Long above the average of twenty closes."""

    name = "mine"
    title = idea = source = fails_when = "A strategy of a user."
    indicators = {"average": IndicatorRequest("sma", {"period": 20})}

    @staticmethod
    def signals(view, params):
        """Return 1 above the average."""
        return np.where(view.close > view.indicators["average"], 1.0, 0.0)
'''
PEEKING = HONEST.replace(
    'return np.where(view.close > view.indicators["average"], 1.0, 0.0)',
    "return np.where(np.roll(view.close, -1, axis=0) > view.close, 1.0, 0.0)",
)
RULE = """name: dip
enter: "close < sma(10) and rsi(2) < floor"
exit: "close > sma(5)"
params: {floor: {default: 30, range: [5, 50]}}
"""


def prepared(nights: Nights, **files: str) -> None:
    PriceFile(nights, symbols=3, first=FIRST, last=LAST).write()
    nights.settings |= {"backtest.strategies": "all", "reports.pages": 5}
    drop(nights, **files)
    nights.settings["backtest.strategies"] = ["buy_and_hold", *(name.partition("__")[0] for name in files)]


def drop(nights: Nights, **files: str) -> None:
    folder = nights.folder / "strategies"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")


def page(nights: Nights) -> str:
    return (nights.folder / "reports" / "index.html").read_text(encoding="utf-8")


def verdicts(nights: Nights) -> dict[tuple[str, int], bool]:
    rows = nights.ask("SELECT strategy, strategy_version, passed FROM v_audits")
    return {(name, version): passed for name, version, passed in rows}


def test_a_file_and_a_rule_are_audited_backtested_and_reported(nights: Nights) -> None:
    prepared(nights, mine__py=HONEST, dip__yaml=RULE)
    result = nights.run(LAST, evening(LAST), report=True)
    assert result.outcome == "fine", result.steps
    assert verdicts(nights) == {("mine", 1): True, ("dip", 1): True, ("buy_and_hold", 1): True}
    counts = dict(nights.ask("SELECT strategy, count(*) FROM v_current_backtests GROUP BY strategy"))
    assert counts == {"mine": 3, "dip": 3, "buy_and_hold": 3}
    html = page(nights)
    assert 'id="audits"' in html
    assert html.count("mine") > 3
    assert html.count("dip") > 3
    again = nights.run(LAST, later_that_evening(LAST))
    assert {step.name: step.rows for step in again.steps}["audits"] == 0


def test_an_edited_file_is_a_new_version_and_old_results_stay(nights: Nights) -> None:
    prepared(nights, mine__py=HONEST, dip__yaml=RULE)
    nights.run(LAST, evening(LAST))
    drop(
        nights, mine__py=HONEST.replace('{"period": 20}', '{"period": 30}'), dip__yaml=RULE.replace("rsi(2)", "rsi(3)")
    )
    nights.run(LAST, later_that_evening(LAST))
    assert verdicts(nights).keys() >= {("mine", 1), ("mine", 2), ("dip", 1), ("dip", 2)}
    rows = nights.ask(
        "SELECT s.name, s.version, b.superseded_by IS NULL FROM backtests b JOIN strategies s ON s.id = b.strategy_id "
        "WHERE s.name <> 'buy_and_hold' GROUP BY 1, 2, 3 ORDER BY 1, 2"
    )
    assert rows == [("dip", 1, False), ("dip", 2, True), ("mine", 1, False), ("mine", 2, True)]


def test_who_peeks_is_ranked_nowhere_until_it_is_fixed(nights: Nights) -> None:
    prepared(nights, mine__py=PEEKING)
    result = nights.run(LAST, evening(LAST), report=True)
    (step,) = (step for step in result.steps if step.name == "audits")
    assert "Failed, and ranked nowhere: mine" in step.message
    assert verdicts(nights)["mine", 1] is False
    ((findings,),) = nights.ask("SELECT findings FROM v_audits WHERE strategy = 'mine'")
    assert {finding["check"] for finding in findings} >= {"look_ahead"}
    assert nights.ask("SELECT DISTINCT audit_passed FROM v_current_backtests WHERE strategy = 'mine'") == [(False,)]
    html = page(nights)
    assert 'data-strategy="mine"' not in html
    assert "ranked nowhere on this page" in html
    drop(nights, mine__py=HONEST)
    nights.run(LAST, later_that_evening(LAST), report=True)
    assert verdicts(nights)["mine", 2] is True
    assert 'data-strategy="mine"' in page(nights)


def test_a_broken_file_is_a_failure_with_its_line_and_the_others_go_on(nights: Nights) -> None:
    prepared(nights, mine__py=HONEST)
    drop(nights, broken__yaml=RULE.replace("sma(5)", "smaa(5)"), wrong__py="import numpy as np\nx = (\n")
    result = nights.run(LAST, evening(LAST), report=True)
    assert result.outcome == "partial"
    (step,) = (step for step in result.steps if step.name == "audits")
    assert any("broken.yaml:3" in failure["subject"] and "smaa" in failure["message"] for failure in step.failures)
    assert any("wrong.py:2" in failure["subject"] for failure in step.failures)
    assert verdicts(nights)["mine", 1] is True
    assert nights.ask("SELECT count(*) FROM quality_findings WHERE subject LIKE %s", "%broken.yaml:3") == [(1,)]
    assert "broken.yaml" in page(nights)


def test_a_person_may_ask_for_an_audit_again(nights: Nights) -> None:
    prepared(nights, mine__py=PEEKING)
    nights.run(LAST, evening(LAST))
    with nights.workspace(LAST) as workspace:
        stands = audit_asked(workspace, ["mine"])
        anew = audit_asked(workspace, ["mine", "0.5*mine+0.5*buy_and_hold"], again=True)
    assert not stands.passed
    assert [row["passed"] for row in anew.verdicts] == [False, False]
    assert nights.ask(
        "SELECT count(*) FROM verdicts v JOIN strategies s ON s.id = v.strategy_id WHERE s.name = 'mine'"
    ) == [(1,)]
