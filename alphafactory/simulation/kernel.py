"""What one session does to an account: the compiled heart of the simulator. The only door to Numba.

Goes in: one symbol's bars and targets, judged by `inputs`, and empty tables. Comes out: the tables filled with curves,
trades, refused orders and totals; `engine` makes them and gives the numbers their names. Each session runs these steps:

1. Dividends: cash for the position held through the previous close; a short pays.
2. Order: a target that differs from the one before it becomes an order, which replaces one still waiting.
3. Fill: at the open or at the close, unless the bar has no volume or repeats the bar before; then the order waits.
   A position on the wrong side is closed first, then the new one is sized with the equity that is left.
4. Excursions: the bar's low and high, for every bar that the position was held.
5. Mark: equity at the close. Equity of 0 or less closes everything and ends the simulation.

Sizing: after an increase the position's value and the costs of the order together are |target| * size * equity, so that
cash never goes below zero; after a reduction the position's value is that. Quantities are split-adjusted shares; whole
shares and fees a share count raw shares, which are adjusted shares / split factor.
"""

# Compiled functions take their state by position; Numba has no keyword-only arguments.
# ruff: noqa: PLR0917

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from numba import njit, types

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray, IntArray


# Rows of the market: split-adjusted bars.
OPEN, HIGH, LOW, CLOSE, VOLUME, SPLIT_FACTOR, DIVIDEND = range(7)
# Costs: two rates as fractions, money a raw share, money an order, and 1 for whole raw shares, else 0.
SLIPPAGE_RATE, COMMISSION_RATE, PER_SHARE, MINIMUM, WHOLE = range(5)
REFUSALS = ("no_cash", "less_than_one_share", "no_volume", "halted", "ruined", "end_of_data")
"""Why an order did not fill; the refused table holds positions in this tuple. A `halted` bar repeats the one before."""
_NO_CASH, _LESS_THAN_ONE, _NO_VOLUME, _HALTED, _RUINED, _END_OF_DATA = range(len(REFUSALS))
_TRADABLE = -1
# Our own order, not the domain's: compiled code keeps these numbers, and its cache sees only this package's files.
EXITS = ("open", "signal", "ruined", "delisted")
_, _SIGNAL_EXIT, _RUIN_EXIT, _DELISTED_EXIT = range(len(EXITS))

# Columns of the state: the account, its totals, and the order that is new or waits.
(
    CASH, POSITION, COMMISSION, SLIPPAGE, DIVIDENDS, TRADED_VALUE,
    _GOAL, _ORDER, _BLOCKED_ROW, _BLOCKED_QUANTITY, _BLOCKED_REASON,
) = range(11)  # fmt: skip
STATE_COLUMNS = 11
_NO_ORDER, _NEW, _WAITING = range(3)
# Rows of the curves.
EQUITY, CASH_CURVE, POSITION_CURVE = range(3)
# Columns of the table of trades. PROFIT is the sum of cash flows without dividends.
(
    ENTRY_ROW, EXIT_ROW, REASON, LARGEST, ENTRY_QUANTITY, ENTRY_VALUE, EXIT_QUANTITY, EXIT_VALUE,
    PROFIT, TRADE_COMMISSION, TRADE_SLIPPAGE, TRADE_DIVIDENDS, MAE, MFE,
) = range(14)  # fmt: skip
TRADE_COLUMNS = 14
# Positions in `counts`.
TRADES, REFUSED = range(2)

# Whole shares and the last cent of cash survive the rounding of float64.
_SHARE_TOLERANCE = 1e-9
_CASH_TOLERANCE = 1e-12

# Signatures are explicit, or Numba would compile a function again for each constant it is called with. NumPy's error
# model spares a branch at each division: judged input has no zero divisor.
_F, _I, _B = types.float64, types.int64, types.boolean
_VECTOR, _TABLE, _COUNTS = _F[::1], _F[:, ::1], _I[::1]


@njit(_F(_F, _F, _F, _VECTOR), cache=True, error_model="numpy")
def _commission(quantity: float, price: float, factor: float, costs: FloatArray) -> float:
    shares = abs(quantity)
    fee: float = costs[COMMISSION_RATE] * shares * price + max(costs[MINIMUM], costs[PER_SHARE] * shares / factor)
    return fee


