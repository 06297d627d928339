"""A database that nights of an older version have filled is upgraded, and its next night goes on where they ended."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from nights import Nights, PriceFile, evening

from alphafactory.pipeline.judgements import judge, open_findings
from alphafactory.pipeline.workspace import open_workspace
from alphafactory.store import migrating

if TYPE_CHECKING:
    from alphafactory.pipeline.running import JobResult

NIGHT = date(2024, 2, 29)
FAULTY, WARNED = date(2023, 8, 2), date(2023, 8, 9)
OLD = "0002"
BEFORE_ORDERS = "0006"
KEPT = ("symbols", "bars", "splits", "dividends", "indicators", "strategies", "backtests", "trades", "equity")


@pytest.fixture
def file(nights: Nights) -> PriceFile:
    """Prices whose first night is over: one bar is quarantined, another kept out by a person; then the clock set."""
    made = PriceFile(nights)
    made.row("S0", FAULTY)[6] *= -1
    made.row("S1", WARNED)[6] = 0
    made.write(until=NIGHT)
    nights.run(NIGHT)
    with open_workspace(nights.config(), NIGHT, evening(NIGHT)) as workspace:
        (warning,) = (one["id"] for one in open_findings(workspace) if one["rule"] == "zero_volume")
        judge(workspace, warning, "rejected", "")
    nights.run(NIGHT, evening(NIGHT) + timedelta(minutes=30))
    moment = evening(NIGHT)
    nights.ask("UPDATE bars_1d SET ingested_at = %s", moment)
    nights.ask("UPDATE job_runs SET started_at = %s", moment + timedelta(minutes=30))
    return made


def move(nights: Nights, revision: str | None) -> None:
    with nights.database() as database:
        if revision is None:
            migrating.upgrade(database)
        else:
            assert migrating.downgrade(database, revision).current == revision


def held(nights: Nights) -> dict[str, list[dict[str, Any]]]:
    return {table: nights.table(table) for table in KEPT}


def known_before(tables: dict[str, list[dict[str, Any]]], old: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the tables without what the older schema has no column for: results that only a new backtest can have."""
    left_out = {name: set(tables[name][0]) - set(old[name][0]) for name in ("backtests", "trades")}
    kept = {
        name: [{column: cell for column, cell in row.items() if column not in left_out.get(name, ())} for row in rows]
        for name, rows in tables.items()
    }
    for row in kept["backtests"]:
        row["undefined"] = {metric: why for metric, why in row["undefined"].items() if metric in row}
    return {name: sorted(rows, key=str) for name, rows in kept.items()}


def messages(result: JobResult) -> dict[str, str]:
    return {step.name: step.message for step in result.steps}


def test_an_old_database_keeps_everything_and_its_next_night_runs(nights: Nights, file: PriceFile) -> None:
    whole = held(nights)
    move(nights, OLD)
    columns = {
        (table, column)
        for table, column in nights.ask("SELECT table_name, column_name FROM information_schema.columns")
    }
    assert ("symbols", "first_night") not in columns
    old = held(nights)
    assert nights.ask("SELECT judgement FROM quality_findings WHERE rule = 'zero_volume'") == [("rejected",)]
    move(nights, None)
    assert known_before(held(nights), old) == known_before(whole, old)
    assert nights.ask("SELECT DISTINCT undefined->>'hold_beta' FROM backtests") == [("older_version",)]
    upgraded = held(nights)
    assert {table: len(rows) for table, rows in old.items()} == {table: len(rows) for table, rows in whole.items()}
    assert nights.ask("SELECT DISTINCT first_night FROM symbols") == [(NIGHT,)]
    assert nights.ask("SELECT verdict FROM quality_judgements") == [("rejected",)]
    assert nights.ask("SELECT ticker, session FROM v_quarantined ORDER BY 1") == [("S0", FAULTY), ("S1", WARNED)]

    same = nights.run(NIGHT, evening(NIGHT) + timedelta(minutes=40))
    assert messages(same)["backtests"].startswith("0 of 4 backtests computed")
    assert held(nights) == upgraded

    later = NIGHT + timedelta(days=1)
    file.write(until=later)
    following = nights.run(later)
    assert following.outcome == "fine", following.steps
    assert messages(following)["download"].startswith("csv: 2 new and 0 changed bars")
    assert messages(following)["backtests"].startswith("4 of 4 backtests computed")
    assert nights.ask("SELECT ticker, session FROM v_quarantined ORDER BY 1") == [("S0", FAULTY), ("S1", WARNED)]

    # The night before the upgrade is repeated after it.
    first = [row for row in whole["backtests"] if row["superseded_by"] is None]
    nights.ask("DELETE FROM backtests")
    again = nights.run(NIGHT, evening(later) + timedelta(days=1))
    assert messages(again)["backtests"].startswith("4 of 4 backtests computed")
    repeated = {row["fingerprint"]: row["total_return"] for row in nights.table("backtests")}
    assert repeated == {row["fingerprint"]: row["total_return"] for row in first}


