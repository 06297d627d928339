"""`backtest`, which tries a strategy on chosen symbols, and `report`, which writes the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from alphafactory.cli.jobs import STEPS, failure_in_words, run_named
from alphafactory.cli.output import one_line, print_json, print_line, print_note, print_table
from alphafactory.cli.session import AsOfOption, JsonOption, exit_status, parse_date, session_of
from alphafactory.cli.simulation_options import SimulationCommand, chosen_simulation
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

StrategyArgument = Annotated[str, typer.Argument(metavar="STRATEGY", help="A strategy; `strategies` lists them.")]
SymbolOption = Annotated[list[str] | None, typer.Option("--symbol", metavar="S", help="A symbol; repeatable.")]
SymbolsOption = Annotated[str | None, typer.Option("--symbols", metavar="A,B,C", help="Several symbols, or all.")]
ParametersOption = Annotated[list[str] | None, typer.Option("--set", metavar="K=V", help="A parameter; repeatable.")]
FromOption = Annotated[str | None, typer.Option("--from", metavar="DATE", help="First session.")]
ToOption = Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last session.")]
COLUMNS = ("total_return", "cagr", "sharpe", "max_drawdown", "win_rate", "n_trades")


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command(rich_help_panel="Research", cls=SimulationCommand)(backtest)
    app.command(rich_help_panel=STEPS)(report)


def backtest(  # noqa: PLR0917  Typer's options are the function's parameters, always given by name
    context: typer.Context,
    strategy: StrategyArgument,
    symbol: SymbolOption = None,
    symbols: SymbolsOption = None,
    settings: ParametersOption = None,
    start: FromOption = None,
    end: ToOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Backtest one strategy on the symbols you name, such as `backtest sma_crossover --symbol AAPL --set fast=10`."""
    session = session_of(context)
    wanted, params = chosen_symbols(symbol or [], symbols), chosen_parameters(settings or [])
    first, last = chosen_period(start, end)
    choice = chosen_simulation(context, session)
    with session.workspace(session.as_of(as_of), json=json) as workspace:
        from alphafactory.pipeline.backtest import run_adhoc  # noqa: PLC0415  Numba, which help does not need

        found = run_adhoc(
            workspace, strategy, wanted, params, start=first, end=last, words=choice.words, profile=choice.profile
        )
    for failure in found.failures:
        print_note(f"Failed: {one_line(failure_in_words(failure))}")
    if json:
        print_json(found.results)
    else:
        _print_results(found.results)
    return exit_status(found.outcome)


def chosen_symbols(single: Sequence[str], listed: str | None) -> list[str] | Literal["all"]:
    """Join `--symbol S` and `--symbols A,B,C`, each symbol once; raise `UsageError` where none is named."""
    names = [*single, *(listed or "").split(",")]
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not wanted:
        raise UsageError("No symbol is named. Add --symbol AAPL, --symbols AAPL,MSFT or --symbols all.")
    return "all" if wanted == ["all"] else wanted


def chosen_universe(single: Sequence[str], listed: str | None, universe: str | None) -> list[str] | Literal["all"]:
    """Return the symbols that are named, or all of the universe; raise `UsageError` where both are given."""
    if not single and listed is None:
        return "all"
    if universe is not None:
        raise UsageError("--universe and --symbol or --symbols exclude each other. Give one of them.")
    return chosen_symbols(single, listed)


def chosen_parameters(settings: Sequence[str]) -> dict[str, str]:
    """Read `--set k=v` words; raise `UsageError` for one that is no such pair, or for a name set twice."""
    params: dict[str, str] = {}
    for setting in settings:
        name, sign, value = (part.strip() for part in setting.partition("="))
        if not (name and sign and value):
            raise UsageError(f"--set '{setting}' is no NAME=VALUE. Write for example --set fast=10.")
        if name in params:
            raise UsageError(f"--set {name} is given twice. Give it once; each backtest has one value.")
        params[name] = value
    return params


def chosen_period(start: str | None, end: str | None) -> tuple[date | None, date | None]:
    """Read `--from` and `--to`; raise `UsageError` where they are no dates, or stand in the wrong order."""
    first, last = parse_date(start, "--from") if start else None, parse_date(end, "--to") if end else None
    if first is not None and last is not None and first > last:
        raise UsageError(f"--from {first} lies after --to {last}. Exchange them.")
    return first, last


def _print_results(results: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [
            result["backtest_id"],
            result["symbol"],
            " ".join(f"{name}={value}" for name, value in result["params"].items()),
            result["start"],
            result["end"],
            *(result["metrics"].get(name) for name in COLUMNS),
        ]
        for result in results
    ]
    print_table(("backtest", "symbol", "parameters", "from", "to", *COLUMNS), rows)
    if any(result["audit_passed"] is False for result in results):
        name = results[0]["strategy"]
        print_note(f"Warning: {name} failed its audit, so these results are worth nothing: python run.py audit {name}")
    if results:
        print_line(f"A page of one: python run.py report --backtest {results[0]['backtest_id']}")


def report(
    context: typer.Context,
    backtest_id: Annotated[int | None, typer.Option("--backtest", metavar="ID", help="Only this one's page.")] = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Write the HTML report from the tables, or the page of one backtest."""
    session = session_of(context)
    if backtest_id is None:
        return run_named(session, "report", as_of, json=json)
    with session.workspace(session.as_of(as_of), json=json) as workspace:
        from alphafactory.pipeline.report import write_backtest  # noqa: PLC0415  Jinja, which help does not need

        page = write_backtest(workspace, backtest_id)
    if json:
        print_json({"backtest_id": backtest_id, "page": page})
    else:
        print_line(f"Page: {page}")
    return 0