@njit(_F(_F, _F, _F, _VECTOR), cache=True, error_model="numpy")
def _affordable(money: float, price: float, factor: float, costs: FloatArray) -> float:
    """Return the shares whose value and commission together are `money`; not positive where nothing is left to buy."""
    price_and_fee = price * (1.0 + costs[COMMISSION_RATE])
    shares: float = money / (price_and_fee + costs[PER_SHARE] / factor)
    if costs[PER_SHARE] * shares / factor < costs[MINIMUM]:
        shares = (money - costs[MINIMUM]) / price_and_fee
    return shares


@njit(_F(_F, _F, _F, _F, _VECTOR), cache=True, error_model="numpy")
def _whole_shares(shares: float, price: float, factor: float, limit: float, costs: FloatArray) -> float:
    """Round down to whole raw shares that cost at most `limit`; return adjusted shares, 0 for less than one."""
    lots = math.floor(shares / factor + _SHARE_TOLERANCE)
    cost = lots * factor * price + _commission(lots * factor, price, factor, costs)
    # The tolerance may have made a share of what money does not quite buy.
    return (lots if cost <= limit else lots - 1) * factor


@njit(_F(_F, _F, _F, _F), cache=True, error_model="numpy")
def _called_for(weight: float, equity: float, price: float, held: float) -> float:
    """Return the change of shares to `weight` of `equity`, before costs; 0 where the difference is rounding."""
    wanted = weight * equity / price
    difference = wanted - held
    return difference if abs(difference) > _CASH_TOLERANCE * max(abs(wanted), abs(held)) else 0.0


@njit(types.void(_I, _F, _I, _TABLE, _COUNTS), cache=True, error_model="numpy")
def _refuse(row: int, quantity: float, reason: int, refused: FloatArray, counts: IntArray) -> None:
    if quantity != 0.0:
        refused[counts[REFUSED], 0] = row
        refused[counts[REFUSED], 1] = quantity
        refused[counts[REFUSED], 2] = reason
        counts[REFUSED] += 1


@njit(types.void(_I, _F, _F, _F, _I, _VECTOR, _TABLE, _COUNTS, _VECTOR), cache=True, error_model="numpy")
def _fill(
    row: int, price: float, factor: float, change: float, reason: int,
    state: FloatArray, trades: FloatArray, counts: IntArray, costs: FloatArray,
) -> None:  # fmt: skip
    """Change the position by `change` shares at `price` and its slippage; `reason` stands if that ends the trade."""
    held = state[POSITION]
    side = 1.0 if change > 0.0 else -1.0
    paid = price * (1.0 + side * costs[SLIPPAGE_RATE])
    value = abs(change) * paid
    fee = _commission(change, paid, factor, costs)
    slipped = abs(change) * price * costs[SLIPPAGE_RATE]
    if held == 0.0:
        trades[counts[TRADES], ENTRY_ROW] = row
        trades[counts[TRADES], EXIT_ROW] = -1
        counts[TRADES] += 1
    trade = trades[counts[TRADES] - 1]
    entering = held * change >= 0.0
    trade[ENTRY_QUANTITY if entering else EXIT_QUANTITY] += abs(change)
    trade[ENTRY_VALUE if entering else EXIT_VALUE] += value
    trade[PROFIT] -= side * value + fee
    trade[TRADE_COMMISSION] += fee
    trade[TRADE_SLIPPAGE] += slipped
    left = held + change
    if abs(left) > abs(trade[LARGEST]):
        trade[LARGEST] = left
    if left == 0.0:
        trade[EXIT_ROW] = row
        trade[REASON] = reason
    cash = state[CASH] - (side * value + fee)
    # A purchase with all cash leaves a rounding error of either sign; a negative one would look like a loan.
    if -_CASH_TOLERANCE * (abs(state[CASH]) + abs(held) * price) <= cash < 0.0:
        cash = 0.0
    state[CASH] = cash
    state[POSITION] = left
    state[COMMISSION] += fee
    state[SLIPPAGE] += slipped
    state[TRADED_VALUE] += value


