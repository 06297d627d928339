"""A portfolio's run goes into its tables whole, once, and goes with its backtest; views rank strategies without it."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from test_store_orders import NONE, closed, columns, filled

from alphafactory.domain.allocation import Allocation
from alphafactory.domain.results import EXIT_REASONS, ORDER_ENDS, Orders, Simulation, Trades
from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES, RiskEvents, no_events
from alphafactory.errors import DatabaseError
from alphafactory.store import backtests, migrating, portfolio_reading, portfolios
from alphafactory.store.allocation_fits import FitRecord, read_fits, write_fits
from alphafactory.store.portfolios import LimitEffect, Measure, NextOrder, PortfolioDetail
from alphafactory.store.results import read_orders, read_trades

if TYPE_CHECKING:
    from nights import Nights

DAYS = ("2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05")
SESSIONS = np.array(DAYS, dtype="datetime64[D]")
FIRST, SECOND, THIRD, LAST = SESSIONS.tolist()
TICKERS = ("AAA", "B.B", "CCC")
DETAIL = (
    "target_weights", "positions", "exposures", "risk_events", "limit_effects", "portfolio_measures", "next_orders",
)  # fmt: skip
STAYS = ("limit_effects", "next_orders")
SYMBOL = (
    "INSERT INTO symbols (ticker, exchange, asset_class, calendar, currency, source, simulated) "
    "VALUES ('AAA', 'X', 'stock', 'XNYS', 'USD', 'csv', false) RETURNING id"
)
STRATEGY = (
    "INSERT INTO strategies (name, version, title, description, params_schema, source_text, code_hash) "
    "VALUES ('s', 1, 's', 's', '{}', 's', 's') RETURNING id"
)
EFFECT = LimitEffect("position", 2, 0.1, -0.02, 1.5, 0.2, -0.05, None)
MEASURE = Measure("stress", "2020-02", -0.3, {"worst": [1, 2]})
ORDER = NextOrder(LAST, "B.B", "sell", 7.0, "limit", 10.5, None, "rebalance", 0.3, 0.1, 0.004, "thin")


def simulation() -> Simulation:
    """A made-up account of three symbols: a trade of the first and one of the third, an order that a limit refused."""
    levels, equity = np.full((4, 3), NONE), np.array([1000.0, 1010.0, 990.0, 1020.0])
    positions = np.array([[0.0, 0.0, 0.0], [10.0, -5.0, 0.0], [10.0, -5.0, 2.0], [0.0, -5.0, 2.0]])
    trades = [closed(), closed() | {"symbol": 2, "exit_reason": EXIT_REASONS.index("risk_limit")}]
    orders = [filled(), filled() | {"symbol": 1, "end": ORDER_ENDS.index("correlation")}]
    return Simulation(
        equity, equity / 2, positions, levels, levels, columns(Trades, trades), columns(Orders, orders), 1000.0,
        *(0.0 for _ in range(9)), ruined=False, nan_targets=0,
    )  # fmt: skip


def events(rows: list[tuple[int, str, str, int, int, float, float, float, float]]) -> RiskEvents:
    whole = [[row[0], RISK_RULES.index(row[1]), RISK_ACTIONS.index(row[2]), row[3], row[4]] for row in rows]
    codes = np.array(whole, dtype=np.int64).reshape(-1, 5).T
    return RiskEvents(*codes, *np.array([row[5:] for row in rows], dtype=np.float64).reshape(-1, 4).T)


def detail() -> PortfolioDetail:
    made = simulation()
    price = np.where(made.positions == 0.0, NONE, np.array([20.0, 30.0, 5.0]))
    return PortfolioDetail(
        SESSIONS,
        TICKERS,
        ("Energy", "Tech"),
        targets=np.array([[0.2, -0.15, NONE], [0.2, -0.15, 0.0], [0.0, -0.15, 0.01], [0.0, -0.15, 0.01]]),
        rebalanced=np.array([True, False, False, True]),
        quantity=made.positions,
        price=price,
        equity=made.equity,
        exposures={
            ("gross", ""): np.array([0.0, 0.35, 0.36, 0.15]),
            ("cash", ""): np.array([1.0, NONE, 0.5, 0.5]),
            ("sector", "Tech"): np.array([0.0, 0.35, 0.36, 0.0]),
        },
        events=events(
            [
                (1, "position", "cut", 0, -1, 0.06, 0.05, 12.0, 10.0),
                (2, "sector", "drifted", -1, 1, 0.26, 0.25, NONE, NONE),
                (3, "day_loss", "freeze", -1, -1, -0.03, 0.02, NONE, NONE),
            ]
        ),
        limit_effects=(EFFECT, dataclasses.replace(EFFECT, rule=portfolios.ALL_LIMITS)),
        measures=(MEASURE,),
        next_orders=(ORDER, dataclasses.replace(ORDER, symbol="AAA", risk=None)),
    )


def values(portfolio: int | None, print_: str, **others: Any) -> dict[str, Any]:
    nothing = ("period_start", "period_end", "start_session", "end_session", "error", "index_symbol", "job_run_id")
    return {
        **dict.fromkeys(nothing), "portfolio_id": portfolio, "scope": "core", "params": {}, "settings": {},
        "fingerprint": print_, "data_fingerprint": "d", "subject_key": "core", "origin": "nightly", "status": "done",
        "simulated_prices": False, "optimistic": False, "ruined": False, "periods_per_year": 252,
        "risk_free_rate": 0.0, "balance_error": 0.0, "nan_targets": 0, "undefined": {}, "code_version": "1", **others,
    }  # fmt: skip


def store(nights: Nights, print_: str = "one", *, name: str = "core", **others: Any) -> int:
    """Write a run with its detail, as a night does, and make it the current one of its name."""
    with nights.database() as database, database.begin() as connection:
        portfolio = portfolios.register_portfolio(connection, name, {"title": "A core"})
        terms = values(portfolio, print_, scope=name, subject_key=name, **others)
        record = backtests.BacktestRecord(
            terms, {"start_equity": 1000.0, "sharpe": 9.0}, TICKERS, SESSIONS, simulation()
        )
        (key,) = backtests.upsert_backtests(connection, [record]).values()
        portfolios.write_portfolio_detail(connection, key, detail())
        if terms["origin"] == "nightly":
            backtests.supersede(connection, {name: key})
    return key


def held(nights: Nights) -> dict[str, list[dict[str, Any]]]:
    return nights.tables("portfolios", "backtests")


def test_a_definition_is_stored_once(nights: Nights) -> None:
    with nights.database() as database, database.begin() as connection:
        keys = [
            portfolios.register_portfolio(connection, name, words)
            for name, words in [
                ("a", {"x": 1, "y": None}),
                ("a", {"y": None, "x": 1}),
                ("a", {"x": 2}),
                ("b", {"x": 2}),
            ]
        ]
        with pytest.raises(ValueError, match="JSON"):
            portfolios.register_portfolio(connection, "a", {"x": float("inf")})
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3
    assert nights.ask("SELECT name, definition FROM portfolios ORDER BY id") == [
        ("a", {"x": 1, "y": None}), ("a", {"x": 2}), ("b", {"x": 2}),
    ]  # fmt: skip


def test_trades_orders_and_the_curve_of_many_symbols(nights: Nights) -> None:
    key = store(nights)
    with nights.database() as database, database.begin() as connection:
        trades, orders = read_trades(connection, [key])[key], read_orders(connection, [key])[key]
        curve = portfolio_reading.read_portfolio_curve(connection, key)
        assert portfolio_reading.read_portfolio_curve(connection, key + 1) is None
    assert [(row["symbol"], row["exit_reason"]) for row in trades] == [("AAA", "stop"), ("CCC", "risk_limit")]
    assert [(row["symbol"], row["outcome"]) for row in orders] == [("AAA", "filled"), ("B.B", "correlation")]
    assert curve == {"sessions": SESSIONS.tolist(), "equity": [1000, 1010, 990, 1020], "cash": [500, 505, 495, 510]}
    rows = nights.ask("SELECT session, equity, cash, position, drawdown FROM performance_snapshots ORDER BY session")
    assert [row[:4] for row in rows] == [
        (FIRST, 1000, 500, None), (SECOND, 1010, 505, None), (THIRD, 990, 495, None), (LAST, 1020, 510, None),
    ]  # fmt: skip
    assert rows[2][4] == pytest.approx(990 / 1010 - 1)


def test_weights_are_those_of_rebalances_and_the_changes_between(nights: Nights) -> None:
    key = store(nights)
    with nights.database() as database, database.begin() as connection:
        rows = portfolio_reading.read_target_weights(connection, key)
    assert [(row["session"], row["symbol"], row["weight"]) for row in rows] == [
        (FIRST, "AAA", 0.2), (FIRST, "B.B", -0.15), (THIRD, "AAA", 0.0), (THIRD, "CCC", 0.01), (LAST, "B.B", -0.15),
        (LAST, "CCC", 0.01),
    ]  # fmt: skip


def test_positions_are_what_is_held_with_value_and_weight(nights: Nights) -> None:
    key = store(nights)
    with nights.database() as database, database.begin() as connection:
        rows = portfolio_reading.read_positions(connection, key)
        assert portfolio_reading.read_positions(connection, key, THIRD, THIRD) == rows[2:5]
        assert portfolio_reading.read_positions(connection, key, first=LAST) == rows[5:]
    assert [tuple(row.values())[1:6] for row in rows] == [
        (SECOND, "AAA", 10, 20, 200), (SECOND, "B.B", -5, 30, -150), (THIRD, "AAA", 10, 20, 200),
        (THIRD, "B.B", -5, 30, -150), (THIRD, "CCC", 2, 5, 10), (LAST, "B.B", -5, 30, -150), (LAST, "CCC", 2, 5, 10),
    ]  # fmt: skip
    assert [row["weight"] for row in rows[:3]] == [200 / 1010, -150 / 1010, 200 / 990]


def test_a_position_without_a_price_is_refused_and_one_of_a_ruined_account_has_no_weight(nights: Nights) -> None:
    key = store(nights)
    before = held(nights)
    ruined = dataclasses.replace(detail(), equity=np.array([1000.0, 0.0, -5.0, 1020.0]))
    unpriced = detail()
    unpriced.price[2, 1] = NONE
    with nights.database() as database:
        with pytest.raises(DatabaseError, match=r"B\.B is held on 2024-01-04 without a price"), database.begin() as one:
            portfolios.write_portfolio_detail(one, key, unpriced)
        assert held(nights) == before
        with database.begin() as connection:
            portfolios.write_portfolio_detail(connection, key, ruined)
    assert nights.ask("SELECT DISTINCT session FROM positions WHERE weight IS NULL ORDER BY 1") == [(SECOND,), (THIRD,)]


def test_exposures_events_effects_measures_and_orders_come_back(nights: Nights) -> None:
    key = store(nights)
    with nights.database() as database, database.begin() as connection:
        exposures = portfolio_reading.read_exposures(connection, key)
        acts = portfolio_reading.read_risk_events(connection, key)
        effects = portfolio_reading.read_limit_effects(connection, key)
        measures = portfolio_reading.read_measures(connection, key)
        assert portfolio_reading.read_measures(connection, key, "stress") == measures
        assert portfolio_reading.read_measures(connection, key, "var") == []
        orders = portfolio_reading.read_next_orders(connection, key)
    assert exposures == {
        ("cash", ""): ([FIRST, THIRD, LAST], [1.0, 0.5, 0.5]),
        ("gross", ""): (SESSIONS.tolist(), [0.0, 0.35, 0.36, 0.15]),
        ("sector", "Tech"): ([SECOND, THIRD], [0.35, 0.36]),
    }
    assert [tuple(row.values())[1:] for row in acts] == [
        (1, SECOND, "position", "cut", "AAA", None, 0.06, 0.05, 12.0, 10.0),
        (2, THIRD, "sector", "drifted", None, "Tech", 0.26, 0.25, None, None),
        (3, LAST, "day_loss", "freeze", None, None, -0.03, 0.02, None, None),
    ]
    assert [LimitEffect(**{name: row[name] for name in LimitEffect.__slots__}) for row in effects] == [
        dataclasses.replace(EFFECT, rule="*"), EFFECT,
    ]  # fmt: skip
    assert [Measure(**{name: row[name] for name in Measure.__slots__}) for row in measures] == [MEASURE]
    read = [NextOrder(**{name: row[name] for name in NextOrder.__slots__}) for row in orders]
    assert read == [ORDER, dataclasses.replace(ORDER, symbol="AAA", risk=None)]
    assert [row["number"] for row in orders] == [1, 2]


def test_every_limit_and_every_act_is_a_word(nights: Nights) -> None:
    key = store(nights)
    pairs = list(itertools.product(RISK_RULES, RISK_ACTIONS))
    acts = events([(0, rule, action, -1, -1, 0.0, 0.0, NONE, NONE) for rule, action in pairs])
    with nights.database() as database, database.begin() as connection:
        portfolios.write_portfolio_detail(connection, key, dataclasses.replace(detail(), events=acts))
    assert nights.ask("SELECT rule, action FROM risk_events ORDER BY number") == pairs


def test_an_account_that_never_traded_and_met_no_limit_has_no_rows(nights: Nights) -> None:
    key = store(nights)
    nothing = np.zeros((4, 3))
    idle = PortfolioDetail(
        SESSIONS, TICKERS, (), nothing, np.ones(4, dtype=np.bool_), nothing, nothing + NONE, np.full(4, 1000.0), {},
        no_events(),
    )  # fmt: skip
    with nights.database() as database, database.begin() as connection:
        portfolios.write_portfolio_detail(connection, key, idle)
    assert [table for table in DETAIL if nights.ask(f"SELECT count(*) FROM {table}") != [(0,)]] == []


def test_written_twice_nothing_changes(nights: Nights) -> None:
    key = store(nights)
    before = nights.tables()
    assert [table for table in DETAIL if not before[table]] == []
    assert store(nights) == key
    assert nights.tables() == before


def test_the_detail_goes_with_its_backtest(nights: Nights) -> None:
    store(nights)
    nights.ask("DELETE FROM backtests")
    tables = (*DETAIL, "trades", "orders", "equity")
    assert [table for table in tables if nights.ask(f"SELECT count(*) FROM {table}") != [(0,)]] == []


@pytest.mark.parametrize("subjects", [(False, False), (True, True)])
def test_a_backtest_is_a_strategy_s_or_a_portfolio_s(nights: Nights, subjects: tuple[bool, bool]) -> None:
    ((strategy,),) = nights.ask(STRATEGY)
    with nights.database() as database:
        with database.begin() as connection:
            portfolio = portfolios.register_portfolio(connection, "core", {})
        strategy_id, portfolio_id = strategy if subjects[0] else None, portfolio if subjects[1] else None
        record = backtests.BacktestRecord(values(portfolio_id, "x", strategy_id=strategy_id))
        with pytest.raises(DatabaseError, match="one_subject"), database.begin() as connection:
            backtests.upsert_backtests(connection, [record])


def test_tonight_s_run_replaces_the_earlier_one_in_the_views(nights: Nights) -> None:
    store(nights, "old")
    new = store(nights, "new")
    store(nights, "asked", name="tried", origin="adhoc")
    store(nights, "broken", name="broken", status="failed", error="why")
    assert nights.ask("SELECT portfolio, title, id, sharpe FROM v_portfolios") == [("core", "A core", new, 9.0)]
    for view in ("v_portfolio_positions", "v_exposures", "v_risk_events", "v_limit_effects", "v_next_orders"):
        assert nights.ask(f"SELECT DISTINCT portfolio, backtest_id FROM {view}") == [("core", new)], view
    gained = nights.ask("SELECT return_gained, drawdown_spared, sharpe_gained FROM v_limit_effects WHERE rule = '*'")
    assert gained == [(pytest.approx(-0.1), pytest.approx(0.03), None)]
    with nights.database() as database, database.begin() as connection:
        assert portfolio_reading.read_current_portfolios(connection) == {"core": new}
        (run,) = portfolio_reading.read_portfolio_runs(connection, [new])
    assert (run["portfolio"], run["definition"], run["scope"]) == ("core", {"title": "A core"}, "core")
    assert (run["strategy_id"], run["symbol_id"], run["n_trades"]) == (None, None, None)


def test_a_portfolio_that_is_no_longer_configured_has_no_current_run(nights: Nights) -> None:
    stays, gone = store(nights, "one"), store(nights, "two", name="gone")
    asked = store(nights, "three", name="tried", origin="adhoc")
    with nights.database() as database:
        with database.begin() as connection:
            backtests.withdraw_others(connection, [])  # that of strategies leaves portfolios alone
            assert portfolios.withdraw_other_portfolios(connection, [stays, gone]) == 0
            assert portfolios.withdraw_other_portfolios(connection, [stays]) == 1
            assert portfolio_reading.read_current_portfolios(connection) == {"core": stays}
        found = dict(nights.ask("SELECT id, superseded_by FROM backtests"))
        assert found == {stays: None, gone: gone, asked: None}
        store(nights, "two", name="gone")  # configured again: its answer stands already
        with database.begin() as connection:
            assert portfolio_reading.read_current_portfolios(connection) == {"core": stays, "gone": gone}
            assert portfolios.withdraw_other_portfolios(connection, []) == 2


def test_no_view_that_ranks_strategies_shows_a_portfolio(nights: Nights) -> None:
    store(nights)
    shown = {"performance_snapshots", "v_portfolios", *(f"v_{name}" for name in STAYS)}
    shown |= {"v_portfolio_positions", "v_exposures", "v_risk_events"}
    views = {view for (view,) in nights.ask("SELECT viewname FROM pg_views WHERE schemaname = 'public'")}
    assert {view for view in views if nights.ask(f"SELECT count(*) FROM {view}") != [(0,)]} == shown


def test_detail_that_is_retired_leaves_the_limits_and_the_order_list(nights: Nights) -> None:
    run = "INSERT INTO job_runs (job, as_of, outcome, code_version, config, host, pid) VALUES ('nightly', "
    ((first,),) = nights.ask(run + "'2024-01-05', 'fine', '', '{}', '', 1) RETURNING id")
    old, new = store(nights, "old", job_run_id=first), store(nights, "new", job_run_id=first)
    nights.ask(run + "'2024-01-08', 'fine', '', '{}', '', 1)")
    with nights.database() as database, database.begin() as connection:
        assert backtests.retire_detail(connection, 1) == 0
        assert backtests.retire_detail(connection, 0) == 1
    for table in (*DETAIL, "trades", "orders", "equity"):
        kept = [(old,), (new,)] if table in STAYS else [(new,)]
        assert nights.ask(f"SELECT DISTINCT backtest_id FROM {table} ORDER BY 1") == kept, table


def test_a_fit_is_kept_as_it_was_first_found(nights: Nights) -> None:
    draw = np.random.default_rng(3)
    first = Allocation(draw.normal(size=400), "min_variance")
    second = Allocation(np.array([0.5, 0.5]), "inverse_volatility", "the covariance is singular")
    settings = {"model": "min_variance", "sessions": 252}
    fits = [
        FitRecord("k1", LAST, "u", settings, [f"S{n}" for n in range(400)], first),
        FitRecord("k2", date(2024, 2, 1), "u", settings, ["A", "B"], second),
        FitRecord("k3", LAST, "none", settings, [], Allocation(np.empty(0), "min_variance")),
    ]
    with nights.database() as database, database.begin() as connection:
        write_fits(connection, fits)
        write_fits(connection, [dataclasses.replace(fits[1], answer=first)])
        write_fits(connection, [])
        found = read_fits(connection, ["k1", "k2", "k3", "k4"])
    assert set(found) == {"k1", "k2", "k3"}
    np.testing.assert_array_equal(found["k1"].weights, first.weights)
    assert found["k3"].weights.shape == (0,)
    assert (found["k2"].weights.tolist(), found["k2"].model, found["k2"].note) == (
        [0.5, 0.5], "inverse_volatility", "the covariance is singular",
    )  # fmt: skip
    assert nights.ask("SELECT allocation, symbols, session FROM allocation_fits WHERE key = 'k2'") == [
        ("min_variance", ["A", "B"], date(2024, 2, 1)),
    ]


def test_up_and_down_with_results_of_strategies_and_portfolios(nights: Nights) -> None:
    """The schema before knows no account of many symbols: they go, those of a strategy on a symbol stay as they are."""
    ((strategy,),) = nights.ask(STRATEGY)
    ((symbol,),) = nights.ask(SYMBOL)
    with nights.database() as database:
        with database.begin() as connection:
            for print_, key in (("s", symbol), ("all", None)):
                terms = values(None, print_, strategy_id=strategy, symbol_id=key, scope="AAA", subject_key=print_)
                record = backtests.BacktestRecord(terms, {}, TICKERS, SESSIONS, simulation())
                backtests.upsert_backtests(connection, [record])
            connection.exec_driver_sql("DELETE FROM backtests WHERE fingerprint = 'all'")
        of_strategies = nights.tables()
        with database.begin() as connection:
            backtests.upsert_backtests(connection, [record])
        store(nights, "old")
        store(nights, "new")
        assert migrating.downgrade(database, "0008").current == "0008"
        assert nights.ask("SELECT fingerprint FROM backtests") == [("s",)]
        assert nights.ask("SELECT to_regclass('portfolios'), to_regclass('v_portfolios')") == [(None, None)]
        migrating.upgrade(database)
        assert migrating.check(database) == []
    assert nights.tables() == of_strategies
    assert nights.ask("SELECT position FROM equity") == [([0.0, 10.0, 10.0, 0.0],)]
    store(nights)
    assert nights.ask("SELECT portfolio FROM v_portfolios") == [("core",)]
