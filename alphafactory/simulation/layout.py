"""Where the compiled simulator keeps what: positions in its arrays.

They are NumPy integers, not Python's: Numba would compile a function anew for each plain integer it is called with.
Compiled code is cached by the files of this package, so codes that cross its border have their own tuples here.
"""

from __future__ import annotations

import numpy as np


def _codes(count: int) -> tuple[int, ...]:
    return tuple(np.arange(count))


# The market, of shape (symbols, 8 or 18, sessions): bars, the state of the session; estimates, fees of sales; returns,
# with the mean of the newest of them and the root of the sum of their squared deviations.
(
    OPEN, HIGH, LOW, CLOSE, VOLUME, SPLIT_FACTOR, DIVIDEND, STATE, ATR, SIGMA, ADV, SPREAD, FEE_RATE, FEE_SHARE,
    FEE_MOST, RETURN, RETURN_LEVEL, RETURN_SPREAD,
) = _codes(18)  # fmt: skip
PLAIN_MARKET, WHOLE_MARKET = 8, 18
TRADABLE = 0.0

# The calendar, of shape (5, sessions): days since the session before, scheduled rebalances, leverage, number of the
# week, and whether that goes on in the next session.
DAYS, REBALANCE, LEVERAGE_AT, WEEK, WEEK_GOES_ON = _codes(5)

# The signals, of shape (symbols, 1 or 7, sessions).
TARGET, ENTRY_LIMIT, ENTRY_STOP, SIGNAL_STOP, SIGNAL_TAKE, SIGNAL_LIFE, PRIORITY = _codes(7)
ALL_SIGNALS = 7

# The settings as numbers, of shape (RULES,).
(
    FILL, AUCTION, ENTRY, ENTRY_DISTANCE, ENTRY_IN_ATR, ENTRY_BEYOND, LIFE, STOP, STOP_UNIT, TAKE, TAKE_UNIT,
    TRAIL_MODEL, TRAIL, BREAK, BREAK_UNIT, TIME_STOP, IMMEDIATE, MAX_ENTRIES, PARTICIPATION, COMMISSION_RATE, MINIMUM,
    PER_SHARE, MAXIMUM, SELL_FEES, SLIPPAGE_MODEL, SLIPPAGE, SIZING, SIZE, SIZE_OPTION, SIZE_START, AT_DECISION, LOT,
    LEVERAGE, MAINTENANCE, BORROW, INTEREST, MARGIN_INTEREST, DELISTING_RETURN, ANNUAL, NEEDS_ATR, NEEDS_SIGMA,
    NEEDS_ADV, NEEDS_SPREAD, DISTANCES, LEAPS, CAPITAL, RISK_FREE, PLAIN, JOINT,
    # the mandate of an account of several symbols
    MANDATED, REBALANCES, MAX_POSITION, MAX_SECTOR, MAX_CORRELATED, CORRELATED_ABOVE, WINDOW, RESERVE, MAX_POSITIONS,
    TRADE_LOSS, DAY_LOSS, DAY_ACTION, WEEK_LOSS, WEEK_ACTION, DRAWDOWN, DRAWDOWN_ACTION, COOL_DOWN, DRIFT, BAND,
    TURNOVER, AVERSION, COST_SESSIONS, SECTORS,
) = _codes(72)  # fmt: skip
RULES = 72
FREEZE, HALVE, FLAT = _codes(3)
AT_OPEN, AT_CLOSE, AT_MID, AT_TYPICAL, AT_SAME_CLOSE = _codes(5)
MARKET, LIMIT, STOP_ENTRY, STOP_LIMIT = _codes(4)
PERCENT, IN_ATR, IN_R, NO_LEVEL = _codes(4)
NO_TRAIL, TRAIL_PERCENT, TRAIL_ATR, CHANDELIER = _codes(4)
SLIP_RATE, SLIP_SHARE, SLIP_SPREAD, SLIP_ATR, SLIP_VOLUME, SLIP_IMPACT = _codes(6)
SIZE_SHARE, SIZE_CASH, SIZE_SHARES, SIZE_RISK, SIZE_ATR, SIZE_VOLATILITY, SIZE_KELLY = _codes(7)

