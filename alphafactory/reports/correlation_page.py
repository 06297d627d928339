"""The page of feature correlations: its clusters and its heatmap.

Goes in: features in an order in which clusters stand together, and the matrix of their correlations. Comes out: the
clusters as rows of a table, and a figure as in `figures`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.reports import palette
from alphafactory.reports.figures import Figure, base_axis, base_layout, column, label
from alphafactory.reports.portfolio_figures import cluster_frames

if TYPE_CHECKING:
    from alphafactory.reports.correlation_contexts import CorrelationPage, FeatureRow

_CELL, _FEW_CELL, _FEW = 11, 18, 40
"""Pixels of a cell, and those of one where features are few."""
_MARGINS = 320
_FONT, _FEW_FONT = 9, 12


@dataclass(frozen=True, slots=True)
class ClusterRow:
    """A cluster of more than one feature: the one to keep, and the others that say the same."""

    number: int
    kept: FeatureRow
    others: tuple[FeatureRow, ...]


def compute_clusters(page: CorrelationPage) -> list[ClusterRow]:
    """Return the clusters of more than one feature, the largest first."""
    rows = []
    for number, members in groupby(page.features, key=lambda row: row.cluster):
        together = tuple(members)
        if len(together) > 1:
            kept = next(row for row in together if row.keep)
            rows.append(ClusterRow(number, kept, tuple(row for row in together if row is not kept)))
    return rows


def compute_left_out(page: CorrelationPage) -> list[tuple[str, list[str]]]:
    """Return what could not be measured: each reason with the subjects that share it."""
    subjects: dict[str, list[str]] = {}
    for subject, why in page.left_out:
        subjects.setdefault(why, []).append(subject)
    undefined = [row.name for row in page.features if not row.defined]
    if undefined:
        subjects[f"These never vary, or have fewer than {page.fewest} values on every symbol:"] = undefined
    return list(subjects.items())


def compute_heatmap(page: CorrelationPage) -> Figure:
    """A cell a pair of features, clusters framed; the same order in one colour, the opposite order in the other."""
    few = len(page.features) <= _FEW
    names = [label(row.name) for row in page.features]
    grouped = [f"{label(row.group)}: {label(row.name)}" for row in page.features]
    heatmap = {
        "type": "heatmap",
        "x": names,
        "y": grouped,
        "z": [column(row, 2) for row in np.asarray(page.matrix)],
        "zmin": -1.0,
        "zmax": 1.0,
        "colorscale": [[0.0, palette.GAIN], [0.5, palette.NO_CORRELATION], [1.0, palette.LOSS]],
        "hovertemplate": "%{y}<br>%{x}<br>%{z:.2f}<extra></extra>",
        "colorbar": {
            "title": {"text": "Rank correlation", "side": "right", "font": {"color": palette.MUTED, "size": 12}},
            "thickness": 12,
            "len": 300,
            "lenmode": "pixels",
            "y": 1.0,
            "yanchor": "top",
            "outlinewidth": 0,
            "tickvals": [-1, -0.5, 0, 0.5, 1],
            "tickfont": {"color": palette.MUTED},
        },
    }
    layout = base_layout(height=compute_size(page) - 60, hovermode="closest")
    font = {"color": palette.MUTED, "size": _FEW_FONT if few else _FONT}
    axis = {"type": "category", "showgrid": False, "tickmode": "array", "automargin": True, "tickfont": font}
    layout["xaxis"] = base_axis(None, tickangle=-90, tickvals=names, side="top", **axis)
    layout["yaxis"] = base_axis(None, autorange="reversed", tickvals=grouped, **axis)
    layout["shapes"] = cluster_frames(tuple(row.cluster for row in page.features))
    words = (
        f"Rank correlations of {len(names)} features on {page.symbols} symbols, in {len(compute_clusters(page))} "
        "clusters of features that say the same."
    )
    return Figure([heatmap], layout, words)


def compute_size(page: CorrelationPage) -> int:
    """Return the least width in pixels at which the name of every feature can be read."""
    cell = _FEW_CELL if len(page.features) <= _FEW else _CELL
    return _MARGINS + cell * len(page.features)
