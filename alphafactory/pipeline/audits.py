"""Audits: strategies in, a verdict for each version in the table; what has been judged is not judged again.

1. The evidence of a version is the hash of its code, of the code that audits and of the terms.
2. Versions without a verdict on that evidence are audited on symbols of the night, by workers where that pays.
3. What was found is written; a strategy with an error is ranked nowhere until its code is another.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from alphafactory.audit import Terms as AuditTerms
from alphafactory.errors import AlphaFactoryError, UsageError
from alphafactory.pipeline.audit_ground import MOST_BARS, Ground, NothingToAuditOnError, audit_ground
from alphafactory.pipeline.auditing import audit_code, audit_strategy
from alphafactory.pipeline.fingerprints import digest_of, signal_code_of
from alphafactory.pipeline.known_strategies import known_strategies, same_code, strategies_of_worker
from alphafactory.pipeline.market_contexts import index_is_known
from alphafactory.pipeline.questions import strategy_row
from alphafactory.pipeline.running import StepReport, broken_plugins, failure
from alphafactory.pipeline.workspace import code_version
from alphafactory.store import bars, strategies, verdicts
from alphafactory.store.verdicts import VerdictRecord
from alphafactory.strategies.catalogue import code_hash
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alphafactory.audit import Verdict
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.registry import Registry
    from alphafactory.store.database import Connection
    from alphafactory.strategies.base import Strategy

READS = (
    "symbols", "symbol_aliases", "universes", "universe_members", "bars", "bar_revisions", "splits", "dividends",
    "earnings_calendar", "quality_findings", "quality_judgements", "series_versions", "series_fingerprints",
    "strategies", "verdicts", "job_runs", "job_steps",
)  # fmt: skip
WRITES = ("strategies", "verdicts", "series_fingerprints")
AUDIT = "audit"
_SECONDS_AN_AUDIT = 0.8
_WORKER_START_SECONDS = 2.5


@dataclass(frozen=True, slots=True)
class _Judged:
    verdict: Verdict | None
    seconds: float
    error: str | None = None


@dataclass(frozen=True, slots=True)
class AuditAnswer:
    """Verdicts that a person asked for, as plain values, and what could not be audited."""

    verdicts: list[dict[str, Any]]
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Whether every strategy passed."""
        return not self.failures and all(row["passed"] for row in self.verdicts)


def run_audits(run: Run) -> StepReport:
    """Audit every strategy of the night whose code has not been judged yet."""
    workspace = run.workspace
    registry = known_strategies(workspace.config.paths.strategies)
    chosen, failures = _resolved(_names(workspace, registry), registry)
    try:
        versions, new, faults = _audit(workspace, chosen, run.run_id, again=False)
    except NothingToAuditOnError as error:
        return StepReport(0, str(error), (*broken_plugins(registry.broken), *failures), skipped=True)
    failures += faults
    with workspace.database.begin() as connection:
        found = verdicts.read_verdicts(connection, list(versions))
    failed = sorted(row["strategy"] for row in found.values() if not row["passed"])
    words = f" Failed, and ranked nowhere: {', '.join(failed)}." if failed else ""
    message = f"{new} strategies audited, the verdicts on {len(found) - new} others stand.{words}"
    return StepReport(new, message, (*broken_plugins(registry.broken), *failures), skipped=not chosen)


def audit_asked(workspace: Workspace, names: Sequence[str], *, again: bool = False) -> AuditAnswer:
    """Audit these strategies, all of the night's without a name, and return the verdicts; `again` although they stand.

    Raises:
        UsageError: there is no such strategy, or there are no symbols yet.
    """
    registry = known_strategies(workspace.config.paths.strategies)
    if names:
        chosen = [resolve_strategy(name, registry) for name in names]
        failures: list[Failure] = []
    else:
        chosen, failures = _resolved(_names(workspace, registry), registry)
    versions, _, faults = _audit(workspace, chosen, None, again=again)
    with workspace.database.begin() as connection:
        found = verdicts.read_verdicts(connection, list(versions))
    rows = sorted(found.values(), key=lambda row: (row["passed"], row["strategy"]))
    return AuditAnswer(rows, (*failures, *faults))


