"""From what the sleeves want to an account ready to be simulated: signals netted, weights allocated, fits kept.

Goes in: a portfolio's question, its market, the targets of its sleeves. Comes out: the account under its limits, or
under any others. Fits of optimisers are looked up in the table of fits; those that are missing are solved by workers
and kept, so that a night adds the newest date alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.mandate import Mandate
from alphafactory.domain.signals import Signals
from alphafactory.errors import UnknownNameError, UsageError
from alphafactory.pipeline.fingerprints import digest_of
from alphafactory.pipeline.portfolio_account import Account
from alphafactory.portfolio.constraints import check_feasible
from alphafactory.portfolio.estimates import Market
from alphafactory.portfolio.plan import needed_fits, weights_over_time
from alphafactory.portfolio.ranking import first_in_line, priorities
from alphafactory.portfolio.schedule import rebalance_rows
from alphafactory.portfolio.sleeves import net_signals
from alphafactory.store.allocation_fits import FitRecord, read_fits, write_fits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.allocation import Allocation, AllocationSettings
    from alphafactory.domain.arrays import BoolArray, FloatArray, IntArray
    from alphafactory.domain.mandate import RiskLimits
    from alphafactory.pipeline.portfolio_market import PortfolioMarket
    from alphafactory.pipeline.portfolio_question import PortfolioQuestion
    from alphafactory.pipeline.portfolio_signals import SleeveSignals
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.portfolio.fits import Fit
    from alphafactory.portfolio.plan import Plan

_SECONDS_A_FIT = 0.5
_SYMBOLS_OF_A_SLOW_FIT = 300
_WORKER_START_SECONDS = 5.0
"""What a fit and a worker that loads the optimiser take, roughly; they only decide whether workers pay."""
_FITS_A_WRITE = 16


@dataclass
class Planner:
    """Sets a portfolio's account up under any limits; what does not depend on them is made once."""

    workspace: Workspace
    question: PortfolioQuestion
    market: PortfolioMarket
    sleeves: SleeveSignals
    _plans: dict[str, Plan] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Net the sleeves, lay out the market for estimates, find the rebalances."""
        portfolio, market = self.question.portfolio, self.market
        capital = [sleeve.capital for sleeve in self.question.sleeves]
        self.signals: FloatArray = net_signals(self.sleeves.targets, capital, market.member)
        tickers = market.chosen.tickers
        self.known = Market.of(market.bars, tickers, market.sessions, market.chosen.periods)
        scheduled = rebalance_rows(market.sessions, market.chosen.calendar, portfolio.rebalance, portfolio.rebalance_on)
        self.rebalance: BoolArray = np.zeros(len(market.sessions), dtype=np.bool_)
        self.rebalance[market.window] = scheduled[market.window]
        self.ranks: FloatArray = priorities(self.signals, self.known.returns, portfolio.ranking, portfolio.seed)
        self.sector_codes: IntArray = np.unique(np.array(market.chosen.sectors), return_inverse=True)[1]

    def account(self, limits: RiskLimits) -> Account:
        """Return the account under these limits, which also bound what an allocation aims at."""
        market, rows = self.market, self.market.window
        plan, ranks = self._plan(self._settings(limits), limits.max_positions), self.ranks
        prices = {name: array[rows] for name, array in self.sleeves.prices.items()}
        signals = Signals(plan.weights[rows], priority=ranks[rows], distances=self.sleeves.distances, **prices)
        return Account(
            bars=market.simulated_bars,
            sessions=market.simulated_sessions,
            signals=signals,
            settings=self.question.settings,
            mandate=Mandate(self.rebalance[rows], self.sector_codes, limits, self.question.rules),
            periods_per_year=market.chosen.periods,
            delisted=market.delisted,
            names=market.chosen.tickers,
        )

    def notes(self) -> list[tuple[int | None, str]]:
        """Return what allocations gave up under the portfolio's own limits: row of the market, or None, and words."""
        settings = self._settings(self.question.limits)
        found: list[tuple[int | None, str]] = []
        try:
            check_feasible(settings, self.market.chosen.sectors, self.market.chosen.tickers)
        except UnknownNameError:
            raise
        except UsageError as error:
            found.append((None, str(error)))
        return found + [
            (note.row, note.words) for note in self._plan(settings, self.question.limits.max_positions).notes
        ]

    def _settings(self, limits: RiskLimits) -> AllocationSettings:
        """Return how weights come about; a bound on a sector of which the portfolio has no symbol binds nobody."""
        settings = self.question.allocation_under(limits, self.workspace.config.backtest.risk_free_rate)
        own = set(self.market.chosen.sectors)
        bounds = {name: both for name, both in settings.sector_bounds.items() if name in own or both[0] > 0.0}
        return replace(settings, sector_bounds=bounds)

    def _plan(self, settings: AllocationSettings, places: int) -> Plan:
        """Return the weights over time; an allocation divides capital among as many symbols as there are places."""
        key = json.dumps([settings.canonical, places], sort_keys=True)
        if key not in self._plans:
            sectors, signals = self.market.chosen.sectors, self.signals
            if settings.model != "none":
                signals = first_in_line(signals, self.ranks, self.rebalance, places)
            fits = needed_fits(signals, self.known, self.rebalance, settings, sectors)
            solved = self._solved(fits) if fits else {}
            between = self.question.portfolio.between
            self._plans[key] = weights_over_time(
                signals, self.known, self.rebalance, settings, sectors, between=between, solved=solved
            )
        return self._plans[key]

    def _solved(self, fits: Sequence[Fit]) -> dict[str, Allocation]:
        """Return the answer of each fit by its key; new ones are kept as they come, a handful a transaction."""
        with self.workspace.database.begin() as connection:
            known = read_fits(connection, [fit.key for fit in fits])
        missing = list({fit.key: fit for fit in fits if fit.key not in known}.values())
        for start in range(0, len(missing), self._at_once(missing)):
            some = missing[start : start + self._at_once(missing)]
            answers = self._solve(some)
            records = [_record(fit, answer) for fit, answer in zip(some, answers, strict=True)]
            with self.workspace.database.begin() as connection:
                write_fits(connection, records)
            known |= {fit.key: answer for fit, answer in zip(some, answers, strict=True)}
            self.workspace.progress.advance(start + len(some), len(missing), "fits")
        return known

    def _at_once(self, missing: Sequence[Fit]) -> int:
        return _FITS_A_WRITE * max(1, min(len(missing), os.cpu_count() or 1))

    def _solve(self, fits: Sequence[Fit]) -> list[Allocation]:
        compute = self.workspace.config.compute
        cores = compute.workers or os.cpu_count() or 1
        slow = max(len(fit.tickers) for fit in fits) / _SYMBOLS_OF_A_SLOW_FIT
        saved = len(fits) * slow * _SECONDS_A_FIT * (1 - 1 / cores)
        if compute.backend == "sequential" or cores == 1 or (not compute.workers and saved < _WORKER_START_SECONDS):
            return [solve(fit) for fit in fits]
        from joblib import Parallel, delayed  # noqa: PLC0415  (loaded only when workers pay)

        answers: list[Allocation] = Parallel(n_jobs=cores, backend=compute.backend)(delayed(solve)(fit) for fit in fits)
        return answers


def solve(fit: Fit) -> Allocation:
    """Solve one fit: the work of a worker."""
    return fit.solve()


def _record(fit: Fit, answer: Allocation) -> FitRecord:
    return FitRecord(
        key=fit.key,
        session=fit.session.astype("datetime64[D]").tolist(),
        universe_hash=digest_of(list(fit.tickers)),
        settings=fit.settings.canonical,
        symbols=fit.tickers,
        answer=answer,
    )
