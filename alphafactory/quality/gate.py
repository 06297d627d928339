"""The quality gate: bars in, findings out. Nothing is deleted; what is quarantined is kept in its finding.

1. `screen` takes out of a delivery what no table could hold (unreadable rows, NaN, duplicates).
2. `judge` asks every series rule about the stored bars, in order and finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from alphafactory.quality.rule import DeliveryRule, QualityContext, Rule, SeriesRule
from alphafactory.registry import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.findings import Finding
    from alphafactory.domain.market import RejectedRow
    from alphafactory.registry import Registry


def discover_rules(folder: Path | None = None) -> Registry[type[Rule]]:
    """Return the known rules, as classes; `folder` may hold the user's own."""
    return discover("rules", cast("Any", Rule), "alphafactory.quality.rules", folder)


def screen(
    delivered: BarBatch, rejected: Sequence[RejectedRow], chosen: Iterable[type[Rule]]
) -> tuple[BarBatch, list[Finding]]:
    """Return the bars that a table can hold, ordered, one a symbol and session, and what was found in the others.

    Rules are asked in order of name. Each sees every row delivered; a row stays if all rules let it.
    """
    kept = np.ones(len(delivered), dtype=np.bool_)
    findings: list[Finding] = []
    for rule in _in_order(chosen):
        if issubclass(rule, DeliveryRule):
            screened = rule().screen(delivered, rejected)
            kept &= screened.kept
            findings += screened.findings
    return (delivered if bool(kept.all()) else delivered.take(kept)).ordered(), findings


def judge(series: BarBatch, context: QualityContext, chosen: Iterable[type[Rule]]) -> list[Finding]:
    """Return the findings of all series rules among `chosen` on an ordered, finite batch."""
    findings: list[Finding] = []
    for rule in _in_order(chosen):
        if issubclass(rule, SeriesRule):
            findings += rule().find(series, context)
    return findings


def _in_order(chosen: Iterable[type[Rule]]) -> list[type[Rule]]:
    return sorted(chosen, key=lambda rule: rule.name)