def require_honest(workspace: Workspace, strategy: type[Strategy]) -> None:
    """Audit a strategy that has no verdict yet, and refuse one that failed: it is ranked nowhere.

    Raises:
        UsageError: its audit failed; the message says what was found.
    """
    versions, _, failures = _audit(workspace, [strategy], None, again=False)
    if failures:
        raise UsageError(f"{strategy.name} cannot be audited, so it is not ranked. {failures[0]['message']}")
    with workspace.database.begin() as connection:
        (row,) = verdicts.read_verdicts(connection, list(versions)).values()
    if not row["passed"]:
        found = next(finding for finding in row["findings"] if finding["severity"] == "error")
        raise UsageError(
            f"{strategy.name} failed its audit, so it is ranked nowhere until its code is another. "
            f"{found['check'].replace('_', ' ').capitalize()}: {found['message']}"
        )


def _names(workspace: Workspace, registry: Registry[type[Strategy]]) -> list[str]:
    """Return all strategies that any result of the night may come from, filters among them."""
    config = workspace.config
    sleeves = [sleeve.strategy for portfolio in config.portfolios.values() for sleeve in portfolio.sleeves]
    wanted = registry.names() if config.backtest.strategies == "all" else config.backtest.strategies
    return list(dict.fromkeys([*wanted, config.backtest.benchmark, *sleeves]))


def _resolved(names: Sequence[str], registry: Registry[type[Strategy]]) -> tuple[list[type[Strategy]], list[Failure]]:
    chosen, failures = [], []
    for name in names:
        try:
            chosen.append(resolve_strategy(name, registry))
        except AlphaFactoryError as error:
            failures.append(failure("audit", name, str(error), "Correct the config or the strategy's file."))
    return chosen, failures


def _audit(
    workspace: Workspace, chosen: Sequence[type[Strategy]], run_id: int | None, *, again: bool
) -> tuple[dict[int, type[Strategy]], int, list[Failure]]:
    """Return the versions by key, how many were audited now, and what could not be."""
    terms = _terms(workspace)
    with workspace.database.begin() as connection:
        versions, evidence, failures = _registered(connection, chosen, terms, _setting(workspace))
        known = set() if again else verdicts.read_audited(connection, evidence)
    missing = [key for key in versions if key not in known]
    if not missing:
        return versions, 0, failures
    asked = [versions[key] for key in missing]
    ground = audit_ground(workspace, asked)
    unjudged = 0
    for number, (key, judged) in enumerate(
        zip(missing, _judged(workspace, asked, ground, terms), strict=True), start=1
    ):
        if judged.verdict is None:
            unjudged += 1
            failures.append(failure("audit", versions[key].name, str(judged.error), "Correct the strategy's file."))
        else:
            record = _record(key, evidence[key], judged.verdict, judged.seconds, versions[key], run_id)
            with workspace.database.begin() as connection:
                verdicts.upsert_verdict(connection, record)
        workspace.progress.advance(number, len(missing), "audits")
    return versions, len(missing) - unjudged, failures


def _registered(
    connection: Connection, chosen: Sequence[type[Strategy]], terms: AuditTerms, setting: Sequence[object]
) -> tuple[dict[int, type[Strategy]], dict[int, str], list[Failure]]:
    """Return the strategies and the hashes of their evidence by the key of their version, and who cannot be judged."""
    versions: dict[int, type[Strategy]] = {}
    evidence: dict[int, str] = {}
    failures: list[Failure] = []
    for strategy in chosen:
        try:
            found = digest_of([_evidence(strategy, terms), setting])
        except AlphaFactoryError as error:  # it asks for an indicator that does not exist
            failures.append(failure("audit", strategy.name, str(error), "Correct the strategy's file."))
            continue
        key = strategies.register_strategy(connection, strategy_row(strategy))
        versions[key], evidence[key] = strategy, found
    return versions, evidence, failures


def _terms(workspace: Workspace) -> AuditTerms:
    config = workspace.config.audit
    return AuditTerms(seed=config.seed, last=config.last_bars, random=config.random_bars, starts=config.starts)


