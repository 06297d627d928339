"""`universe list` and `universe show`: the named lists of symbols, and who belonged to one on a day."""

from __future__ import annotations

from typing import Annotated

import typer

from alphafactory.cli.output import print_json, print_line, print_table
from alphafactory.cli.session import AsOfOption, JsonOption, parse_date, session_of

app = typer.Typer(help="See who belongs to the universes of the config.", no_args_is_help=True)


@app.command("list")
def list_all(context: typer.Context, as_of: AsOfOption = None, json: JsonOption = False) -> None:
    """List the universes of the config: what defines each, and how many belong to it."""
    session = session_of(context)
    with session.workspace(session.as_of(as_of), json=True) as workspace:
        from alphafactory.pipeline.reading import list_universes  # noqa: PLC0415  SQLAlchemy, which help does not need

        rows = list_universes(workspace)
    if json:
        print_json(rows)
        return
    if not rows:
        print_line("The config defines no universe. Add one to its section universes.")
        return
    columns = ("name", "in_use", "members", "ever", "definition")
    shown = [["yes" if c == "in_use" and row[c] else "" if c == "in_use" else row[c] for c in columns] for row in rows]
    print_table(("universe", "in use", f"members on {workspace.as_of}", "ever", "definition"), shown)


@app.command()
def show(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A universe; `universe list` lists them.")],
    on: Annotated[
        str | None, typer.Option("--on", metavar="DATE", help="The day of membership; by default that of --as-of.")
    ] = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> None:
    """Print who belonged to a universe on a day, as known at --as-of."""
    session = session_of(context)
    night = session.as_of(as_of)
    day = parse_date(on, "--on") if on else night
    with session.workspace(night, json=True) as workspace:
        from alphafactory.pipeline.reading import universe_members  # noqa: PLC0415  as above

        members = universe_members(workspace, name, day)
    if json:
        print_json({"universe": name, "on": day, "as_of": night, "members": members})
        return
    columns = ("ticker", "name", "sector", "from", "to")
    print_table(("symbol", *columns[1:]), [[member[column] for column in columns] for member in members])
    print_line(f"{name}: {len(members)} members on {day}, as known on {night}.")
