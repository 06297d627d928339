"""The source `synthetic`: a simulated market on the real exchange calendar.

Goes in: the section `sources.synthetic`. Comes out: a `Delivery` marked simulated, of the last `years` up to the night.
The market begins at `start` and goes on for ever: the same seed gives the same bar for a session on whatever night it
is asked for, so a later night only appends. A change of `symbols`, `years`, `seed` or `start` makes another market.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.calendar import sessions_between
from alphafactory.domain.bars import BarBatch
from alphafactory.domain.market import Delivery, Dividend, EarningsDate, Listing, Split
from alphafactory.errors import SourceError
from alphafactory.sources.base import BulkSource, Progress
from alphafactory.sources.planted_faults import plant_faults
from alphafactory.sources.selection import only_tickers
from alphafactory.sources.simulated_companies import Rotation, Tenure, company_name
from alphafactory.sources.simulated_market import MarketWindow, simulate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.config_sources import SyntheticSettings
    from alphafactory.domain.arrays import FloatArray

INDEX_TICKER = "SIMX"
CALENDAR = "XNYS"
EXCHANGE = "SIM"
_EARNINGS_YIELD = 0.0125


class SyntheticSource(BulkSource):
    """A seeded market with sectors, regimes, splits, dividends, listings, delistings, earnings dates and an index."""

    name: ClassVar[str] = "synthetic"
    description: ClassVar[str] = "a simulated market, the same for the same seed"
    simulated: ClassVar[bool] = True

    def __init__(self, settings: SyntheticSettings) -> None:
        self.settings = settings

    def check_available(self) -> None:
        """Return: a simulated market needs nothing."""

    def stamp(self, as_of: date) -> str | None:
        """Return a hash of the settings, this source's code and the day."""
        whole = hashlib.sha256(f"{as_of}{self.settings.model_dump_json()}".encode())
        for path in sorted(Path(__file__).parent.glob("*.py")):
            whole.update(path.read_bytes())
        return whole.hexdigest()

    def fetch(self, as_of: date, tickers: Sequence[str] | None = None, progress: Progress | None = None) -> Delivery:
        """Deliver the market up to `as_of`; nothing later is delivered.

        Raises:
            SourceError: `as_of` lies before the market's start.
        """
        settings = self.settings
        sessions = sessions_between(CALENDAR, settings.start, as_of)
        if len(sessions) == 0:
            raise SourceError(
                f"synthetic: the simulated market begins on {settings.start}, the night is of {as_of}. "
                "Set an earlier sources.synthetic.start."
            )
        rotation = Rotation.plan(settings.symbols, settings.years)
        market = simulate(settings.seed, rotation, sessions)
        wanted = None if tickers is None else frozenset(tickers)
        tenures = rotation.tenures(len(sessions))
        index = Tenure(0, rotation.slots, market.first, len(sessions) - 1, listed=False, delisted=False)
        holders = sorted([(INDEX_TICKER, index), *((t.ticker, t) for t in tenures)], key=lambda holder: holder[0])
        batch = plant_faults(_batch(market, holders), sessions, settings, spared=INDEX_TICKER)
        if wanted is not None:
            batch, _ = only_tickers(batch, wanted)
            tenures = [tenure for tenure in tenures if tenure.ticker in wanted]
            holders = [holder for holder in holders if holder[0] in wanted]
        if progress is not None:
            progress("simulated symbols", len(holders), len(holders))
        return Delivery(
            source=self.name,
            simulated=True,
            bars=batch,
            listings=tuple(self._listing(ticker, tenure, market, sessions) for ticker, tenure in holders),
            newest_session=sessions[-1].item(),
            splits=_splits(market, tenures),
            dividends=_dividends(market, tenures),
            earnings=_earnings(market, tenures),
        )

    def _listing(self, ticker: str, tenure: Tenure, market: MarketWindow, sessions: np.ndarray) -> Listing:
        if ticker == INDEX_TICKER:
            return Listing(ticker, "Simulated Market Index", EXCHANGE, asset_class="index", calendar=CALENDAR)
        return Listing(
            ticker,
            company_name(self.settings.seed, tenure.number),
            EXCHANGE,
            market.sectors[tenure.slot],
            calendar=CALENDAR,
            listed=sessions[tenure.first].item() if tenure.listed else None,
            delisted=sessions[tenure.last].item() if tenure.delisted else None,
        )


def _rows(market: MarketWindow, tenure: Tenure) -> slice:
    """Return the window's rows in which a company is listed."""
    return slice(max(tenure.first - market.first, 0), tenure.last - market.first + 1)


def _batch(market: MarketWindow, holders: list[tuple[str, Tenure]]) -> BarBatch:
    parts = [(_rows(market, tenure), tenure.slot) for _, tenure in holders]

    def column(values: FloatArray) -> FloatArray:
        by_slot = np.ascontiguousarray(values.T)
        return np.concatenate([by_slot[slot, rows] for rows, slot in parts]) if parts else np.empty(0)

    lengths = [rows.stop - rows.start for rows, _ in parts]
    days = [market.sessions[rows] for rows, _ in parts]
    return BarBatch(
        tickers=tuple(ticker for ticker, _ in holders),
        codes=np.repeat(np.arange(len(parts), dtype=np.int64), lengths),
        sessions=np.concatenate(days) if days else np.empty(0, dtype="datetime64[D]"),
        open=column(market.open),
        high=column(market.high),
        low=column(market.low),
        close=column(market.close),
        volume=column(market.volume),
        lines=np.zeros(sum(lengths), dtype=np.int64),
    )


def _splits(market: MarketWindow, tenures: list[Tenure]) -> tuple[Split, ...]:
    found = _events(market, tenures, market.split != 1.0)
    return tuple(Split(t.ticker, market.sessions[row].item(), float(market.split[row, t.slot])) for t, row in found)


def _dividends(market: MarketWindow, tenures: list[Tenure]) -> tuple[Dividend, ...]:
    found = _events(market, tenures, market.dividend > 0.0)
    return tuple(
        Dividend(t.ticker, market.sessions[row].item(), float(market.dividend[row, t.slot])) for t, row in found
    )


def _earnings(market: MarketWindow, tenures: list[Tenure]) -> tuple[EarningsDate, ...]:
    """Return the announcements; each is of the calendar quarter before its own."""
    dates = []
    for tenure, row in _events(market, tenures, ~np.isnan(market.announced)):
        day = market.sessions[row].item()
        quarter = day.year * 4 + (day.month - 1) // 3 - 1
        actual = round(float(market.close[row, tenure.slot]) * _EARNINGS_YIELD, 2)
        estimate = round(actual * (1.0 - float(market.announced[row, tenure.slot])), 2)
        dates.append(EarningsDate(tenure.ticker, f"{quarter // 4}Q{quarter % 4 + 1}", day, estimate, actual))
    return tuple(dates)


def _events(market: MarketWindow, tenures: list[Tenure], mask: np.ndarray) -> list[tuple[Tenure, int]]:
    """Return the company and the row of each true cell while that company is listed."""
    found = []
    for tenure in tenures:
        rows = _rows(market, tenure)
        found += [(tenure, rows.start + row) for row in np.flatnonzero(mask[rows, tenure.slot]).tolist()]
    return found
