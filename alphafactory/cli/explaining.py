"""`explain`: a stored backtest repeated, its trades told, one of them day by day, for a person to check by hand.

A session of the ledger is a line of numbers, and below it what happened and which money moved; all fits 120 columns.
"""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alphafactory.cli.output import print_json, print_line, print_table
from alphafactory.cli.session import JsonOption, session_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alphafactory.pipeline.explaining import Explanation
    from alphafactory.pipeline.ledger import Ledger, LedgerCheck, LedgerRow
    from alphafactory.pipeline.played import LedgerFill

WIDTH = 120
_INDENT = " " * 12
_LEFT_OUT: tuple[object, ...] = ("none", "0", 0, [], ())
_TITLES = ("session", "open", "high", "low", "close", "target", "stop", "take profit", "position", "cash", "equity")


def register(app: typer.Typer) -> None:
    """Add this file's command."""
    app.command(rich_help_panel="Research")(explain)


def explain(
    context: typer.Context,
    backtest_id: Annotated[int, typer.Argument(metavar="BACKTEST_ID", help="A stored backtest.")],
    trade: Annotated[
        int | None, typer.Option("--trade", metavar="N", min=1, help="Tell this trade day by day.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Tell the trades of a backtest, or one of them day by day: signal, order, fill, costs, levels, why it closed."""
    session = session_of(context)
    with session.workspace(session.as_of(), json=True) as workspace:
        from alphafactory.pipeline.explaining import explain as explained  # noqa: PLC0415  Numba; help needs none

        found = explained(workspace, backtest_id, trade)
    if json:
        print_json(_as_json(found))
        return 0
    _print_head(found)
    if found.ledger is None:
        _print_trades(found)
    else:
        for line in ledger_lines(found.ledger):
            print_line(line)
    return 0


def _as_json(found: Explanation) -> dict[str, Any]:
    plain = asdict(found)
    if found.ledger is not None:
        plain["ledger"]["check"]["holds"] = found.ledger.check.holds
    return plain


def _print_head(found: Explanation) -> None:
    params = "".join(f" {name}={value}" for name, value in found.params.items())
    settings = ", ".join(f"{name} {value}" for name, value in found.settings.items() if value not in _LEFT_OUT)
    lines = [
        f"Backtest {found.backtest_id}: {found.strategy}{params} on {found.symbol}, {found.start} to {found.end}.",
        f"Settings: {settings}.",
        f"Data as known at {found.known_at:%Y-%m-%d %H:%M %Z}.",
        *found.changes,
    ]
    if found.agrees:
        lines.append("Repeated just now, it gives what is stored.")
    else:
        lines += [
            "Repeated just now, it does not give what is stored; what follows is the repetition.",
            *found.differences,
        ]
    for line in lines:
        print_line(textwrap.fill(line, WIDTH))


def _print_trades(found: Explanation) -> None:
    columns = ("trade", "entry", "at", "exit", "at", "reason", "quantity", "net", "R", "bars", "")
    rows = [
        [
            trade.number,
            trade.entry_session,
            trade.entry_price,
            trade.exit_session,
            trade.exit_price,
            trade.exit_reason,
            trade.quantity,
            round(trade.net_pnl, 2),
            None if trade.r_multiple is None else round(trade.r_multiple, 2),
            trade.bars_held,
            "ambiguous" if trade.ambiguous else "",
        ]
        for trade in found.trades
    ]
    print_table(columns, rows)
    if rows:
        print_line(f"One of them day by day: python run.py explain {found.backtest_id} --trade {rows[0][0]}")


def ledger_lines(ledger: Ledger) -> Iterator[str]:
    """Yield the table of a ledger and its sum, no line longer than 120 characters."""
    cells = [_TITLES, *(_cells(row) for row in ledger.rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    gap = "  " if sum(widths) + 2 * len(widths) <= WIDTH else " "

    def line(row: Sequence[str]) -> str:
        return gap.join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])

    yield f"Trade {ledger.trade}:"
    yield line(_TITLES)
    for row, shown in zip(ledger.rows, cells[1:], strict=True):
        yield line(shown)
        for sentence in (row.words, *map(_fill_in_words, row.fills), _carry_in_words(row)):
            yield from textwrap.wrap(sentence, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
    yield from textwrap.wrap(_check_in_words(ledger.check), WIDTH)


def _cells(row: LedgerRow) -> tuple[str, ...]:
    prices = (row.open, row.high, row.low, row.close)
    return (
        str(row.session),
        *map(_price, prices),
        f"{row.target:g}",
        _price(row.stop),
        _price(row.take_profit),
        _quantity(row.position),
        _money(row.cash),
        _money(row.equity),
    )


def _fill_in_words(fill: LedgerFill) -> str:
    costs = f"commission {_money(fill.commission)}, fees {_money(fill.fees)}, slippage {_money(fill.slippage)} in it"
    sign = "-" if fill.quantity > 0 else "+"
    value = _money(abs(fill.quantity * fill.price))
    return f"cash {sign}{value} ({_quantity(abs(fill.quantity))} x {_exact(fill.price)}), {costs}"


def _carry_in_words(row: LedgerRow) -> str:
    carried = {"interest": row.interest, "dividends": row.dividends, "borrow": -row.borrow}
    return ", ".join(f"cash {money:+,.2f} {name}" for name, money in carried.items() if money != 0.0)


def _check_in_words(check: LedgerCheck) -> str:
    terms = [
        f"Check: cash before {_money(check.cash_before)}", f"- bought {_money(check.bought)}",
        f"+ sold {_money(check.sold)}", f"- commission {_money(check.commission)}", f"- fees {_money(check.fees)}",
        f"+ interest {_money(check.interest)}", f"+ dividends {_money(check.dividends)}",
        f"- borrow {_money(check.borrow)}", f"= cash after {_money(check.cash_after)}",
    ]  # fmt: skip
    verdict = "it adds up" if check.holds else f"it does NOT add up (by {check.breach:.1e})"
    return f"{' '.join(terms)}: net {check.cash_after - check.cash_before:+,.2f}, {verdict}."


def _price(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.2f}" if abs(value) >= 1.0 else f"{value:.4g}"


def _exact(price: float) -> str:
    """Write a price with the digits that its product with shares needs to come out to the cent."""
    whole, _, digits = f"{price:,.8f}".rstrip("0").partition(".")
    return f"{whole}.{digits:0<2}"


def _money(value: float) -> str:
    return f"{value:,.2f}"


def _quantity(value: float) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".")
