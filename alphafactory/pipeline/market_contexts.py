"""What surrounds the symbols of a night: calendars, the index, the breadth of the universe, announcements of earnings.

Goes in: the tables, and what strategies need. Comes out: a `MarketContext` for each calendar, symbols as strategies see
them, and the hash of what each strategy reads of it beside a symbol's own bars.

Breadth is that of the night's universe: shares of the symbols that were members in a session and had a bar then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.calendar import known_range, sessions_between
from alphafactory.domain.context import BREADTH, MarketContext, MarketSymbol
from alphafactory.errors import UsageError
from alphafactory.indicators.catalogue import compute_function, function_hash, market_inputs
from alphafactory.pipeline.announcements import sessions_to_earnings
from alphafactory.pipeline.benchmark_index import read_index
from alphafactory.pipeline.memberships import Memberships, read_memberships
from alphafactory.pipeline.panel import choose_universe, data_fingerprints, read_panel
from alphafactory.pipeline.running import digest
from alphafactory.pipeline.stored_panel import open_panel
from alphafactory.simulation import joint_sessions
from alphafactory.store import actions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray
    from alphafactory.domain.bars import BarPanel, Bars
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.symbols import SymbolRow
    from alphafactory.strategies.base import Strategy

_LOOK_AHEAD = timedelta(days=400)
"""How far calendars reach beyond the night: the next session of the newest bar, and coming announcements."""


def needs_of(strategy: type[Strategy]) -> frozenset[str]:
    """Return what a strategy reads beside the bars: `index`, `breadth`, `earnings`.

    Raises:
        UnknownNameError: it asks for an indicator that does not exist.
    """
    return series_needed(request.function for request in strategy.indicators.values()) | strategy.needs


def series_needed(functions: Iterable[str]) -> frozenset[str]:
    """Return which of `index` and `breadth` some indicators read; errors as in `needs_of`."""
    inputs = {name for function in functions for name in market_inputs(function)}
    return frozenset({"index"} & inputs | ({"breadth"} if inputs & set(BREADTH) else set()))


@dataclass(frozen=True, slots=True)
class Then:
    """Terms of an earlier night: the last moment that counts as known, and the ticker of the index."""

    cutoff: datetime
    index: str | None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is known beside the bars, for the strategies that asked. `prints` are hashes of it, by what is needed."""

    series: tuple[DateArray, Mapping[str, FloatArray]]
    prints: Mapping[str, str]
    announcements: Mapping[int, Sequence[Mapping[str, Any]]] = field(default_factory=dict)

    def print_of(self, needs: Iterable[str], symbol_ids: Iterable[int]) -> str | None:
        """Return the hash of what is read beside the bars of these symbols, None where nothing is."""
        parts = [f"{name} {self.prints[name]}" for name in sorted(needs) if name != "earnings"]
        if "earnings" in needs:
            parts += [
                f"{key} {row['fiscal_period']} {row['announced']} {row['known_at'].isoformat()}"
                for key in symbol_ids
                for row in _days_alone(self.announcements.get(key, ()))
            ]
            parts.append("earnings")
        return digest(*parts) if parts else None

    def context(self, calendar: str, sessions: DateArray) -> MarketContext:
        """Return what surrounds symbols of a calendar whose bars lie within these sessions."""
        return MarketContext(calendar_days(calendar, sessions), *self.series)

    def symbol(self, row: SymbolRow, bars: Bars, member: BoolArray | None = None) -> MarketSymbol:
        """Return a symbol as strategies see it."""
        earnings = None
        if row.id in self.announcements:
            days = calendar_days(row.listing.calendar, bars.sessions)
            earnings = sessions_to_earnings(self.announcements[row.id], bars.sessions, row.listing.calendar, days)
        return MarketSymbol(row.ticker, bars, row.listing.sector, earnings, member)


