"""Values become words: one way to write each kind of number, the same on every page.

Goes in: a value or None. Comes out: text with a true minus sign, grouped thousands, and a dash for what is undefined.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

UNDEFINED = "—"
"""Shown for None and for anything that is not finite."""

_NO_CENTS = 1e6
"""Money from here on is written whole."""

_MINUS = "\u2212"


def write_number(value: float | None, digits: int = 2, *, signed: bool = False) -> str:
    """Write a number with `digits` decimals; `signed` also shows a plus. A rounded zero carries no sign."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    text = f"{abs(value):,.{digits}f}"
    if not any(figure in text for figure in "123456789"):
        return text
    if value < 0:
        return _MINUS + text
    return f"+{text}" if signed else text


def write_percent(value: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """Write a fraction as percent: 0.1234 is 12.3%."""
    text = write_number(None if value is None else value * 100.0, digits, signed=signed)
    return text if text == UNDEFINED else f"{text}%"


def write_price(value: float | None) -> str:
    """Write a price with two decimals, or with four significant figures below one."""
    if value is None or not math.isfinite(value) or value == 0 or abs(value) >= 1.0:
        return write_number(value, 2)
    return write_number(value, min(12, 3 - math.floor(math.log10(abs(value)))))


def write_quantity(value: float | None) -> str:
    """Write a number of shares: whole where it is whole, otherwise to four decimals."""
    whole = value is not None and math.isfinite(value) and value == round(value)
    return write_number(value, 0 if whole else 4)


def write_seconds(value: float | None) -> str:
    """Write a duration of a step: 0.42 s, 3 min 05 s, 1 h 02 min."""
    if value is None or not math.isfinite(value):
        return UNDEFINED
    if value < 60.0:  # noqa: PLR2004 - a minute
        return f"{value:.2f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def write_session(value: date | None) -> str:
    """Write a session as 2020-01-10."""
    return UNDEFINED if value is None else value.isoformat()[:10]


def write_moment(value: datetime | None) -> str:
    """Write a moment in UTC to the minute."""
    if value is None:
        return UNDEFINED
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def write_signed_tone(value: float | None) -> str:
    """Name the tone of a gain or a loss: the CSS class `gain`, `loss`, or nothing for zero and undefined."""
    if value is None or not math.isfinite(value) or value == 0:
        return ""
    return "gain" if value > 0 else "loss"


def write_heat(value: float | None) -> str:
    """Name the tint of a monthly return: `gain-1` to `gain-4`, `loss-1` to `loss-4` at 0.5, 2, 5 and 10 percent.

    A month spent flat, or outside the period, is `muted`.
    """
    tone = write_signed_tone(value)
    if not tone:
        return "muted"
    steps = sum(abs(value or 0.0) >= step for step in (0.005, 0.02, 0.05, 0.10))
    return f"{tone}-{steps}" if steps else ""


def write_metric(value: float | date | str | None, unit: str) -> str:
    """Write a metric by its unit (see `contexts.MetricUnit`)."""
    if value is None or isinstance(value, str):
        return value or UNDEFINED
    if isinstance(value, date):
        return write_session(value)
    if unit == "fraction":
        return write_percent(value, 2)
    if unit in ("bars", "days"):
        return f"{write_number(value, 0 if value == round(value) else 1)} {unit}" if math.isfinite(value) else UNDEFINED
    digits = {"count": 0, "money": 2 if abs(value) < _NO_CENTS else 0}
    return write_number(value, digits.get(unit, 3))


def write_words(name: str) -> str:
    """Write a name of the tables in words: take_profit is "take profit"."""
    return name.replace("_", " ")


def write_sort_key(value: float | None) -> str:
    """Write the number that the page sorts by, empty for what is undefined; seven figures tell any two rows apart."""
    return "" if value is None or not math.isfinite(value) else f"{value:.7g}"
