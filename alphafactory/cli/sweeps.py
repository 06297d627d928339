"""`sweep`, which evaluates a grid of parameters and ranks it beside what luck alone would show."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from alphafactory.cli.backtests import (
    FromOption,
    ParametersOption,
    StrategyArgument,
    SymbolOption,
    SymbolsOption,
    ToOption,
    chosen_parameters,
    chosen_period,
    chosen_universe,
)
from alphafactory.cli.jobs import FAILURES_SHOWN, failure_in_words
from alphafactory.cli.output import one_line, print_json, print_line, print_note, print_table, shown
from alphafactory.cli.session import AsOfOption, JsonOption, exit_status, session_of
from alphafactory.cli.simulation_options import SimulationCommand, chosen_simulation

if TYPE_CHECKING:
    from alphafactory.pipeline.search import SweepResult

COLUMNS = {
    "rank": "rank",
    "median_sharpe": "median sharpe",
    "median_total_return": "median return",
    "worst_drawdown": "worst drawdown",
    "share_positive": "with a gain",
    "trades": "trades",
}


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command(rich_help_panel="Research", cls=SimulationCommand)(sweep)


def sweep(  # noqa: PLR0917  Typer's options are the function's parameters, always given by name
    context: typer.Context,
    strategy: StrategyArgument,
    grid: Annotated[
        list[str] | None,
        typer.Option("--grid", metavar="K=A:B:STEP", help="A parameter's values, or K=V,V,V; repeatable."),
    ] = None,
    symbol: SymbolOption = None,
    symbols: SymbolsOption = None,
    universe: Annotated[
        str | None,
        typer.Option("--universe", metavar="U", help="All symbols of a universe. By default all of the night."),
    ] = None,
    settings: ParametersOption = None,
    top: Annotated[int, typer.Option("--top", metavar="N", min=1, help="How many parameter sets to print.")] = 10,
    start: FromOption = None,
    end: ToOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Backtest every combination of a grid, such as `sweep sma_crossover --grid fast=5:50:5 --grid slow=60:200:20`.

    Each symbol has an account of its own. Every trial is a row of the table trials: what was tried stays counted.
    """
    session = session_of(context)
    wanted, params = chosen_universe(symbol or [], symbols, universe), chosen_parameters(settings or [])
    first, last = chosen_period(start, end)
    if universe is not None:
        session.override({"universe.name": universe})
    choice = chosen_simulation(context, session)
    with session.workspace(session.as_of(as_of), json=json) as workspace:
        from alphafactory.pipeline.search import run_sweep  # noqa: PLC0415  Numba, which help does not need

        found = run_sweep(
            workspace, strategy, wanted, grid or [], params,
            start=first, end=last, words=choice.words, profile=choice.profile, top=top,
        )  # fmt: skip
    if json:
        print_json(asdict(found))
    else:
        _print(found)
    _print_failures(found)
    return exit_status(found.outcome)


def _print(found: SweepResult) -> None:
    rows = [
        [row["rank"], " ".join(f"{name}={value}" for name, value in row["params"].items()),
         *(row[name] for name in COLUMNS if name != "rank")]
        for row in found.top
    ]  # fmt: skip
    titles = list(COLUMNS.values())
    print_table((titles[0], "parameters", *titles[1:]), rows)
    print_line(_what_was_done(found))
    print_line(_what_luck_does(found))


def _what_was_done(found: SweepResult) -> str:
    skipped = f"; {found.skipped:,} combinations refused by the strategy" if found.skipped else ""
    work = (
        "it was made before and stands" if found.known
        else f"{found.seconds:.1f} s, {found.evaluated / max(found.seconds, 1e-9):,.0f} a second"
    )  # fmt: skip
    return (
        f"Experiment {found.experiment_id}: {found.parameter_sets:,} parameter sets on {found.symbols:,} symbols, "
        f"{found.evaluated:,} backtests ({work}){skipped}."
    )


def _what_luck_does(found: SweepResult) -> str:
    if found.expected_by_luck is None:
        return "Expected by luck: undefined, for fewer than two sets have a Sharpe ratio."
    return (
        f"Expected by luck: the best of {found.parameter_sets:,} sets looks good by chance alone. "
        f"Without any skill its {'median ' if found.symbols > 1 else ''}Sharpe ratio would be about "
        f"{shown(found.expected_by_luck)}."
    )


def _print_failures(found: SweepResult) -> None:
    for failure in found.failures[:FAILURES_SHOWN]:
        print_note(f"Failed: {one_line(failure_in_words(failure))}")
    if len(found.failures) > FAILURES_SHOWN:
        rest = len(found.failures) - FAILURES_SHOWN
        print_note(f"... and {rest} more, all in the column failures of the table experiments.")
