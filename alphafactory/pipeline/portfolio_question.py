"""A portfolio as a question: what is asked of whom on which terms, with the hash of all that the answer depends on."""

from __future__ import annotations

import importlib.metadata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alphafactory import portfolio as stage
from alphafactory.errors import UnknownNameError
from alphafactory.pipeline.benchmark_index import read_index
from alphafactory.pipeline.fingerprints import code_of, digest_of
from alphafactory.pipeline.market_contexts import needs_of, read_surroundings
from alphafactory.pipeline.portfolio_market import choose_symbols, listing_of
from alphafactory.pipeline.portfolio_signals import SleeveTask
from alphafactory.pipeline.questions import strategy_row
from alphafactory.store import strategies, verdicts
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.config_portfolios import PortfolioConfig, RiskMeasuring
    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.mandate import RebalanceRules, RiskLimits
    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.pipeline.benchmark_index import BenchmarkIndex
    from alphafactory.pipeline.market_contexts import Surroundings
    from alphafactory.pipeline.portfolio_market import Chosen
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.registry import Registry
    from alphafactory.store.database import Connection
    from alphafactory.strategies.base import Strategy

_LIBRARIES = ("skfolio", "scikit-learn", "scipy", "cvxpy-base")
MARKET = "market"
"""The name among the shocks that stands for the whole market."""


@dataclass(frozen=True, slots=True)
class PortfolioQuestion:
    """A portfolio with all its terms. `definition` is what the tables keep of it, `subject_key` outlives nights.

    `failed_audits` names the strategies of its sleeves that are known to peek, or to be broken otherwise.
    """

    name: str
    portfolio: PortfolioConfig
    definition: Mapping[str, Any]
    limits: RiskLimits
    rules: RebalanceRules
    allocation: AllocationSettings
    measuring: RiskMeasuring
    settings: SimulationSettings
    sleeves: tuple[SleeveTask, ...]
    chosen: Chosen
    index: BenchmarkIndex | None
    fingerprint: str
    data_fingerprint: str
    subject_key: str
    surroundings: Surroundings
    failed_audits: tuple[str, ...] = ()

    def allocation_under(self, limits: RiskLimits, risk_free_rate: float) -> AllocationSettings:
        """Return how weights come about under other limits."""
        return self.portfolio.allocation_settings(limits, self.settings.leverage, risk_free_rate)


def ask_portfolio(
    connection: Connection, workspace: Workspace, name: str, registry: Registry[type[Strategy]]
) -> PortfolioQuestion:
    """Return the question that a portfolio of the config asks.

    Raises:
        UsageError: there is no such portfolio, or a strategy, parameter or sector of it is none.
        SimulationError: nobody that it may hold has a usable bar.
    """
    config = workspace.config
    settings = config.portfolio_settings(name)
    portfolio = config.portfolios[name]
    risk = portfolio.own_risk(config.risk)
    limits, measuring = risk.limits(), risk.measuring()
    plugins = [resolve_strategy(sleeve.strategy, registry) for sleeve in portfolio.sleeves]
    sleeves = tuple(
        SleeveTask(plugin.name, resolve_parameters(plugin, sleeve.params), sleeve.capital)
        for plugin, sleeve in zip(plugins, portfolio.sleeves, strict=True)
    )
    versions = [strategies.register_strategy(connection, strategy_row(plugin)) for plugin in dict.fromkeys(plugins)]
    audits = verdicts.read_verdicts(connection, versions).values()
    failed = tuple(sorted(row["strategy"] for row in audits if not row["passed"]))
    chosen = choose_symbols(connection, workspace, portfolio)
    _know_sectors(portfolio, measuring, chosen)
    index = read_index(connection, config.backtest.index, workspace.cutoff)
    needs = frozenset[str]().union(*(needs_of(plugin) for plugin in plugins))
    surroundings = read_surroundings(workspace, chosen.rows, needs)
    definition = {**portfolio.model_dump(mode="json"), "risk": risk.model_dump(mode="json")}
    data = digest_of([chosen.prints[row.id] for row in chosen.rows])
    period = (str(config.backtest.start), str(config.backtest.end))
    depends = [
        definition, settings.canonical, limits.canonical, [str(sleeve) for sleeve in sleeves],
        [code_of(plugin) for plugin in plugins], _own_code(), data, listing_of(workspace, chosen), period,
        config.backtest.risk_free_rate, None if index is None else index.fingerprint,
        surroundings.print_of(needs, [row.id for row in chosen.rows]), failed,
    ]  # fmt: skip
    return PortfolioQuestion(
        name=name,
        portfolio=portfolio,
        definition=definition,
        limits=limits,
        rules=portfolio.rules(),
        allocation=portfolio.allocation_settings(limits, settings.leverage, config.backtest.risk_free_rate),
        measuring=measuring,
        settings=settings,
        sleeves=sleeves,
        chosen=chosen,
        index=index,
        fingerprint=digest_of(["portfolio", name, *depends]),
        data_fingerprint=data,
        subject_key=digest_of(["portfolio", name, *period]),
        surroundings=surroundings,
        failed_audits=failed,
    )


def _know_sectors(portfolio: PortfolioConfig, measuring: RiskMeasuring, chosen: Chosen) -> None:
    """Refuse a sector that no symbol has: a bound on it would silently bind nobody."""
    wanted = {f"sectors.{name}": name for name in portfolio.sectors}
    wanted |= {f"risk.shocks.{name}": name for name in measuring.shocks if name != MARKET}
    for setting, name in wanted.items():
        if name not in chosen.known_sectors:
            raise UnknownNameError(f"sector (in {setting})", name, chosen.known_sectors)


@cache
def _own_code() -> list[str]:
    """Return the sources that make weights, limits and measures of signals, and the versions of their libraries."""
    here = Path(__file__).parent
    paths = [
        *sorted(Path(str(stage.__file__)).parent.glob("*.py")),
        *sorted(here.glob("portfolio_*.py")),
        here / "next_orders.py",
        here / "waiting_prices.py",
    ]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return [digest_of([path.read_text(encoding="utf-8") for path in paths]), *versions]
