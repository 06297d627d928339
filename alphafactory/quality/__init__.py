"""Quality: bars in, findings out. One file of `rules/` is one rule; `rules()` finds them."""

from __future__ import annotations

from alphafactory.quality.gate import judge, rules, screen
from alphafactory.quality.rule import DeliveryRule, QualityContext, Rule, Screened, SeriesRule

__all__ = ["DeliveryRule", "QualityContext", "Rule", "Screened", "SeriesRule", "judge", "rules", "screen"]
