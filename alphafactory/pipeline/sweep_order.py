"""What a sweep is to search: the words of a person in; strategy, grid, symbols, period and settings, judged, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from alphafactory.calendar import periods_per_year
from alphafactory.errors import UsageError
from alphafactory.indicators.catalogue import function_warm_up
from alphafactory.pipeline.delistings import is_delisted
from alphafactory.pipeline.fingerprints import Subject, digest_of, fingerprint
from alphafactory.pipeline.grids import parse_grid
from alphafactory.pipeline.known_strategies import known_strategies
from alphafactory.pipeline.market_contexts import needs_of, read_surroundings
from alphafactory.pipeline.panel import choose_universe
from alphafactory.pipeline.portfolio_market import listing_of
from alphafactory.pipeline.running import digest
from alphafactory.pipeline.universe_accounts import account_settings, account_symbols
from alphafactory.store import symbols
from alphafactory.strategies.combination import resolve_strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.pipeline.grids import Grid
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.strategies.base import Strategy

MOST_TRIALS = 20_000_000
"""Parameter sets times symbols of one sweep: minutes of work and a few gigabytes of rows."""


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """What is to be searched: a strategy's parameter sets, on symbols, over a period, on which terms."""

    strategy: type[Strategy]
    grid: Grid
    symbols: Sequence[SymbolRow]
    start: date | None
    end: date | None
    settings: SimulationSettings
    profile: str | None
    universe: str | None


def read_order(
    workspace: Workspace,
    strategy: str,
    wanted: Sequence[str] | Literal["all"],
    grid: Sequence[str],
    params: Mapping[str, str],
    *,
    start: date | None,
    end: date | None,
    words: Mapping[str, Any] | None,
    profile: str | None,
) -> SweepOrder:
    """Read the words of a sweep; arguments and errors as in `search.run_sweep`."""
    config = workspace.config
    first, last = start or config.backtest.start, end or config.backtest.end
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} lies after --to {last}. Exchange them.")
    plugin = resolve_strategy(strategy, known_strategies(config.paths.strategies))
    sets = parse_grid(plugin, grid, params)
    settings = config.simulation_settings(words, profile)
    chosen = _symbols(workspace, wanted)
    if len(sets) * len(chosen) > MOST_TRIALS:
        raise UsageError(
            f"{len(sets):,} parameter sets on {len(chosen):,} symbols are {len(sets) * len(chosen):,} backtests, more "
            f"than {MOST_TRIALS:,}. Take larger steps or fewer symbols."
        )
    universe = (config.universe.name or "all") if wanted == "all" else None
    return SweepOrder(plugin, sets, chosen, first, last, settings, profile or config.simulation.profile, universe)


def _symbols(workspace: Workspace, wanted: Sequence[str] | Literal["all"]) -> list[SymbolRow]:
    with workspace.database.begin() as connection:
        if wanted == "all":
            chosen = list(choose_universe(connection, workspace).symbols)
        else:
            named = symbols.read_symbols(connection, list(dict.fromkeys(wanted)))
            chosen = [row.as_known(workspace.cutoff) for row in named]
    if not chosen:
        raise UsageError("There are no symbols yet. Run `python run.py nightly` or `python run.py demo` first.")
    return sorted(chosen, key=lambda row: (row.ticker, row.listing.exchange))


def order_fingerprint(workspace: Workspace, order: SweepOrder, prints: Mapping[int, str]) -> str:
    """Hash what every symbol's trials depend on, and which sets they are; a symbol without bars counts as such."""
    needs = needs_of(order.strategy)
    surroundings = read_surroundings(workspace, order.symbols, needs)
    parts = [
        fingerprint(
            Subject(order.strategy.name, {}, row.ticker, row.listing.exchange, order.start, order.end),
            order.strategy,
            order.settings,
            data=prints.get(row.id, ""),
            periods=periods_per_year(row.listing.calendar),
            risk_free_rate=workspace.config.backtest.risk_free_rate,
            delisted=is_delisted(row, workspace),
            beside=surroundings.print_of(needs, [row.id]),
            calendar=row.listing.calendar,
        )
        for row in order.symbols
    ]
    if order.strategy.scope == "universe":
        with workspace.database.begin() as connection:
            whole = order.universe is not None
            chosen = account_symbols(connection, workspace, order.symbols, prints, whole_universe=whole)
        parts.append(digest_of([listing_of(workspace, chosen), account_settings(order.settings).canonical]))
    grid = order.grid
    return digest("sweep/1", repr(list(grid.values.items())), repr(sorted(grid.fixed.items())), *parts)


def longest_warm_up(strategy: type[Strategy], grid: Grid) -> int:
    """Return the bars before the indicators have a value together, at most over all parameter sets."""
    waits = [0]
    for request in strategy.indicators.values():
        named = [value for value in request.arguments.values() if isinstance(value, str)]
        waits += [function_warm_up(request.function, request.resolve(params)) for params in grid.distinct(named)]
    return max(waits)
