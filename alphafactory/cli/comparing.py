"""`compare`, which ranks strategies beside a baseline, and `indicators correlate`, which finds features that agree."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphafactory.cli.backtests import (
    FromOption,
    SymbolOption,
    SymbolsOption,
    ToOption,
    chosen_period,
    chosen_universe,
)
from alphafactory.cli.jobs import FAILURES_SHOWN, failure_in_words, indicators
from alphafactory.cli.output import one_line, print_json, print_line, print_note, print_table
from alphafactory.cli.session import AsOfOption, JsonOption, exit_status, session_of
from alphafactory.cli.simulation_options import SimulationCommand, chosen_simulation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.pipeline.comparing import ComparisonResult
    from alphafactory.pipeline.correlating import CorrelationResult
    from alphafactory.pipeline.running import Failure

UniverseOption = Annotated[
    str | None,
    typer.Option("--universe", metavar="U", help="All symbols of a universe. By default all of the night."),
]
COLUMNS = {
    "rank": "rank", "strategy": "strategy", "median_sharpe": "median sharpe",
    "average_sharpe": "sharpe of average", "mean_return": "mean return",
    "median_max_drawdown": "median drawdown", "beats_hold": "beats hold", "beats_baseline": "beats baseline",
    "n_trades": "trades", "sharpe_over_baseline": "over baseline", "sharpe_over_baseline_p_holm": "p (Holm)",
    "sharpe_over_hold": "over hold", "sharpe_over_hold_p_holm": "p (Holm)",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command(rich_help_panel="Research", cls=SimulationCommand)(compare)
    indicators.command("correlate")(correlate)


def compare(  # noqa: PLR0917  Typer's options are the function's parameters, always given by name
    context: typer.Context,
    strategies: Annotated[
        list[str], typer.Argument(metavar="STRATEGY...", help="Strategies; `strategies` lists them.")
    ],
    symbol: SymbolOption = None,
    symbols: SymbolsOption = None,
    universe: UniverseOption = None,
    baseline: Annotated[
        str, typer.Option("--baseline", metavar="STRATEGY", help="The strategy to be better than.")
    ] = "sma_crossover",
    start: FromOption = None,
    end: ToOption = None,
    draws: Annotated[int, typer.Option("--draws", metavar="N", min=2000, help="Bootstrap samples of a test.")] = 5000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of the bootstrap's draws.")] = 1,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Rank strategies beside a baseline and buy-and-hold, such as `compare macd_crossover rsi_2 --universe sp500`.

    Tests say whether a difference is more than chance. A comparison needs a year of sessions that all have in common.
    """
    session = session_of(context)
    wanted = chosen_universe(symbol or [], symbols, universe)
    first, last = chosen_period(start, end)
    if universe is not None:
        session.override({"universe.name": universe})
    choice = chosen_simulation(context, session)
    with session.workspace(session.as_of(as_of), json=json) as workspace:
        from alphafactory.pipeline.comparing import run_comparison  # noqa: PLC0415  Numba, which help does not need

        found = run_comparison(
            workspace, strategies, wanted, baseline=baseline,
            start=first, end=last, words=choice.words, profile=choice.profile, draws=draws, seed=seed,
        )  # fmt: skip
    if json:
        print_json(asdict(found))
    else:
        _print_comparison(found)
    _print_failures(found.failures, "comparisons")
    return exit_status(found.outcome)


def _print_comparison(found: ComparisonResult) -> None:
    print_table(list(COLUMNS.values()), [[row[name] for name in COLUMNS] for row in found.rows])
    for sentence in found.sentences:
        print_line(sentence)
    stands = " It was made before and stands." if found.known else ""
    print_line(f"Comparison {found.comparison_id} of the tables comparisons and comparison_rows.{stands}")


def correlate(
    context: typer.Context,
    universe: UniverseOption = None,
    threshold: Annotated[
        float,
        typer.Option("--threshold", metavar="RHO", min=0.1, max=1.0, help="Correlation from which features agree."),
    ] = 0.9,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Find features that say the same: clusters by rank correlation, as a table and a page with a heatmap."""
    session = session_of(context)
    if universe is not None:
        session.override({"universe.name": universe})
    with session.workspace(session.as_of(as_of), json=json) as workspace:
        from alphafactory.pipeline.correlating import run_correlations  # noqa: PLC0415  TA-Lib; not for help

        found = run_correlations(workspace, threshold)
    if json:
        print_json(_as_json(found))
    else:
        _print_correlations(found)
    return exit_status("fine")


def _as_json(found: CorrelationResult) -> dict[str, Any]:
    return {
        "run_id": found.run_id,
        "known": found.known,
        **found.run,
        "features": found.features,
        "page": found.page,
    }


def _print_correlations(found: CorrelationResult) -> None:
    rows = [
        [cluster[0]["cluster"], len(cluster), kept["feature"], kept["mean_correlation"],
         ", ".join(row["feature"] for row in cluster if row is not kept)]
        for cluster in found.clusters
        for kept in cluster
        if kept["keep"]
    ]  # fmt: skip
    print_table(("cluster", "features", "keep", "mean |rho|", "says the same"), rows)
    for line in found.sentences:
        print_line(line)
    print_line(f"Page: {found.page}")


def _print_failures(failures: Sequence[Failure], table: str) -> None:
    for failure in failures[:FAILURES_SHOWN]:
        print_note(f"Failed: {one_line(failure_in_words(failure))}")
    if len(failures) > FAILURES_SHOWN:
        print_note(f"... and {len(failures) - FAILURES_SHOWN} more, all in the column failures of the table {table}.")
