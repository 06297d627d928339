"""Every setting: its type, its bounds, its default and what it is for. Read by `config_loading`, judged here."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from alphafactory.config_portfolios import PortfolioConfig, RiskConfig
from alphafactory.config_sources import (
    AlphaVantageSettings,
    CryptoSettings,
    CsvSettings,
    PolygonSettings,
    SyntheticSettings,
    YahooSettings,
)
from alphafactory.config_universes import UniverseSpec, universe_chain
from alphafactory.domain.settings import SimulationSettings, parse_settings
from alphafactory.domain.timeframes import Timeframe
from alphafactory.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Section(BaseModel):
    """A section of the config: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _cron(expression: str) -> str:
    if len(expression.split()) != 5:  # noqa: PLR2004  minute, hour, day, month, weekday
        raise ValueError(f"'{expression}' is no cron entry of five fields, such as '30 18 * * mon-fri'")
    return expression


def _entries_in_force(entries: object) -> object:
    """Drop the entries that are switched off: `nightly: null` in an overlay takes an entry of the file below away."""
    if not isinstance(entries, dict):
        return entries
    return {name: entry for name, entry in entries.items() if entry is not None}


def _portfolio_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name):
        raise ValueError(f"'{name}' cannot name a portfolio: write letters, digits, - and _")
    return name


def _timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError(f"'{name}' is no time zone, such as America/New_York") from error
    return name


class DatabaseConfig(Section):
    """Where the tables live."""

    url: str = Field(
        "embedded", description="embedded, embedded:NAME, or postgresql://user:password@host:5432/name (15 or newer)"
    )
    reader_url: str | None = Field(
        None, description="how `sql` connects; by default the login role alphafactory_reader on the same server"
    )
    connect_timeout: int = Field(10, ge=1, le=600, description="seconds to wait for a connection")
    lock_timeout: int = Field(30, ge=1, le=3600, description="seconds to wait for another process's lock on a table")


class PathsConfig(Section):
    """Folders of the project."""

    var: Path = Field(Path("var"), description="embedded database, caches and logs")
    strategies: Path = Field(Path("strategies"), description="your own strategies: drop a file, it runs tonight")


class SourcesConfig(Section):
    """Where prices come from, and how much of them."""

    order: Literal["auto"] | list[str] = Field(
        "auto",
        description="sources to ask, in order: each fills what those before it left open. auto: csv alone if csv.path "
        "is set, else polygon (with a key), yahoo, alpha_vantage (with a key)",
    )
    start: date = Field(date(2015, 1, 1), description="vendors are asked for bars from this day on")
    timeframes: list[Timeframe] = Field(["1d"], min_length=1, description="lengths of bars: 1d, 1h, 15m, 5m, 1m")
    recheck_sessions: int = Field(5, ge=0, le=60, description="newest stored sessions asked for again each night")
    recheck_nights: int = Field(
        30, ge=1, le=365, description="nights in which every symbol's whole history is asked for again, a part a night"
    )
    give_up_after: int = Field(3, ge=1, description="failed symbols in a row after which a vendor is left out tonight")
    earnings: list[str] = Field(
        ["alpha_vantage", "yahoo"],
        description="vendors to ask for coming announcements; the first that answers is enough",
    )
    profiles_a_night: int = Field(25, ge=0, le=1000, description="symbols a night whose name and sector are asked for")
    csv: CsvSettings = CsvSettings()
    synthetic: SyntheticSettings = SyntheticSettings()
    polygon: PolygonSettings = PolygonSettings()
    alpha_vantage: AlphaVantageSettings = AlphaVantageSettings()
    yahoo: YahooSettings = YahooSettings()
    crypto: CryptoSettings = CryptoSettings()

    @property
    def chain(self) -> list[str]:
        """The names of the sources to ask, in order."""
        if self.order != "auto":
            return list(self.order)
        return ["csv"] if self.csv.path is not None else ["polygon", "yahoo", "alpha_vantage"]


class UniverseConfig(Section):
    """Which symbols the night works on."""

    symbols: Literal["all"] | list[str] = Field("all", description="all, or a list of tickers")
    name: str | None = Field(None, description="a universe of the section universes instead")
    aliases_path: Path | None = Field(
        None, description="CSV of symbol, ticker, from, to, and merged_into: tickers that symbols have had"
    )


class QualityConfig(Section):
    """The gate."""

    disabled: list[str] = Field([], description="names of rules not to run")
    minimum_score: float = Field(
        0.5, ge=0, le=1, description="strategies refuse a symbol whose score of tonight lies below"
    )
    cross_check_symbols: int = Field(5, ge=0, le=1000, description="symbols a night compared with a second vendor")
    cross_check_sessions: int = Field(20, ge=1, le=250, description="newest sessions compared")


class IndicatorsConfig(Section):
    """The nightly cache of indicators."""

    cached: str | list[str] = Field(
        "standard",
        description="features that the night keeps in the table indicators: standard (38), all, or a list of names; "
        "any other is computed where it is asked for",
    )


