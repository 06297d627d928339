"""The quality gate: stored bars in, findings and scores out, for the series that changed.

A series is judged again when its bars, its actions, what other vendors or a person say of it, the rules' code or the
newest session changed. Each finding is dated: on a symbol's first night by the session that showed it, later by the
night.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory import quality
from alphafactory.calendar import session_close
from alphafactory.domain.findings import Finding, Severity, quarantine_in_words
from alphafactory.domain.market import Dividend, Observation, Split
from alphafactory.indicators.catalogue import shipped_catalogue
from alphafactory.pipeline.known_strategies import known_strategies
from alphafactory.pipeline.panel import choose_universe, data_fingerprints
from alphafactory.pipeline.running import StepReport, broken_plugins, digest
from alphafactory.quality.gate import discover_rules, judge
from alphafactory.quality.rule import QualityContext, Rule, SeriesRule
from alphafactory.quality.score import explain
from alphafactory.store import actions, bars, findings, scores, states, vendors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.domain.bars import BarBatch
    from alphafactory.pipeline.running import Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.registry import BrokenPlugin
    from alphafactory.store.database import Connection
    from alphafactory.store.symbols import SymbolRow

READS = (
    "symbols", "symbol_aliases", "bars", "bar_revisions", "bar_observations", "splits", "dividends",
    "quality_findings", "quality_judgements", "quality_scores", "series_states", "source_states", "universe_members",
    "universes", "job_runs", "job_steps", "series_versions", "series_fingerprints",
)  # fmt: skip
WRITES = ("quality_findings", "quality_judgements", "quality_scores", "series_states", "series_fingerprints")
_BROKEN = "broken_plugin"
"""What is found of a plug-in file that cannot be used; no rule, for it concerns no bar."""
_MARKET_SYMBOLS = 10
"""So many symbols must have a return on a day for their median to be the market's."""


def check_quality(run: Run) -> StepReport:
    """Judge every series that changed, or that newer sessions of others may have outrun."""
    workspace = run.workspace
    registry = discover_rules()
    applied = [rule for rule in registry if rule.name not in workspace.config.quality.disabled]
    broken = broken_plugins(registry.broken)
    if run.is_past:
        return StepReport(0, f"The night of {workspace.as_of} has been: nothing is judged anew.", broken, skipped=True)
    with workspace.database.begin() as connection:
        noted = _note_broken_plugins(connection, registry.broken, workspace)
        chosen = choose_universe(connection, workspace, everything=True).symbols
        prints = data_fingerprints(connection, [row.id for row in chosen], workspace.cutoff, clean=False)
        rows = [row for row in chosen if row.id in prints]
        if not rows:
            return StepReport(noted, "There are no bars yet.", broken, skipped=noted == 0)
        context = _context(connection, rows, workspace)
        wanted = _digests(rows, prints, applied, context, findings.read_verdicts(connection))
        judged = states.read_series_states(connection, "gate")
        changed = [row for row in rows if judged.get(row.id) != wanted[row.id]]
        touched = 0
        if changed:
            touched = _judge(
                connection, rows, changed, prints=prints, applied=applied, context=context, workspace=workspace
            )
        kept_out = _kept_out(connection, {row.ticker for row in rows}, workspace) if changed else []
        unchanged = [row.id for row in rows if judged.get(row.id) == wanted[row.id]]
        scores.upsert_scores(connection, {}, night=workspace.as_of, moment=workspace.moment, others=unchanged)
    if not changed:
        return StepReport(noted, "No series changed.", broken, skipped=noted == 0)
    message = f"{len(changed)} series judged, {touched} findings opened or closed.{quarantine_in_words(kept_out)}"
    return StepReport(touched + noted, message, broken)


