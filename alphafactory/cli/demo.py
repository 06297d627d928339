"""`demo`: a whole night on a simulated market, in an embedded database of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer  # noqa: TC002  Typer reads the annotations at run time

from alphafactory.cli.jobs import NIGHT, job_as_json, known_jobs, print_failures, print_result
from alphafactory.cli.output import print_json, print_line, print_table
from alphafactory.cli.session import JsonOption, Session, exit_status, session_of

if TYPE_CHECKING:
    from alphafactory.pipeline.workspace import Workspace

BEST_SHOWN = 5
SIMULATED = "These prices are simulated: no company of this market exists, and no result says anything of a real one."
FAULTS = 3
"""Faulty bars planted a year, so that the quality gate has something to show."""


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command(rich_help_panel=NIGHT)(demo)


def demo(context: typer.Context, json: JsonOption = False) -> int:
    """Run a whole night on a simulated market, in an embedded database of its own: nothing to set up."""
    session = session_of(context)
    session.override(demo_settings(session))
    from alphafactory.pipeline.running import run_job  # noqa: PLC0415  SQLAlchemy, which help does not need

    job = known_jobs().get("nightly")
    with session.workspace(session.as_of(), json=json) as workspace:
        result = run_job(workspace, job.name, job.steps)
        assert result is not None  # only a scheduled run can be claimed by somebody else
        columns, best = _best(workspace)
    if json:
        print_json({**job_as_json(result), "best": [dict(zip(columns, row, strict=True)) for row in best]})
    else:
        print_table(columns, best, title="Best results by Sharpe ratio, beside holding the same symbol")
        print_line(SIMULATED)
        print_result(result)
    print_failures(result)
    return exit_status(result.outcome)


def demo_settings(session: Session) -> dict[str, Any]:
    """Return the settings that make a demo of any config: a database, a market and a report folder of its own."""
    loaded = session.loaded
    settings: dict[str, Any] = {
        "database.url": "embedded:demo",
        "sources.order": ["synthetic"],
        "universe.symbols": "all",
        "backtest.start": None,
        "backtest.end": None,
        "reports.dir": loaded.config.reports.dir / "demo",
    }
    if loaded.config.sources.synthetic.faults == 0:
        settings["sources.synthetic.faults"] = FAULTS
    return settings


def _best(workspace: Workspace) -> tuple[list[str], list[tuple[Any, ...]]]:
    from alphafactory.store.reader import query  # noqa: PLC0415  psycopg, which help does not need

    return query(workspace.database, BEST_BY_SHARPE)


BEST_BY_SHARPE = f"""
    SELECT b.strategy, b.ticker AS symbol, b.sharpe, b.total_return, b.max_drawdown,
        coalesce(h.total_return, b.hold_return) AS holding
    FROM v_current_backtests b
    LEFT JOIN v_current_backtests h ON h.ticker = b.ticker AND h.strategy = 'buy_and_hold'
    WHERE b.strategy <> 'buy_and_hold' AND b.sharpe IS NOT NULL AND b.audit_passed IS NOT FALSE
    ORDER BY b.sharpe DESC, b.ticker LIMIT {BEST_SHOWN}
"""  # noqa: S608  the only value put in is a number of this file