class AuditConfig(Section):
    """The nightly proof that strategies do not peek; docs/audit.md."""

    symbols: int = Field(4, ge=1, le=50, description="symbols of the night on which a strategy is audited")
    last_bars: int = Field(60, ge=1, le=1000, description="newest bars at each of which history is cut off")
    random_bars: int = Field(60, ge=0, le=1000, description="further bars at which it is, drawn at random")
    starts: int = Field(12, ge=2, le=200, description="later beginnings of history by which the warm-up is measured")
    seed: int = Field(7, ge=0, description="seed of all that is drawn at random")


class BacktestConfig(Section):
    """What is backtested every night."""

    strategies: Literal["all"] | list[str] = Field("all", description="all, or a list of strategy names")
    benchmark: str = Field("buy_and_hold", description="the strategy that every other is compared with")
    index: str | None = Field(
        None, description="ticker of the index that every backtest is measured against: alpha, beta, capture"
    )
    initial_capital: float = Field(100_000.0, gt=0, allow_inf_nan=False, description="starting cash of each backtest")
    start: date | None = Field(None, description="first session simulated; indicators warm up on earlier ones")
    end: date | None = Field(None, description="last session simulated")
    risk_free_rate: float = Field(
        0.0, gt=-1, lt=1, allow_inf_nan=False, description="annual rate that Sharpe and Sortino are measured against"
    )


class SimulationConfig(Section):
    """How orders arise, fill and end, and what they cost, in the grammar `name:value,key=value`; docs/simulation.md."""

    profile: str | None = Field(None, description="one of the profiles below, in force instead of what stands here")
    profiles: dict[str, dict[str, str | int | float | list[str]]] = Field(
        {}, description="named sets of these settings, each a part: conservative: {slippage: bps:10, fill: next_close}"
    )
    fill: str = Field("next_open", description="next_open, next_close, next_mid, next_typical, same_close (optimistic)")
    entry: str = Field("market", description="market, limit:1%, stop:1%, stop_limit:1%,limit=0.5%; also in atr")
    resting: str = Field("session", description="session: limits and stops work all session; auction: at fill's moment")
    good_for: int = Field(0, ge=0, description="bars after which an order that waits is given up; 0 is never")
    stop: str = Field("none", description="none, 3% or 2atr from the entry")
    take_profit: str = Field("none", description="none, 6%, 3atr, or 2R: twice the distance to the first stop")
    trail: str = Field(
        "none", description="none, 3% or 2atr from the best close, chandelier:3 (atr) from the best high"
    )
    break_even: str = Field("none", description="none, 1R, 2%, 1atr: gain at which the stop moves to the entry price")
    time_stop: int = Field(0, ge=0, description="bars after which a trade is closed; 0 is never")
    reentry: str = Field("fresh", description="fresh: after a stop only on a new signal; immediate: at once")
    max_entries: int = Field(0, ge=0, description="orders that may build up one trade; 0 is any number")
    participation: str = Field("none", description="none, or the share of a bar's volume that a fill may be: 10%")
    commission: str = Field(
        "bps:5", description="none, bps:5, per_trade:1, per_share:0.005,min=1,max_pct=1, ibkr_fixed"
    )
    sell_fees: list[str] = Field(
        [], description="fees of sales, each from a date on: 2018-05-22 bps:0.13,per_share=0.000119,max=5.95"
    )
    slippage: str = Field(
        "bps:5", description="none, bps:5, per_share:0.01, half_spread, atr:0.1, volume_share:0.1, sqrt_impact:1"
    )
    sizing: str = Field(
        "all_in",
        description="all_in, cash:10000, shares:100, percent:25%, risk:1%, atr:1%,k=2, vol_target:20%, kelly:0.5",
    )
    size_at: str = Field("fill", description="fill, or decision: sized at the signal's close, as a live order is")
    shares: str = Field("fractional", description="fractional, whole, or lots:100")
    leverage: float = Field(1.0, gt=0, le=100, description="how many times equity all positions together may be worth")
    maintenance: str = Field(
        "none", description="none, or the least equity per position value, 25%, before a margin call"
    )
    borrow: str = Field("none", description="annual rate that short positions pay: none, or 2%")
    interest: str = Field("none", description="annual rate that cash earns: none, or 3%")
    margin_interest: str = Field("none", description="annual rate that borrowed cash costs: none, or 6%")
    delisting_return: str = Field("none", description="what a delisting adds to the last price: none, or -30%")


class ComputeConfig(Section):
    """How the work is spread."""

    workers: int = Field(0, ge=0, le=256, description="worker processes; 0 means as many as pay, up to the cores")
    backend: Literal["loky", "threading", "sequential"] = Field("loky", description="joblib backend")


class ReportsConfig(Section):
    """The morning read."""

    dir: Path = Field(Path("reports"), description="folder of index.html")
    pages: int = Field(20, ge=0, le=5000, description="backtests with a page of their own: the best and the changed")


class RetentionConfig(Section):
    """What is kept how long. Metrics are kept for ever; curves and trades of replaced backtests dominate the disk."""

    detail_nights: int = Field(
        7,
        ge=0,
        description="curves, trades and orders of a replaced backtest are dropped after so many later nightly runs",
    )


