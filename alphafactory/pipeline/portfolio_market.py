"""The market of a portfolio: who may be held when, on the joint sessions of all, with dense closes and returns.

Goes in: a portfolio of the config, the tables. Comes out: the chosen symbols with the fingerprints of their data, and
once their bars are wanted, a `PortfolioMarket`.

The whole history is kept, so that indicators and estimates have what lies before the first session simulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.calendar import is_open_always, periods_per_year
from alphafactory.errors import SimulationError, UnknownNameError
from alphafactory.pipeline.delistings import is_delisted
from alphafactory.pipeline.memberships import Memberships, read_memberships
from alphafactory.pipeline.panel import choose_universe, data_fingerprints
from alphafactory.pipeline.running import failure
from alphafactory.pipeline.stored_panel import open_panel
from alphafactory.portfolio.comparison import equal_weight_returns
from alphafactory.portfolio.schedule import rebalance_rows
from alphafactory.simulation import joint_sessions
from alphafactory.store import scores, symbols

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.config_portfolios import PortfolioConfig
    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.context import MarketContext, MarketSymbol
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.running import Failure
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.store.universes import Spell

SeenSymbol = tuple["MarketSymbol", "MarketContext"]
"""A symbol as strategies see it, and what surrounds it."""
NO_SECTOR = "Unknown"
"""The sector of a symbol of which none is known."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The symbols of a portfolio that have usable bars, in order of ticker.

    `prints` are the fingerprints of their data by key, `spells` the memberships by key, None where all are members all
    the time. `known_sectors` are those of every stored symbol. `notes` say in words who was left out without fault.
    """

    rows: tuple[SymbolRow, ...]
    prints: Mapping[int, str]
    spells: Mapping[int, tuple[Spell, ...]] | None
    known_sectors: frozenset[str]
    failures: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def tickers(self) -> tuple[str, ...]:
        """The tickers, in column order."""
        return tuple(row.ticker for row in self.rows)

    @property
    def sectors(self) -> tuple[str, ...]:
        """The sector of each symbol, in column order."""
        return tuple(row.listing.sector or NO_SECTOR for row in self.rows)

    @property
    def periods(self) -> int:
        """The sessions of a year: those of a market that never closes, if one is among them."""
        return max((periods_per_year(row.listing.calendar) for row in self.rows), default=252)

    @property
    def calendar(self) -> str:
        """The calendar that says when a month ends: one that has every session, else the most common."""
        calendars = [row.listing.calendar for row in self.rows]
        always = [name for name in calendars if is_open_always(name)]
        return always[0] if always else max(sorted(set(calendars)), key=calendars.count)


@dataclass(frozen=True, slots=True)
class PortfolioMarket:
    """Bars of m symbols and what follows from them on the N joint sessions; `window` are the rows simulated.

    `close` is the last known close, NaN before the first bar. `returns` are total returns against it, 0 in sessions
    without a bar, NaN up to the first bar and after a last one. `member` says who may be held, all of shape (N, m).
    """

    chosen: Chosen
    bars: tuple[Bars, ...]
    sessions: DateArray
    window: slice
    delisted: tuple[bool, ...]
    close: FloatArray
    returns: FloatArray
    member: BoolArray

    @property
    def simulated_bars(self) -> list[Bars]:
        """The bars of the rows simulated; each symbol has some."""
        first, last = self.sessions[self.window][[0, -1]]
        return [series.part(series.window(first, last)) for series in self.bars]

    @property
    def simulated_sessions(self) -> DateArray:
        """The sessions simulated, shape (n,)."""
        return self.sessions[self.window]

    def seen(self, surroundings: Surroundings) -> list[SeenSymbol]:
        """Return the symbols as strategies see them, each with what surrounds it."""
        calendars = {row.listing.calendar for row in self.chosen.rows}
        contexts = {name: surroundings.context(name, self.sessions) for name in calendars}
        return [
            (
                surroundings.symbol(row, bars, self.member[np.searchsorted(self.sessions, bars.sessions), place]),
                contexts[row.listing.calendar],
            )
            for place, (row, bars) in enumerate(zip(self.chosen.rows, self.bars, strict=True))
        ]

    def column(self, name: str) -> FloatArray:
        """Return a column of the bars on all sessions, NaN without a bar, shape (N, m)."""
        found = np.full((len(self.sessions), len(self.bars)), np.nan)
        for place, series in enumerate(self.bars):
            found[np.searchsorted(self.sessions, series.sessions), place] = getattr(series, name)
        return found


def choose_symbols(connection: Connection, workspace: Workspace, portfolio: PortfolioConfig) -> Chosen:
    """Return who may ever be held by a portfolio, as known at the night.

    Raises:
        SimulationError: nobody has a usable bar.
    """
    config = workspace.config
    # A list of its own, or another universe, may hold what the night's own universe does not.
    own = not portfolio.symbols and portfolio.universe is None
    everything = choose_universe(connection, workspace, everything=not own)
    # What cannot be bought is held only where somebody names it.
    rows = [
        row for row in everything.symbols if row.ticker != config.backtest.index and row.listing.asset_class != "index"
    ]
    failures: list[Failure] = []
    spells = None
    if portfolio.symbols:
        rows, failures = _listed(connection, everything.symbols, portfolio.symbols)
    else:
        spells = read_memberships(connection, workspace, portfolio.universe or config.universe.name).spells
        if spells is not None:
            rows = [row for row in rows if row.id in spells]
    prints = data_fingerprints(connection, [row.id for row in rows], workspace.cutoff)
    failures += _without_bars(rows, prints)
    rows, notes = _good_enough(connection, workspace, [row for row in rows if row.id in prints])
    if not rows:
        why = failures[0]["message"] if failures else "Its universe has no symbol with a usable bar."
        raise SimulationError(f"{why} Run `python run.py nightly` first, or correct whom the portfolio may hold.")
    sectors = frozenset(row.listing.sector for row in everything.symbols if row.listing.sector is not None)
    ordered = tuple(sorted(rows, key=lambda row: (row.ticker, row.listing.exchange)))
    return Chosen(ordered, {row.id: prints[row.id] for row in ordered}, spells, sectors, tuple(failures), tuple(notes))


def _listed(
    connection: Connection, known: Sequence[SymbolRow], wanted: Sequence[str]
) -> tuple[list[SymbolRow], list[Failure]]:
    by_ticker = {row.ticker: row for row in known}
    by_id = {row.id: row for row in known}
    for alias in symbols.read_aliases(connection):
        if alias.symbol_id in by_id:
            by_ticker.setdefault(alias.ticker, by_id[alias.symbol_id])
    remedy = "Correct the portfolio's symbols, or add it to the universe, so that its prices are loaded."
    missing = [ticker for ticker in dict.fromkeys(wanted) if ticker not in by_ticker]
    failures = [
        failure("symbol", ticker, str(UnknownNameError("symbol", ticker, by_ticker)), remedy) for ticker in missing
    ]
    found = {by_ticker[ticker].id: by_ticker[ticker] for ticker in wanted if ticker in by_ticker}
    return list(found.values()), failures


def _without_bars(rows: Sequence[SymbolRow], prints: Mapping[int, str]) -> list[Failure]:
    return [
        failure("symbol", row.ticker, "It has no usable bar.", "See `python run.py quality`, and whether any came.")
        for row in rows
        if row.id not in prints and row.first_night is not None
    ]


def _good_enough(
    connection: Connection, workspace: Workspace, rows: Sequence[SymbolRow]
) -> tuple[list[SymbolRow], list[str]]:
    """Leave out whose data are not good enough to be traded on, which is the gate's doing and no failure."""
    least = workspace.config.quality.minimum_score
    found = scores.read_scores(connection, [row.id for row in rows], workspace.as_of)
    bad = [row.ticker for row in rows if found.get(row.id, 1.0) < least]
    words = f"{', '.join(bad)}: left out for a quality score below {least}."
    return [row for row in rows if row.ticker not in bad], [words] if bad else []