def _setting(workspace: Workspace) -> list[object]:
    """Return what else decides a verdict: how many symbols, about how long their histories, whether there is an index.

    The length counts in powers of two, so that a verdict found on little stands no longer than until there is more.
    """
    with workspace.database.begin() as connection:
        longest = bars.longest_history(connection, workspace.cutoff)
    depth = min(longest, MOST_BARS).bit_length()
    return [workspace.config.audit.symbols, depth, index_is_known(workspace)]


def _evidence(strategy: type[Strategy], terms: AuditTerms) -> str:
    return digest_of([signal_code_of(strategy), audit_code(), asdict(terms), resolve_parameters(strategy, {})])


def _judged(
    workspace: Workspace, asked: Sequence[type[Strategy]], ground: Ground, terms: AuditTerms
) -> Iterator[_Judged]:
    """Yield the verdict on each strategy, in order, as they come."""
    folder, compute = str(workspace.config.paths.strategies), workspace.config.compute
    workers = _worker_count(len(asked), compute.workers, compute.backend)
    if workers == 1:
        yield from (_judge(strategy, ground, terms) for strategy in asked)
        return
    from joblib import Parallel, delayed  # noqa: PLC0415  loaded only when workers pay
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415  the same

    # One at a time: some take a hundred times as long as others.
    parallel = Parallel(n_jobs=workers, backend=compute.backend, batch_size=1, return_as="generator")
    try:
        yield from parallel(
            delayed(_judge_named)(strategy.name, code_hash(strategy), ground, terms, folder) for strategy in asked
        )
    finally:
        # A worker that has audited watches files and remembers futures: whoever simulates next gets a fresh one.
        get_reusable_executor().shutdown(wait=True)


def _worker_count(audits: int, configured: int, backend: str) -> int:
    # Threads would hear of each other's files and change each other's strategies: only processes audit side by side.
    if backend != "loky":
        return 1
    if configured:
        return min(configured, audits)
    cores = os.cpu_count() or 1
    return min(cores, audits) if audits * _SECONDS_AN_AUDIT * (1 - 1 / cores) > _WORKER_START_SECONDS else 1


def _judge_named(name: str, code: str, ground: Ground, terms: AuditTerms, folder: str) -> _Judged:
    """Audit the strategy of that name: the work of a worker."""
    try:
        return _judge(same_code(resolve_strategy(name, strategies_of_worker(folder)), code), ground, terms)
    except AlphaFactoryError as error:
        return _Judged(None, 0.0, str(error))


def _judge(strategy: type[Strategy], ground: Ground, terms: AuditTerms) -> _Judged:
    started = time.perf_counter()
    try:
        symbols = ground.together if strategy.scope == "universe" else ground.single
        verdict = audit_strategy(strategy, symbols, ground.context, terms)
    except AlphaFactoryError as error:
        return _Judged(None, time.perf_counter() - started, str(error))
    return _Judged(verdict, time.perf_counter() - started)


def _record(  # noqa: PLR0917  what a row of the table is made of
    key: int, evidence: str, verdict: Verdict, seconds: float, strategy: type[Strategy], run_id: int | None
) -> VerdictRecord:
    warm_up = verdict.warm_up
    return VerdictRecord(
        strategy_id=key,
        kind=AUDIT,
        evidence_hash=evidence,
        passed=verdict.passed,
        errors=len(verdict.errors),
        warnings=len(verdict.warnings),
        findings=[_plain(asdict(finding)) for finding in verdict.findings],
        params=resolve_parameters(strategy, {}),
        symbols=verdict.symbols,
        cuts=verdict.cuts,
        disturbances=verdict.disturbances,
        warm_up_declared=None if warm_up is None else warm_up.declared,
        warm_up_median=None if warm_up is None else warm_up.median,
        warm_up_high=None if warm_up is None else warm_up.high,
        warm_up_worst=None if warm_up is None else warm_up.worst,
        warm_up_never=None if warm_up is None else warm_up.never,
        seconds=seconds,
        job_run_id=run_id,
        code_version=code_version(),
    )


def _plain(finding: Mapping[str, Any]) -> dict[str, Any]:
    session = finding["session"]
    return {**finding, "severity": str(finding["severity"]), "session": None if session is None else str(session)}
