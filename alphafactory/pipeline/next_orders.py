"""The orders of the coming session, as a person could type them into a broker after the last close.

Goes in: the account and its simulation. Comes out: `NextOrder`s on raw prices and in raw shares, and words.

1. The orders that are alive after the last close say which price each symbol waits for, if any.
2. The account is simulated for one session more, in which each symbol trades at that price, or else at its last close:
   what the simulator then fills is what it would fill at these prices, sizes, lots and limits included.
3. The change of each position is an order. What stays is protected by its levels: those are orders, too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.results import ORDER_ENDS, ORDER_KINDS
from alphafactory.domain.risk_events import RISK_ACTIONS, RISK_RULES
from alphafactory.pipeline.waiting_prices import Waiting, waiting_price
from alphafactory.portfolio.contribution import volatility_parts
from alphafactory.store.portfolios import NextOrder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.results import Orders, Simulation
    from alphafactory.pipeline.portfolio_account import Account

_ALIVE, _FILLED = ORDER_ENDS.index("end_of_data"), ORDER_ENDS.index("filled")
_SIGNALS = ("market", "limit", "stop_market", "stop_limit")
_MOMENTS = {
    "next_open": "at the open",
    "next_close": "at the close",
    "next_mid": "over the day",
    "next_typical": "over the day",
}
_EQUAL = 1e-9
"""Changes of a position up to this share of it are rounding."""


@dataclass(frozen=True, slots=True)
class OrderList:
    """The orders decided at the last close; `note` says why there can be none, and is empty where just none is due."""

    orders: tuple[NextOrder, ...]
    note: str


def next_orders(account: Account, simulation: Simulation, coming: np.datetime64, returns: FloatArray) -> OrderList:
    """Return the orders for the session `coming`, the first after the account's last.

    `returns` are newest joint returns, shape (T, m), by which the risk of what has no stop is told: its part in the
    volatility of the account after the session.

    Raises:
        SimulationError: the account cannot be simulated one session longer.
    """
    if simulation.ruined:
        return OrderList((), "The account is ruined; it trades no more.")
    if account.settings.optimistic:
        return OrderList((), "fill: same_close trades at the very close it decides by; no order can be typed before.")
    if all(account.delisted):
        return OrderList((), "Every symbol has ceased to trade.")
    waiting = dict(_waiting(account, simulation.orders))
    last = np.array([series.close[-1] for series in account.bars])
    prices = np.array([waiting[place].price if place in waiting else close for place, close in enumerate(last)])
    longer = account.one_session_more(coming, prices).run()
    shares = _volatility_shares(simulation, longer, prices, returns)
    found = [
        *_changes(account, simulation, longer, prices, waiting, shares),
        *_protection(account, simulation, longer, last),
    ]
    return OrderList(tuple(found), "")


def _waiting(account: Account, orders: Orders) -> Iterator[tuple[int, Waiting]]:
    """Yield the columns whose entry waits for a price, with that."""
    for place in np.flatnonzero(orders.end == _ALIVE).tolist():
        column, kind = int(orders.symbol[place]), ORDER_KINDS[int(orders.kind[place])]
        if kind in _SIGNALS[1:]:
            side = math.copysign(1.0, float(orders.weight[place]))
            found = waiting_price(account, column, int(orders.decided[place]), kind, side)
            if found is not None:
                yield column, found


def _volatility_shares(
    simulation: Simulation, longer: Simulation, prices: FloatArray, returns: FloatArray
) -> dict[int, float]:
    """Return by column each position's share of the account's volatility after the session, where it is known."""
    held = np.flatnonzero(longer.positions[-1])
    equity = float(simulation.equity[-1])
    if equity <= 0.0 or len(held) == 0:
        return {}
    weights = longer.positions[-1, held] * prices[held] / equity
    parts = volatility_parts(returns[:, held] * weights, 1)
    return {} if isinstance(parts, str) else dict(zip(held.tolist(), (parts.parts / parts.total).tolist(), strict=True))


def _changes(  # noqa: PLR0917  the account before, after, and what each order is told with
    account: Account,
    simulation: Simulation,
    longer: Simulation,
    prices: FloatArray,
    waiting: Mapping[int, Waiting],
    shares: Mapping[int, float],
) -> Iterator[NextOrder]:
    """Yield an order for each position that the coming session changes, sales first: they bring the cash."""
    before, after = simulation.positions[-1], longer.positions[-1]
    change = after - before
    moved = np.flatnonzero(np.abs(change) > _EQUAL * np.maximum(np.abs(before), np.abs(after)))
    # Sales that reduce come first, as the simulator works them, then entries; columns in order.
    for column in sorted(moved.tolist(), key=lambda place: (change[place] * before[place] >= 0.0, place)):
        rows = _rows_of(longer.orders, column, len(account.sessions))
        price, factor = float(prices[column]), float(account.bars[column].split_factor[-1])
        own = waiting.get(column)
        increases = change[column] * before[column] >= 0.0
        kind = own.kind if own is not None and increases else "market"
        stop = _stop_after(longer, rows, column) if after[column] != 0.0 else math.nan
        yield NextOrder(
            decided_session=account.sessions[-1].item(),
            symbol=account.names[column],
            side="buy" if change[column] > 0.0 else "sell",
            quantity=abs(float(change[column])) / factor,
            kind=kind,
            limit_price=None if own is None or kind == "market" else _raw(own.limit, factor),
            stop_price=None if own is None or kind == "market" else _raw(own.stop, factor),
            reason=_reason(account, simulation, longer.orders, rows),
            weight_before=_weight(simulation, before[column], account.bars[column].close[-1]),
            weight_after=_weight(simulation, after[column], price),
            risk=_risk(simulation, float(after[column]), price, stop),
            note=_note(account, longer.orders, rows, column, stop * factor if increases else math.nan)
            + (f", then {shares[column]:.1%} of volatility" if column in shares and math.isnan(stop) else ""),
        )


def _rows_of(orders: Orders, column: int, row: int) -> list[int]:
    """Return the orders of a symbol that were decided before the session `row` and worked in it."""
    found = (orders.symbol == column) & (orders.decided < row) & (orders.ended >= row)
    return np.flatnonzero(found).tolist()


def _stop_after(longer: Simulation, rows: list[int], column: int) -> float:
    """Return the stop of a position after the session: that of its last order's fill, else the one in force."""
    stops = [float(longer.orders.stop[row]) for row in rows]
    known = [stop for stop in stops if not math.isnan(stop)]
    return known[-1] if known else float(longer.stops[-1, column])