@njit(types.void(_I, _F, _F, _F, _VECTOR, _TABLE, _TABLE, _COUNTS, _VECTOR), cache=True, error_model="numpy")
def _rebalance(
    row: int, price: float, factor: float, weight: float,
    state: FloatArray, trades: FloatArray, refused: FloatArray, counts: IntArray, costs: FloatArray,
) -> None:  # fmt: skip
    """Bring the position to `weight` of equity at `price`, or note why not."""
    equity = state[CASH] + state[POSITION] * price
    if state[POSITION] != 0.0 and (state[POSITION] * weight <= 0.0 or equity <= 0.0):
        _fill(row, price, factor, -state[POSITION], _SIGNAL_EXIT, state, trades, counts, costs)
        equity = state[CASH]
    if weight == 0.0 or equity <= 0.0:
        # Whether equity of nothing is ruin is judged at the close.
        return
    held = state[POSITION]
    wanted = _called_for(weight, equity, price, held)
    side = 1.0 if weight > 0.0 else -1.0
    room = abs(weight) * equity - abs(held) * price
    if abs(room) <= _CASH_TOLERANCE * equity:
        # A difference made of rounding is no order.
        return
    increase = room > 0.0
    slipped = price * (1.0 + costs[SLIPPAGE_RATE] * (side if increase else -side))
    shares = _affordable(room, slipped, factor, costs) if increase else -room / price
    if shares <= 0.0:
        # The smallest fee is larger than what there is to spend.
        _refuse(row, wanted, _NO_CASH, refused, counts)
        return
    limit = state[CASH] + _CASH_TOLERANCE * (abs(state[CASH]) + abs(held) * price)
    if costs[WHOLE] != 0.0:
        shares = _whole_shares(shares, slipped, factor, limit if increase and side > 0.0 else math.inf, costs)
        if shares <= 0.0:
            _refuse(row, wanted, _LESS_THAN_ONE, refused, counts)
            return
    change = side * shares if increase else -side * shares
    if not increase and shares >= abs(held) * (1.0 - _CASH_TOLERANCE):
        change = -held
    if change != -held and change * slipped + _commission(change, slipped, factor, costs) > limit:
        # A small reduction need not bring in its own fee.
        _refuse(row, wanted, _NO_CASH, refused, counts)
        return
    _fill(row, price, factor, change, _SIGNAL_EXIT, state, trades, counts, costs)


@njit(types.void(_F, _F, _VECTOR, _TABLE, _COUNTS), cache=True, error_model="numpy")
def _see(low: float, high: float, state: FloatArray, trades: FloatArray, counts: IntArray) -> None:
    """Note how far prices went against and for the open position, from its average entry price so far."""
    if state[POSITION] == 0.0:
        return
    trade = trades[counts[TRADES] - 1]
    average = trade[ENTRY_VALUE] / trade[ENTRY_QUANTITY]
    worst, best = low / average - 1.0, high / average - 1.0
    if state[POSITION] < 0.0:
        worst, best = -best, -worst
    trade[MAE] = min(trade[MAE], worst)
    trade[MFE] = max(trade[MFE], best)


@njit(_I(_TABLE, _I), cache=True, error_model="numpy")
def _hindrance(market: FloatArray, row: int) -> int:
    """Return why a market order cannot fill in this bar, or _TRADABLE."""
    if market[VOLUME, row] <= 0.0:
        return _NO_VOLUME
    if (
        row > 0
        and market[OPEN, row] == market[OPEN, row - 1]
        and market[HIGH, row] == market[HIGH, row - 1]
        and market[LOW, row] == market[LOW, row - 1]
        and market[CLOSE, row] == market[CLOSE, row - 1]
        and market[VOLUME, row] == market[VOLUME, row - 1]
    ):
        return _HALTED
    return _TRADABLE


@njit(types.void(_F, _VECTOR, _TABLE, _COUNTS), cache=True, error_model="numpy")
def _decide(wanted: float, state: FloatArray, refused: FloatArray, counts: IntArray) -> None:
    """Turn a changed target into an order; one that still waits is given up."""
    if wanted == state[_GOAL]:
        return
    if state[_ORDER] == _WAITING:
        _refuse(
            int(state[_BLOCKED_ROW]), state[_BLOCKED_QUANTITY], int(state[_BLOCKED_REASON]), refused, counts
        )  # fmt: skip
    state[_GOAL], state[_ORDER] = wanted, _NEW


