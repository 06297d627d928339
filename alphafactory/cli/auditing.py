"""`audit`, which proves of strategies that they do not peek, or names where they do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphafactory.cli.jobs import failure_in_words
from alphafactory.cli.output import one_line, plain, print_json, print_line, print_note, print_table
from alphafactory.cli.session import PARTIAL, AsOfOption, JsonOption, session_of

if TYPE_CHECKING:
    from collections.abc import Mapping


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command(rich_help_panel="Research")(audit)


def audit(
    context: typer.Context,
    strategy: Annotated[
        list[str] | None, typer.Argument(metavar="[STRATEGY]...", help="By default all of the night.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Audit although the code was judged before.")] = False,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Ask strategies again on shorter histories and with other bars to come: signals that change are peeking.

    Also measured: the warm-up, NaN, the range of signals, parameters without effect, files, network, clock. The exit
    status is 3 where a strategy fails.
    """
    session = session_of(context)
    with session.workspace(session.as_of(as_of), json=json) as workspace:
        from alphafactory.pipeline.audits import audit_asked  # noqa: PLC0415  NumPy and TA-Lib; help needs neither

        workspace.progress.step("audits")
        found = audit_asked(workspace, strategy or [], again=again)
    if json:
        print_json([{name: plain(value) for name, value in row.items()} for row in found.verdicts])
    else:
        _print(found.verdicts)
    for failure in found.failures:
        print_note(f"Failed: {one_line(failure_in_words(failure))}")
    return 0 if found.passed else PARTIAL


def _print(verdicts: list[dict[str, Any]]) -> None:
    columns = (
        "strategy", "strategy_version", "verdict", "compared", "warm_up_declared", "warm_up_median", "warm_up_worst",
    )  # fmt: skip
    titles = ("strategy", "version", "audit", "compared", "declared", "median", "worst")
    rows = [
        {**row, "verdict": "passed" if row["passed"] else "FAILED", "compared": row["cuts"] + row["disturbances"]}
        for row in verdicts
    ]
    print_table(titles, [[row[name] for name in columns] for row in rows])
    for row in verdicts:
        for finding in row["findings"]:
            print_line(_words(row["strategy"], finding))
    failed = sum(not row["passed"] for row in verdicts)
    consequence = " Who failed is ranked nowhere until its code is another." if failed else ""
    print_line(
        f"Strategies audited: {len(verdicts)}; failed: {failed}.{consequence} "
        "Compared are shorter histories and changed futures; declared, median and worst are bars of warm-up."
    )


def _words(strategy: str, finding: Mapping[str, Any]) -> str:
    place = ", ".join(str(finding[name]) for name in ("symbol", "session") if finding[name] is not None)
    check = finding["check"].replace("_", " ")
    return f"{strategy}: {finding['severity']}: {check}{f' ({place})' if place else ''}: {finding['message']}"
