"""`symbols show`, `symbols alias` and `bars`: what the tables know of a symbol, its tickers and its bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphafactory.cli.output import print_json, print_line, print_table
from alphafactory.cli.session import AsOfOption, JsonOption, parse_date, session_of
from alphafactory.domain.timeframes import TIMEFRAMES
from alphafactory.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.domain.timeframes import Timeframe

PANEL = "The tables"
app = typer.Typer(help="See what is known of a symbol, and give it the other tickers it has had.", no_args_is_help=True)
SymbolArgument = Annotated[str, typer.Argument(metavar="SYMBOL", help="A symbol, by any ticker that it has had.")]
FromOption = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day.")]


def register(program: typer.Typer) -> None:
    """Add this file's commands."""
    program.add_typer(app, name="symbols", rich_help_panel=PANEL)
    program.command(rich_help_panel=PANEL)(bars)


@app.command()
def show(context: typer.Context, symbol: SymbolArgument, as_of: AsOfOption = None, json: JsonOption = False) -> None:
    """Print what is known of a symbol: listing, tickers, bars by source, corporate actions, next announcement."""
    session = session_of(context)
    with session.workspace(session.as_of(as_of), json=True) as workspace:
        from alphafactory.pipeline.reading import symbol_facts  # noqa: PLC0415  SQLAlchemy, which help does not need

        facts = symbol_facts(workspace, symbol)
    if json:
        print_json(facts)
        return
    single = {name.replace("_", " "): value for name, value in facts.items() if not isinstance(value, list)}
    print_table(("", facts["ticker"]), [[name, value] for name, value in single.items() if name != "ticker"])
    if facts["tickers"]:
        _print_tickers(facts["tickers"])
    rows = [[one[column] for column in ("source", "bars", "from", "to")] for one in facts["bars"]]
    print_table(("daily bars of", "bars", "from", "to"), rows)


@app.command()
def alias(  # noqa: PLR0917  Typer's options are the function's parameters, always given by name
    context: typer.Context,
    symbol: SymbolArgument,
    ticker: Annotated[str, typer.Argument(metavar="TICKER", help="What it traded as.")],
    start: FromOption = None,
    end: ToOption = None,
    merged_into: Annotated[
        str | None, typer.Option("--merged-into", metavar="T", help="The company that it went into on the last day.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Forget this ticker of the symbol.")] = False,
    json: JsonOption = False,
) -> None:
    """Say that a symbol traded under another ticker for a time, such as `symbols alias META FB --to 2022-06-08`."""
    first, last = _span(start, end)
    if remove and (start or end or merged_into):
        raise UsageError("--remove forgets all times of the ticker. Leave --from, --to and --merged-into out.")
    session = session_of(context)
    with session.workspace(session.as_of(), json=True) as workspace:
        from alphafactory.pipeline import aliases  # noqa: PLC0415  as above

        if remove:
            tickers = aliases.remove_alias(workspace, symbol, ticker)
        else:
            tickers = aliases.add_alias(workspace, symbol, ticker, first, last, merged_into)
    if json:
        print_json(tickers)
    elif tickers:
        _print_tickers(tickers)
    else:
        print_line(f"{symbol} has had no other ticker.")


def bars(  # noqa: PLR0917  as above
    context: typer.Context,
    symbol: SymbolArgument,
    start: FromOption = None,
    end: ToOption = None,
    as_of: AsOfOption = None,
    adjusted: Annotated[
        bool, typer.Option("--adjusted", help="As backtests see them: split-adjusted, quarantined bars left out.")
    ] = False,
    timeframe: Annotated[
        str, typer.Option("--timeframe", metavar="T", help=f"Length of the bars: {', '.join(TIMEFRAMES)}.")
    ] = "1d",
    json: JsonOption = False,
) -> None:
    """Print a symbol's bars as known at --as-of, with the source of each and since when it is known."""
    first, last = _span(start, end)
    wanted = _timeframe(timeframe)
    session = session_of(context)
    with session.workspace(session.as_of(as_of), json=True) as workspace:
        from alphafactory.pipeline.reading import read_bars  # noqa: PLC0415  as above

        rows = read_bars(workspace, symbol, first=first, last=last, timeframe=wanted, adjusted=adjusted)
    if json:
        print_json(rows)
    elif rows:
        _print_bars(rows)
    else:
        print_line(f"{symbol} has no bar of {wanted} in that time, as known on {workspace.as_of}.")


def _print_bars(rows: Sequence[Mapping[str, Any]]) -> None:
    columns = ["session", "open", "high", "low", "close", "volume", "source", "known_at"]
    if rows[0]["ts"] is not None:
        columns[0] = "ts"
    if "split_factor" in rows[0]:
        columns[6:6] = ["split_factor", "dividends"]
    titles = {"ts": "opens at", "known_at": "known at", "split_factor": "split factor"}
    shown = [[*(row[column] for column in columns), _remark(row)] for row in rows]
    print_table((*(titles.get(column, column) for column in columns), ""), shown)


def _remark(row: Mapping[str, Any]) -> str:
    said = {"assumed": "known at: assumed", "replaced": "replaced since", "kept_out": "kept out by the gate"}
    return ", ".join(words for name, words in said.items() if row.get(name))


def _print_tickers(tickers: Sequence[Mapping[str, Any]]) -> None:
    columns = ("ticker", "from", "to", "merged_into")
    print_table(("traded as", "from", "to", "merged into"), [[one[column] for column in columns] for one in tickers])


def _span(start: str | None, end: str | None) -> tuple[date | None, date | None]:
    first, last = parse_date(start, "--from") if start else None, parse_date(end, "--to") if end else None
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} lies after --to {last}. Exchange them.")
    return first, last


def _timeframe(word: str) -> Timeframe:
    for timeframe in TIMEFRAMES:
        if timeframe == word:
            return timeframe
    raise UsageError(f"--timeframe: there is no timeframe '{word}'. {suggestion(word, TIMEFRAMES)}")
