"""Quality: bars in, findings out. One file of `rules/` is one rule; `discover_rules()` finds them."""

from __future__ import annotations

from alphafactory.quality.gate import discover_rules, judge, screen
from alphafactory.quality.rule import DeliveryRule, QualityContext, Rule, Screened, SeriesRule

__all__ = ["DeliveryRule", "QualityContext", "Rule", "Screened", "SeriesRule", "discover_rules", "judge", "screen"]
