"""What a backtest's result depends on, as one hash; and which question it answers, as another.

The fingerprint is the SHA-256 of a canonical JSON of the strategy's source, its parameters, the code of its indicators,
of the simulation and of the metrics, the settings, the library versions and the data. The same fingerprint is
the same result.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory import metrics
from alphafactory.indicators.catalogue import function_hash
from alphafactory.simulation import source_hash
from alphafactory.strategies.catalogue import code_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from alphafactory.domain.settings import SimulationSettings
    from alphafactory.strategies.base import Strategy

_BESIDE_RESULTS = {"significance", "rank_correlation"}
"""Files of the metrics that compare results and make none."""
_SHOWING = ("market_views", "market_contexts", "announcements", "memberships", "universe_accounts", "portfolio_market")
"""Files of this folder that decide what a strategy sees, and what becomes of its targets."""
_LIBRARIES = ("numpy", "numba", "TA-Lib", "exchange_calendars")


@dataclass(frozen=True, slots=True)
class Subject:
    """The question that a backtest answers, whatever tonight's data and settings are."""

    strategy: str
    params: Mapping[str, int | float]
    ticker: str
    exchange: str
    start: date | None
    end: date | None

    def __str__(self) -> str:
        return f"{self.strategy} on {self.ticker}"

    @property
    def key(self) -> str:
        """Hash of the question, stable over nights."""
        return digest_of([self.strategy, dict(self.params), self.ticker, self.exchange, str(self.start), str(self.end)])


def fingerprint(
    subject: Subject,
    strategy: type[Strategy],
    settings: SimulationSettings,
    *,
    data: str,
    periods: int,
    risk_free_rate: float,
    delisted: bool,
    index: str | None = None,
    beside: str | None = None,
    calendar: str = "",
) -> str:
    """Return the hash of everything that the result depends on.

    `data` is the fingerprint of bars and actions, `index` that of the index, None without one, `beside` that of what
    the strategy reads beside the bars (`market_contexts`), None for nothing; `calendar` the exchange's.
    """
    terms = [settings.canonical, data, periods, risk_free_rate, delisted, index, beside, calendar]
    return digest_of([subject.key, code_of(strategy), terms])


@cache
def code_of(strategy: type[Strategy]) -> str:
    """Return the hash of all code and libraries that a strategy's results depend on."""
    return digest_of([signal_code_of(strategy), source_hash(), _metrics_hash()])


@cache
def signal_code_of(strategy: type[Strategy]) -> str:
    """Return the hash of all code and libraries that a strategy's signals depend on."""
    functions = sorted({request.function for request in strategy.indicators.values()})
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return digest_of([code_hash(strategy), [function_hash(name) for name in functions], versions, _showing_code()])


@cache
def _showing_code() -> str:
    """Return the hash of what shows markets to strategies, and makes accounts of what they answer."""
    here = Path(__file__).parent
    return digest_of([(here / f"{name}.py").read_text(encoding="utf-8") for name in _SHOWING])


@cache
def _metrics_hash() -> str:
    folder = Path(str(metrics.__file__)).parent
    paths = (path for path in sorted(folder.glob("*.py")) if path.stem not in _BESIDE_RESULTS)
    return digest_of([path.read_text(encoding="utf-8") for path in paths])


def digest_of(parts: object) -> str:
    """Return the SHA-256 of the canonical JSON of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
