"""Explains a stored backtest: repeats it from the tables, proves that it is the same, and tells a trade day by day.

1. The data are taken as known to the run that made it, where the fingerprint says that they are the same; else as now.
2. Strategy, parameters, period and settings are the stored ones; the code is today's.
3. The repetition is compared with what is stored. Where they differ, or a part of the fingerprint does, that is said,
   and the repetition is explained.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.results import EXIT_REASONS
from alphafactory.domain.settings import parse_settings, words_of
from alphafactory.errors import SimulationError, UnknownNameError, UsageError
from alphafactory.indicators.catalogue import computation_of
from alphafactory.pipeline.benchmark_index import read_index
from alphafactory.pipeline.fingerprints import Subject, fingerprint
from alphafactory.pipeline.known_strategies import known_strategies
from alphafactory.pipeline.ledger import Ledger, trade_ledger
from alphafactory.pipeline.market_contexts import Then, needs_of, read_surroundings
from alphafactory.pipeline.market_views import symbol_signals
from alphafactory.pipeline.panel import data_fingerprints, read_panel
from alphafactory.pipeline.played import Played
from alphafactory.pipeline.workspace import code_version, end_of
from alphafactory.simulation import configure_cache, simulate
from alphafactory.store import job_runs, results, symbols
from alphafactory.store.portfolio_reading import read_portfolio_runs
from alphafactory.strategies.catalogue import code_hash
from alphafactory.strategies.combination import resolve_strategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date, datetime

    from alphafactory.domain.bars import Bars
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.strategies.base import Strategy

_TOLERANCE = 1e-9
_NUMBERS = ("entry_price", "exit_price", "quantity", "net_pnl", "commission", "fees", "slippage", "dividends", "borrow")


@dataclass(frozen=True, slots=True)
class TradeBrief:
    """One trade of the repetition. Exit fields are None while it is open; `r_multiple` is None without a stop."""

    number: int
    entry_session: date
    entry_price: float
    exit_session: date | None
    exit_price: float | None
    exit_reason: str
    quantity: float
    net_pnl: float
    r_multiple: float | None
    bars_held: int
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """A stored backtest, repeated. `agrees`: the repetition equals what is stored, to 1e-9.

    `differences` say in which results they differ, `changes` which parts of what the result depends on are others now.
    `known_at` is the moment as of which the data were read. `ledger` is there where one trade was asked for.
    """

    backtest_id: int
    strategy: str
    params: Mapping[str, int | float]
    symbol: str
    start: date
    end: date
    settings: Mapping[str, Any]
    known_at: datetime
    agrees: bool
    differences: tuple[str, ...]
    changes: tuple[str, ...]
    trades: tuple[TradeBrief, ...]
    ledger: Ledger | None


@dataclass(frozen=True, slots=True)
class _Known:
    """The symbol and its data as of a moment, and the date of the night that saw them so."""

    moment: datetime
    night: date
    symbol: SymbolRow
    fingerprint: str


def explain(workspace: Workspace, backtest_id: int, trade: int | None = None) -> Explanation:
    """Repeat a stored backtest and explain it: its trades in brief, and the ledger of one of them if asked for.

    Raises:
        UnknownNameError: there is no such finished backtest, or its strategy or symbol is gone.
        UsageError: the backtest has no trade of that number.
        SimulationError: its symbol has no usable bar any more.
    """
    with workspace.database.begin() as connection:
        row = _finished(connection, backtest_id)
        strategy = resolve_strategy(row["strategy"], known_strategies(workspace.config.paths.strategies))
        known = _as_known_then(connection, workspace, row)
        panel = read_panel(connection, [known.symbol], known.moment)
        settings = parse_settings(**words_of(row["settings"]))
        then = Then(known.moment, row["index_symbol"])
        seen = read_surroundings(workspace, [known.symbol], needs_of(strategy), then)
        changes = tuple(_changes(connection, row, strategy, settings, known, seen))
        trades, curves = results.read_trades(connection, [backtest_id]), results.read_curves(connection, [backtest_id])
    configure_cache(workspace.config.paths.var / "cache" / "numba")
    played = _repeat(row, strategy, settings, known, bars=panel.symbol(0), surroundings=seen)
    differences = tuple(_differences(row, trades[backtest_id], curves.get(backtest_id), played))
    briefs = tuple(_briefs(played))
    if trade is not None and not 1 <= trade <= len(briefs):
        raise UsageError(_no_such_trade(backtest_id, trade, len(briefs)))
    return Explanation(
        backtest_id=backtest_id,
        strategy=row["strategy"],
        params=row["params"],
        symbol=row["ticker"],
        start=row["start_session"],
        end=row["end_session"],
        settings=settings.canonical,
        known_at=known.moment,
        agrees=not differences,
        differences=differences,
        changes=changes,
        trades=briefs,
        ledger=None if trade is None else trade_ledger(played, trade),
    )


def _finished(connection: Connection, backtest_id: int) -> dict[str, Any]:
    found = results.read_backtests(connection, [backtest_id])
    portfolio = read_portfolio_runs(connection, [backtest_id])
    if portfolio:
        name = portfolio[0]["portfolio"]
        raise UsageError(
            f"Backtest {backtest_id} is a run of the portfolio '{name}', and explain tells one symbol's trades. "
            f"`python run.py portfolio {name}` tells what it did, `report --backtest {backtest_id}` writes its page, "
            "and the tables trades, orders and risk_events have every act."
        )
    if not found:
        raise UnknownNameError("backtest", str(backtest_id), [])
    if found[0]["status"] != "done":
        raise UsageError(f"Backtest {backtest_id} is {found[0]['status']}, so there is no trade: {found[0]['error']}")
    if found[0]["symbol_id"] is None:
        raise UsageError(
            f"Backtest {backtest_id} is one account over many symbols, and explain tells one symbol's trades. "
            f"`report --backtest {backtest_id}` writes its page; the tables trades and orders have every act."
        )
    return found[0]


def _no_such_trade(backtest_id: int, trade: int, count: int) -> str:
    known = f"Write --trade 1 to {count}" if count > 1 else "Write --trade 1" if count else "It has none"
    return f"Backtest {backtest_id} has no trade {trade}. {known}."


def _as_known_then(connection: Connection, workspace: Workspace, row: Mapping[str, Any]) -> _Known:
    """Return the data as the backtest saw them; of the moments that come into question the first at which they fit."""
    (stored,) = (one for one in symbols.read_symbols(connection) if one.id == row["symbol_id"])
    moments = [(row["created_at"], workspace.as_of), (workspace.cutoff, workspace.as_of)]
    if row["job_run_id"] is not None:
        night, known_until = job_runs.read_night(connection, row["job_run_id"])
        moments.insert(0, (known_until or job_runs.read_moment(connection, night) or end_of(night), night))
    found = [
        _Known(moment, night, stored.as_known(moment), prints[stored.id])
        for moment, night in moments
        for prints in [data_fingerprints(connection, [stored.id], moment)]
        if stored.id in prints
    ]
    if not found:
        raise SimulationError(
            f"{stored.ticker} has no usable bar any more, so that backtest {row['id']} cannot be repeated. "
            f"See `python run.py quality --symbol {stored.ticker}`."
        )
    return next((known for known in found if known.fingerprint == row["data_fingerprint"]), found[-1])


def _changes(  # noqa: PLR0917  all that a fingerprint holds
    connection: Connection,
    row: Mapping[str, Any],
    strategy: type[Strategy],
    settings: SimulationSettings,
    known: _Known,
    surroundings: Surroundings,
) -> Iterator[str]:
    """Yield in words what the fingerprint holds and is another now."""
    if known.fingerprint != row["data_fingerprint"]:
        yield f"The bars, splits or dividends of {row['ticker']} have changed since, or what is quarantined."
    if code_hash(strategy) != row["strategy_hash"]:
        yield f"The source of the strategy {row['strategy']} has changed since version {row['strategy_version']}."
    index = _index_print(connection, row, known)
    again = fingerprint(
        _subject(row, known.symbol),
        strategy,
        settings,
        data=row["data_fingerprint"],
        periods=row["periods_per_year"],
        risk_free_rate=row["risk_free_rate"],
        delisted=_is_delisted(known),
        index=index,
        beside=surroundings.print_of(needs_of(strategy), [known.symbol.id]),
        calendar=known.symbol.listing.calendar,
    )
    if code_hash(strategy) != row["strategy_hash"] or again == row["fingerprint"]:
        return
    if row["code_version"] != code_version():
        yield f"AlphaFactory's code has changed, from {row['code_version']} to {code_version()}."
    else:
        yield "A library, the index, the listing of the symbol or what its strategy reads beside its bars has changed."


def _index_print(connection: Connection, row: Mapping[str, Any], known: _Known) -> str | None:
    try:
        index = read_index(connection, row["index_symbol"], known.moment)
    except UsageError:  # the index is gone, which changes metrics and no trade
        return None
    return None if index is None else index.fingerprint


def _subject(row: Mapping[str, Any], symbol: SymbolRow) -> Subject:
    exchange = symbol.listing.exchange
    return Subject(row["strategy"], row["params"], row["scope"], exchange, row["period_start"], row["period_end"])


def _is_delisted(known: _Known) -> bool:
    last = known.symbol.listing.delisted
    return last is not None and last <= known.night


def _repeat(
    row: Mapping[str, Any],
    strategy: type[Strategy],
    settings: SimulationSettings,
    known: _Known,
    *,
    bars: Bars,
    surroundings: Surroundings,
) -> Played:
    start, end = (
        None if row[name] is None else np.datetime64(row[name], "D") for name in ("period_start", "period_end")
    )
    rows = bars.window(start, end)
    part = bars.part(rows)
    if len(part) == 0:
        raise SimulationError(
            f"{row['ticker']} has no usable bar in the period of backtest {row['id']} any more. "
            f"See `python run.py quality --symbol {row['ticker']}`."
        )
    context = surroundings.context(known.symbol.listing.calendar, bars.sessions)
    computation, symbol = computation_of(bars, context=context), surroundings.symbol(known.symbol, bars)
    signals = symbol_signals(strategy, row["params"], symbol, computation).part(rows)
    periods = row["periods_per_year"]
    simulation = simulate(
        part,
        signals,
        settings,
        periods_per_year=periods,
        delisted=_is_delisted(known) and rows.stop == len(bars),
        name=row["ticker"],
    )
    return Played(part, signals, settings, periods, simulation)


def _briefs(played: Played) -> Iterator[TradeBrief]:
    trades, sessions = played.simulation.trades, played.bars.sessions.tolist()
    for place in range(len(trades)):
        ended, risk = int(trades.exit_row[place]), float(trades.risk[place])
        yield TradeBrief(
            number=place + 1,
            entry_session=sessions[int(trades.entry_row[place])],
            entry_price=float(trades.entry_price[place]),
            exit_session=sessions[ended] if ended >= 0 else None,
            exit_price=float(trades.exit_price[place]) if ended >= 0 else None,
            exit_reason=EXIT_REASONS[int(trades.exit_reason[place])],
            quantity=float(trades.quantity[place]),
            net_pnl=float(trades.net_pnl[place]),
            r_multiple=float(trades.net_pnl[place]) / risk if risk > 0.0 else None,
            bars_held=int(trades.bars_held[place]),
            ambiguous=bool(trades.ambiguous[place]),
        )


def _differences(
    row: Mapping[str, Any], stored: Sequence[Mapping[str, Any]], curve: Mapping[str, Any] | None, played: Played
) -> Iterator[str]:
    """Yield in words where the repetition differs from what is stored, the first session and trade that do in detail.

    `curve` is None where the detail is no longer kept.
    """
    simulation = played.simulation
    capital = simulation.initial_capital
    if not _same(row["end_equity"], float(simulation.equity[-1]), capital):
        yield f"End equity is {float(simulation.equity[-1]):,.2f} now, and {row['end_equity']:,.2f} is stored."
    if curve is None:
        if row["n_trades"] != len(simulation.trades):
            yield f"There are {len(simulation.trades)} trades now, and {row['n_trades']:.0f} were made."
        return
    yield from _other_equity(curve, played)
    if len(stored) != len(simulation.trades):
        yield f"There are {len(simulation.trades)} trades now, and {len(stored)} are stored."
    pairs = zip(stored, _briefs(played), strict=False)
    for place, (old, new) in enumerate(pairs):
        found = [name for name in _NUMBERS if not _same(old[name], _number(played, place, name), capital)]
        found += [name for name in ("entry_session", "exit_session") if old[name] != getattr(new, name)]
        if (old["exit_reason"] or "open") != new.exit_reason:
            found.append("exit_reason")
        if found:
            yield f"Trade {place + 1} is another now: {', '.join(name.replace('_', ' ') for name in found)}."
            return


def _other_equity(curve: Mapping[str, Any], played: Played) -> Iterator[str]:
    """Tell the first session whose equity is another now."""
    sessions, equity = played.bars.sessions.tolist(), played.simulation.equity.tolist()
    if sessions != curve["sessions"]:
        yield f"The simulated sessions are others now: {len(sessions)}, and {len(curve['sessions'])} are stored."
        return
    for session, now, then in zip(sessions, equity, curve["equity"], strict=True):
        if not _same(then, now, played.simulation.initial_capital):
            yield f"Equity differs from {session} on: it is {now:,.2f} now, and {then:,.2f} is stored."
            return


def _number(played: Played, place: int, name: str) -> float | None:
    value = float(getattr(played.simulation.trades, name)[place])
    return None if math.isnan(value) else value


def _same(stored: float | None, found: float | None, capital: float) -> bool:
    """Whether two numbers agree; money of nothing is measured against the capital."""
    if stored is None or found is None:
        return stored is found
    return abs(stored - found) <= _TOLERANCE * max(abs(stored), abs(found), 1e-6 * capital)