def open_market(workspace: Workspace, chosen: Chosen, first_day: date | None, last_day: date | None) -> PortfolioMarket:
    """Read the bars and lay them on the joint sessions of all; the days bound what is simulated, None for no bound.

    Raises:
        SimulationError: nobody has a bar in the period.
    """
    panel = open_panel(workspace, chosen.rows)
    start, end = (None if day is None else np.datetime64(day, "D") for day in (first_day, last_day))
    series = [one for _, _, one in panel]
    kept = [place for place, one in enumerate(series) if one.window(start, end).start < one.window(start, end).stop]
    if not kept:
        raise SimulationError("No symbol has a usable bar in the period. Choose another backtest.start or end.")
    used = Chosen(
        tuple(chosen.rows[place] for place in kept), chosen.prints, chosen.spells, chosen.known_sectors,
        chosen.failures, chosen.notes,
    )  # fmt: skip
    bars = tuple(series[place] for place in kept)
    sessions = joint_sessions(bars)
    first = 0 if start is None else int(np.searchsorted(sessions, start))
    last = len(sessions) if end is None else int(np.searchsorted(sessions, end, side="right"))
    # A symbol's own last bar within the period may be its last of all: then it ended there.
    over = tuple(
        is_delisted(row, workspace) and (end is None or one.sessions[-1] <= end)
        for row, one in zip(used.rows, bars, strict=True)
    )
    close, returns = closes_of(bars, sessions, over)
    return PortfolioMarket(
        used, bars, sessions, slice(first, last), over, close, returns, members_of(used, bars, sessions, over)
    )


