"""The page of feature correlations: a heatmap that Plotly accepts, clusters in words, nothing misread by HTML."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go
from browser.report_samples import sample_night

from alphafactory.reports import palette
from alphafactory.reports.correlation_contexts import CorrelationPage, FeatureRow
from alphafactory.reports.correlation_page import (
    compute_clusters,
    compute_heatmap,
    compute_left_out,
    compute_size,
)
from alphafactory.reports.rendering import Assets, render_correlations
from alphafactory.reports.writing import write_correlation_page, write_report

if TYPE_CHECKING:
    from pathlib import Path

ASSETS = Assets("report.css", "report.js", "plotly.js")


def feature(name: str, cluster: int, size: int, *, keep: bool = True, defined: bool = True) -> FeatureRow:
    mean = 0.97 if size > 1 else None
    return FeatureRow(name, "momentum", cluster, size, keep, mean, 14, defined, f"What {name} tells.")


def sample_page() -> CorrelationPage:
    matrix = np.array(
        [[1.0, 0.97, -0.96, 0.1], [0.97, 1.0, -0.95, 0.2], [-0.96, -0.95, 1.0, 0.0], [0.1, 0.2, 0.0, np.nan]]
    )
    features = (
        feature("rsi_14", 1, 3, keep=False), feature("cmo_14", 1, 3), feature("<b>own</b>", 1, 3, keep=False),
        feature("constant", 2, 1, defined=False),
    )  # fmt: skip
    return CorrelationPage(
        features=features, matrix=matrix, threshold=0.95, fewest=250, universe="large", symbols=7, bars=8_813,
        start=date(2015, 1, 2), end=date(2019, 12, 31),
        left_out=(("beta_60", "No index."), ("beta_252", "No index."), ("S9", "It has 3 bars.")),
        simulated=False, measured_at=datetime(2020, 1, 1, 4, tzinfo=UTC), code_version="1.0+abc", run_id=4,
    )  # fmt: skip


def test_the_heatmap_is_one_that_plotly_draws() -> None:
    page = sample_page()
    figure = compute_heatmap(page)
    drawn = go.Figure(figure.data, figure.layout)
    [heatmap] = drawn.data
    assert list(heatmap.z[0]) == [1.0, 0.97, -0.96, 0.1]
    assert heatmap.z[3][3] is None
    assert list(heatmap.x)[:2] == ["rsi_14", "cmo_14"]
    assert heatmap.y[0] == "momentum: rsi_14"
    assert "<b>" not in str(heatmap.x) + str(heatmap.y)
    assert [(shape.x0, shape.x1) for shape in drawn.layout.shapes] == [(-0.5, 2.5)]  # one alone has no frame
    colors = set(re.findall(r"#[0-9a-f]{6}", json.dumps([figure.data, figure.layout])))
    assert colors <= set(palette.DARK_OF)
    assert "4 features on 7 symbols, in 1 clusters" in figure.description


def test_many_features_have_smaller_cells_and_are_still_apart() -> None:
    page = sample_page()
    many = replace(page, features=tuple(feature(f"f{n}", n, 1) for n in range(180)), matrix=np.eye(180))
    assert compute_size(many) >= 180 * 9 + 200
    assert compute_heatmap(many).layout["height"] >= 180 * 9
    assert compute_size(page) < 500


def test_clusters_and_what_is_left_out_are_told() -> None:
    page = sample_page()
    [cluster] = compute_clusters(page)
    assert (cluster.kept.name, [row.name for row in cluster.others]) == ("cmo_14", ["rsi_14", "<b>own</b>"])
    left_out = dict(compute_left_out(page))
    assert left_out["No index."] == ["beta_60", "beta_252"]
    assert ["constant"] in left_out.values()
    text = render_correlations(page, ASSETS, "index.html")
    for words in ("beta_60, beta_252", "8,813 bars", "2015-01-02 to 2019-12-31", "&lt;b&gt;own&lt;/b&gt;", "0.970"):
        assert words in text
    assert "<b>own" not in text
    assert 'class="back"' not in render_correlations(page, ASSETS, None)
    assert "SIMULATED" in render_correlations(replace(page, simulated=True), ASSETS, None)


def test_a_page_without_clusters_says_so() -> None:
    page = sample_page()
    alone = tuple(replace(row, cluster=n, cluster_size=1, keep=True) for n, row in enumerate(page.features))
    text = render_correlations(replace(page, features=alone, left_out=()), ASSETS, None)
    assert "No two features resemble each other that much." in text
    whole = tuple(replace(row, defined=True) for row in alone)
    assert 'id="left-out"' not in render_correlations(replace(page, features=whole, left_out=()), ASSETS, None)


def test_the_index_links_to_the_page_of_its_night(tmp_path: Path) -> None:
    index = write_report(tmp_path / "without", sample_night(10), ())
    assert "correlations.html" not in index.read_text()
    assert not (index.parent / "correlations.html").exists()
    index = write_report(tmp_path / "with", replace(sample_night(10), correlations=sample_page()), ())
    assert 'href="correlations.html"' in index.read_text()
    page = index.parent / "correlations.html"
    assert 'href="index.html"' in page.read_text()
    before = page.read_bytes()
    assert write_correlation_page(index.parent, sample_page()).read_bytes() == before
