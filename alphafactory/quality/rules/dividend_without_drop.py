"""A large dividend on whose ex-date the price did not fall."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, session_at
from alphafactory.quality.rules._movements import dividend_rows, market_changes, movements, split_rows

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


_LARGE = 0.1
"""Part of the price: a smaller dividend drowns in what a share moves on any day."""


class DividendWithoutDrop(SeriesRule):
    """Finds dividends of a tenth of the price or more after which the close fell by less than half of them."""

    name: ClassVar[str] = "dividend_without_drop"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "The dividend or its date is wrong: a backtest would be given cash that nobody paid."
    remedy: ClassVar[str] = (
        "Check amount, ex-date and share basis of the dividend; accept it if other news carried the price."
    )

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a session, naming the dividends that go ex on it."""
        bars = movements(series, context).bars
        rows, amounts = dividend_rows(bars, context.dividends)
        before = bars.close[rows - 1]
        close = bars.close[rows]
        split = np.ones(len(bars))
        split_at, ratios = split_rows(bars, context.splits)
        split[split_at] = ratios
        moved = close * split[rows] / before - 1 - np.expm1(market_changes(bars.sessions[rows], context.market))
        wrong = (amounts < before) & (amounts >= _LARGE * before) & (moved > -amounts / before / 2)
        return [
            self._dividend(bars, row, amount)
            for row, amount in zip(rows[wrong].tolist(), amounts[wrong].tolist(), strict=True)
        ]

    def _dividend(self, bars: BarBatch, row: int, amount: float) -> Finding:
        before, close = float(bars.close[row - 1]), float(bars.close[row])
        message = f"a dividend of {amount:.10g} a share is known, but the close went from {before:.10g} to {close:.10g}"
        payload = {"amount": amount, "previous_close": before, "close": close}
        return self.finding(bars.tickers[bars.codes[row]], message, session_at(bars, row), payload)
