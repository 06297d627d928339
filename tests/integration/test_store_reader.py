"""`sql` asks as a login role that can read and nothing else; the questions of the README have answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from alphafactory.errors import AlphaFactoryError, UsageError
from alphafactory.store.reader import query

if TYPE_CHECKING:
    from nights import Nights

REFUSED = [
    "INSERT INTO symbols (ticker) VALUES ('X')",
    "DELETE FROM bars",
    "TRUNCATE trades",
    "UPDATE backtests SET sharpe = 9",
    "CREATE TABLE mine (id int)",
    "DROP VIEW v_trades",
    "commit; begin read write; DELETE FROM bars",
    "SET default_transaction_read_only = off; DELETE FROM bars",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "COPY (SELECT 1) TO '/tmp/never'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SET ROLE alphafactory",
    "SET SESSION AUTHORIZATION alphafactory",
    "RESET SESSION AUTHORIZATION; RESET ROLE; commit; begin read write; DELETE FROM bars",
    "ALTER ROLE alphafactory_reader SUPERUSER",
    "SELECT * FROM pg_authid",
    "SELECT pg_reload_conf()",
    "commit; begin read write; SELECT lo_create(0)",
    "commit; begin read write; CREATE TEMP TABLE mine (id int)",
]


@pytest.mark.parametrize("statement", REFUSED)
def test_the_reader_can_change_and_reach_nothing(finished: Nights, statement: str) -> None:
    before = finished.ask("SELECT (SELECT count(*) FROM bars), (SELECT count(*) FROM trades), count(*) FROM symbols")
    with finished.database() as database:
        with pytest.raises(UsageError):
            query(database, statement)
        assert query(database, "SELECT session_user::text, current_user::text")[1] == [
            ("alphafactory_reader", "alphafactory_reader"),
        ]
    after = finished.ask("SELECT (SELECT count(*) FROM bars), (SELECT count(*) FROM trades), count(*) FROM symbols")
    assert after == before


def test_the_best_sharpe_of_each_sector(finished: Nights) -> None:
    with finished.database() as database:
        columns, rows = query(database, "SELECT sector, ticker, strategy, sharpe FROM v_best_by_sector")
    assert columns == ["sector", "ticker", "strategy", "sharpe"]
    best: dict[str, float] = {}
    defined = "SELECT sector, sharpe FROM v_current_backtests WHERE num_nulls(sector, sharpe) = 0"
    for sector, sharpe in finished.ask(defined):
        best[sector] = max(sharpe, best.get(sector, sharpe))
    assert {row[0]: row[3] for row in rows} == best
    assert len(best) > 1


def test_the_last_ten_trades_of_a_symbol(finished: Nights) -> None:
    ((ticker, count),) = finished.ask("SELECT ticker, count(*) FROM v_trades GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 1")
    statement = f"SELECT entry_session FROM v_trades WHERE ticker = '{ticker}' ORDER BY entry_session DESC LIMIT 10"
    with finished.database() as database:
        _, rows = query(database, statement)
    assert len(rows) == min(count, 10) > 3
    newest = finished.ask(
        "SELECT max(t.entry_session) FROM trades t JOIN backtests b ON b.id = t.backtest_id WHERE b.scope = %s", ticker
    )
    assert rows[0] == newest[0]


def test_the_quarantined_bars_and_why(finished: Nights) -> None:
    with finished.database() as database:
        _, rows = query(database, "SELECT ticker, session, rule, message, payload FROM v_quarantined")
    assert {row[2] for row in rows} >= {"high_below_open_or_close", "low_above_open_or_close", "negative_volume"}
    assert all(message and payload for _, _, _, message, payload in rows)


def test_a_mistake_is_said_in_one_line(finished: Nights) -> None:
    with finished.database() as database:
        with pytest.raises(UsageError, match="no_such_table"):
            query(database, "SELECT * FROM no_such_table")
        with pytest.raises(UsageError, match="There is no SQL"):
            query(database, "  ")


def test_the_answer_of_several_statements_is_the_last_one_s(finished: Nights) -> None:
    with finished.database() as database:
        assert query(database, "SELECT 1 AS one; SELECT 2 AS two") == (["two"], [(2,)])


def test_a_reader_url_that_does_not_answer_is_said(finished: Nights) -> None:
    url = finished.url.replace("//alphafactory@", "//nobody_at_all@")
    finished.settings["database.reader_url"] = url
    try:
        with finished.database() as database, pytest.raises(AlphaFactoryError, match="nobody_at_all"):
            query(database, "SELECT 1")
    finally:
        del finished.settings["database.reader_url"]


def test_what_the_reader_sets_for_itself_is_forgotten(finished: Nights) -> None:
    with finished.database() as database:
        for setting in ("search_path = 'nowhere'", "statement_timeout = '1ms'"):
            query(database, f"commit; begin read write; ALTER ROLE alphafactory_reader SET {setting}; commit")
        assert query(database, "SELECT count(*) > 0 AS there FROM bars") == (["there"], [(True,)])
