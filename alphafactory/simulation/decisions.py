"""Step 6 for a whole account: changed targets become orders, or a rebalance trades back to all of them.

A rebalance goes through the symbols four times: what each is worth and wanted, what limits leave of that, who trades,
and how far. Between the passes the shares of equity stand in the state. docs/portfolio.md, "rebalances".
"""

# ruff: noqa: PLR0917  compiled functions take their state by position

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.simulation.compiling import folded, inner
from alphafactory.simulation.costs import commission, slipped
from alphafactory.simulation.layout import (
    AVERSION,
    BAND,
    CASH,
    CHOSEN,
    CLOSE,
    CLOSED_SIDE,
    COST_SESSIONS,
    DELISTED_ROW,
    DRIFT,
    EXITING,
    GOAL,
    HALVING,
    IMMEDIATE,
    LAST,
    LEVERAGE,
    MAX_POSITION,
    MAX_SECTOR,
    NO_BAR,
    ORDER,
    ORDERS,
    POSITION,
    REBALANCE,
    REBALANCES,
    RESERVE,
    RULE_POSITION,
    RULE_SECTOR,
    SECTOR,
    SECTOR_NOW,
    SECTOR_WANTED,
    SECTORS,
    SHARE_NOW,
    SHARE_WANTED,
    SIGMA,
    SPLIT_FACTOR,
    STATE,
    TARGET,
    TRIMMED,
    TURNOVER,
    VALUE,
    VALUED_ROW,
)
from alphafactory.simulation.limits import is_beyond, write_event
from alphafactory.simulation.orders import decide, replace_order, take_up

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

_APART = 1e-12
"""Shares of equity nearer than this are equal."""
_OUT, _LEFT, _ADJUSTED, _LEAVING = -1.0, 0.0, 1.0, 2.0
"""Takes no part in rebalances; keeps its position; moves to its weight; leaves."""