def _judge(
    connection: Connection,
    rows: Sequence[SymbolRow],
    changed: Sequence[SymbolRow],
    *,
    prints: dict[int, str],
    applied: Sequence[type[Rule]],
    context: QualityContext,
    workspace: Workspace,
) -> int:
    """Judge the changed series against the market of all; write findings and scores; return the findings touched."""
    batch = _read(connection, changed, workspace)
    market = _market(batch if len(changed) == len(rows) else _read(connection, rows, workspace))
    context = replace(_with_actions(connection, context, changed, workspace), market=market)
    found = judge(batch, context, applied)
    touched = _store(connection, changed, found, applied, workspace)
    _score(connection, batch, changed, context, workspace)
    # A judgement of values that are no longer there has ended with its finding.
    done = _digests(changed, prints, applied, context, findings.read_verdicts(connection))
    states.write_series_states(connection, "gate", done)
    return touched


def _note_broken_plugins(connection: Connection, rules: Sequence[BrokenPlugin], workspace: Workspace) -> int:
    """Write a finding for each plug-in file that cannot be used: rules, strategies, indicators."""
    strategies = known_strategies(workspace.config.paths.strategies).broken
    found = [
        Finding(_BROKEN, Severity.ERROR, f"{one.path}:{one.line}", one.message, payload={"kind": one.kind})
        for one in (*rules, *strategies, *shipped_catalogue().broken)
    ]
    return findings.upsert_findings(connection, found, {}, rules=[_BROKEN], subjects=None, moment=workspace.moment)


def _read(connection: Connection, rows: Sequence[SymbolRow], workspace: Workspace) -> BarBatch:
    ids, tickers = [row.id for row in rows], [row.ticker for row in rows]
    return bars.read_bars(connection, ids, tickers, workspace.cutoff, clean=False)


def _context(connection: Connection, rows: Sequence[SymbolRow], workspace: Workspace) -> QualityContext:
    tickers = {row.id: row.ticker for row in rows}
    ids = list(tickers)
    sources = workspace.config.sources
    return QualityContext(
        as_of=max(workspace.as_of, workspace.now.date()),
        newest_session=_newest_session(connection, rows, workspace),
        listings={row.ticker: row.listing for row in rows},
        splits=(),
        dividends=(),
        observations=tuple(
            Observation(tickers[key], session, source, close, volume)
            for key, session, source, close, volume in vendors.read_observations(connection, ids)
        ),
        first_wanted=sources.start if set(sources.chain) - {"csv", "synthetic"} else None,
    )


def _with_actions(
    connection: Connection, context: QualityContext, rows: Sequence[SymbolRow], workspace: Workspace
) -> QualityContext:
    tickers = {row.id: row.ticker for row in rows}
    splits = actions.read_splits(connection, list(tickers), workspace.cutoff)
    dividends = actions.read_dividends(connection, list(tickers), workspace.cutoff)
    return replace(
        context,
        splits=tuple(Split(tickers[key], day, ratio) for key, day, ratio in splits),
        dividends=tuple(Dividend(tickers[key], day, amount) for key, day, amount in dividends),
    )


def _newest_session(connection: Connection, rows: Sequence[SymbolRow], workspace: Workspace) -> date:
    """Return the newest session that a bulk source offers, or that any symbol has."""
    found = (states.read_source_state(connection, source) for source in sorted({row.source for row in rows}))
    offered = [state.newest_session for state in found if state and state.newest_session]
    held = bars.newest_session(connection, [row.id for row in rows], workspace.as_of)
    return max([*offered, *([held] if held else [])], default=workspace.as_of)