# The state, of shape (symbols + 1, COLUMNS): a row a symbol; the last row is the account's. What every session reads
# of a symbol stands first, in few lines of the processor's cache.
(
    POSITION, LAST, GOAL, CLOSED_SIDE, ORDER, EXITING, DELISTED_ROW, SEEN_ROW,
    STOP_LEVEL, TAKE_LEVEL, VALUE, SECTOR, OVER,
    # the open trade
    ENTRY_ROW, ENTRY_QUANTITY, ENTRY_VALUE, MAE, MFE, PROFIT, NUMBER, EXIT_QUANTITY, EXIT_VALUE, TRADE_COMMISSION,
    TRADE_FEES, TRADE_SLIPPAGE, TRADE_DIVIDENDS, TRADE_BORROW, LARGEST, FIRST_PRICE, RISK, BREAK_AT, ENTRIES, AMBIGUOUS,
    OPTIMISTIC, STOP_KIND, BEST_CLOSE, BEST_EXTREME,
    # lists: at place k the k-th symbol in line, with anything open, with anything to do; at a sector's code its value
    QUEUE, ACTIVE, BUSY, SECTOR_VALUE, SECTOR_OVER, SECTOR_NOW, SECTOR_WANTED,
    # the signal's order
    WEIGHT, DECIDED, AGE, ORDER_LIFE, ORDER_LIMIT, ORDER_STOP, TRIGGERED, ORDER_SIGNAL_STOP, ORDER_SIGNAL_TAKE,
    ORDER_PRIORITY, WANTED, REST, COUNTED, TRIED_ROW, BARRED, HINDRANCE, HALVING,
    ASKED, GOT, GOT_VALUE, FIRST_FILL, GOT_COMMISSION, GOT_FEES, GOT_SLIPPAGE, KIND,
    # the exit that a level began, and the last of all
    EXIT_DECIDED, EXIT_ASKED, EXIT_GOT, EXIT_GOT_VALUE, EXIT_FIRST, EXIT_COMMISSION, EXIT_FEES, EXIT_SLIPPAGE,
    LAST_ASKED, LAST_GOT, LAST_GOT_VALUE, LAST_FIRST, LAST_COMMISSION, LAST_FEES, LAST_SLIPPAGE,
    # a rebalance
    SHARE_NOW, SHARE_WANTED, CHOSEN,
    # how many positions on the same risk, and the stamp of the holdings for which they were counted
    NEIGHBOURS, NEIGHBOURS_STAMP,
) = _codes(89)  # fmt: skip
COLUMNS = 96
(
    CASH, COMMISSION, FEES, SLIPPAGE_TOTAL, DIVIDENDS, BORROW_TOTAL, INTEREST_TOTAL, TRADED_VALUE, AMBIGUOUS_PNL,
    TRADES, ORDERS, CLOSED, WINS, GAIN, LOSS, RETURNS, RETURN_MEAN, RETURN_SQUARES, RUINED, HELD_SESSIONS,
    # what the active list and the value of positions were found for
    ACTIVES, BUSIES, VALUED_ROW, VALUED_MOMENT, VALUE_SUM, GROSS_SUM,
    # limits
    EVENTS, OPEN_POSITIONS, FROZEN_UNTIL, COOL_UNTIL, PEAK, BEFORE, WEEK_BASE, WEEK_HIT, LEVERAGE_OVER, RESERVE_OVER,
    HOLDINGS_STAMP,
) = _codes(37)  # fmt: skip

