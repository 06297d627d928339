"""A night that runs twice, in two parts, or as of a past date gives the numbers of one that ran once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from nights import SIMULATED, Nights, PriceFile, evening

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

EARLIER, LATER = date(2024, 5, 15), date(2024, 6, 14)
RESULTS = "SELECT fingerprint FROM backtests WHERE superseded_by IS NULL ORDER BY fingerprint"


def current(nights: Nights) -> list[dict[str, Any]]:
    """Return the current results; their key is the question that each answers."""
    aside = {"fingerprint", "data_fingerprint", "superseded_by"}
    found = [row for row in nights.table("backtests") if row["superseded_by"] is None]
    kept = [{name: value for name, value in row.items() if name not in aside} for row in found]
    return sorted(kept, key=lambda row: str([row["scope"], row["params"]]))


def trades(nights: Nights) -> list[tuple[Any, ...]]:
    return nights.ask(
        "SELECT to_jsonb(t) - 'backtest_id' - 'params' FROM v_trades t ORDER BY ticker, strategy, number",
    )


def curves(nights: Nights) -> list[tuple[Any, ...]]:
    return nights.ask(
        "SELECT b.ticker, b.strategy, e.sessions, e.equity, e.cash, e.position FROM equity e "
        "JOIN v_current_backtests b ON b.id = e.backtest_id ORDER BY 1, 2"
    )


def soon(day: date) -> datetime:
    """Return the moment at which the night of a day runs a second time, the same evening."""
    return evening(day) + timedelta(minutes=30)


def without(rows: list[dict[str, Any]], *columns: str) -> list[dict[str, Any]]:
    return sorted(({k: v for k, v in row.items() if k not in columns} for row in rows), key=str)


def test_the_second_night_changes_no_row(simulated: Nights) -> None:
    first = simulated.run(LATER, report=True)
    assert first.outcome == "fine", first.steps
    assert all(step.rows > 0 for step in first.steps if step.name not in {"universes", "portfolios", "report"}), (
        first.steps
    )
    before, versions = simulated.tables(), simulated.ask("SELECT sum(xmin::text::bigint), count(*) FROM bars")
    filled = ("symbols", "bars", "dividends", "quality_findings", "quality_scores", "indicators", "trades", "equity")
    assert all(before[name] for name in filled)
    second = simulated.run(LATER, soon(LATER), report=True)
    assert second.outcome == "fine"
    assert [(step.name, step.rows) for step in second.steps if step.rows] == []
    assert simulated.tables() == before
    assert simulated.ask("SELECT sum(xmin::text::bigint), count(*) FROM bars") == versions
    assert simulated.ask("SELECT count(*) FROM job_runs") == [(2,)]


def test_two_nights_give_what_one_gives(make_nights: Callable[..., Nights]) -> None:
    grown, fresh = make_nights(), make_nights()
    for nights in (grown, fresh):
        nights.settings = dict(SIMULATED)
    grown.run(EARLIER)
    grown.run(LATER)
    fresh.run(LATER)
    first_kept = fresh.ask("SELECT min(session) FROM bars")[0][0].isoformat()
    assert grown.ask("SELECT count(*) FROM backtests WHERE superseded_by IS NOT NULL")[0][0] > 0

    def stored(nights: Nights, table: str) -> list[dict[str, Any]]:
        rows = [row for row in nights.table(table) if row["session"] >= first_kept]
        return without(rows, "known_at", "known_at_assumed")

    # The simulated source counts its years back from the night, so the earlier one delivered some older bars as well.
    assert stored(grown, "bars") == stored(fresh, "bars")
    assert grown.ask("SELECT count(*) FROM bars WHERE session < %s", first_kept)[0][0] > 0


def test_an_appended_file_gives_what_a_whole_one_gives(make_nights: Callable[..., Nights]) -> None:
    grown, fresh = make_nights(), make_nights()
    for nights, stages in (
        (grown, (date(2023, 11, 15), date(2024, 2, 1), date(2024, 3, 1))),
        (fresh, (date(2024, 3, 1),)),
    ):
        file = PriceFile(nights)
        for day in stages:
            file.write(until=day)
            assert nights.run(day).outcome == "fine"
    for table in ("bars", "indicators"):
        assert without(grown.table(table), "known_at", "known_at_assumed") == without(
            fresh.table(table), "known_at", "known_at_assumed"
        )
    assert current(grown) == current(fresh)
    assert len(current(fresh)) == 4
    assert trades(grown) == trades(fresh)
    assert len(trades(fresh)) > 4
    assert curves(grown) == curves(fresh)


def test_a_past_date_gives_the_numbers_of_that_night_and_replaces_nothing(nights: Nights) -> None:
    first, second = date(2023, 12, 15), date(2024, 1, 16)
    file = PriceFile(nights)
    file.row("S1", date(2023, 6, 5))[6] *= -1
    file.write(until=first)
    nights.run(first)
    then = (current(nights), trades(nights), curves(nights))
    fingerprints = nights.ask(RESULTS)
    file.row("S0", date(2023, 6, 1))[5] += 0.1  # the source restates a bar,
    file.row("S0", date(2023, 6, 5))[5] += 9  # spoils one that was good
    file.row("S1", date(2023, 6, 5))[6] *= -1  # and mends one that was spoilt
    file.write(until=second)
    nights.run(second)
    results = ("backtests", "trades", "equity")
    now, tables = (current(nights), trades(nights), curves(nights)), nights.tables(*results)
    assert now != then
    # Forgetting the earlier results makes the night of the past date compute them anew.
    nights.ask("DELETE FROM backtests WHERE superseded_by IS NOT NULL")
    again = nights.run(first, evening(second))
    assert again.outcome == "fine"
    assert {step.name: step.outcome for step in again.steps} == {
        "download": "skipped", "quality": "skipped", "universes": "skipped", "indicators": "skipped",
        "audits": "fine", "backtests": "fine", "portfolios": "skipped",
    }  # fmt: skip
    assert (current(nights), trades(nights), curves(nights)) == now
    assert nights.tables(*results) == tables
    nights.ask("UPDATE backtests SET superseded_by = NULL WHERE superseded_by IS NOT NULL")
    nights.ask("DELETE FROM backtests WHERE NOT fingerprint = ANY(%s)", [found for (found,) in fingerprints])
    assert current(nights) == then[0]
    assert trades(nights) == then[1]
    assert curves(nights) == then[2]


def test_a_restated_bar_is_kept_and_only_its_symbol_runs_again(nights: Nights) -> None:
    first = date(2023, 12, 15)
    file = PriceFile(nights, last=first)
    file.write()
    nights.run(first)
    others = (
        "SELECT to_jsonb(i) FROM indicators i JOIN symbols s ON s.id = symbol_id WHERE ticker = 'S1' ORDER BY session"
    )
    old = nights.ask(others)
    day = date(2023, 6, 1)
    close = file.row("S0", day)[5]
    file.row("S0", day)[5] = close + 0.1
    file.write()
    result = nights.run(first, soon(first))
    assert result.outcome == "fine"
    revisions = "SELECT ticker, r.session, r.close, known_to FROM bar_revisions r JOIN symbols s ON s.id = symbol_id"
    assert nights.ask(revisions) == [("S0", day, close, soon(first))]
    steps = {step.name: step.message for step in result.steps}
    assert steps["indicators"].startswith("1 series computed")
    assert steps["backtests"].startswith("2 of 4 backtests computed")
    replaced = "SELECT DISTINCT scope FROM backtests WHERE superseded_by IS NOT NULL"
    assert nights.ask(replaced) == [("S0",)]
    assert nights.ask("SELECT count(*) FROM v_current_backtests") == [(4,)]
    assert nights.ask(others) == old


def test_less_than_half_a_tick_is_no_revision(nights: Nights) -> None:
    day = date(2023, 12, 15)
    file = PriceFile(nights, last=day)
    file.write()
    nights.run(day)
    before = nights.tables("source_states")
    file.row("S0", date(2023, 6, 1))[5] += 0.004
    file.write()
    result = nights.run(day, soon(day))
    assert result.steps[0].message == "csv: 0 new and 0 changed bars, 0 actions."
    assert [step.rows for step in result.steps] == [0] * 7
    assert nights.tables("source_states") == before


def test_a_late_split_and_dividend_change_the_basis_and_no_raw_bar(nights: Nights) -> None:
    day, ex_date = date(2023, 12, 15), date(2023, 9, 5)
    file = PriceFile(nights, last=day)
    file.write()
    nights.run(day)
    raw = nights.table("bars")
    average = (
        "SELECT sma_20 FROM indicators i JOIN symbols s ON s.id = symbol_id "
        "WHERE ticker = 'S0' AND session = '2023-06-01'"
    )
    (before,) = nights.ask(average)
    (nights.folder / "splits.csv").write_text(f"symbol,ex_date,ratio\nS0,{ex_date},2\n")
    (nights.folder / "dividends.csv").write_text("symbol,ex_date,amount\nS1,2023-07-03,0.5\n")
    nights.settings |= {
        "sources.csv.splits_path": nights.folder / "splits.csv",
        "sources.csv.dividends_path": nights.folder / "dividends.csv",
    }
    result = nights.run(day, soon(day))
    assert result.outcome == "fine", result.steps
    assert nights.table("bars") == raw
    (after,) = nights.ask(average)
    assert after[0] == before[0] / 2  # halving is exact in binary
    assert nights.ask("SELECT sum(dividends_total) > 0 FROM v_current_backtests WHERE ticker = 'S1'") == [(True,)]
    assert nights.ask("SELECT count(*) FROM bar_revisions") == [(0,)]
    replaced = "SELECT scope, count(*) FROM backtests WHERE superseded_by IS NOT NULL GROUP BY 1 ORDER BY 1"
    assert nights.ask(replaced) == [("S0", 2), ("S1", 2)]
