"""`sources check`: which sources could deliver tonight, and why the others could not."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from alphafactory.cli.output import print_json, print_line, print_note, print_table
from alphafactory.cli.session import FAILED, FINE, AsOfOption, JsonOption, session_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.pipeline.source_check import SourceStatus

app = typer.Typer(help="See how the sources of prices are.", no_args_is_help=True)


@app.command()
def check(context: typer.Context, as_of: AsOfOption = None, json: JsonOption = False) -> int:
    """Ask every source that is set up whether it answers, how far its sessions go and what is left of its plan.

    One small request a vendor. Fails where no source of the chain (sources.order) can deliver.
    """
    session = session_of(context)
    with session.workspace(session.as_of(as_of), json=True) as workspace:
        from alphafactory.pipeline.source_check import check_sources  # noqa: PLC0415  SQLAlchemy; help needs none

        found = check_sources(workspace)
    fine = any(status.delivers for status in found if status.place is not None)
    if json:
        print_json({"outcome": "fine" if fine else "failed", "sources": [asdict(status) for status in found]})
    else:
        _print(found)
    if not fine:
        names = ", ".join(status.name for status in found if status.place is not None)
        print_note(f"Error: no source of the chain ({names}) can deliver now. Mend one of them, or see sources.order.")
    return FINE if fine else FAILED


def _print(found: Sequence[SourceStatus]) -> None:
    columns = ("order", "source", "state", "newest session", "closed session", "requests today", "offers")
    rows = [
        [
            status.place,
            status.name,
            status.state,
            status.newest_session,
            status.closed_session,
            _budget(status),
            ", ".join(status.offers),
        ]
        for status in found
    ]
    print_table(columns, rows)
    for status in found:
        told = status.message.startswith(status.name)
        print_line(status.message if told else f"{status.name}: {status.message}")


def _budget(status: SourceStatus) -> str | None:
    if status.requests_today is None:
        return None
    day = f"of {status.per_day}" if status.per_day is not None else "(no daily limit)"
    return f"{status.requests_today} {day}, {status.per_minute} a minute"
