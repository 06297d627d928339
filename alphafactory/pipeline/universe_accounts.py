"""Backtests of strategies that see a universe: one account over all its symbols, not one a symbol.

1. A question names the strategy, the symbols and the period; its fingerprint is the hash of all that the answer depends
   on. One that is answered is not asked again.
2. The strategy is asked once, on the joint sessions of all; its targets are shares of equity.
3. The account is simulated, and measured beside holding all members in equal parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from alphafactory.domain.settings import parse_settings, words_of
from alphafactory.errors import AlphaFactoryError, SimulationError, UsageError
from alphafactory.metrics import Benchmarks, aligned_returns, compute_metrics
from alphafactory.pipeline.fingerprints import Subject, digest_of, fingerprint
from alphafactory.pipeline.market_contexts import needs_of
from alphafactory.pipeline.market_views import UniversePanel
from alphafactory.pipeline.memberships import read_memberships
from alphafactory.pipeline.portfolio_market import Chosen, equal_weight, listing_of, open_market
from alphafactory.pipeline.questions import strategy_row
from alphafactory.pipeline.records import Question, backtest_record
from alphafactory.pipeline.running import failure
from alphafactory.pipeline.simulating import Finished, TooFewBarsError, check_warm_up
from alphafactory.simulation import configure_cache, simulate_account
from alphafactory.store import backtests, strategies
from alphafactory.store.backtests import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.domain.signals import Signals
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.portfolio_market import PortfolioMarket
    from alphafactory.pipeline.questions import Order
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class AccountQuestion:
    """A backtest of one account to do: what is asked, of which strategy, and who may be held."""

    question: Question
    strategy: type[Strategy]
    chosen: Chosen


def account_settings(settings: SimulationSettings) -> SimulationSettings:
    """Return the settings under which an account of many symbols is simulated.

    Targets are shares of equity there, so that `all_in`, by which the first symbol would take all cash, becomes
    all of the equity times the target. Any other sizing stays what it is.
    """
    if settings.sizing.name != "all_in":
        return settings
    whole = f"percent:{min(1.0, settings.leverage):.12g}"
    return parse_settings(**{**words_of(settings.canonical), "sizing": whole})


def ask_accounts(
    connection: Connection,
    workspace: Workspace,
    order: Order,
    prints: Mapping[int, str],
    surroundings: Surroundings,
) -> tuple[dict[str, AccountQuestion], list[Failure]]:
    """Return the questions that strategies of scope universe ask, by their fingerprints, and what cannot be asked."""
    wanted = [(strategy, params) for strategy, params in order.strategies if strategy.scope == "universe"]
    if not wanted:
        return {}, []
    chosen = account_symbols(connection, workspace, order.symbols, prints, whole_universe=order.whole_universe)
    questions: dict[str, AccountQuestion] = {}
    failures: list[Failure] = []
    for strategy, params in wanted:
        try:
            question = _question(
                connection, workspace, order, strategy, params=params, chosen=chosen, seen=surroundings
            )
        except AlphaFactoryError as error:
            failures.append(failure("strategy", strategy.name, str(error), "Correct the strategy's file."))
        else:
            questions[question.question.fingerprint] = question
    return questions, failures


def account_symbols(
    connection: Connection,
    workspace: Workspace,
    symbols: Sequence[SymbolRow],
    prints: Mapping[int, str],
    *,
    whole_universe: bool,
) -> Chosen:
    """Return whom a strategy may hold: what has bars and can be bought, in its spells of the night's universe."""
    index = workspace.config.backtest.index
    rows = [row for row in symbols if row.id in prints and row.listing.asset_class != "index"]
    rows = sorted((row for row in rows if row.ticker != index), key=lambda row: (row.ticker, row.listing.exchange))
    rows = _of_one_calendar(rows, refuse=not whole_universe)
    universe = workspace.config.universe.name if whole_universe else None
    spells = read_memberships(connection, workspace, universe).spells
    sectors = frozenset(row.listing.sector for row in rows if row.listing.sector is not None)
    return Chosen(tuple(rows), {row.id: prints[row.id] for row in rows}, spells, sectors)


def _of_one_calendar(rows: list[SymbolRow], *, refuse: bool) -> list[SymbolRow]:
    """Return the symbols of the calendar that most have: who is closed today cannot be ranked against who is open."""
    calendars = [row.listing.calendar for row in rows]
    if len(set(calendars)) > 1 and refuse:
        raise UsageError(
            f"A strategy that compares symbols needs them on one calendar, and these have "
            f"{', '.join(sorted(set(calendars)))}. Name symbols of one."
        )
    usual = max(sorted(set(calendars)), key=calendars.count, default="")
    return [row for row in rows if row.listing.calendar == usual]