# The table of trades, of shape (any, TRADE_COLUMNS).
(
    T_SYMBOL, T_ENTRY_ROW, T_EXIT_ROW, T_REASON, T_LARGEST, T_ENTRY_QUANTITY, T_ENTRY_VALUE, T_EXIT_QUANTITY,
    T_EXIT_VALUE, T_PROFIT, T_COMMISSION, T_FEES, T_SLIPPAGE, T_DIVIDENDS, T_BORROW, T_MAE, T_MFE, T_RISK, T_AMBIGUOUS,
    T_OPTIMISTIC,
) = _codes(20)  # fmt: skip
TRADE_COLUMNS = 20

# The table of orders, of shape (any, ORDER_COLUMNS).
(
    O_SYMBOL, O_DECIDED, O_ENDED, O_KIND, O_END, O_WEIGHT, O_ASKED, O_FILLED, O_VALUE, O_FIRST, O_COMMISSION, O_FEES,
    O_SLIPPAGE, O_STOP, O_TAKE,
) = _codes(15)  # fmt: skip
ORDER_COLUMNS = 15

# The table of events, of shape (any, EVENT_COLUMNS).
E_ROW, E_RULE, E_ACTION, E_SYMBOL, E_SECTOR, E_MEASURED, E_LIMIT, E_WANTED, E_ALLOWED = _codes(9)
EVENT_COLUMNS = 9

# Curves of the account, of shape (2, sessions), and of its symbols, of shape (symbols, 3, sessions).
EQUITY, CASH_CURVE = _codes(2)
POSITION_CURVE, STOP_CURVE, TAKE_CURVE = _codes(3)

# Names outside this package are looked up by these.
KINDS = (
    "market", "limit", "stop_market", "stop_limit", "stop", "trail", "break_even", "take_profit", "time", "margin_call",
    "delisted", "ruined", "loss_limit", "risk_limit",
)  # fmt: skip
"""Codes of orders: the first four are signals' entries, the others exits, which are reasons of trades as well."""
(
    SIGNAL, _, _, _, BY_STOP, BY_TRAIL, BY_BREAK_EVEN, BY_TAKE, BY_TIME, BY_MARGIN, BY_DELISTING, BY_RUIN, BY_LOSS,
    BY_RISK,
) = _codes(14)  # fmt: skip
ENDS = (
    "filled", "no_volume", "halted", "no_bar", "no_cash", "less_than_one_share", "no_estimate", "no_edge", "limit",
    "stop", "participation", "direction_closed", "level_crossed", "max_entries", "delisted", "ruined", "end_of_data",
    "frozen", "max_positions", "correlation", "position", "sector", "trade_loss", "cash_reserve",
)  # fmt: skip
"""How an order ended. Positions 1 to 3 are states of a session."""
(
    FILLED, NO_VOLUME, HALTED, NO_BAR, NO_CASH, LESS_THAN_ONE, NO_ESTIMATE, NO_EDGE, LIMIT_NOT_MET, STOP_NOT_MET,
    BY_PARTICIPATION, DIRECTION_CLOSED, LEVEL_CROSSED, TOO_MANY_ENTRIES, END_DELISTED, END_RUINED, END_OF_DATA,
    FROZEN, BY_COUNT, BY_CORRELATION, BY_POSITION, BY_SECTOR, BY_TRADE_LOSS, BY_RESERVE,
) = _codes(24)  # fmt: skip

EVENT_RULES = (
    "position", "sector", "trade_loss", "max_positions", "correlation", "cash_reserve", "leverage", "day_loss",
    "week_loss", "drawdown",
)  # fmt: skip
(
    RULE_POSITION, RULE_SECTOR, RULE_TRADE_LOSS, RULE_COUNT, RULE_CORRELATION, RULE_RESERVE, RULE_LEVERAGE, RULE_DAY,
    RULE_WEEK, RULE_DRAWDOWN,
) = _codes(10)  # fmt: skip
EVENT_ACTIONS = ("cut", "refused", "exit", "freeze", "halve", "flat", "rearm", "trim", "drifted")
CUT, REFUSED, EXIT, FROZE, HALVED, FLATTENED, REARMED, TRIMMED, DRIFTED = _codes(9)

SHARE_TOLERANCE = 1e-9
MONEY_TOLERANCE = 1e-12
