"""How good each symbol's series is: bars and findings in, a score from 0 (useless) to 1 (nothing found) out.

A score is a product of parts, each of which keeps some of it:

1. Lost bars: max(0, 1 - 2 * lost), where lost is the share of sessions that are missing, stale (all but the first of a
   run) or quarantined among all that the series should have. A series that lacks half of its sessions scores 0.
2. For each rule with other findings: 1 - min(cap, findings * weight), with weight and cap of its severity. So twenty
   findings of one kind weigh less than five kinds with four each: one cause often breaks a rule many times.

An error that quarantines no bar (a missed split, shifted dates) spoils the whole series: one is enough to fall below
one half. Findings never raise a score. A symbol without any bar scores 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Payload
    from alphafactory.quality.rule import QualityContext

LOST = "lost_bars"
"""Name of the part that stands for missing and quarantined sessions; the other parts are named by their rule."""

_LOSS_FACTOR = 2.0
_RUNS = {"missing_sessions": 0, "early_stop": 0, "stale_prices": 1}
"""The rules whose findings are runs of lost sessions, and how many bars of each run are good."""


@dataclass(frozen=True, slots=True)
class Weight:
    """What each finding of a rule takes from the score, and the most that all findings of that rule take."""

    each: float
    cap: float


QUARANTINED = Weight(0.002, 0.02)
"""Of an error whose bar is quarantined: the loss of the bar itself is counted by the first part."""

WEIGHTS = {
    Severity.ERROR: Weight(0.6, 0.6),
    Severity.WARNING: Weight(0.01, 0.1),
    Severity.NOTE: Weight(0.001, 0.005),
}
"""Of findings that quarantine nothing."""


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One factor of a score: its name, what was counted, and the part of the score that it keeps, 0 to 1."""

    name: str
    count: int
    kept: float

    def as_payload(self) -> Payload:
        """Return the part as it is stored."""
        return {"name": self.name, "count": self.count, "kept": round(self.kept, 6)}


def compute_scores(series: BarBatch, findings: Sequence[Finding], context: QualityContext) -> dict[str, float]:
    """Return the score of each ticker of an ordered batch, 0 to 1; findings as in `explain`."""
    parts = explain(series, findings, context)
    return {ticker: prod(part.kept for part in of_ticker) for ticker, of_ticker in parts.items()}


def explain(series: BarBatch, findings: Sequence[Finding], context: QualityContext) -> dict[str, list[ScorePart]]:
    """Return the parts whose product is each ticker's score, lost bars first, then those of rules by name.

    `findings` are those of the same bars, a delivery's too, without those that a person has accepted. What only shows
    after `context.as_of` is left out, findings about no ticker of the batch as well.
    """
    by_ticker: dict[str, list[Finding]] = {ticker: [] for ticker in series.tickers}
    for finding in findings:
        shown = finding.evidence is None or finding.evidence <= context.as_of
        if shown and finding.subject in by_ticker:
            by_ticker[finding.subject].append(finding)
    starts = series.starts()
    return {
        ticker: [_lost(series.sessions[starts[code] : starts[code + 1]], found), *_of_rules(found)]
        for code, (ticker, found) in enumerate(by_ticker.items())
    }


def _lost(held: DateArray, found: Sequence[Finding]) -> ScorePart:
    """Return the part of missing, stale and quarantined sessions; a session that is two of them counts once."""
    quarantined = {finding.session for finding in found if finding.quarantined and finding.session is not None}
    lost = absent = 0
    for first, last, sessions, is_missing in sorted({_run(finding) for finding in found if finding.rule in _RUNS}):
        inside = {day for day in quarantined if first <= day.isoformat() <= last}
        quarantined -= inside
        lost += max(sessions, len(inside))
        absent += is_missing * max(sessions, len(inside))
    lost += len(quarantined)
    absent += sum(not _holds(held, day) for day in quarantined)
    share = lost / (len(held) + absent) if len(held) else 1.0
    return ScorePart(LOST, lost, max(0.0, 1 - _LOSS_FACTOR * share))


def _run(finding: Finding) -> tuple[str, str, int, bool]:
    """Return the first and last session of a run, as ISO text, how many are lost, and whether they have no bar."""
    kept = _RUNS[finding.rule]
    since, until = str(finding.payload["from"]), str(finding.payload["to"])
    return since, until, int(str(finding.payload["sessions"])) - kept, kept == 0


def _holds(held: DateArray, day: date) -> bool:
    position = int(np.searchsorted(held, np.datetime64(day, "D")))
    return position < len(held) and bool(held[position] == np.datetime64(day, "D"))


def _of_rules(found: Iterable[Finding]) -> list[ScorePart]:
    """Return a part for each rule and weight, by name."""
    ordered = sorted(found, key=lambda finding: (finding.rule, finding.severity, finding.quarantined))
    parts = []
    for (rule, severity, quarantined), group in groupby(ordered, lambda f: (f.rule, f.severity, f.quarantined)):
        weight, count = QUARANTINED if quarantined else WEIGHTS[severity], len(list(group))
        parts.append(ScorePart(rule, count, 1 - min(weight.cap, count * weight.each)))
    return parts
