"""Every setting: its type, its bounds, its default and what it is for. Read by `config_loading`, judged here."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

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


class Section(BaseModel):
    """A section of the config: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _cron(expression: str) -> str:
    if len(expression.split()) != 5:  # noqa: PLR2004  minute, hour, day, month, weekday
        raise ValueError(f"'{expression}' is no cron entry of five fields, such as '30 18 * * mon-fri'")
    return expression


def _entries_in_force(jobs: object) -> object:
    """Drop the entries that are switched off: `nightly: null` in an overlay takes an entry of the file below away."""
    return {job: entry for job, entry in jobs.items() if entry is not None} if isinstance(jobs, dict) else jobs


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


class BacktestConfig(Section):
    """What is backtested every night."""

    strategies: Literal["all"] | list[str] = Field("all", description="all, or a list of strategy names")
    benchmark: str = Field("buy_and_hold", description="the strategy that every other is compared with")
    initial_capital: float = Field(100_000.0, gt=0, allow_inf_nan=False, description="starting cash of each backtest")
    start: date | None = Field(None, description="first session simulated; indicators warm up on earlier ones")
    end: date | None = Field(None, description="last session simulated")
    risk_free_rate: float = Field(
        0.0, gt=-1, lt=1, allow_inf_nan=False, description="annual rate that Sharpe and Sortino are measured against"
    )


class SimulationConfig(Section):
    """How orders fill and what they cost, in the grammar `name:value,key=value`."""

    fill: str = Field("next_open", description="next_open, next_close, or same_close (marked optimistic)")
    commission: str = Field("bps:5", description="none, bps:5, or per_share:0.005,min=1")
    slippage: str = Field("bps:5", description="none, or bps:5")
    sizing: str = Field("all_in", description="all_in, or percent:0.25 of equity")
    shares: str = Field("fractional", description="fractional or whole")


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
        30, ge=0, description="curves and trades of a replaced backtest are dropped after so many later nightly runs"
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
    backtest: BacktestConfig = BacktestConfig()
    simulation: SimulationConfig = SimulationConfig()
    compute: ComputeConfig = ComputeConfig()
    reports: ReportsConfig = ReportsConfig()
    retention: RetentionConfig = RetentionConfig()
    schedule: ScheduleConfig = ScheduleConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        try:
            self.simulation_settings()
        except UsageError as error:
            raise ValueError(f"simulation.{error}") from error
        if self.universe.name is not None and self.universe.name not in self.universes:
            raise ValueError(f"universe.name: {UnknownNameError('universe', self.universe.name, self.universes)}")
        for name in self.universes:
            try:
                universe_chain(name, self.universes)
            except UsageError as error:
                raise ValueError(f"universes.{name}: {error}") from error
        start, end = self.backtest.start, self.backtest.end
        if start is not None and end is not None and start > end:
            raise ValueError(f"backtest.start {start} lies after backtest.end {end}")
        return self

    def simulation_settings(self) -> SimulationSettings:
        """Return the parsed settings of a simulation; raise `UsageError` for a model that does not exist."""
        return parse_settings(initial_capital=self.backtest.initial_capital, **self.simulation.model_dump())
