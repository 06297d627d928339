"""Quality: bars in, findings and scores out. One file of `rules/` is one rule; `discover_rules()` finds them."""

from __future__ import annotations

from alphafactory.quality.gate import discover_rules, judge, screen
from alphafactory.quality.rule import DeliveryRule, QualityContext, Rule, Screened, SeriesRule
from alphafactory.quality.score import ScorePart, compute_scores, explain

__all__ = [
    "DeliveryRule",
    "QualityContext",
    "Rule",
    "ScorePart",
    "Screened",
    "SeriesRule",
    "compute_scores",
    "discover_rules",
    "explain",
    "judge",
    "screen",
]