def test_orders_that_were_refused_become_rows_and_back(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    (key, sessions), other = nights.ask("SELECT backtest_id, sessions FROM equity ORDER BY backtest_id LIMIT 2")
    nights.ask("DELETE FROM equity WHERE backtest_id = %s", other[0])  # its detail is no longer kept
    move(nights, BEFORE_ORDERS)
    refused = [
        {"session": str(sessions[30]), "quantity": 12.5, "reason": "no_cash"},
        {"session": str(sessions[0]), "quantity": -3.0, "reason": "no_volume"},
    ]
    nights.ask("UPDATE backtests SET refused = %s::jsonb WHERE id = ANY(%s)", json.dumps(refused), [key, other[0]])
    move(nights, None)
    orders = (
        "SELECT backtest_id, number, symbol, decided_session, ended_session, kind, outcome, asked, filled, weight "
        "FROM orders ORDER BY number"
    )
    (ticker,) = nights.ask("SELECT scope FROM backtests WHERE id = %s", key)[0]
    assert nights.ask(orders) == [
        (key, 1, ticker, sessions[29], sessions[30], "market", "no_cash", 12.5, 0.0, None),
        (key, 2, ticker, sessions[0], sessions[0], "market", "no_volume", -3.0, 0.0, None),
    ]
    counted = "SELECT n_short_orders, fees_total, expectancy_r, undefined->>'expectancy_r' FROM backtests WHERE id = %s"
    assert nights.ask(counted, key) == [(2.0, 0.0, None, "older_version")]
    assert nights.ask(
        "SELECT DISTINCT symbol, fees, borrow, ambiguous, risk FROM trades WHERE backtest_id = %s", key
    ) == [(ticker, 0.0, 0.0, False, None)]
    move(nights, BEFORE_ORDERS)
    assert nights.ask("SELECT refused FROM backtests WHERE id = %s", key) == [(refused,)]


def test_a_skipped_backtest_does_not_outlive_the_way_down(nights: Nights, file: PriceFile) -> None:
    assert file.path.exists()
    ((gone,), (stays,)) = nights.ask("SELECT id FROM backtests ORDER BY id LIMIT 2")
    nights.ask("UPDATE backtests SET status = 'skipped' WHERE id = %s", gone)
    nights.ask("UPDATE backtests SET superseded_by = %s WHERE id = %s", gone, stays)
    move(nights, BEFORE_ORDERS)
    assert nights.ask("SELECT superseded_by FROM backtests WHERE id = %s", stays) == [(stays,)]
    assert nights.ask("SELECT count(*) FROM backtests WHERE id = %s", gone) == [(0,)]


def test_down_and_up_again_after_nights_of_this_version(nights: Nights, file: PriceFile) -> None:
    """Versions that the older schema cannot tell apart are dropped, what holds now is kept."""
    file.row("S0", FAULTY)[6] -= 5
    file.row("S1", date(2023, 9, 6))[5] += 0.1
    later = NIGHT + timedelta(days=1)
    file.write(until=later)
    nights.run(later)
    assert nights.ask("SELECT count(*) FROM quality_findings WHERE rule = 'negative_volume'") == [(2,)]
    current = nights.ask("SELECT fingerprint FROM v_current_backtests ORDER BY 1")
    for _ in range(2):
        move(nights, OLD)
        assert nights.ask("SELECT count(*) FROM quality_findings WHERE rule = 'negative_volume'") == [(1,)]
        move(nights, None)
    assert nights.ask("SELECT fingerprint FROM v_current_backtests ORDER BY 1") == current
    same = nights.run(later, evening(later) + timedelta(minutes=30))
    assert messages(same)["backtests"].startswith("0 of 4 backtests computed")
    assert nights.ask("SELECT count(*) FROM bar_revisions") == [(2,)]
