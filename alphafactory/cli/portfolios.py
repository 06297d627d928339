"""`portfolio`, which simulates a portfolio of the config, and `orders`, its order list for the coming session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphafactory.cli.backtests import FromOption, ToOption, chosen_period
from alphafactory.cli.jobs import FAILURES_SHOWN, failure_in_words
from alphafactory.cli.output import one_line, print_json, print_line, print_note, print_table
from alphafactory.cli.session import AsOfOption, JsonOption, exit_status, session_of
from alphafactory.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from alphafactory.cli.session import Session
    from alphafactory.pipeline.portfolios import PortfolioAnswer

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A portfolio of the config's section portfolios.")]
SHARES = frozenset({"total_return", "cagr", "max_drawdown", "annual_volatility"})
"""Metrics that are printed in percent."""
POSITIONS_SHOWN = 15
NOTES_SHOWN = 10


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    for command in (portfolio, orders):
        app.command(rich_help_panel="Research")(command)


def portfolio(  # noqa: PLR0917  Typer's options are the function's parameters, always given by name
    context: typer.Context,
    name: NameArgument,
    start: FromOption = None,
    end: ToOption = None,
    as_of: AsOfOption = None,
    json: JsonOption = False,
) -> int:
    """Simulate a portfolio of the config on one account: metrics, what its limits did, what it holds.

    A result that is stored and still stands is shown as it is.
    """
    session = session_of(context)
    first, last = chosen_period(start, end)
    session.override({f"backtest.{key}": day for key, day in (("start", first), ("end", last)) if day is not None})
    found = _ask(session, name, as_of, json=json)
    if json:
        print_json({**found.result, "failures": list(found.failures)})
    else:
        print_portfolio(found.result)
    _print_failures(found)
    return exit_status(found.outcome)


def orders(context: typer.Context, name: NameArgument, as_of: AsOfOption = None, json: JsonOption = False) -> int:
    """Print the orders of a portfolio for the coming session, as you would type them into a broker."""
    session = session_of(context)
    found = _ask(session, name, as_of, json=json)
    result = found.result
    if json:
        kept = ("portfolio", "backtest_id", "end", "orders_session", "orders_note", "orders")
        print_json({key: result[key] for key in kept})
    else:
        print_orders(result)
    _print_failures(found)
    return exit_status(found.outcome)


def _ask(session: Session, name: str, as_of: str | None, *, json: bool) -> PortfolioAnswer:
    known = session.config.portfolios
    if not known:
        raise UsageError(
            "The config defines no portfolio. Add one to its section portfolios, as docs/portfolio.md shows."
        )
    if name not in known:
        raise UnknownNameError("portfolio", name, known)
    with session.workspace(session.as_of(as_of), json=json) as workspace:
        from alphafactory.pipeline.portfolios import ask_for_portfolio  # noqa: PLC0415  Numba, which help does not need

        return ask_for_portfolio(workspace, name)


def print_portfolio(result: Mapping[str, Any]) -> None:
    """Print a portfolio beside its benchmarks, what its limits did, its largest positions, and its notes."""
    title = f" ({result['title']})" if result["title"] else ""
    print_line(f"{result['portfolio']}{title}: {result['start']} to {result['end']}, run {result['backtest_id']}.")
    for flag in ("simulated_prices", "optimistic", "ruined"):
        if result[flag]:
            print_line(f"Note: {flag.replace('_', ' ')}.")
    compared = result["comparison"]
    print_table(
        ("", "portfolio", "equal weight", "index"),
        [
            [row["label"], *(_number(row.get(who), name) for who in ("portfolio", "equal_weight", "index"))]
            for name, row in compared.items()
        ],
    )
    _print_limits(result)
    held = sorted(result["positions"], key=lambda row: -abs(row["value"]))
    rows = [[row["symbol"], row["quantity"], row["price"], row["value"], f"{row['weight']:.2%}"] for row in held]
    print_table(("position", "shares", "price", "value", "weight"), rows[:POSITIONS_SHOWN])
    if len(rows) > POSITIONS_SHOWN:
        print_line(f"... and {len(rows) - POSITIONS_SHOWN} more positions, all in the table positions.")
    for note in result["notes"][:NOTES_SHOWN]:
        when = f"{note['session']}: " if note["session"] else ""
        print_line(f"Note: {when}{note['words']}")
    if len(result["notes"]) > NOTES_SHOWN:
        print_line(f"... and {len(result['notes']) - NOTES_SHOWN} more notes, all in the table portfolio_measures.")
    count = len(result["orders"])
    listed = f"{count} for {result['orders_session']}" if count else f"none for {result['orders_session']}"
    print_line(f"Orders: {listed} (python run.py orders {result['portfolio']}).")


def _number(value: float | None, name: str) -> float | str | None:
    """Return a number as it is printed: what is a share of money in percent."""
    return f"{value:.2%}" if value is not None and name in SHARES else value


def _print_limits(result: Mapping[str, Any]) -> None:
    """Print how often each limit acted, and the portfolio with and without it."""
    columns = ("limit", "acts", "return", "without", "drawdown", "without", "sharpe", "without")
    rows = [
        [
            "all of them" if row["rule"] == "*" else row["rule"].replace("_", " "), row["acts"],
            *(
                _number(row[f"{name}{beside}"], name)
                for name in ("total_return", "max_drawdown", "sharpe")
                for beside in ("", "_without")
            ),
        ]
        for row in sorted(result["limits"], key=lambda row: row["rule"] == "*")
    ]  # fmt: skip
    print_table(columns, rows)


def print_orders(result: Mapping[str, Any]) -> None:
    """Print the order list, or why there is none."""
    listed: Sequence[Mapping[str, Any]] = result["orders"]
    if not listed:
        why = result["orders_note"] or "Nothing is to be traded: every position is as it is wanted."
        print_line(f"{result['portfolio']}, for {result['orders_session']}: {why}")
        return
    columns = (
        "side", "quantity", "symbol", "kind", "limit_price", "stop_price", "reason", "weight_before", "weight_after",
        "risk", "note",
    )  # fmt: skip
    titles = ("side", "quantity", "symbol", "type", "limit", "stop", "reason", "weight", "after", "risk", "")
    print_line(
        f"Orders of {result['portfolio']} for {result['orders_session']}, decided at the close of {result['end']}:"
    )
    print_table(titles, [[_word(order[column]) for column in columns] for order in listed])


def _word(value: object) -> object:
    return value.replace("_", " ") if isinstance(value, str) else value


def _print_failures(found: PortfolioAnswer) -> None:
    for failure in found.failures[:FAILURES_SHOWN]:
        print_note(f"Failed: {one_line(failure_in_words(failure))}")
    if len(found.failures) > FAILURES_SHOWN:
        print_note(f"... and {len(found.failures) - FAILURES_SHOWN} more, all in the table portfolio_measures.")
