"""From the tables of feature correlations to the page that shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.indicators.catalogue import definitions
from alphafactory.reports.correlation_contexts import CorrelationPage, FeatureRow
from alphafactory.store.correlations import read_newest

if TYPE_CHECKING:
    from alphafactory.store.correlations import StoredCorrelations
    from alphafactory.store.database import Connection


def newest_correlation_page(connection: Connection) -> CorrelationPage | None:
    """Return the page of the newest measurement, None before the first."""
    stored = read_newest(connection)
    return None if stored is None else page_of(stored)


def page_of(stored: StoredCorrelations) -> CorrelationPage:
    """Return the page of a measurement; features that the catalogue has lost since have no meaning there."""
    meanings = {definition.name: definition.meaning for definition in definitions()}
    run = stored.values
    told = {one["subject"] for one in run["left_out"]}
    return CorrelationPage(
        features=tuple(
            FeatureRow(
                name=row["feature"],
                group=row["feature_group"],
                cluster=row["cluster"],
                cluster_size=row["cluster_size"],
                keep=row["keep"],
                mean_correlation=row["mean_correlation"],
                warm_up=row["warm_up"],
                defined=row["n_rows"] > 0 or row["feature"] in told,
                meaning=meanings.get(row["feature"], ""),
            )
            for row in stored.features
        ),
        matrix=stored.matrix,
        threshold=run["threshold"],
        fewest=run["fewest"],
        universe=run["universe"],
        symbols=len(run["symbols"]),
        bars=run["n_bars"],
        start=run["start_session"],
        end=run["end_session"],
        left_out=tuple((one["subject"], one["message"]) for one in run["left_out"]),
        simulated=run["simulated_prices"],
        measured_at=run["measured_at"],
        code_version=run["code_version"],
        run_id=stored.id,
    )
