"""What simulations did goes into the tables of trades and orders whole: sessions, tickers, words, and NULL for none."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, ORDER_KINDS, Orders, Simulation, Trades
from alphafactory.store.backtests import BacktestRecord, retire_detail, upsert_backtests
from alphafactory.store.results import read_orders, read_trades

if TYPE_CHECKING:
    from nights import Nights

NONE = float("nan")
SESSIONS = np.array(["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"], dtype="datetime64[D]")
OTHERS = np.array(["2023-06-01", "2023-06-02"], dtype="datetime64[D]")
WHOLE = {"symbol", "entry_row", "exit_row", "exit_reason", "bars_held", "decided", "ended", "kind", "end", "first_fill"}


def columns(kind: type[Any], rows: list[dict[str, Any]]) -> Any:
    """Make a table of trades or orders; a field that a row leaves out is 0."""
    types = {name: np.int64 if name in WHOLE else np.bool_ if name == "ambiguous" else np.float64
             for name in kind.__dataclass_fields__}  # fmt: skip
    return kind(*(np.array([row.get(name, 0) for row in rows], dtype=of) for name, of in types.items()))


def simulation(sessions: Any, trades: list[dict[str, Any]], orders: list[dict[str, Any]]) -> Simulation:
    rows = len(sessions)
    levels, equity = np.full((rows, 1), NONE), 1000.0 + np.arange(rows)
    return Simulation(
        equity, equity / 2, np.arange(rows, dtype=float)[:, None], levels, levels, columns(Trades, trades),
        columns(Orders, orders), 1000.0, *(0.0 for _ in range(9)), ruined=False, nan_targets=0,
    )  # fmt: skip


def closed() -> dict[str, Any]:
    return {
        "entry_row": 1, "entry_price": 10.0, "exit_row": 3, "exit_price": 9.5,
        "exit_reason": EXIT_REASONS.index("stop"),
        "quantity": -7.0, "net_pnl": -4.0, "fees": 0.25, "borrow": 0.5, "bars_held": 2, "risk": 3.5, "ambiguous": True,
        "optimistic_pnl": 6.0,
    }  # fmt: skip


def open_yet() -> dict[str, Any]:
    return {"entry_row": 0, "entry_price": 20.0, "exit_row": -1, "exit_price": NONE, "risk": NONE,
            "optimistic_pnl": NONE}  # fmt: skip


def filled() -> dict[str, Any]:
    return {
        "decided": 0, "ended": 2, "kind": ORDER_KINDS.index("limit"), "end": ORDER_ENDS.index("filled"), "weight": -1.0,
        "asked": -7.0, "filled": -7.0, "price": 10.0, "first_fill": 1, "commission": 1.0, "slippage": 0.1, "stop": 11.0,
        "take_profit": NONE,
    }  # fmt: skip


def refused(end: str) -> dict[str, Any]:
    return {"decided": 2, "ended": 3, "end": ORDER_ENDS.index(end), "asked": 5.0, "price": NONE, "first_fill": -1,
            "stop": NONE, "take_profit": NONE}  # fmt: skip


@pytest.fixture
def values(nights: Nights) -> dict[str, Any]:
    """The fields of a backtest of a symbol and a strategy that are there."""
    ((symbol,),) = nights.ask(
        "INSERT INTO symbols (ticker, exchange, asset_class, calendar, currency, source, simulated) "
        "VALUES ('AAA', 'X', 'equity', 'XNYS', 'USD', 'csv', false) RETURNING id"
    )
    ((strategy,),) = nights.ask(
        "INSERT INTO strategies (name, version, title, description, params_schema, source_text, code_hash) "
        "VALUES ('s', 1, 's', 's', '{}', 's', 's') RETURNING id"
    )
    texts = ("scope", "data_fingerprint", "subject_key", "code_version")
    nothing = ("period_start", "period_end", "start_session", "end_session", "error", "index_symbol", "job_run_id")
    return {
        **dict.fromkeys(texts, "AAA"), **dict.fromkeys(nothing), "strategy_id": strategy, "symbol_id": symbol,
        "params": {}, "settings": {}, "origin": "nightly", "status": "done", "simulated_prices": False,
        "optimistic": False, "ruined": False, "periods_per_year": 252, "risk_free_rate": 0.0, "balance_error": 0.0,
        "nan_targets": 0, "undefined": {},
    }  # fmt: skip


def store(nights: Nights, values: dict[str, Any], made: dict[str, tuple[Any, str, Simulation]]) -> dict[str, int]:
    records = [
        BacktestRecord(values | {"fingerprint": name}, {}, (ticker,), sessions, simulated)
        for name, (sessions, ticker, simulated) in made.items()
    ]
    with nights.database() as database, database.begin() as connection:
        return upsert_backtests(connection, records)


def test_rows_of_several_backtests_keep_their_sessions_and_tickers(nights: Nights, values: dict[str, Any]) -> None:
    made = {
        "one": (SESSIONS, "AAA", simulation(SESSIONS, [closed()], [refused("no_cash"), filled()])),
        "none": (OTHERS, "ZZZZZZ", simulation(OTHERS, [], [])),
        "two": (OTHERS, "B.B", simulation(OTHERS, [open_yet()], [])),
    }
    keys = store(nights, values, made)
    with nights.database() as database, database.begin() as connection:
        trades, orders = read_trades(connection, list(keys.values())), read_orders(connection, list(keys.values()))
        short = read_orders(connection, list(keys.values()), short=True)
    (first,), (second,) = trades[keys["one"]], trades[keys["two"]]
    expected = closed() | {"backtest_id": keys["one"], "number": 1, "symbol": "AAA", "exit_reason": "stop"}
    expected |= {"entry_session": date(2024, 1, 3), "exit_session": date(2024, 1, 5)}
    assert {name: first[name] for name in expected if name in first} == {
        name: value for name, value in expected.items() if name in first
    }
    assert (second["symbol"], second["entry_session"], second["number"]) == ("B.B", date(2023, 6, 1), 1)
    open_columns = ("exit_session", "exit_price", "exit_reason", "risk", "optimistic_pnl")
    assert [second[name] for name in open_columns] == [None] * 5
    assert trades[keys["none"]] == orders[keys["none"]] == orders[keys["two"]] == []
    given_up, sold = orders[keys["one"]]
    assert (given_up["number"], given_up["kind"], given_up["outcome"], given_up["asked"]) == (
        1,
        "market",
        "no_cash",
        5.0,
    )
    assert [given_up[name] for name in ("price", "first_fill_session", "stop", "take_profit")] == [None] * 4
    assert (sold["number"], sold["kind"], sold["outcome"], sold["weight"]) == (2, "limit", "filled", -1.0)
    assert [sold[f"{name}_session"] for name in ("decided", "first_fill", "ended")] == [
        date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4),
    ]  # fmt: skip
    assert (sold["stop"], sold["take_profit"], sold["price"], sold["commission"]) == (11.0, None, 10.0, 1.0)
    assert short == {keys["one"]: [given_up], keys["none"]: [], keys["two"]: []}
    assert nights.ask("SELECT position FROM equity WHERE backtest_id = %s", keys["two"]) == [([0.0, 1.0],)]


@pytest.mark.parametrize("end", ORDER_ENDS)
def test_every_way_in_which_an_order_ends_is_a_word(nights: Nights, values: dict[str, Any], end: str) -> None:
    store(nights, values, {"one": (SESSIONS, "AAA", simulation(SESSIONS, [], [refused(end)]))})
    assert nights.ask("SELECT outcome FROM orders") == [(end,)]
    assert nights.ask("SELECT outcome FROM v_orders_refused") == ([] if end == "filled" else [(end,)])


def test_a_backtest_written_again_has_its_new_rows_alone(nights: Nights, values: dict[str, Any]) -> None:
    before = store(nights, values, {"one": (SESSIONS, "AAA", simulation(SESSIONS, [closed()], [filled(), filled()]))})
    again = store(nights, values, {"one": (SESSIONS, "AAA", simulation(SESSIONS, [], [refused("no_cash")]))})
    assert again == before
    assert nights.ask("SELECT number, outcome FROM orders") == [(1, "no_cash")]
    assert nights.ask("SELECT count(*) FROM trades") == [(0,)]


def test_detail_that_is_retired_takes_the_orders_along(nights: Nights, values: dict[str, Any]) -> None:
    run = (
        "INSERT INTO job_runs (job, as_of, outcome, code_version, config, host, pid) VALUES ('nightly', '2024-01-05', "
    )
    ((first,),) = nights.ask(run + "'fine', '', '{}', '', 1) RETURNING id")
    made = simulation(SESSIONS, [closed()], [filled()])
    keys = store(
        nights, values | {"job_run_id": first}, {"old": (SESSIONS, "AAA", made), "new": (SESSIONS, "AAA", made)}
    )
    nights.ask("UPDATE backtests SET superseded_by = %s WHERE id = %s", keys["new"], keys["old"])
    nights.ask(run + "'fine', '', '{}', '', 1)")
    with nights.database() as database, database.begin() as connection:
        assert retire_detail(connection, 1) == 0
        assert retire_detail(connection, 0) == 1
    for table in ("orders", "trades", "equity"):
        assert nights.ask(f"SELECT backtest_id FROM {table}") == [(keys["new"],)], table
