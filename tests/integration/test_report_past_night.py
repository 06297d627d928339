"""The report of a repeated past night stands beside the newest one's, and tells only what was known then."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from nights import PriceFile, evening

from alphafactory.calendar import sessions_between
from alphafactory.pipeline.judgements import judge, open_findings
from alphafactory.pipeline.workspace import open_workspace
from alphafactory.store import findings, results, symbols

if TYPE_CHECKING:
    from pathlib import Path

    from nights import Nights

EARLY, MIDDLE, LATE = sessions_between("XNYS", date(2024, 2, 27), date(2024, 2, 29)).tolist()
FAULTY, LATER_FAULT = date(2023, 8, 2), date(2023, 9, 5)


def words(page: Path) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page.read_text(encoding="utf-8")).split())


def test_a_repeated_night_has_its_own_page_of_what_was_known_then(nights: Nights) -> None:
    file = PriceFile(nights, last=LATE)
    file.row("S0", FAULTY)[6] *= -1
    file.write(until=EARLY)
    nights.run(EARLY)
    with open_workspace(nights.config(), EARLY, evening(EARLY) + timedelta(minutes=30)) as workspace:
        (found,) = open_findings(workspace)
        judge(workspace, found["id"], "accepted", "")
    file.row("S1", LATER_FAULT)[6] *= -1
    file.write(until=LATE)
    index = nights.folder / "reports" / "index.html"
    assert nights.run(LATE, report=True).report == str(index)
    newest = index.read_bytes()
    assert f"{LATER_FAULT}" in words(index)

    again = nights.run(EARLY, evening(LATE), report=True)
    page = nights.folder / "reports" / f"as-of-{EARLY}" / "index.html"
    assert again.report == str(page)
    assert next(step.message for step in again.steps if step.name == "report").startswith(f"{page}, ")
    assert index.read_bytes() == newest
    assert f"{FAULTY}" in words(page)
    for later in (LATER_FAULT, MIDDLE, LATE):
        assert f"{later}" not in words(page)


def test_spans_and_findings_are_those_of_the_moment(nights: Nights) -> None:
    file = PriceFile(nights, last=LATE)
    file.row("S0", FAULTY)[6] *= -1
    file.write(until=EARLY)
    nights.run(EARLY)
    judged = evening(EARLY) + timedelta(minutes=30)
    with open_workspace(nights.config(), EARLY, judged) as workspace:
        (found,) = open_findings(workspace)
        judge(workspace, found["id"], "accepted", "")
    file.row("S1", LATER_FAULT)[6] *= -1
    file.write(until=LATE)
    nights.run(LATE)
    with nights.database() as database, database.begin() as connection:
        ids = [row.id for row in symbols.read_symbols(connection)]
        for moment, last, out in (
            (evening(EARLY), EARLY, {FAULTY}),
            (judged, EARLY, set()),
            (evening(LATE), LATE, {LATER_FAULT}),
        ):
            assert results.read_span(connection, ids, LATE, moment)[1] == last
            assert results.count_by_source(connection, ids, LATE, moment)[0][3] == last
            told = results.read_findings(connection, 10, moment)
            assert {row["session"] for row in told if row["quarantined"]} == out
            assert sum(count for *_, count in results.count_findings(connection, moment)) == len(out)
            assert findings.count_quarantined(connection, ids, moment) == len(out)
        assert results.read_span(connection, ids, MIDDLE, evening(LATE))[1] == MIDDLE