def _question(
    connection: Connection,
    workspace: Workspace,
    order: Order,
    strategy: type[Strategy],
    *,
    params: Mapping[str, int | float],
    chosen: Chosen,
    seen: Surroundings,
) -> AccountQuestion:
    if not chosen.rows:
        raise SimulationError("Its universe has no symbol with a usable bar.")
    version = strategies.register_strategy(connection, strategy_row(strategy))
    subject = Subject(strategy.name, params, order.scope, "universe", order.start, order.end)
    ids = [row.id for row in chosen.rows]
    data = digest_of([chosen.prints[key] for key in ids] + [listing_of(workspace, chosen)])
    found = fingerprint(
        subject,
        strategy,
        account_settings(order.settings),
        data=data,
        periods=chosen.periods,
        risk_free_rate=workspace.config.backtest.risk_free_rate,
        delisted=False,  # who was delisted is part of the listing
        index=None if order.index is None else order.index.fingerprint,
        beside=seen.print_of(needs_of(strategy), ids),
    )
    index = None if order.index is None else order.index.ticker
    simulated = any(row.simulated for row in chosen.rows)
    question = Question(found, subject, version, data, chosen.periods, chosen.tickers, simulated, index_symbol=index)
    return AccountQuestion(question, strategy, chosen)


def compute_accounts(
    workspace: Workspace, order: Order, questions: Mapping[str, AccountQuestion], surroundings: Surroundings
) -> dict[str, Answer]:
    """Simulate the accounts and write each with its trades, orders and curve; what failed is a row with its error."""
    if not questions:
        return {}
    configure_cache(workspace.config.paths.var / "cache" / "numba")
    answers: dict[str, Answer] = {}
    for number, (print_, finished) in enumerate(_all_finished(workspace, order, questions, surroundings), start=1):
        question = questions[print_]
        record = backtest_record(
            question.question,
            finished,
            settings=account_settings(order.settings),
            origin=order.origin,
            job_run_id=order.job_run_id,
            risk_free_rate=workspace.config.backtest.risk_free_rate,
        )
        with workspace.database.begin() as connection:
            keys = backtests.upsert_backtests(connection, [record])
        answers[print_] = Answer(keys[print_], finished.status, finished.error)
        workspace.progress.advance(number, len(questions), "accounts")
    return answers


def account_stage(
    workspace: Workspace, chosen: Chosen, start: date | None, end: date | None, surroundings: Surroundings
) -> tuple[PortfolioMarket, UniversePanel]:
    """Return the market of an account, and its symbols as a strategy sees them.

    Raises:
        SimulationError: nobody has a bar in the period.
    """
    market = open_market(workspace, chosen, start, end)
    seen = [symbol for symbol, _ in market.seen(surroundings)]
    return market, UniversePanel(seen, surroundings.context(market.chosen.calendar, market.sessions))


def _all_finished(
    workspace: Workspace, order: Order, questions: Mapping[str, AccountQuestion], surroundings: Surroundings
) -> Iterator[tuple[str, Finished]]:
    """Yield each account's fingerprint and result; where nobody has a bar in the period, all have failed."""
    chosen = next(iter(questions.values())).chosen  # all strategies may hold the same
    try:
        market, panel = account_stage(workspace, chosen, order.start, order.end, surroundings)
    except AlphaFactoryError as error:
        yield from ((print_, Finished(print_, "failed", error=str(error))) for print_ in questions)
        return
    for print_, question in questions.items():
        yield print_, _finished(workspace, order, question, market, panel)


def _finished(
    workspace: Workspace, order: Order, question: AccountQuestion, market: PortfolioMarket, panel: UniversePanel
) -> Finished:
    asked = question.question
    strategy, params, print_ = question.strategy, asked.subject.params, asked.fingerprint
    try:
        check_warm_up(strategy, params, asked.subject.ticker, market.window.stop)
        signals = panel.signals(strategy, params).part(market.window)
        return _simulated(workspace, order, print_, market, signals)
    except TooFewBarsError as error:
        return Finished(print_, "skipped", error=str(error))
    except AlphaFactoryError as error:
        return Finished(print_, "failed", error=str(error))
    except (Exception, SystemExit) as error:  # noqa: BLE001  a user's strategy may raise anything at all
        return Finished(print_, "failed", error=f"{type(error).__name__} in {strategy.name}: {error}")


def _simulated(workspace: Workspace, order: Order, print_: str, market: PortfolioMarket, signals: Signals) -> Finished:
    settings, sessions = account_settings(order.settings), market.simulated_sessions
    simulation = simulate_account(
        market.simulated_bars,
        signals,
        settings,
        periods_per_year=market.chosen.periods,
        delisted=market.delisted,
        names=market.chosen.tickers,
    )
    index = None if order.index is None else aligned_returns(order.index.bars, sessions)
    held = equal_weight(market, settings.delisting_return)
    metrics = compute_metrics(
        simulation,
        sessions,
        market.chosen.periods,
        workspace.config.backtest.risk_free_rate,
        benchmarks=Benchmarks(hold=held, index=index),
    )
    return Finished(print_, "done", sessions, simulation, metrics)
