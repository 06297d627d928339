"""`quality`: run the gate and print what it has found; `quality accept` and `quality reject`: judge a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from alphafactory.cli.jobs import STEPS, job_as_json, print_failures, print_result, run_job_now
from alphafactory.cli.output import print_json, print_line, print_table, shown
from alphafactory.cli.session import FINE, AsOfOption, JsonOption, exit_status, session_of
from alphafactory.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.cli.session import Session

SEVERITIES = ("error", "warning", "note")
SHOWN = 50
group = typer.Typer(
    help="Judge the bars and see what was found; `quality accept` and `quality reject` judge a finding."
)
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; it is kept with the judgement.")]
KeyArgument = Annotated[int, typer.Argument(metavar="ID", help="A finding; `quality` prints their numbers.")]


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.add_typer(group, name="quality", rich_help_panel=STEPS)


@group.callback(invoke_without_command=True)
def quality(  # noqa: PLR0917  Typer's options are the function's parameters, always given by name
    context: typer.Context,
    symbol: Annotated[
        str | None, typer.Option("--symbol", metavar="S", help="Judge nothing; print this symbol's findings and score.")
    ] = None,
    severity: Annotated[
        str | None, typer.Option("--severity", metavar="WORD", help="Only error, warning or note.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option("--limit", metavar="N", min=1, help=f"Print so many findings; by default {SHOWN}, --json all."),
    ] = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Judge the bars that changed, keep the bad ones out, and print all open findings, the worst first.

    With --symbol nothing is judged: its findings are printed, with its score, what it lost for what, and its trend.
    """
    if context.invoked_subcommand is not None:
        return FINE
    if severity is not None and severity not in SEVERITIES:
        raise UsageError(f"--severity: there is no severity '{severity}'. {suggestion(severity, SEVERITIES)}")
    session = session_of(context)
    night = session.as_of(as_of)
    if symbol is not None:
        _symbol(session, night, symbol, severity, limit, json=json)
        return FINE
    result = run_job_now(session, "quality", night, json=json)
    found = _read(session, night, None, severity)
    if json:
        print_json({**job_as_json(result), "open_findings": len(found), "findings": found[:limit]})
    else:
        print_result(result)
        _print_findings(found, limit or SHOWN)
    print_failures(result)
    return exit_status(result.outcome)


@group.command()
def accept(context: typer.Context, key: KeyArgument, note: NoteOption = "", json: JsonOption = False) -> None:
    """Say that a finding is no fault: its bar is used again from the next night on."""
    _judge(session_of(context), key, "accepted", note, json=json)


@group.command()
def reject(context: typer.Context, key: KeyArgument, note: NoteOption = "", json: JsonOption = False) -> None:
    """Say that a finding is a fault: its bar is not used from the next night on."""
    _judge(session_of(context), key, "rejected", note, json=json)


def _judge(session: Session, key: int, verdict: Literal["accepted", "rejected"], note: str, *, json: bool) -> None:
    with session.workspace(session.as_of(), json=True) as workspace:
        from alphafactory.pipeline.judgements import judge  # noqa: PLC0415  SQLAlchemy, which help does not need

        found = judge(workspace, key, verdict, note)
    if json:
        print_json(found)
        return
    place = " ".join(str(part) for part in (found["subject"], found["session"]) if part is not None)
    print_line(f"Finding {key} is {verdict}: {found['rule']} of {place}: {found['message']}")
    print_line(found["effect"])


def _read(session: Session, night: date, symbol: str | None, severity: str | None) -> list[dict[str, Any]]:
    with session.workspace(night, json=True) as workspace:
        from alphafactory.pipeline.judgements import open_findings  # noqa: PLC0415  as above

        return open_findings(workspace, symbol, severity)


def _symbol(session: Session, night: date, symbol: str, severity: str | None, limit: int | None, *, json: bool) -> None:
    with session.workspace(night, json=True) as workspace:
        from alphafactory.pipeline.judgements import open_findings, symbol_standing  # noqa: PLC0415  as above

        standing = symbol_standing(workspace, symbol)
        found = open_findings(workspace, symbol, severity)
    if json:
        print_json({**standing, "open_findings": len(found), "findings": found[:limit]})
        return
    _print_standing(standing)
    _print_findings(found, limit or SHOWN)


def _print_standing(standing: Mapping[str, Any]) -> None:
    if standing["score"] is None:
        print_line(f"{standing['symbol']} has no score yet. `python run.py quality` judges it.")
        return
    refused = standing["score"] < standing["minimum"]
    verdict = f"below the least of {standing['minimum']}: strategies refuse it" if refused else "strategies take it"
    print_line(f"{standing['symbol']}: score {shown(standing['score'])}, {verdict}. It is the product of what is kept:")
    print_table(("part", "count", "kept"), [[part["name"], part["count"], part["kept"]] for part in standing["parts"]])
    print_line("Nights: " + ", ".join(f"{night['night']} {shown(night['score'])}" for night in standing["trend"]))


def _print_findings(found: Sequence[Mapping[str, Any]], limit: int) -> None:
    if not found:
        print_line("No finding is open.")
        return
    columns = ("finding", "severity", "subject", "session", "rule", "bar", "what was found", "values")
    rows = [
        [
            row["id"],
            row["severity"],
            row["subject"],
            row["session"],
            row["rule"],
            _use(row),
            row["message"],
            ", ".join(f"{key}={shown(value)}" for key, value in row["payload"].items()),
        ]
        for row in found[:limit]
    ]
    print_table(columns, rows)
    if len(found) > limit:
        print_line(f"{len(found) - limit} more of {len(found)}; see them by --limit {len(found)}, --symbol or --json.")
    print_line("What to do, and then `python run.py quality accept ID` or `quality reject ID`:")
    for rule, remedy in dict.fromkeys((row["rule"], row["remedy"]) for row in found[:limit]):
        print_line(f"  {rule}: {remedy or 'The rule is there no more; nothing can be said.'}")


def _use(row: Mapping[str, Any]) -> str:
    if row["session"] is None:
        return row["judgement"] or ""
    use = "kept out" if row["quarantined"] else "used"
    return f"{use} ({row['judgement']})" if row["judgement"] else use
