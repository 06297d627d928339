"""A score over the last nights as a line the size of a word: inline SVG that needs no script and prints.

Goes in: (night, score) pairs, the oldest first. Comes out: markup in the colour of its surroundings, with the numbers
in words for whoever cannot see it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from markupsafe import Markup

from alphafactory.reports.formatting import write_number, write_session

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from alphafactory.reports.data_contexts import ScoreRow

_WIDTH, _HEIGHT, _MARGIN = 96, 20, 3


def compute_floor(rows: Iterable[ScoreRow]) -> float:
    """Return the lower end of the scale that all rows share: their lowest score ever shown, down to a tenth."""
    values = [score for row in rows for _, score in row.trend]
    return math.floor(min([0.9, *values]) * 10 + 1e-9) / 10


def render_sparkline(trend: Sequence[tuple[date, float]], floor: float) -> Markup:
    """Draw scores between `floor` and 1 at equal distances, tonight's with a dot; a dash where there are none."""
    if not trend:
        return Markup("—")
    step = (_WIDTH - 2 * _MARGIN) / max(1, len(trend) - 1)
    places = [(_MARGIN + index * step, _height_of(score, floor)) for index, (_, score) in enumerate(trend)]
    if len(trend) == 1:
        places = [(_WIDTH - _MARGIN, places[0][1])]
    return Markup(  # nosec - numbers, dates and words of ours alone
        '<svg class="spark" role="img" aria-label="{words}" width="{width}" height="{height}" '
        'viewBox="0 0 {width} {height}"><polyline fill="none" stroke="currentColor" stroke-width="1.5" '
        'stroke-linejoin="round" points="{points}"/><circle fill="currentColor" cx="{x}" cy="{y}" r="2.2"/></svg>'
    ).format(
        words=_in_words(trend),
        width=_WIDTH,
        height=_HEIGHT,
        points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places),
        x=f"{places[-1][0]:.1f}",
        y=f"{places[-1][1]:.1f}",
    )


def _height_of(score: float, floor: float) -> float:
    """Return the place from the top, in pixels."""
    return _MARGIN + (1 - max(0.0, score - floor) / (1 - floor)) * (_HEIGHT - 2 * _MARGIN)


def _in_words(trend: Sequence[tuple[date, float]]) -> str:
    (first, then), (_, now) = trend[0], trend[-1]
    if len(trend) == 1:
        return f"{write_number(now, 3)} tonight, its first night"
    lowest = min(score for _, score in trend)
    since = f"{write_number(then, 3)} on {write_session(first)}, {write_number(now, 3)} tonight"
    return f"{since}, the lowest of {len(trend)} nights {write_number(lowest, 3)}"
