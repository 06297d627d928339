"""The portfolios of the config: each simulated on one account where anything that it depends on has changed.

1. A portfolio's fingerprint is the hash of all that its result depends on; one that is stored is done.
2. The others are simulated one after another; each is written with its detail in one transaction.
3. Tonight's answers supersede those of before; a portfolio that the config has no more has no current answer.

One that fails is a row with its error, and the others go on.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from alphafactory.errors import AlphaFactoryError, SimulationError
from alphafactory.pipeline.known_strategies import known_strategies
from alphafactory.pipeline.portfolio_answers import portfolio_answer, stored_failures
from alphafactory.pipeline.portfolio_question import ask_portfolio
from alphafactory.pipeline.portfolio_run import failed_record, run_portfolio
from alphafactory.pipeline.running import StepReport, failure
from alphafactory.store import backtests
from alphafactory.store.portfolios import register_portfolio, withdraw_other_portfolios, write_portfolio_detail

if TYPE_CHECKING:
    from typing import Any

    from alphafactory.pipeline.portfolio_question import PortfolioQuestion
    from alphafactory.pipeline.running import Failure, Run
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.registry import Registry
    from alphafactory.strategies.base import Strategy

READS = (
    "symbols", "symbol_aliases", "universes", "universe_members", "quality_judgements", "quality_scores", "job_steps",
    "series_versions", "series_fingerprints", "bars", "bar_revisions", "splits", "dividends", "quality_findings",
    "strategies", "verdicts", "earnings_calendar", "portfolios", "backtests", "allocation_fits", "portfolio_measures",
    "job_runs",
)  # fmt: skip
WRITES = (
    "strategies", "portfolios", "backtests", "trades", "orders", "equity", "target_weights", "positions", "exposures",
    "risk_events", "limit_effects", "portfolio_measures", "next_orders", "allocation_fits", "series_fingerprints",
)  # fmt: skip
_LOG = logging.getLogger(__name__)
Origin = Literal["nightly", "adhoc"]


@dataclass(frozen=True, slots=True)
class PortfolioAnswer:
    """A portfolio that a person asked for, in the shape of the command line's JSON, and what failed on the way."""

    result: dict[str, Any]
    failures: tuple[Failure, ...]

    @property
    def outcome(self) -> str:
        """How it went: fine, or partial where a symbol gave nothing."""
        return "partial" if self.failures else "fine"


@dataclass(frozen=True, slots=True)
class _Answered:
    key: int
    subject_key: str
    computed: bool
    failures: tuple[Failure, ...]


def run_portfolios(run: Run) -> StepReport:
    """Run every portfolio of the config whose answer is not stored yet."""
    workspace = run.workspace
    names = list(workspace.config.portfolios)
    answers: list[_Answered] = []
    failures: list[Failure] = []
    registry = known_strategies(workspace.config.paths.strategies) if names else None
    for number, name in enumerate(names, start=1):
        assert registry is not None
        try:
            answers.append(_answer(workspace, name, registry, "nightly", run.run_id))
        except AlphaFactoryError as error:
            failures.append(failure("portfolio", name, str(error), "The other portfolios went on."))
        workspace.progress.advance(number, len(names), "portfolios")
    _settle(run, answers)
    run.notes["portfolios"] = [answer.key for answer in answers]
    if not names:
        return StepReport(0, "No portfolio is defined.", skipped=True)
    computed = sum(answer.computed for answer in answers)
    failures += [one for answer in answers for one in answer.failures]
    return StepReport(computed, f"{computed} of {len(names)} portfolios computed, the others stand.", tuple(failures))


def ask_for_portfolio(workspace: Workspace, name: str) -> PortfolioAnswer:
    """Return the answer to a portfolio of the config, computed where it is not stored.

    Raises:
        UsageError: there is no such portfolio, or something that it names does not exist.
        SimulationError: it gave no result.
    """
    registry = known_strategies(workspace.config.paths.strategies)
    answered = _answer(workspace, name, registry, "adhoc", None)
    with workspace.database.begin() as connection:
        return PortfolioAnswer(portfolio_answer(connection, answered.key), answered.failures)


def _answer(
    workspace: Workspace, name: str, registry: Registry[type[Strategy]], origin: Origin, job_run_id: int | None
) -> _Answered:
    with workspace.database.begin() as connection:
        question = ask_portfolio(connection, workspace, name, registry)
        known = backtests.read_answers(connection, [question.fingerprint]).get(question.fingerprint)
        if known is not None:
            failures = (*question.chosen.failures, *stored_failures(connection, known.key))
            return _Answered(known.key, question.subject_key, computed=False, failures=failures)
        portfolio_id = register_portfolio(connection, name, question.definition)
    key, failures = _compute(workspace, question, portfolio_id, origin, job_run_id)
    return _Answered(key, question.subject_key, computed=True, failures=(*question.chosen.failures, *failures))


def _compute(
    workspace: Workspace, question: PortfolioQuestion, portfolio_id: int, origin: Origin, job_run_id: int | None
) -> tuple[int, tuple[Failure, ...]]:
    """Run a portfolio and write it; what fails is written, too, and raised."""
    try:
        done = run_portfolio(workspace, question, portfolio_id, origin, job_run_id)
    except Exception as error:
        known = isinstance(error, AlphaFactoryError)
        words = str(error) if known else f"{type(error).__name__}: {error}"
        record = failed_record(workspace, question, portfolio_id, origin=origin, job_run_id=job_run_id, error=words)
        with workspace.database.begin() as connection:
            backtests.upsert_backtests(connection, [record])
        if known:
            raise
        _LOG.exception("The portfolio %s met a defect", question.name)
        raise SimulationError(f"A defect of AlphaFactory stopped it ({words}); the log has the details.") from error
    with workspace.database.begin() as connection:
        key = backtests.upsert_backtests(connection, [done.record])[question.fingerprint]
        write_portfolio_detail(connection, key, done.detail)
        return key, tuple(stored_failures(connection, key))


def _settle(run: Run, answers: list[_Answered]) -> None:
    """Make tonight's answers the current ones; those of a past date stand behind what is current already."""
    keys = [answer.key for answer in answers]
    with run.workspace.database.begin() as connection:
        if run.is_past:
            backtests.yield_to_current(connection, [answer.key for answer in answers if answer.computed])
            return
        backtests.promote(connection, keys)
        backtests.supersede(connection, {answer.subject_key: answer.key for answer in answers})
        withdraw_other_portfolios(connection, keys)
