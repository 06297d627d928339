"""A dividend that nobody can have paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from alphafactory.domain.findings import Finding, Severity
from alphafactory.quality.rule import QualityContext, SeriesRule, session_at
from alphafactory.quality.rules._movements import dividend_rows, movements

if TYPE_CHECKING:
    from alphafactory.domain.bars import BarBatch


class DividendLargerThanPrice(SeriesRule):
    """Finds dividends of at least the close before their ex-date."""

    name: ClassVar[str] = "dividend_larger_than_price"
    severity: ClassVar[Severity] = Severity.WARNING
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = (
        "The amount or its currency is wrong; total returns and cash in a backtest become senseless."
    )
    remedy: ClassVar[str] = (
        "Correct the dividend in the source: often a decimal point, pence for pounds, or another share basis."
    )

    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return one finding a session, naming the dividends that go ex on it."""
        bars = movements(series, context).bars
        rows, amounts = dividend_rows(bars, context.dividends)
        before = bars.close[rows - 1]
        wrong = amounts >= before
        return [
            self._dividend(bars, row, amount)
            for row, amount in zip(rows[wrong].tolist(), amounts[wrong].tolist(), strict=True)
        ]

    def _dividend(self, bars: BarBatch, row: int, amount: float) -> Finding:
        before, close = float(bars.close[row - 1]), float(bars.close[row])
        message = f"a dividend of {amount:.10g} a share is more than the share cost before it ({before:.10g})"
        payload = {"amount": amount, "previous_close": before, "close": close}
        return self.finding(bars.tickers[bars.codes[row]], message, session_at(bars, row), payload)
