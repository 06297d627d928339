"""Another vendor tells another story of a stored bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, payload_at, session_at

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Observation


_CLOSE, _VOLUME = 0.001, 0.05


class VendorDisagreement(SeriesRule):
    """Finds bars whose close or volume another vendor gives more than 0.1 % or 5 % differently."""

    name: ClassVar[str] = "vendor_disagreement"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "Of two stories one is wrong; where vendors differ, so would the results on their data."
    remedy: ClassVar[str] = (
        "Look the session up at the exchange; reject the finding if the stored bar is the wrong one."
    )

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a bar, with the stored values and those of each vendor that disagrees."""
        return [self._bar(series, row, others) for row, others in sorted(_disagreeing(series, context).items())]

    def _bar(self, series: BarBatch, row: int, others: list[Observation]) -> Finding:
        told = "; ".join(f"{o.source} says close {o.close:.10g}, volume {o.volume:.10g}" for o in others)
        message = f"the stored close is {series.close[row]:.10g}, volume {series.volume[row]:.10g}; {told}"
        payload: dict[str, object] = {
            **payload_at(series, row),
            "others": [{"source": o.source, "close": o.close, "volume": o.volume} for o in others],
        }
        return self.finding(series.tickers[series.codes[row]], message, session_at(series, row), payload)


def _disagreeing(series: BarBatch, context: QualityContext) -> dict[int, list[Observation]]:
    """Return, by row, what other vendors say differently; a session that is not stored is left out."""
    starts = series.starts()
    codes = {ticker: code for code, ticker in enumerate(series.tickers)}
    found: dict[int, list[Observation]] = {}
    for observation in context.observations:
        code = codes.get(observation.ticker)
        if code is None:
            continue
        held = series.sessions[starts[code] : starts[code + 1]]
        row = int(starts[code] + np.searchsorted(held, np.datetime64(observation.session, "D")))
        there = row < starts[code + 1] and session_at(series, row) == observation.session
        if there and _differs(float(series.close[row]), float(series.volume[row]), observation):
            found.setdefault(row, []).append(observation)
    return found


def _differs(close: float, volume: float, observation: Observation) -> bool:
    return abs(observation.close - close) > _CLOSE * abs(close) or abs(observation.volume - volume) > _VOLUME * abs(
        volume
    )
