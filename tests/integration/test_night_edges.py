"""What lies at the edge of a night: sessions that are not over, bars of the future, symbols that come and go."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from nights import Nights, PriceFile, later_that_evening
from vendor_fakes.street import open_street
from vendor_fakes.truth import make_market

from alphafactory.errors import UsageError
from alphafactory.pipeline import judgements

FIRST, EVE, DAY = date(2023, 6, 1), date(2024, 3, 13), date(2024, 3, 14)
AFTERNOON = datetime(2024, 3, 14, 19, tzinfo=UTC)
"""15:00 in New York, an hour before the close."""


def newest(nights: Nights) -> date:
    ((session,),) = nights.ask("SELECT max(session) FROM bars")
    assert isinstance(session, date)
    return session


def current(nights: Nights) -> set[str]:
    return {ticker for (ticker,) in nights.ask("SELECT DISTINCT ticker FROM v_current_backtests")}


def test_a_session_that_has_not_closed_is_not_stored_from_a_file_either(nights: Nights) -> None:
    PriceFile(nights, first=FIRST, last=DAY).write()
    nights.run(DAY, AFTERNOON)
    assert newest(nights) == EVE
    assert nights.ask("SELECT max(end_session) FROM v_current_backtests") == [(EVE,)]
    nights.run(DAY)
    assert newest(nights) == DAY


def test_no_judgement_makes_a_bar_of_the_future_usable(nights: Nights) -> None:
    PriceFile(nights, first=FIRST, last=DAY + timedelta(days=1)).write()
    nights.run(DAY)
    found = nights.ask("SELECT id FROM quality_findings WHERE rule = 'future_session'")
    with nights.workspace(DAY) as workspace, pytest.raises(UsageError, match="lies in the future"):
        judgements.judge(workspace, found[0][0], "accepted", "I know better")
    nights.run(DAY, later_that_evening(DAY))
    assert nights.ask("SELECT max(end_session) FROM v_current_backtests") == [(DAY,)]
    assert nights.ask("SELECT count(*) FROM quality_judgements") == [(0,)]


def test_a_symbol_that_is_asked_about_no_more_has_no_current_result(nights: Nights) -> None:
    PriceFile(nights, symbols=3, first=FIRST, last=DAY).write()
    nights.run(DAY)
    assert current(nights) == {"S0", "S1", "S2"}
    nights.settings["universe.symbols"] = ["S0"]
    nights.run(DAY, later_that_evening(DAY))
    assert current(nights) == {"S0"}
    nights.settings["universe.symbols"] = "all"
    nights.run(DAY, later_that_evening(DAY))
    assert current(nights) == {"S0", "S1", "S2"}
    assert nights.ask("SELECT count(*) FROM v_current_backtests") == [(6,)]


def test_a_repeated_past_night_makes_nothing_current(nights: Nights) -> None:
    file = PriceFile(nights, symbols=2, first=FIRST, last=DAY)
    file.write(until=EVE)
    nights.run(EVE)
    file.write()
    nights.settings["universe.symbols"] = ["S0"]
    nights.run(DAY)
    nights.settings["universe.symbols"] = "all"
    nights.ask("DELETE FROM backtests WHERE superseded_by = id")
    again = nights.run(EVE, datetime(2024, 3, 16, tzinfo=UTC))
    assert again.outcome == "fine"
    assert nights.ask("SELECT DISTINCT ticker, end_session FROM v_current_backtests") == [("S0", DAY)]


def test_a_rule_chooses_among_the_symbols_that_are_named(nights: Nights) -> None:
    with open_street(make_market(["T0", "T1", "T2"], FIRST, DAY)) as street:
        street.lead(nights, "polygon")
        street.open_until(DAY)
        nights.settings |= {"universe.name": "leaders", "universes": {"leaders": {"top": 1, "window": 20}}}
        result = nights.run(DAY)
    assert result.outcome == "fine", result.steps
    assert nights.ask("SELECT count(DISTINCT symbol_id) FROM bars") == [(3,)]
    assert nights.ask("SELECT count(DISTINCT ticker) > 0 FROM v_universe_members") == [(True,)]


def test_a_rule_before_the_first_bar_says_so(nights: Nights) -> None:
    nights.settings |= {
        "sources.order": ["yahoo"],
        "sources.yahoo.base_url": "http://127.0.0.1:9",
        "sources.yahoo.limits": {"attempts": 1, "timeout": 1},
        "universe.symbols": ["T0"],
        "universe.name": "leaders",
        "universes": {"leaders": {"top": 1}},
    }
    steps = {step.name: step for step in nights.run(DAY).steps}
    assert steps["universes"].outcome == "partial"
    assert "No bar is stored yet" in steps["universes"].failures[0]["message"]


def test_a_night_of_minutes_alone_is_fine(nights: Nights) -> None:
    rows = [f"AAA,2024-03-14 09:{minute}:00,10,11,9,10.5,{minute}" for minute in range(30, 50)]
    (nights.folder / "minutes.csv").write_text("\n".join(["symbol,datetime,open,high,low,close,volume", *rows, ""]))
    nights.settings |= {
        "sources.order": ["csv"],
        "sources.csv.path": nights.folder / "minutes.csv",
        "sources.csv.timeframe": "1m",
        "sources.csv.basis": "raw",
    }
    result = nights.run(DAY)
    assert result.outcome == "fine", result.steps
    assert nights.ask("SELECT count(*) FROM bars WHERE timeframe = '1m'") == [(20,)]