def _days_alone(versions: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the versions that name another day than the one before: an estimate that moves changes no signal."""
    before: dict[str, object] = {}
    for row in versions:
        if before.get(row["fiscal_period"]) != row["announced"]:
            yield row
        before[row["fiscal_period"]] = row["announced"]


def calendar_days(calendar: str, sessions: DateArray) -> DateArray:
    """Return the days on which an exchange is open, from the earliest of some sessions to a year after the newest."""
    first_known, last_known = known_range(calendar)
    first, last = (np.datetime64(day, "D").item() for day in (sessions.min(), sessions.max()))
    return sessions_between(calendar, max(first_known, first), min(last + _LOOK_AHEAD, last_known))


def index_is_known(workspace: Workspace) -> bool:
    """Whether backtest.index names a symbol that has bars, so that who reads the index can be asked."""
    if workspace.config.backtest.index is None:
        return False
    try:
        with workspace.database.begin() as connection:
            return read_index(connection, workspace.config.backtest.index, workspace.cutoff) is not None
    except UsageError:
        return False


def read_surroundings(
    workspace: Workspace, rows: Sequence[SymbolRow], needs: Iterable[str], then: Then | None = None
) -> Surroundings:
    """Read what strategies need beside the bars of these symbols; nothing is read that nobody needs.

    `then` are the terms of an earlier night, by default those of this one.

    Raises:
        UsageError: an index is needed and `backtest.index` names none, or one without bars.
    """
    wanted, now = set(needs), Then(workspace.cutoff, workspace.config.backtest.index)
    known, ticker = (then or now).cutoff, (then or now).index
    series: dict[str, FloatArray] = {}
    prints: dict[str, str] = {}
    sessions = np.empty(0, dtype="datetime64[D]")
    with workspace.database.begin() as connection:
        index = read_index(connection, ticker, known) if "index" in wanted else None
        keys = [row.id for row in rows] if "earnings" in wanted else []
        versions = actions.read_earnings_versions(connection, keys, known) if keys else []
    if "breadth" in wanted:
        sessions, series, prints["breadth"] = _breadth(workspace, known)
    if "index" in wanted:
        if index is None:
            raise UsageError(
                "A strategy reads the index, and backtest.index names none. Set it to the ticker of a symbol."
            )
        prints["index"] = f"{index.ticker} {index.fingerprint}"
        sessions, series = _with_index(sessions, series, index.bars)
    announcements: dict[int, list[Mapping[str, Any]]] = {key: [] for key in keys}
    for version in versions:
        announcements[version["symbol_id"]].append(version)
    return Surroundings((sessions, series), prints, announcements)


def _with_index(
    sessions: DateArray, series: Mapping[str, FloatArray], index: Bars
) -> tuple[DateArray, dict[str, FloatArray]]:
    """Add the index' closes; each series keeps its newest value where another one has a session more."""
    joint = np.union1d(sessions, index.sessions)
    known = MarketContext(joint, sessions, series)
    own = MarketContext(joint, index.sessions, {"index": index.close})
    return joint, {name: known.aligned(name, joint) for name in series} | {"index": own.aligned("index", joint)}


def _breadth(workspace: Workspace, cutoff: datetime) -> tuple[DateArray, dict[str, FloatArray], str]:
    """Return sessions and shares of the night's universe, and the hash of what they were counted from."""
    with workspace.database.begin() as connection:
        rows = [row for row in choose_universe(connection, workspace).symbols if row.listing.asset_class != "index"]
        prints = data_fingerprints(connection, [row.id for row in rows], cutoff)
        spells = read_memberships(connection, workspace, workspace.config.universe.name)
    used = sorted((row for row in rows if row.id in prints), key=lambda row: row.id)
    if not used:
        return np.empty(0, dtype="datetime64[D]"), {}, digest("nobody")
    if cutoff == workspace.cutoff:
        panel = open_panel(workspace, used)
    else:
        with workspace.database.begin() as connection:
            panel = read_panel(connection, used, cutoff)
    keys = [row.id for row in used]
    code = [function_hash(name) for name in ("sma", "highest_close", "lowest_close")]
    sessions, series = breadth_of(panel, keys, spells)
    return sessions, series, digest(repr(spells.of(keys)), *(prints[key] for key in keys), *code)


def breadth_of(panel: BarPanel, keys: Sequence[int], spells: Memberships) -> tuple[DateArray, dict[str, FloatArray]]:
    """Return joint sessions, shape (N,), and for each of `BREADTH` the share of members for which it is true, (N,).

    NaN in sessions in which it is known of nobody.
    """
    series = [bars for _, _, bars in panel]
    sessions = joint_sessions(series)
    known = {name: np.zeros(len(sessions)) for name in BREADTH}
    true = {name: np.zeros(len(sessions)) for name in BREADTH}
    for key, bars in zip(keys, series, strict=True):
        rows = np.searchsorted(sessions, bars.sessions)
        member = spells.mask(key, bars.sessions)
        for name, state in _states(bars).items():
            there = ~np.isnan(state) & member
            known[name][rows[there]] += 1.0
            true[name][rows[there]] += state[there]
    shares = {
        name: np.divide(true[name], known[name], out=np.full(len(sessions), np.nan), where=known[name] > 0.0)
        for name in BREADTH
    }
    return sessions, shares


def _states(bars: Bars) -> dict[str, FloatArray]:
    """Return what `BREADTH` asks of one symbol: 1 for true, 0 for false, NaN while it is unknown."""
    advancing = np.full(len(bars), np.nan)
    advancing[1:] = bars.close[1:] > bars.close[:-1]
    above = {
        f"above_sma_{period}": _state(bars.close, compute_function("sma", bars, {"period": period})["sma"], np.greater)
        for period in (50, 200)
    }
    high = compute_function("highest_close", bars, {"period": 252})["highest_close"]
    low = compute_function("lowest_close", bars, {"period": 252})["lowest_close"]
    extremes = {
        "at_high_252": _state(bars.close, high, np.greater_equal),
        "at_low_252": _state(bars.close, low, np.less_equal),
    }
    return {"advancing": advancing, **above, **extremes}


def _state(close: FloatArray, other: FloatArray, compare: np.ufunc) -> FloatArray:
    return np.where(np.isnan(other), np.nan, compare(close, other).astype(np.float64))
