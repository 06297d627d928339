"""The night as the report shows it: what ran, what failed, what changed, and every result beside holding."""

from __future__ import annotations

import hashlib
import json
import statistics
from typing import TYPE_CHECKING, Any, cast

from alphafactory.metrics import METRICS
from alphafactory.pipeline.audit_rows import read_audit_rows
from alphafactory.pipeline.changes import read_past_changes
from alphafactory.pipeline.data_state import read_bars_by_source, read_data_quality, read_vendor_rows
from alphafactory.pipeline.workspace import code_version, masked_config
from alphafactory.reports.contexts import (
    CountRow,
    DataChanges,
    FailureRow,
    FindingCount,
    FindingRow,
    GlossaryRow,
    NightContext,
    RankRow,
    SectorRow,
    StepRow,
    StrategyRow,
)
from alphafactory.store import findings, job_runs, results

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from alphafactory.pipeline.running import Run, StepResult
    from alphafactory.reports.contexts import Outcome, StepOutcome
    from alphafactory.store.database import Connection

_MOST_FINDINGS = 200
_HEADINGS = {
    "sharpe": "Sharpe", "total_return": "Return", "cagr": "CAGR", "max_drawdown": "Max drawdown", "sortino": "Sortino",
    "calmar": "Calmar", "n_trades": "Trades", "win_rate": "Win rate", "profit_factor": "Profit factor",
    "exposure": "Exposure",
}  # fmt: skip


def night_context(
    connection: Connection, run: Run, rows: Sequence[dict[str, Any]], symbol_ids: Sequence[int]
) -> NightContext:
    """Gather one night from the tables; `rows` are its finished backtests."""
    workspace = run.workspace
    record, _ = job_runs.read_run(workspace.database, run.run_id)
    benchmark = workspace.config.backtest.benchmark
    judged = tuple(_ranking(rows, benchmark, run.run_id))
    ranking = tuple(row for row in judged if row.passed is not False)
    audits = read_audit_rows(connection, [row["strategy_id"] for row in rows])
    config = json.dumps(masked_config(workspace.config), sort_keys=True)
    return NightContext(
        title="AlphaFactory: the night's report",
        run_id=str(run.run_id),
        as_of=workspace.as_of,
        outcome=cast("Outcome", run.outcome),
        started_at=record["started_at"],
        finished_at=None,
        code_version=code_version(),
        config_digest=hashlib.sha256(config.encode()).hexdigest()[:12],
        simulated=any(row["simulated_prices"] for row in rows),
        database=tuple(CountRow(label.replace("_", " "), count) for label, count in results.count_rows(connection)),
        steps=tuple(_step(step) for step in run.steps),
        failures=tuple(dict.fromkeys(_failures(run.steps))),  # a broken file may be in the way of several steps
        changes=_changes(connection, run, symbol_ids),
        past=read_past_changes(connection, run, rows, symbol_ids),
        vendors=tuple(read_vendor_rows(connection, run)),
        bars_by_source=read_bars_by_source(connection, workspace, symbol_ids),
        quality=read_data_quality(connection, workspace, symbol_ids),
        ranking=ranking,
        by_sector=tuple(_by_sector(ranking)),
        by_strategy=tuple(_by_strategy(judged, rows)),
        audits=tuple(sorted(audits.values(), key=lambda row: (row.passed, not row.findings, row.strategy))),
        unranked=tuple(row for row in judged if row.passed is False),
        findings=tuple(_finding(row) for row in results.read_findings(connection, _MOST_FINDINGS, workspace.cutoff)),
        finding_counts=tuple(
            FindingCount(rule, severity, count, quarantined)
            for rule, severity, count, quarantined in results.count_findings(connection, workspace.cutoff)
        ),
        glossary=_glossary(),
    )


def _step(step: StepResult) -> StepRow:
    return StepRow(step.name, cast("StepOutcome", step.outcome), step.seconds, step.rows, step.message)


def _failures(steps: Iterable[StepResult]) -> Iterable[FailureRow]:
    for step in steps:
        if step.outcome == "failed":
            yield FailureRow("step", step.name, step.message, "Mend what it names and run the night again.")
        for fault in step.failures:
            yield FailureRow(fault["kind"], fault["subject"], fault["message"], fault["remedy"])


def _changes(connection: Connection, run: Run, symbol_ids: Sequence[int]) -> DataChanges:
    workspace = run.workspace
    first, last = results.read_span(connection, symbol_ids, workspace.as_of, workspace.cutoff)
    return DataChanges(
        symbols=len(symbol_ids),
        bars_new=run.notes.get("bars_new", 0),
        bars_changed=run.notes.get("bars_changed", 0),
        bars_quarantined=findings.count_quarantined(connection, symbol_ids, workspace.cutoff),
        first_session=first,
        last_session=last,
    )


