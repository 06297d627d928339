"""What happened to a trade in a session, in a sentence that a person can check against the row's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.results import ORDER_ENDS, ORDER_KINDS
from alphafactory.pipeline.played import is_signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.pipeline.played import LedgerFill, Played

_MOMENTS = {
    "next_open": "at the open", "next_close": "at the close", "same_close": "at the close",
    "next_mid": "halfway between high and low", "next_typical": "at the mean of high, low and close",
}  # fmt: skip
_LEVELS = {
    "stop": "stop", "trail": "trailing stop", "break_even": "break-even stop", "take_profit": "target",
}  # fmt: skip
_CLOSED = {
    "margin_call": "margin call", "delisted": "delisted, paid out", "ruined": "ruined, everything closed",
}  # fmt: skip
_ENDS = {
    "no_cash": "there is no cash for it", "less_than_one_share": "it is less than one share",
    "no_volume": "nothing was traded", "halted": "the bar repeats the one before", "no_bar": "there is no bar",
    "no_estimate": "an estimate is still missing", "no_edge": "the Kelly fraction is nothing",
    "limit": "the limit was not reached", "stop": "the stop price was not reached",
    "participation": "the bar's volume was too small for all of it",
    "direction_closed": "its direction is closed until a fresh signal",
    "level_crossed": "the price was beyond its stop or target already", "max_entries": "the trade has its entries",
    "delisted": "the symbol was delisted", "ruined": "the account was ruined", "end_of_data": "the data end",
}  # fmt: skip


def session_words(played: Played, row: int) -> str:
    """Return what happened in the session of a row, in the order in which it happened."""
    parts = [*_filled(played, row), *_unfilled(played, row), *_levels(played, row), *_decisions(played, row)]
    if parts:
        return "; ".join(parts)
    held = float(played.simulation.positions[row, 0])
    return f"{_shares(abs(held))} held{' short' if held < 0.0 else ''}" if held else "nothing happened"


def _filled(played: Played, row: int) -> Iterator[str]:
    orders = played.simulation.orders
    for fill in played.fills.get(row, ()):
        place = fill.order - 1
        deed = "bought" if fill.quantity > 0 else "sold"
        rest = "" if int(orders.ended[place]) == row else ", the rest waits"
        yield f"{_cause(played, row, place, fill)}: {deed} {_shares(abs(fill.quantity))} at {_price(fill.price)}" + rest


def _cause(played: Played, row: int, place: int, fill: LedgerFill) -> str:
    """Return why an order filled: the signal, or the level that the bar crossed or touched."""
    orders, bars = played.simulation.orders, played.bars
    if int(orders.first_fill[place]) < row:
        return "the rest of the order"
    if is_signal(orders, place):
        return _entry_cause(played, row, fill)
    kind = fill.kind
    if kind == "time":
        return f"held {played.settings.time_stop} sessions"
    if kind in _CLOSED:
        return _CLOSED[kind]
    level = _level_in_force(played, row, kind)
    words = f"{_LEVELS[kind]} {_price(level)}" if level is not None else _LEVELS[kind]
    opened = float(bars.open[row])
    if _is_close(fill.market, opened) and (level is None or not _is_close(level, opened)):
        return f"{words} crossed at the open {_price(opened)}"
    reached = ("high", bars.high) if (kind == "take_profit") == (fill.quantity < 0) else ("low", bars.low)
    return f"{words} touched ({reached[0]} {_price(float(reached[1][row]))})"


def _entry_cause(played: Played, row: int, fill: LedgerFill) -> str:
    held = float(played.simulation.positions[row - 1, 0]) if row else 0.0
    if fill.kind != "market" and abs(fill.quantity) > abs(held) > 0.0 > held * fill.quantity:
        return f"the position is turned, on average at {_price(fill.market)}"
    if fill.kind == "market" or held * fill.quantity < 0.0:  # what closes a position waits for no price
        return f"{_MOMENTS[played.settings.fill.name]} {_price(fill.market)}"
    words = {"limit": "limit", "stop_market": "stop price", "stop_limit": "stop-limit"}[fill.kind]
    at_open = _is_close(fill.market, float(played.bars.open[row]))
    return f"{words} reached {'at the open' if at_open else 'in the session'} at {_price(fill.market)}"


def _level_in_force(played: Played, row: int, kind: str) -> float | None:
    """Return the level that ended a trade, None where the levels of the session are those of a newer trade."""
    trades, simulation = played.simulation.trades, played.simulation
    older = ((trades.entry_row < row) & (trades.exit_row == row)).any()
    if older and (trades.entry_row == row).any():
        return None
    level = float((simulation.take_profits if kind == "take_profit" else simulation.stops)[row, 0])
    return None if np.isnan(level) else level


def _unfilled(played: Played, row: int) -> Iterator[str]:
    """Tell of the orders that were alive in the session and got nothing."""
    orders = played.simulation.orders
    begun = 0 if played.settings.fill.name == "same_close" else 1
    alive = (orders.decided + begun <= row) & (orders.ended >= row)
    got = {fill.order - 1 for fill in played.fills.get(row, ())}
    for place in np.flatnonzero(alive).tolist():
        if int(orders.ended[place]) == row and orders.end[place] != ORDER_ENDS.index("filled"):
            yield f"the order of {played.bars.sessions[int(orders.decided[place])]} ends: {_end(orders.end[place])}"
        elif place not in got:
            yield f"the order of {played.bars.sessions[int(orders.decided[place])]} waits{_hindrance(played, row)}"


def _hindrance(played: Played, row: int) -> str:
    """Return what kept every order from filling in a session, where the bar itself tells."""
    bars = played.bars
    if bars.volume[row] <= 0.0:
        return f": {_ENDS['no_volume']}"
    columns = (bars.open, bars.high, bars.low, bars.close, bars.volume)
    if row > 0 and all(column[row] == column[row - 1] for column in columns):
        return f": {_ENDS['halted']}"
    return ""


def _levels(played: Played, row: int) -> Iterator[str]:
    """Tell which levels the session's fill has set, and where they stand from the next session on."""
    simulation = played.simulation
    entries, held = simulation.trades.entry_row, simulation.positions[:, 0]
    goes_on = row + 1 < len(held) and bool(held[row]) and not (entries == row + 1).any()
    for name, levels in (("stop", simulation.stops[:, 0]), ("target", simulation.take_profits[:, 0])):
        known = not np.isnan(levels[row])
        if known and (entries == row).any():
            yield f"{name} set at {_price(float(levels[row]))}"
        if goes_on and not np.isnan(levels[row + 1]) and levels[row + 1] != levels[row]:
            yield f"{name} {'moves to' if known else 'set at'} {_price(float(levels[row + 1]))}"


def _decisions(played: Played, row: int) -> Iterator[str]:
    orders, close = played.simulation.orders, float(played.bars.close[row])
    for place in np.flatnonzero(orders.decided == row).tolist():
        if is_signal(orders, place):
            kind = ORDER_KINDS[int(orders.kind[place])].replace("_", "-")
            yield f"target {orders.weight[place]:g} at the close {_price(close)}: a {kind} order"


def _end(code: int) -> str:
    return _ENDS[ORDER_ENDS[int(code)]]


def _is_close(first: float, second: float) -> bool:
    return abs(first - second) <= 1e-9 * abs(second)


def _price(value: float) -> str:
    return f"{value:,.2f}" if abs(value) >= 1.0 else f"{value:.4g}"


def _shares(quantity: float) -> str:
    return f"{quantity:,.4f}".rstrip("0").rstrip(".")
