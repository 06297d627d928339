"""The report: tables in, HTML out. Nothing is computed here that the tables do not hold, counts and pairings aside."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from alphafactory.errors import UnknownNameError
from alphafactory.pipeline.correlation_pages import newest_correlation_page
from alphafactory.pipeline.pages import backtest_context, page_stamp, read_page_data
from alphafactory.pipeline.panel import choose_universe
from alphafactory.pipeline.portfolio_pages import portfolio_page, portfolio_row
from alphafactory.pipeline.running import StepReport
from alphafactory.pipeline.summaries import night_context
from alphafactory.reports.writing import standing_pages, write_backtest_page, write_portfolio_page, write_report
from alphafactory.store import results
from alphafactory.store.portfolio_reading import read_current_portfolios, read_portfolio_runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from alphafactory.pipeline.running import Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.reports.contexts import BacktestContext
    from alphafactory.reports.portfolio_contexts import PortfolioPage

READS = (
    "symbols", "symbol_aliases", "universes", "universe_members", "bars", "bar_revisions", "splits", "dividends",
    "quality_findings", "quality_judgements", "quality_scores", "source_states", "indicators", "strategies",
    "verdicts", "backtests", "trades", "orders", "equity", "job_runs", "job_steps", "portfolios", "exposures",
    "risk_events", "limit_effects", "portfolio_measures", "next_orders",
    "feature_correlation_runs", "feature_clusters", "feature_correlations",
)  # fmt: skip
WRITES = ()
_PAGES_A_READ = 50


def write_reports(run: Run) -> StepReport:
    """Write the index of the night and the pages of the best and the changed backtests."""
    workspace = run.workspace
    with workspace.database.begin() as connection:
        universe = choose_universe(connection, workspace)
        ids = [row.id for row in universe.symbols]
        keys = run.notes.get("backtests") or results.read_current(connection, ids)
        rows = [row for row in results.read_backtests(connection, keys) if row["status"] == "done"]
        portfolios = run.notes.get("portfolios")
        if portfolios is None:  # the report alone was asked for
            portfolios = list(read_current_portfolios(connection).values())
        told = tuple(portfolio_row(connection, key, run.run_id) for key in portfolios)
        correlations = None if run.is_past else newest_correlation_page(connection)
        night = replace(night_context(connection, run, rows, ids), portfolios=told, correlations=correlations)
    paged = _paged(rows, workspace.config.reports.pages, run.run_id, workspace.config.backtest.benchmark)
    folder = _folder(run)
    stamps = {row["id"]: page_stamp(row) for row in paged}
    standing = standing_pages(folder, stamps)
    changed = [row for row in paged if row["id"] not in standing]
    pages = _portfolio_pages(workspace, portfolios)
    path = write_report(folder, night, _pages(workspace, changed), standing, pages)
    run.notes["report"] = str(path)
    beside = f" and {len(portfolios)} portfolios" if portfolios else ""
    return StepReport(0, f"{path}, {len(paged)} backtests{beside} with a page of their own.")


def _portfolio_pages(workspace: Workspace, keys: Sequence[int]) -> Iterator[PortfolioPage]:
    """Yield the pages of the night's portfolios one by one; one whose curve is no longer kept has none."""
    for key in keys:
        with workspace.database.begin() as connection:
            page = portfolio_page(connection, key)
        if page is not None:
            yield page


def _folder(run: Run) -> Path:
    """Return where the report goes; the repetition of a past night never takes the place of the newest one's."""
    folder = run.workspace.config.reports.dir
    return folder / f"as-of-{run.workspace.as_of}" if run.is_past else folder


def write_backtest(workspace: Workspace, backtest_id: int) -> Path:
    """Write the page of one backtest, or portfolio; raise `UnknownNameError` where there is none."""
    with workspace.database.begin() as connection:
        runs = read_portfolio_runs(connection, [backtest_id])
        page = portfolio_page(connection, backtest_id) if runs and runs[0]["status"] == "done" else None
        if page is not None:
            return write_portfolio_page(workspace.config.reports.dir, page)
        found = results.read_backtests(connection, [backtest_id])
        if not found or found[0]["status"] != "done":
            known = [str(key) for key in results.read_current(connection, [found[0]["symbol_id"]] if found else [])]
            raise UnknownNameError("finished backtest", str(backtest_id), known)
    context = next(_pages(workspace, found), None)
    if context is None:
        raise UnknownNameError("kept curve of backtest", str(backtest_id), [])
    return write_backtest_page(workspace.config.reports.dir, context)


def _paged(rows: Sequence[dict[str, Any]], most: int, run_id: int, benchmark: str) -> list[dict[str, Any]]:
    """Choose who gets a page: half of them the best by Sharpe, the others the best among those computed tonight."""
    ranked = sorted(
        (
            row
            for row in rows
            if row["sharpe"] is not None and row["strategy"] != benchmark and row["audit_passed"] is not False
        ),
        key=lambda row: (-row["sharpe"], row["id"]),
    )
    changed = [row for row in ranked if row["job_run_id"] == run_id]
    chosen = {row["id"]: row for row in [*ranked[: (most + 1) // 2], *changed, *ranked]}
    return list(chosen.values())[:most]


def _pages(workspace: Workspace, paged: Sequence[dict[str, Any]]) -> Iterator[BacktestContext]:
    """Yield the contexts a handful at a time, so that memory holds few curves."""
    for start in range(0, len(paged), _PAGES_A_READ):
        chunk = paged[start : start + _PAGES_A_READ]
        with workspace.database.begin() as connection:
            data = read_page_data(connection, workspace, chunk)
            contexts = [backtest_context(connection, workspace, data, row) for row in chunk]
        yield from (context for context in contexts if context is not None)