def _ranking(rows: Sequence[dict[str, Any]], benchmark: str, run_id: int) -> Iterable[RankRow]:
    """Yield the backtests, the best Sharpe first, the undefined last, each with what it earned beyond holding."""
    holding = {row["symbol_id"]: row for row in rows if row["strategy"] == benchmark and row["symbol_id"] is not None}
    ranked = sorted(
        rows, key=lambda row: (row["sharpe"] is None, -(row["sharpe"] or 0.0), row["ticker"], row["strategy"])
    )
    for row in ranked:
        held = holding.get(row["symbol_id"])
        yield _rank_row(row, held, benchmark, run_id)


def _rank_row(row: dict[str, Any], held: dict[str, Any] | None, benchmark: str, run_id: int) -> RankRow:
    is_benchmark = row["strategy"] == benchmark
    same_days = held is not None and all(held[name] == row[name] for name in ("start_session", "end_session"))
    excess = row["total_return"] - held["total_return"] if held and same_days and not is_benchmark else None
    if row["symbol_id"] is None and row["hold_return"] is not None:  # an account of many: all of them held instead
        excess = row["total_return"] - row["hold_return"]
    same = (
        "total_return",
        "cagr",
        "sharpe",
        "sortino",
        "max_drawdown",
        "calmar",
        "win_rate",
        "profit_factor",
        "exposure",
    )
    return RankRow(
        backtest_id=row["id"],
        symbol=row["ticker"],
        name=row["symbol_name"],
        sector=row["sector"],
        strategy=row["strategy"],
        params=_words(row["params"]),
        start=row["start_session"],
        end=row["end_session"],
        trades=None if row["n_trades"] is None else int(row["n_trades"]),
        excess_return=excess,
        is_benchmark=is_benchmark,
        passed=row["audit_passed"],
        changed=row["job_run_id"] == run_id,
        optimistic=row["optimistic"],
        ruined=row["ruined"],
        leveraged=float(row["settings"].get("leverage", 1)) > 1.0,
        **{name: row[name] for name in same},
    )


def _by_sector(ranking: Sequence[RankRow]) -> Iterable[SectorRow]:
    sectors: dict[str, list[RankRow]] = {}
    for row in ranking:
        if not row.is_benchmark:
            sectors.setdefault(row.sector or "no sector", []).append(row)
    for sector, rows in sorted(sectors.items()):
        defined = [row for row in rows if row.sharpe is not None]
        best = defined[0] if defined else None
        median = statistics.median(row.sharpe for row in defined if row.sharpe is not None) if defined else None
        yield SectorRow(
            sector,
            len(rows),
            best.symbol if best else None,
            best.strategy if best else None,
            best.sharpe if best else None,
            median,
        )


def _by_strategy(ranking: Sequence[RankRow], found: Sequence[dict[str, Any]]) -> Iterable[StrategyRow]:
    versions = {row["strategy"]: row["strategy_version"] for row in found}
    strategies: dict[str, list[RankRow]] = {}
    for row in ranking:
        strategies.setdefault(row.strategy, []).append(row)
    for strategy, rows in sorted(strategies.items()):
        sharpes = [row.sharpe for row in rows if row.sharpe is not None]
        returns = [row.total_return for row in rows if row.total_return is not None]
        beyond = [row.excess_return for row in rows if row.excess_return is not None]
        yield StrategyRow(
            strategy=strategy,
            version=versions[strategy],
            symbols=len(rows),
            median_sharpe=statistics.median(sharpes) if sharpes else None,
            mean_sharpe=statistics.fmean(sharpes) if sharpes else None,
            share_beating=sum(value > 0 for value in beyond) / len(beyond) if beyond else None,
            mean_return=statistics.fmean(returns) if returns else None,
            is_benchmark=rows[0].is_benchmark,
            passed=rows[0].passed,
        )


def _finding(row: dict[str, Any]) -> FindingRow:
    return FindingRow(
        severity=row["severity"],
        rule=row["rule"],
        subject=row["subject"],
        session=row["session"],
        message=row["message"],
        values=_words(row["payload"]),
        quarantined=row["quarantined"],
    )


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _glossary() -> tuple[GlossaryRow, ...]:
    rows = [GlossaryRow(_HEADINGS.get(metric.name, metric.label), metric.formula) for metric in METRICS]
    return (*rows, GlossaryRow("Excess", "total return less that of buy and hold on the same symbol and sessions"))