@njit(types.void(_I, _F, _TABLE, _F, _VECTOR, _TABLE, _TABLE, _COUNTS, _VECTOR), cache=True, error_model="numpy")
def _try_order(
    row: int, price: float, market: FloatArray, size: float,
    state: FloatArray, trades: FloatArray, refused: FloatArray, counts: IntArray, costs: FloatArray,
) -> None:  # fmt: skip
    """Fill the order at `price`, or let it wait and remember where and why it was hindered first."""
    hindrance = _hindrance(market, row)
    weight = state[_GOAL] * size
    if hindrance == _TRADABLE:
        # A trade that ends at the open has met this price, and nothing else of the bar.
        _see(price, price, state, trades, counts)
        _rebalance(row, price, market[SPLIT_FACTOR, row], weight, state, trades, refused, counts, costs)
        state[_ORDER] = _NO_ORDER
    elif state[_ORDER] == _NEW:
        state[_ORDER], state[_BLOCKED_ROW], state[_BLOCKED_REASON] = _WAITING, row, hindrance
        equity = state[CASH] + state[POSITION] * price
        state[_BLOCKED_QUANTITY] = _called_for(weight, equity, price, state[POSITION])


@njit(types.void(_I, _F, _TABLE, _VECTOR), cache=True, error_model="numpy")
def _mark(row: int, close: float, curves: FloatArray, state: FloatArray) -> None:
    curves[EQUITY, row] = state[CASH] + state[POSITION] * close
    curves[CASH_CURVE, row] = state[CASH]
    curves[POSITION_CURVE, row] = state[POSITION]


@njit(
    _B(_TABLE, _VECTOR, _I, _B, _F, _VECTOR, _B, _TABLE, _VECTOR, _TABLE, _TABLE, _COUNTS),
    cache=True,
    error_model="numpy",
)
def run_symbol(  # noqa: C901 (the loop body is one session, its branches are the steps above)
    market: FloatArray, target: FloatArray, delay: int, at_close: bool, size: float, costs: FloatArray, delisted: bool,
    curves: FloatArray, state: FloatArray, trades: FloatArray, refused: FloatArray, counts: IntArray,
) -> bool:  # fmt: skip
    """Fill curves (3, sessions: equity, cash, position), state, trades and refused; return whether it was ruined.

    `delay` is the number of sessions from a signal to its fill, `size` the share of equity that a target of 1 means.
    `state` starts with the capital as its cash, everything else at zero.
    """
    sessions = target.size
    for row in range(sessions):
        close = market[CLOSE, row]
        if state[POSITION] != 0.0:
            amount = state[POSITION] * market[DIVIDEND, row]
            state[CASH] += amount
            state[DIVIDENDS] += amount
            trades[counts[TRADES] - 1, TRADE_DIVIDENDS] += amount

        wanted = target[row - delay] if row >= delay else 0.0  # the signal of a session fills `delay` sessions later
        _decide(wanted, state, refused, counts)

        if at_close:
            _see(market[LOW, row], market[HIGH, row], state, trades, counts)
        if state[_ORDER] != _NO_ORDER:
            price = close if at_close else market[OPEN, row]
            _try_order(row, price, market, size, state, trades, refused, counts, costs)
        if not at_close:
            _see(market[LOW, row], market[HIGH, row], state, trades, counts)

        _mark(row, close, curves, state)
        if curves[EQUITY, row] <= 0.0:
            if state[_ORDER] != _NO_ORDER:
                _refuse(row, state[_BLOCKED_QUANTITY], _RUINED, refused, counts)
            if state[POSITION] != 0.0:
                factor = market[SPLIT_FACTOR, row]
                _fill(row, close, factor, -state[POSITION], _RUIN_EXIT, state, trades, counts, costs)
            for after in range(row, sessions):
                _mark(after, close, curves, state)
            return True

    last, close = sessions - 1, market[CLOSE, sessions - 1]
    if delisted and state[POSITION] != 0.0:
        # The last price is paid out: no order, no cost.
        costs[:] = 0.0
        _fill(last, close, 1.0, -state[POSITION], _DELISTED_EXIT, state, trades, counts, costs)
        _mark(last, close, curves, state)
    _decide(target[last], state, refused, counts)
    if state[_ORDER] != _NO_ORDER:
        quantity = _called_for(state[_GOAL] * size, curves[EQUITY, last], close, state[POSITION])
        _refuse(last, quantity, _END_OF_DATA, refused, counts)
    return False