def _weight(simulation: Simulation, shares: float, price: float) -> float:
    equity = float(simulation.equity[-1])
    return float(shares) * float(price) / equity if equity > 0.0 else 0.0


def _risk(simulation: Simulation, shares: float, price: float, stop: float) -> float | None:
    """Return the share of equity that a position loses from its price to its stop, None without one."""
    equity = float(simulation.equity[-1])
    if math.isnan(stop) or equity <= 0.0:
        return None
    return max(0.0, math.copysign(1.0, shares) * (price - stop)) * abs(shares) / equity


def _raw(price: float, factor: float) -> float | None:
    return None if math.isnan(price) else price * factor


def _reason(account: Account, simulation: Simulation, orders: Orders, rows: list[int]) -> str:
    """Say why a position changes: a level or limit that ends it, a rebalance, or the signal."""
    if not rows:
        return "level"
    kind = ORDER_KINDS[int(orders.kind[rows[0]])]
    decided, column = int(orders.decided[rows[0]]), int(orders.symbol[rows[0]])
    acts = _acts_at(simulation, decided)
    if kind not in _SIGNALS:
        limits = {"risk_limit": f"limit {acts.get('flat', 'of risk')}", "loss_limit": "limit trade_loss"}
        return limits.get(kind, kind)
    target = account.signals.target
    changed = target[decided, column] != (target[decided - 1, column] if decided > 0 else 0.0)
    kept = simulation.positions[decided, column] != 0.0 and not changed
    if "halve" in acts and kept:
        return f"limit {acts['halve']}"
    if account.mandate.rebalance[decided] or kept:
        return "rebalance"
    return "signal" if target[decided, column] != 0.0 else "signal ends"


def _acts_at(simulation: Simulation, row: int) -> dict[str, str]:
    """Return by action which limit acted at a close."""
    events = simulation.events
    places = np.flatnonzero(events.row == row).tolist()
    return {RISK_ACTIONS[int(events.action[place])]: RISK_RULES[int(events.rule[place])] for place in places}


def _note(account: Account, orders: Orders, rows: list[int], column: int, stop: float) -> str:
    """Say at which moment to trade, which raw stop to set after the fill (NaN: none), and what cut the order."""
    words = []
    kinds = [ORDER_KINDS[int(orders.kind[row])] for row in rows]
    if all(kind == "market" for kind in kinds):
        words.append(_MOMENTS[account.settings.fill.name])
    elif kinds and kinds[0] not in _SIGNALS:
        words.append("at the close" if kinds[0] == "time" else "at the open")
    if not math.isnan(stop):
        words.append(f"then a stop at {stop:.6g}")
    ends = [ORDER_ENDS[int(orders.end[row])] for row in rows if int(orders.end[row]) not in {_ALIVE, _FILLED}]
    newest = account.bars[column].sessions[-1]
    if newest < account.sessions[-1]:
        words.append(f"last traded on {newest}")
    words += [f"cut by {end.replace('_', ' ')}" for end in ends]
    return ", ".join(words)


def _protection(account: Account, simulation: Simulation, longer: Simulation, last: FloatArray) -> Iterator[NextOrder]:
    """Yield the levels in force of positions that stay, as orders that rest all session."""
    row = len(account.sessions)
    for column in np.flatnonzero((simulation.positions[-1] != 0.0) & (longer.positions[-1] != 0.0)).tolist():
        shares, held = float(longer.positions[-1, column]), float(simulation.positions[-1, column])
        if shares * held < 0.0:
            continue
        factor = float(account.bars[column].split_factor[-1])
        weight = _weight(simulation, shares, last[column])
        levels = {"stop": longer.stops[row, column], "take_profit": longer.take_profits[row, column]}
        for reason, level in levels.items():
            if math.isnan(level):
                continue
            yield NextOrder(
                decided_session=account.sessions[-1].item(),
                symbol=account.names[column],
                side="sell" if shares > 0.0 else "buy",
                quantity=abs(shares) / factor,
                kind="stop_market" if reason == "stop" else "limit",
                limit_price=float(level) * factor if reason == "take_profit" else None,
                stop_price=float(level) * factor if reason == "stop" else None,
                reason=reason,
                weight_before=weight,
                weight_after=0.0,
                risk=None,
                note="rests all session; the one of stop and target that is left is cancelled",
            )
