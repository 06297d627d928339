"""Rows that are in no order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from alphafactory.domain.findings import Severity
from alphafactory.quality.rule import DeliveryRule, Screened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import RejectedRow


class UnorderedRows(DeliveryRule):
    """Finds symbols whose rows go neither forward nor backward in time; newest first is a usual convention."""

    name: ClassVar[str] = "unordered_rows"
    severity: ClassVar[Severity] = Severity.NOTE
    quarantines: ClassVar[bool] = False
    reason: ClassVar[str] = "Mixed-up rows are sorted before use, but often come from files glued together."
    remedy: ClassVar[str] = "None is needed; look whether the file mixes two downloads."

    def screen(self, delivered: BarBatch, rejected: Sequence[RejectedRow]) -> Screened:  # noqa: ARG002  bars alone
        """Return every row, and one finding a symbol."""
        order = np.argsort(delivered.codes, kind="stable")
        codes = delivered.codes[order]
        steps = np.diff(delivered.times[order]).astype(np.int64)
        same = np.diff(codes) == 0
        symbols = len(delivered.tickers)
        backward = np.bincount(codes[1:][same & (steps < 0)], minlength=symbols)
        forward = np.bincount(codes[1:][same & (steps > 0)], minlength=symbols)
        findings = [
            self.finding(
                delivered.tickers[code],
                f"{backward[code]} rows come after a row of a later session",
                None,
                {"backward_steps": int(backward[code]), "forward_steps": int(forward[code])},
            )
            for code in np.flatnonzero((backward > 0) & (forward > 0)).tolist()
        ]
        return Screened(np.ones(len(delivered), dtype=np.bool_), findings)
