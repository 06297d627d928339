"""Findings and judgements as of a moment: dated by their evidence, versions of each other, judged while values last."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from nights import Nights, PriceFile, evening

from alphafactory.calendar import sessions_between
from alphafactory.pipeline.judgements import judge, open_findings
from alphafactory.pipeline.workspace import open_workspace
from alphafactory.store import bars, findings, symbols

if TYPE_CHECKING:
    from alphafactory.pipeline.running import JobResult
    from alphafactory.store.findings import Verdict

SESSIONS: list[date] = sessions_between("XNYS", date(2024, 2, 20), date(2024, 3, 1)).tolist()
SPIKE, AFTER = SESSIONS[3], SESSIONS[4]
FAULTY = date(2023, 8, 2)


@pytest.fixture
def file(nights: Nights) -> PriceFile:
    return PriceFile(nights, last=SESSIONS[-1])


def run(nights: Nights, file: PriceFile, day: date) -> JobResult:
    file.write(until=day)
    result = nights.run(day)
    assert result.outcome == "fine", result.steps
    return result


def usable(nights: Nights, ticker: str, moment: datetime) -> list[date]:
    """Return the sessions of the bars that were used at a moment."""
    with nights.database() as database, database.begin() as connection:
        (row,) = symbols.read_symbols(connection, [ticker])
        found: list[date] = bars.read_bars(connection, [row.id], [ticker], moment, clean=True).sessions.tolist()
    return found


def say(nights: Nights, verdict: Verdict, night: date, rule: str) -> None:
    """Judge the open finding of a rule in the hour after a night."""
    with open_workspace(nights.config(), night, evening(night) + timedelta(minutes=30)) as workspace:
        (key,) = (one["id"] for one in open_findings(workspace) if one["rule"] == rule)
        judge(workspace, key, verdict, "")


def versions(nights: Nights, rule: str) -> list[tuple[Any, ...]]:
    return nights.ask(
        "SELECT session, judgement, closed_at IS NULL FROM quality_findings WHERE rule = %s ORDER BY id", rule
    )


def computed(result: JobResult) -> dict[str, str]:
    return {step.name: step.message for step in result.steps}


def plant_spike(file: PriceFile, session: date, ticker: str = "S0") -> None:
    row = file.row(ticker, session)
    row[2:6] = [round(price * 1.9, 2) for price in row[2:6]]


def test_a_misprint_of_the_first_night_is_known_from_the_session_that_shows_it(nights: Nights, file: PriceFile) -> None:
    plant_spike(file, SPIKE)
    run(nights, file, SESSIONS[-1])
    dated = nights.ask("SELECT session, evidence, known_at FROM quality_findings WHERE rule = 'reversal_spike'")
    assert dated == [(SPIKE, AFTER, datetime(AFTER.year, AFTER.month, AFTER.day, 21, tzinfo=UTC))]
    assert SPIKE in usable(nights, "S0", evening(SPIKE))
    assert SPIKE not in usable(nights, "S0", evening(AFTER))


def test_a_misprint_seen_a_night_later_was_a_price_like_any_other_before(nights: Nights, file: PriceFile) -> None:
    plant_spike(file, SPIKE)
    for day in SESSIONS[:5]:
        run(nights, file, day)
    assert nights.ask("SELECT known_at FROM quality_findings WHERE rule = 'reversal_spike'") == [(evening(AFTER),)]
    assert SPIKE in usable(nights, "S0", evening(AFTER) - timedelta(seconds=1))
    assert SPIKE not in usable(nights, "S0", evening(AFTER))


def test_a_judgement_outlasts_nights_and_a_finding_that_comes_back(nights: Nights, file: PriceFile) -> None:
    spoilt = file.row("S0", FAULTY)
    spoilt[6] *= -1
    run(nights, file, SESSIONS[0])
    say(nights, "rejected", SESSIONS[0], "negative_volume")
    run(nights, file, SESSIONS[1])
    assert versions(nights, "negative_volume") == [(FAULTY, "rejected", True)]
    spoilt[6] *= -1
    run(nights, file, SESSIONS[2])
    assert versions(nights, "negative_volume") == [(FAULTY, "rejected", False)]
    spoilt[6] *= -1
    run(nights, file, SESSIONS[3])
    assert versions(nights, "negative_volume") == [(FAULTY, "rejected", False), (FAULTY, "rejected", True)]
    spoilt[6] -= 5  # other values are to be judged anew
    run(nights, file, SESSIONS[4])
    assert versions(nights, "negative_volume")[-1] == (FAULTY, None, True)
    assert len(versions(nights, "negative_volume")) == 3


def test_accepting_brings_the_bar_back_and_runs_its_symbol_alone(nights: Nights, file: PriceFile) -> None:
    plant_spike(file, SPIKE)
    night = SESSIONS[-1]
    run(nights, file, night)
    say(nights, "accepted", night, "reversal_spike")
    file.write(until=night)
    again = nights.run(night, evening(night) + timedelta(minutes=45))
    assert computed(again)["indicators"].startswith("1 series computed")
    assert computed(again)["backtests"].startswith("2 of 4 backtests computed")
    assert SPIKE in usable(nights, "S0", evening(night) + timedelta(minutes=45))
    assert SPIKE not in usable(nights, "S0", evening(night) + timedelta(minutes=15))
    say(nights, "rejected", night, "reversal_spike")
    third = nights.run(night, evening(night) + timedelta(minutes=50))
    assert computed(third)["indicators"].startswith("1 series computed")


def test_rejecting_a_warning_keeps_the_bar_out(nights: Nights, file: PriceFile) -> None:
    file.row("S1", FAULTY)[6] = 0
    night = SESSIONS[0]
    run(nights, file, night)
    assert nights.ask("SELECT session, quarantined FROM quality_findings WHERE rule = 'zero_volume'") == [
        (FAULTY, False)
    ]
    assert FAULTY in usable(nights, "S1", evening(night))
    say(nights, "rejected", night, "zero_volume")
    again = nights.run(night, evening(night) + timedelta(minutes=45))
    assert computed(again)["backtests"].startswith("2 of 4 backtests computed")
    assert FAULTY not in usable(nights, "S1", evening(night) + timedelta(minutes=45))
    assert nights.ask("SELECT ticker, session FROM v_quarantined") == [("S1", FAULTY)]


def test_the_step_the_view_and_the_bars_agree_on_what_is_kept_out(nights: Nights, file: PriceFile) -> None:
    """An accepted error is used and a rejected warning is not, before and after the next nights."""
    first, *later = SESSIONS[3:6]
    file.row("S0", FAULTY)[6] *= -1
    plant_spike(file, first, "S1")  # a warning so far: the night after shows that it is a misprint
    assert "1 quarantined, the first: S0 2023-08-02: " in computed(run(nights, file, first))["quality"]
    say(nights, "accepted", first, "negative_volume")
    say(nights, "rejected", first, "unexplained_jump")
    every = set(nights.ask("SELECT ticker, session FROM bars b JOIN symbols s ON s.id = b.symbol_id"))

    def kept_out(moment: datetime) -> set[tuple[str, date]]:
        return every - {(ticker, day) for ticker in ("S0", "S1") for day in usable(nights, ticker, moment)}

    assert kept_out(evening(first) + timedelta(minutes=40)) == {("S1", first)}
    assert nights.ask("SELECT ticker, session FROM v_quarantined") == [("S1", first)]
    for day in later:
        file.write(until=day)
        message = computed(nights.run(day))["quality"]
        assert f"1 quarantined, the first: S1 {first}: " in message, message
        assert kept_out(evening(day)) == {("S1", first)}
        assert set(nights.ask("SELECT ticker, session FROM v_quarantined")) == {("S1", first)}


def test_what_was_said_of_a_bar_stays_readable_as_of_its_time(nights: Nights, file: PriceFile) -> None:
    """Other values of the same fault are another version; each moment has the words of its own."""
    spoilt = file.row("S0", FAULTY)
    said: dict[date, list[dict[str, Any]]] = {}
    for number, day in enumerate(SESSIONS[:4]):
        spoilt[6] = -100.0 - number
        run(nights, file, day)
        with nights.database() as database, database.begin() as connection:
            said[day] = findings.read_findings(connection)
    volumes = [one["payload"]["volume"] for day in said for one in said[day] if one["rule"] == "negative_volume"]
    assert volumes == [-100.0, -101.0, -102.0, -103.0]
    with nights.database() as database, database.begin() as connection:
        for day, expected in said.items():
            assert findings.read_findings(connection, cutoff=evening(day)) == expected


def test_an_accepted_warning_raises_the_score_without_a_new_bar(nights: Nights, file: PriceFile) -> None:
    plant_spike(file, SPIKE)
    night = SESSIONS[-1]
    run(nights, file, night)
    score = "SELECT score FROM quality_scores q JOIN symbols s ON s.id = symbol_id WHERE ticker = 'S0'"
    ((before,),) = nights.ask(score)
    say(nights, "accepted", night, "reversal_spike")
    nights.run(night, evening(night) + timedelta(minutes=45))
    ((after,),) = nights.ask(score)
    assert after > before
    third = nights.run(night, evening(night) + timedelta(minutes=50))
    assert {step.name: step.outcome for step in third.steps}["quality"] == "skipped"