def _market(batch: BarBatch) -> dict[date, float]:
    """Return the median return of all symbols by session, where there are enough of them."""
    follows = batch.codes[1:] == batch.codes[:-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = batch.close[1:] / batch.close[:-1] - 1
    rows = np.flatnonzero(follows & np.isfinite(returns))
    if len(rows) == 0:
        return {}
    days = batch.sessions[1:][rows].astype(np.int64)
    order = np.lexsort((returns[rows], days))
    days, values = days[order], returns[rows][order]
    sessions, first, count = np.unique(days, return_index=True, return_counts=True)
    low, high = values[first + (count - 1) // 2], values[first + count // 2]
    return {
        np.datetime64(int(day), "D").item(): float(median)
        for day, median, many in zip(sessions, (low + high) / 2, count, strict=True)
        if many >= _MARKET_SYMBOLS
    }


def _digests(
    rows: Sequence[SymbolRow],
    prints: dict[int, str],
    applied: Sequence[type[Rule]],
    context: QualityContext,
    verdicts: dict[str, list[str]],
) -> dict[int, str]:
    """Return for each series a hash of all that its findings and its score depend on."""
    said = {ticker: list(words) for ticker, words in verdicts.items()}
    for one in context.observations:
        said.setdefault(one.ticker, []).append(repr(one))
    terms = ",".join(sorted(rule.name for rule in applied)) + _code() + str(context.newest_session)
    return {
        row.id: digest(prints[row.id], terms, repr(row.listing), *said.get(row.ticker, ()), str(context.first_wanted))
        for row in rows
    }


def _store(
    connection: Connection,
    changed: Sequence[SymbolRow],
    found: Sequence[Finding],
    applied: Sequence[type[Rule]],
    workspace: Workspace,
) -> int:
    rules = [rule.name for rule in applied if issubclass(rule, SeriesRule)]
    by_ticker = {row.ticker: row for row in changed}
    return findings.upsert_findings(
        connection,
        found,
        {ticker: row.id for ticker, row in by_ticker.items()},
        rules=rules,
        subjects=list(by_ticker),
        moment=workspace.moment,
        known_at=[_known_at(finding, by_ticker[finding.subject], workspace) for finding in found],
    )


def _known_at(finding: Finding, row: SymbolRow, workspace: Workspace) -> datetime:
    """Return since when a finding can be known: on a symbol's first night since the close that showed it."""
    shown = finding.evidence or finding.session
    if row.first_night != workspace.as_of or shown is None:
        return workspace.moment
    close = session_close(row.listing.calendar, np.array([shown], dtype="datetime64[D]"))[0]
    moment: datetime = close.astype("datetime64[us]").item().replace(tzinfo=UTC)
    return min(moment, workspace.moment)


def _score(
    connection: Connection,
    batch: BarBatch,
    changed: Sequence[SymbolRow],
    context: QualityContext,
    workspace: Workspace,
) -> None:
    """Write tonight's scores from all open findings, a delivery's too; what a person has accepted does not count."""
    tickers = {row.ticker: row.id for row in changed}
    standing = [
        _finding(row)
        for row in findings.read_findings(connection)
        if row["subject"] in tickers and row["judgement"] != "accepted"
    ]
    parts = explain(batch, standing, context)
    scored = {
        tickers[ticker]: (math.prod(part.kept for part in ours), {"parts": [part.as_payload() for part in ours]})
        for ticker, ours in parts.items()
    }
    scores.upsert_scores(connection, scored, night=workspace.as_of, moment=workspace.moment)


def _kept_out(connection: Connection, tickers: set[str], workspace: Workspace) -> list[Finding]:
    """Return one finding for each bar that the night does not use: a person's word goes before the rule's."""
    bars_out = {
        (row["subject"], row["session"]): _finding(row)
        for row in findings.read_findings(connection, cutoff=workspace.cutoff)
        if row["quarantined"] and row["session"] is not None and row["subject"] in tickers
    }
    return list(bars_out.values())


def _finding(row: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=row["rule"],
        severity=Severity(row["severity"]),
        subject=row["subject"],
        message=row["message"],
        session=row["session"],
        payload=row["payload"],
        quarantined=row["quarantined"],
    )


@cache
def _code() -> str:
    folder = Path(str(quality.__file__)).parent
    return digest(*(path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))))
