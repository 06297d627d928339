"""The settings of the sources: what each needs to know, its bounds and its defaults. Types only."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from alphafactory.domain.timeframes import Timeframe


class SourceSettings(BaseModel):
    """A source's section of the config: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsvColumns(SourceSettings):
    """What the file calls each column, where it is not a name that is recognised anyway."""

    symbol: str | None = Field(None, description="ticker; a folder of one file a ticker needs none")
    date: str | None = Field(None, description="session")
    open: str | None = Field(None, description="price at the open")
    high: str | None = Field(None, description="highest price")
    low: str | None = Field(None, description="lowest price")
    close: str | None = Field(None, description="price at the close")
    adj_close: str | None = Field(None, description="close adjusted for splits and dividends; implies the dividends")
    volume: str | None = Field(None, description="shares traded")


class CsvSettings(SourceSettings):
    """Prices from files: one long file, or a folder of one file a ticker (.csv, .csv.gz, .txt, .parquet)."""

    path: Path | None = Field(None, description="the file or the folder of prices")
    symbols_path: Path | None = Field(
        None,
        description="CSV of symbol, sector; also name, exchange, asset_class, calendar, currency, listed, delisted",
    )
    basis: Literal["raw", "split_adjusted"] = Field(
        "split_adjusted",
        description="raw: as traded; split_adjusted: on the share basis of the newest session (Yahoo)",
    )
    splits_path: Path | None = Field(None, description="CSV of symbol, ex_date, ratio (4 or 4:1: four new for one old)")
    dividends_path: Path | None = Field(
        None, description="CSV of symbol, ex_date, amount a share; replaces the dividends that adj_close implies"
    )
    dividends_basis: Literal["raw", "split_adjusted"] | None = Field(
        None, description="share basis of dividends_path's amounts; by default that of the prices"
    )
    columns: CsvColumns = Field(CsvColumns(), description="names of unrecognised columns, as open: Eröffnung")
    date_format: str | None = Field(
        None, description="how dates are written, as %d.%m.%Y; by default ISO (2024-12-31) or yyyymmdd"
    )
    calendar: str = Field("XNYS", description="exchange calendar of symbols for which symbols_path names none")
    timeframe: Timeframe = Field("1d", description="length of the bars; intraday rows say when their bar opens")
    timezone: str | None = Field(
        None, description="zone of intraday times written without one; by default that of the calendar's exchange"
    )


class SyntheticSettings(SourceSettings):
    """A simulated market. The same settings give the same bars, to the bit; a later night only appends."""

    symbols: int = Field(40, ge=1, le=20_000, description="symbols seen in the delivered years; an index comes on top")
    years: int = Field(5, ge=1, le=60, description="years of bars delivered, counted back from the night")
    seed: int = Field(7, ge=0, description="the market's random seed")
    start: date = Field(date(2005, 1, 3), description="the simulated market's first day; earlier nights see nothing")
    faults: int = Field(0, ge=0, le=10_000, description="faulty bars planted a year, to see the quality gate at work")


class VendorLimits(SourceSettings):
    """What a vendor's plan allows, and how patient we are with it."""

    per_minute: int = Field(5, ge=1, description="requests allowed in any minute")
    per_day: int | None = Field(None, ge=1, description="requests allowed a day; empty means no daily limit")
    threads: int = Field(1, ge=1, le=32, description="requests under way at the same time")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds to wait for one answer")
    attempts: int = Field(4, ge=1, le=20, description="tries of one request before it counts as failed")
    first_wait: float = Field(1.0, ge=0, le=60, description="seconds before the second try; doubles with each")
    longest_wait: float = Field(120.0, ge=0, le=3600, description="seconds; a vendor that asks for more has failed")


class PolygonSettings(SourceSettings):
    """Polygon.io, since 2025 Massive. Needs a key: POLYGON_API_KEY in .env."""

    api_key: SecretStr | None = Field(None, description="the key; write POLYGON_API_KEY into .env, not here")
    base_url: str = Field("https://api.polygon.io", description="where the vendor listens")
    basis: Literal["raw", "split_adjusted"] = Field("raw", description="how prices are asked for; stored raw")
    limits: VendorLimits = VendorLimits(per_minute=5)


class AlphaVantageSettings(SourceSettings):
    """Alpha Vantage. Needs a key: ALPHA_VANTAGE_API_KEY in .env."""

    api_key: SecretStr | None = Field(None, description="the key; write ALPHA_VANTAGE_API_KEY into .env, not here")
    base_url: str = Field("https://www.alphavantage.co", description="where the vendor listens")
    premium: bool = Field(False, description="the plan includes full histories and TIME_SERIES_DAILY_ADJUSTED")
    limits: VendorLimits = VendorLimits(per_minute=5, per_day=25)


class YahooSettings(SourceSettings):
    """Yahoo Finance. Needs no key; its data are for personal use."""

    base_url: str | None = Field(None, description="asked instead of Yahoo's own hosts, for example a proxy")
    limits: VendorLimits = VendorLimits(per_minute=100, threads=2, timeout=20)


class CryptoSettings(SourceSettings):
    """A crypto exchange through ccxt, an optional library: pip install --no-deps -r requirements/crypto.lock."""

    exchange: str = Field("binance", description="the exchange, by its name in ccxt")
    base_url: str | None = Field(None, description="asked instead of the exchange's own host")
    symbols: list[str] = Field(["BTC/USDT", "ETH/USDT"], description="pairs that join the universe when it is used")
    limits: VendorLimits = VendorLimits(per_minute=600, timeout=10)