class ScheduleConfig(Section):
    """When the jobs run."""

    timezone: Annotated[str, AfterValidator(_timezone)] = Field(
        "America/New_York", description="the exchange's time zone, in which the cron entries are read"
    )
    jobs: Annotated[dict[str, Annotated[str, AfterValidator(_cron)]], BeforeValidator(_entries_in_force)] = Field(
        {"nightly": "30 18 * * mon-fri"}, description="job: minute hour day month weekday; null switches an entry off"
    )
    catch_up_hours: int = Field(
        72, ge=0, description="a run missed for at most so long is made up for, once, when the scheduler starts"
    )


class Config(Section):
    """The whole configuration, merged from every place it may be written."""

    database: DatabaseConfig = DatabaseConfig()
    paths: PathsConfig = PathsConfig()
    sources: SourcesConfig = SourcesConfig()
    universe: UniverseConfig = UniverseConfig()
    universes: dict[str, UniverseSpec] = Field({}, description="named universes")
    quality: QualityConfig = QualityConfig()
    indicators: IndicatorsConfig = IndicatorsConfig()
    audit: AuditConfig = AuditConfig()
    backtest: BacktestConfig = BacktestConfig()
    simulation: SimulationConfig = SimulationConfig()
    risk: RiskConfig = RiskConfig()
    portfolios: Annotated[
        dict[Annotated[str, AfterValidator(_portfolio_name)], PortfolioConfig], BeforeValidator(_entries_in_force)
    ] = Field({}, description="portfolios that every night runs, by name; docs/portfolio.md has their keys")
    compute: ComputeConfig = ComputeConfig()
    reports: ReportsConfig = ReportsConfig()
    retention: RetentionConfig = RetentionConfig()
    schedule: ScheduleConfig = ScheduleConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        for profile in (None, *self.simulation.profiles):
            try:
                self.simulation_settings(profile=profile)
            except UsageError as error:
                raise ValueError(f"simulation.{f'profiles.{profile}: ' if profile else ''}{error}") from error
        if self.universe.name is not None and self.universe.name not in self.universes:
            raise ValueError(f"universe.name: {UnknownNameError('universe', self.universe.name, self.universes)}")
        for name in self.universes:
            try:
                universe_chain(name, self.universes)
            except UsageError as error:
                raise ValueError(f"universes.{name}: {error}") from error
        self._judge_portfolios()
        start, end = self.backtest.start, self.backtest.end
        if start is not None and end is not None and start > end:
            raise ValueError(f"backtest.start {start} lies after backtest.end {end}")
        return self

    def _judge_portfolios(self) -> None:
        try:
            self.risk.limits()
            self.risk.measuring()
        except UsageError as error:
            raise ValueError(f"risk.{error}") from error
        for name, portfolio in self.portfolios.items():
            try:
                if portfolio.universe is not None and portfolio.universe not in self.universes:
                    raise UnknownNameError("universe", portfolio.universe, self.universes)
                portfolio.own_risk(self.risk).measuring()
                portfolio.judge(portfolio.limits(self.risk), self.portfolio_settings(name))
            except UsageError as error:
                raise ValueError(f"portfolios.{name}: {error}") from error

    def portfolio_settings(self, name: str) -> SimulationSettings:
        """Return the settings of a portfolio's simulation: the config's, under its profile's, under its own.

        Raises:
            UsageError: no such portfolio, or what `simulation_settings` refuses.
        """
        if name not in self.portfolios:
            raise UnknownNameError("portfolio", name, self.portfolios)
        portfolio = self.portfolios[name]
        known = SimulationConfig.model_fields.keys() - {"profile", "profiles"}
        for setting in portfolio.simulation:
            if setting not in known:
                raise UnknownNameError("setting of simulation", setting, known)
        return self.simulation_settings(portfolio.simulation, portfolio.profile)

    def simulation_settings(
        self, words: Mapping[str, Any] | None = None, profile: str | None = None
    ) -> SimulationSettings:
        """Return the settings of a simulation: the config's, under those of a profile, under `words`.

        Raises:
            UsageError: a profile, setting or model that does not exist, or a value out of range.
        """
        known = self.simulation.model_dump(exclude={"profile", "profiles"})
        name = profile or self.simulation.profile
        if name is not None and name not in self.simulation.profiles:
            raise UnknownNameError("profile of simulation.profiles", name, self.simulation.profiles)
        chosen = self.simulation.profiles[name] if name is not None else {}
        for setting in chosen:
            if setting not in known:
                raise UnknownNameError(f"setting of simulation.profiles.{name}", setting, known)
        try:
            judged = SimulationConfig.model_validate({**known, **chosen, **(words or {})})
        except ValidationError as error:
            fault = error.errors()[0]
            raise UsageError(f"{fault['loc'][0]}: {fault['input']!r} is wrong: {fault['msg']}.") from error
        settings = judged.model_dump(exclude={"profile", "profiles"})
        return parse_settings(initial_capital=self.backtest.initial_capital, **settings)