def closes_of(bars: Sequence[Bars], sessions: DateArray, over: Sequence[bool]) -> tuple[FloatArray, FloatArray]:
    """Return the last known closes and the total returns against them, as `PortfolioMarket` has them, (N, m) each."""
    shape = (len(sessions), len(bars))
    close, returns = np.full(shape, np.nan), np.full(shape, np.nan)
    for place, series in enumerate(bars):
        rows = np.searchsorted(sessions, series.sessions)
        close[rows[0] :, place] = series.close[_latest(rows, len(sessions))[rows[0] :]]
        own = np.zeros(len(series))
        own[1:] = (series.close[1:] + series.dividends[1:]) / series.close[:-1] - 1.0
        returns[rows[0] + 1 :, place] = 0.0
        returns[rows[1:], place] = own[1:]
        if over[place]:
            returns[rows[-1] + 1 :, place] = np.nan
    return close, returns


def _latest(rows: IntArray, count: int) -> IntArray:
    """Return for each session the position of a symbol's bar in force, -1 before the first."""
    steps = np.zeros(count, np.int64)
    steps[rows] = 1
    return np.cumsum(steps) - 1


def equal_weight(market: PortfolioMarket, delisting_return: float) -> FloatArray:
    """Return the returns of holding all members in equal parts, without costs, brought back monthly, shape (n,)."""
    rows = market.window
    month_ends = rebalance_rows(market.sessions, market.chosen.calendar, "monthly", "last")
    return equal_weight_returns(
        market.column("close")[rows],
        np.nan_to_num(market.column("dividends")[rows], nan=0.0),
        market.member[rows],
        month_ends[rows],
        delisted=np.array(market.delisted),
        delisting_return=delisting_return,
    )


def listing_of(workspace: Workspace, chosen: Chosen) -> list[Any]:
    """Return what else is known of each symbol: who it is, where it belongs, and whether it has ceased to trade."""
    spells = chosen.spells
    return [
        [
            row.ticker, row.listing.exchange, row.listing.sector, row.listing.calendar, is_delisted(row, workspace),
            None if spells is None else [[str(start), str(end)] for _, start, end in spells.get(row.id, ())],
        ]
        for row in chosen.rows
    ]  # fmt: skip


def members_of(chosen: Chosen, bars: Sequence[Bars], sessions: DateArray, over: Sequence[bool]) -> BoolArray:
    """Return who may be held: a member of the universe, from the first bar on, up to the last if it ended there.

    Whether a symbol without a bar today will trade again is not known today, so that its last bar ends nothing unless
    it was delisted.
    """
    member = np.zeros((len(sessions), len(bars)), dtype=np.bool_)
    for place, (row, series) in enumerate(zip(chosen.rows, bars, strict=True)):
        member[:, place] = Memberships(chosen.spells).mask(row.id, sessions)
        begun, ended = np.searchsorted(sessions, series.sessions[[0, -1]]).tolist()
        member[:begun, place] = False
        if over[place]:
            member[ended + 1 :, place] = False
    return member