@inner
def hear(
    row: int, freed: bool, calendar: FloatArray, market: FloatArray, signals: FloatArray, rules: FloatArray,
    state: FloatArray, orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Make the orders of a session's targets; `freed` is the close at which a freeze is over."""
    if rules[REBALANCES] != 0.0 and _is_rebalance(row, calendar, market, signals, rules, state):
        _rebalance(row, market, signals, rules, state, orders, events)
        return
    account = state.shape[0] - 1
    for symbol in range(account):
        ended = state[account, ORDERS]
        decide(symbol, row, market, signals, rules, state, orders)
        # A changed target's order that ended at once has had its turn.
        if freed and state[account, ORDERS] == ended:
            take_up(symbol, row, market, signals, rules, state, orders)


@inner
def _is_rebalance(
    row: int, calendar: FloatArray, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray
) -> bool:
    """Find every symbol's share of equity, now and wanted; return whether this close trades back to them."""
    if calendar[REBALANCE, row] == 0.0 and not rules[DRIFT] < math.inf:
        return False
    equity = _weigh(row, market, signals, rules, state)
    if equity <= 0.0:
        return False
    _fit_to_limits(rules, state)
    if calendar[REBALANCE, row] != 0.0:
        return True
    for symbol in range(state.shape[0] - 1):
        far = abs(state[symbol, SHARE_NOW] - state[symbol, SHARE_WANTED])
        if state[symbol, CHOSEN] != _OUT and is_beyond(far, rules[DRIFT]):
            return True
    return False


@inner
def _weigh(row: int, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray) -> float:
    """Set each symbol's share of equity at this close and its target, and who takes part; return equity."""
    account = state.shape[0] - 1
    equity = state[account, CASH]
    for symbol in range(account):
        state[symbol, VALUE] = 0.0
        if state[symbol, POSITION] != 0.0:
            state[symbol, VALUE] = state[symbol, POSITION] * _last(symbol, row, market, state)
            equity += state[symbol, VALUE]
    state[account, VALUED_ROW] = -1.0  # the values are those of this close now
    for symbol in range(account):
        gone = state[symbol, DELISTED_ROW] >= 0.0 and row >= state[symbol, DELISTED_ROW]
        state[symbol, CHOSEN] = _OUT if gone or state[symbol, EXITING] != 0.0 else _LEFT
        target, closed = signals[symbol, TARGET, row], state[symbol, CLOSED_SIDE]
        stays_closed = target * closed > 0.0 and rules[IMMEDIATE] == 0.0
        halving = state[symbol, ORDER] != 0.0 and state[symbol, HALVING] != 0.0 and target == state[symbol, GOAL]
        if halving:
            state[symbol, CHOSEN] = _OUT
        state[symbol, SHARE_NOW] = state[symbol, VALUE] / equity
        state[symbol, SHARE_WANTED] = 0.0 if stays_closed else target
    return equity


@folded
def _last(symbol: int, row: int, market: FloatArray, state: FloatArray) -> float:
    """Return a symbol's price at this close: its last one where it has no bar."""
    return market[symbol, CLOSE, row] if market[symbol, STATE, row] != NO_BAR else state[symbol, LAST]


@inner
def _fit_to_limits(rules: FloatArray, state: FloatArray) -> None:
    """Bring what is wanted within the limits of positions, then of sectors, then of the whole."""
    account, total = state.shape[0] - 1, 0.0
    for code in range(int(rules[SECTORS])):
        state[code, SECTOR_WANTED] = state[code, SECTOR_NOW] = 0.0
    for symbol in range(account):
        if state[symbol, CHOSEN] != _OUT:
            share = min(max(state[symbol, SHARE_WANTED], -rules[MAX_POSITION]), rules[MAX_POSITION])
            state[symbol, SHARE_WANTED] = share
            state[int(state[symbol, SECTOR]), SECTOR_WANTED] += abs(share)
            state[int(state[symbol, SECTOR]), SECTOR_NOW] += abs(state[symbol, SHARE_NOW])
    for symbol in range(account):
        if state[symbol, CHOSEN] != _OUT:
            wanted = state[int(state[symbol, SECTOR]), SECTOR_WANTED]
            if is_beyond(wanted, rules[MAX_SECTOR]):
                state[symbol, SHARE_WANTED] *= rules[MAX_SECTOR] / wanted
            total += abs(state[symbol, SHARE_WANTED])
    most = min(rules[LEVERAGE], 1.0 - rules[RESERVE])
    if is_beyond(total, most):
        for symbol in range(account):
            state[symbol, SHARE_WANTED] *= most / total


@inner
def _rebalance(  # noqa: C901  who trades, how far, and the orders
    row: int, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray, orders: FloatArray,
    events: FloatArray,
) -> None:  # fmt: skip
    """Trade towards the wanted shares of equity, as far as the band, the costs and the turnover allow."""
    account = state.shape[0] - 1
    equity, leaving, moving = state[account, CASH], 0.0, 0.0
    for symbol in range(account):
        equity += state[symbol, VALUE]
    for symbol in range(account):
        if state[symbol, CHOSEN] != _OUT:
            _choose(symbol, row, equity, market, signals, rules, state)
            if state[symbol, CHOSEN] == _LEAVING:
                leaving += abs(state[symbol, SHARE_NOW])
            elif state[symbol, CHOSEN] == _ADJUSTED:
                moving += abs(state[symbol, SHARE_WANTED] - state[symbol, SHARE_NOW])
    part = 1.0
    if is_beyond(leaving + moving, rules[TURNOVER]) and moving > 0.0:
        part = max(0.0, rules[TURNOVER] - leaving) / moving
    for symbol in range(account):
        if state[symbol, CHOSEN] == _OUT:
            decide(symbol, row, market, signals, rules, state, orders)
            continue
        state[symbol, GOAL] = signals[symbol, TARGET, row]
        if signals[symbol, TARGET, row] * state[symbol, CLOSED_SIDE] <= 0.0 or rules[IMMEDIATE] != 0.0:
            state[symbol, CLOSED_SIDE] = 0.0
        if state[symbol, CHOSEN] == _LEAVING or (state[symbol, CHOSEN] == _ADJUSTED and part > 0.0):
            _move(symbol, row, part, equity, market, signals, rules, state, orders, events)


@inner
def _choose(
    symbol: int, row: int, equity: float, market: FloatArray, signals: FloatArray, rules: FloatArray, state: FloatArray
) -> None:
    """Decide whether a symbol trades in this rebalance."""
    now, wanted = state[symbol, SHARE_NOW], state[symbol, SHARE_WANTED]
    gap, target = wanted - now, signals[symbol, TARGET, row]
    idle = now == 0.0 and state[symbol, ORDER] == 0.0
    due = idle and rules[IMMEDIATE] != 0.0 and state[symbol, CLOSED_SIDE] * target > 0.0
    trades = target != state[symbol, GOAL] or due or (_exceeds(symbol, rules, state) and gap * now < 0.0)
    if not trades and abs(gap) > _APART and is_beyond(abs(gap), rules[BAND]):
        trades = now * wanted <= 0.0 or _is_worth_it(symbol, row, gap, equity, market, rules, state)
    if trades:
        state[symbol, CHOSEN] = _LEAVING if wanted == 0.0 else _ADJUSTED


@folded
def _exceeds(symbol: int, rules: FloatArray, state: FloatArray) -> bool:
    """Return whether a position, or those of its sector, are worth more than their limit."""
    sector = state[int(state[symbol, SECTOR]), SECTOR_NOW]
    return is_beyond(abs(state[symbol, SHARE_NOW]), rules[MAX_POSITION]) or is_beyond(sector, rules[MAX_SECTOR])


@folded
def _is_worth_it(
    symbol: int, row: int, gap: float, equity: float, market: FloatArray, rules: FloatArray, state: FloatArray
) -> bool:
    """Return whether a trade's benefit, half of aversion x gap^2 x variance over the sessions, pays for its cost."""
    sigma = market[symbol, SIGMA, row] if rules[AVERSION] > 0.0 else math.nan
    if math.isnan(sigma):
        return True
    price = _last(symbol, row, market, state)
    quantity, side = abs(gap) * equity / price, (1.0 if gap > 0.0 else -1.0)
    paid = slipped(side, quantity, price, symbol, row, row, market, rules)
    cost = quantity * abs(paid - price) + commission(quantity, paid, market[symbol, SPLIT_FACTOR, row], rules)
    benefit = 0.5 * rules[AVERSION] * gap * gap * sigma * sigma * rules[COST_SESSIONS] * equity
    return not cost > benefit


@inner
def _move(
    symbol: int, row: int, part: float, equity: float, market: FloatArray, signals: FloatArray, rules: FloatArray,
    state: FloatArray, orders: FloatArray, events: FloatArray,
) -> None:  # fmt: skip
    """Make the order of one symbol, and note what it trims."""
    now, wanted = state[symbol, SHARE_NOW], state[symbol, SHARE_WANTED]
    share = wanted if part >= 1.0 or wanted == 0.0 else now + part * (wanted - now)
    if _exceeds(symbol, rules, state) and (share - now) * now < 0.0:
        held, price = state[symbol, POSITION], _last(symbol, row, market, state)
        if is_beyond(abs(now), rules[MAX_POSITION]):
            rule, code, measured, limit = RULE_POSITION, -1.0, abs(now), rules[MAX_POSITION]
        else:
            code = state[symbol, SECTOR]
            rule, measured, limit = RULE_SECTOR, state[int(code), SECTOR_NOW], rules[MAX_SECTOR]
        allowed = share * equity / price
        write_event(row, rule, TRIMMED, symbol, code, measured, limit, held, allowed, state, events)
    replace_order(symbol, row, share, market, signals, rules, state, orders)
