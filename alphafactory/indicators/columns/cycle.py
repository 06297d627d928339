"""The measures of cycles."""

from __future__ import annotations

from alphafactory.indicators.base import IndicatorColumn

CYCLES = (
    IndicatorColumn(
        "dominant_cycle_period",
        "dominant_cycle_period",
        meaning="Length of the swing that rules now: half of it is a fitting period for oscillators.",
    ),
    IndicatorColumn(
        "dominant_cycle_phase",
        "dominant_cycle_phase",
        meaning="Where in its swing the price is: -45 to 315 degrees, running steadily in a cycle, stuck in a trend.",
    ),
    IndicatorColumn(
        "phasor_in_phase",
        "phasor",
        {},
        "in_phase",
        meaning="The cycle's component in step with the price: swings of it without growth mean a range.",
    ),
    IndicatorColumn(
        "phasor_quadrature",
        "phasor",
        {},
        "quadrature",
        meaning="The component a quarter ahead: it turns before the price does in a clean cycle.",
    ),
    IndicatorColumn(
        "sine_wave",
        "sine_wave",
        {},
        "sine",
        meaning="Follows the swing in a cycle and goes flat in a trend, so that it gives no false signals there.",
    ),
    IndicatorColumn(
        "sine_wave_lead",
        "sine_wave",
        {},
        "lead",
        meaning="Runs an eighth of a cycle ahead: its crossing of the sine comes before the turn.",
    ),
    IndicatorColumn(
        "trend_mode",
        "trend_mode",
        meaning="1 while a trend rules: follow it; 0 while a cycle does: sell its highs, buy its lows.",
    ),
)
