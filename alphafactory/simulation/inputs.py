"""Judges what a simulation is given.

Goes in: bars and signals from anywhere. Comes out: float64 arrays of our own that the kernel can trust, laid out by
symbol, or a `SimulationError` that names the symbol, the session and the value.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError
from alphafactory.simulation.cache import load_kernel
from alphafactory.simulation.layout import (
    CLOSE,
    DIVIDEND,
    HIGH,
    LOW,
    NO_BAR,
    OPEN,
    PLAIN_MARKET,
    SPLIT_FACTOR,
    STATE,
    VOLUME,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from alphafactory.domain.arrays import BoolArray, DateArray, FloatArray, IntArray
    from alphafactory.domain.bars import Bars

_COLUMNS = ("open", "high", "low", "close", "volume", "split_factor", "dividends")
_MAY_BE_ZERO = (VOLUME, DIVIDEND)
# Vendors round a high and an open to different digits.
_ROUNDING = 1e-9
_OPTIONAL = tuple(field.name for field in fields(Signals) if field.name not in {"target", "distances"})


@dataclass(frozen=True, slots=True)
class JudgedSignals:
    """`Signals` by symbol: every array has shape (symbols, n), C-contiguous and writable, None where not given.

    `target` is free of NaN and so is `priority`, whose NaN became -inf, the last in line. In the others NaN is none;
    prices and distances are above 0, `good_for` is a whole number.
    """

    target: FloatArray
    entry_limit: FloatArray | None
    entry_stop: FloatArray | None
    stop: FloatArray | None
    take_profit: FloatArray | None
    good_for: FloatArray | None
    priority: FloatArray | None
    distances: bool


def joint_sessions(bars: Sequence[Bars]) -> DateArray:
    """Return the sessions in which any of the symbols has a bar, ascending and distinct, shape (n,)."""
    if not bars:
        raise SimulationError("There is no symbol to simulate. Name at least one.")
    first = bars[0].sessions
    if all(_same(other.sessions, first) for other in bars[1:]):
        # One symbol, or symbols of one exchange: nothing to unite, and `judged_market` names what is out of order.
        return first
    return np.unique(np.concatenate([other.sessions for other in bars]))


def judged_market(bars: Sequence[Bars], names: Sequence[str], sessions: DateArray) -> FloatArray:
    """Return every symbol's market on the sessions of all, shape (symbols, 8, n), C-contiguous.

    The rows are OPEN, HIGH, LOW, CLOSE, VOLUME, SPLIT_FACTOR, DIVIDEND and STATE. STATE is TRADABLE, NO_VOLUME, HALTED
    (a bar that repeats the symbol's bar before in all five numbers) or NO_BAR. In a session without a bar prices are
    NaN, volume and dividend are 0, and the split factor is that of the bar before, or of the first bar.

    Args:
        bars: each symbol's own bars.
        names: what to call the symbols in an error; empty for one symbol without a name.
        sessions: ascending and distinct, holding every session of every symbol; see `joint_sessions`.

    Raises:
        SimulationError: no bars, lengths that differ, sessions out of order, or an impossible value.
    """
    load_kernel()
    from alphafactory.simulation.judging import settle  # noqa: PLC0415  compiled as well

    market = np.empty((len(bars), PLAIN_MARKET, len(sessions)))
    judged: DateArray | None = None
    for symbol, (own, block) in enumerate(zip(bars, market, strict=True)):
        of = _of(names, symbol)
        if judged is None or not _same(own.sessions, judged):
            _judge_sessions(own.sessions, of)
            judged = own.sessions
        if _same(own.sessions, sessions):
            _judge(own, block, of, settle)
        else:
            dense = np.empty((PLAIN_MARKET, len(own)))
            _judge(own, dense, of, settle)
            _spread_out(dense, np.searchsorted(sessions, own.sessions), block)
    return market


def judged_signals(
    signals: FloatArray | Signals, sessions: DateArray, symbols: int, names: Sequence[str]
) -> tuple[JudgedSignals, int]:
    """Return the signals by symbol, and in how many places the target was NaN, which became 0.

    Args:
        signals: a target alone or all of them; arrays of shape (n, symbols), or (n,) for one symbol.
        sessions: the n sessions of the signals.
        symbols: how many there are.
        names: what to call the symbols in an error; empty for one symbol without a name.

    Raises:
        SimulationError: an array of another shape, or an impossible value.
    """
    given = signals if isinstance(signals, Signals) else Signals(signals)
    shape = (symbols, len(sessions))
    target, missing = _judged_target(_by_symbol(given.target, "target", shape, names), sessions, names)
    arrays: dict[str, FloatArray | None] = dict.fromkeys(_OPTIONAL)
    for name in _OPTIONAL:
        values = getattr(given, name)
        if values is not None:
            arrays[name] = _judged_option(_by_symbol(values, name, shape, names), name, sessions, names)
    return JudgedSignals(target=target, distances=given.distances, **arrays), missing


def _same(sessions: DateArray, others: DateArray) -> bool:
    return sessions is others or (sessions.shape == others.shape and bool((sessions == others).all()))


def _judge_sessions(sessions: DateArray, of: str) -> None:
    if len(sessions) == 0:
        raise SimulationError(f"{of}there are no bars to simulate. Choose a period in which the symbol traded.")
    # NaT compares as false with everything, so what is asked is that each is later.
    later = sessions[1:] > sessions[:-1]
    if not later.all():
        raise SimulationError(
            f"{of}session {sessions[1:][~later][0]} is not after the session before it. Sort the bars and drop "
            "duplicates."
        )
    if np.isnat(sessions[0]):
        raise SimulationError(f"{of}the first bar has no session. Drop the bar or correct its source.")


def _judge(bars: Bars, block: FloatArray, of: str, settle: Callable[[FloatArray], bool]) -> None:
    """Copy one symbol's bars into its block (8, n), judge them and add their state."""
    for row, column in enumerate(_COLUMNS):
        values = getattr(bars, column)
        if np.shape(values) != bars.sessions.shape:
            raise SimulationError(
                f"{of}{column} has shape {np.shape(values)} for {len(bars)} sessions. Give one number a session."
            )
        block[row] = values
    if settle(block):
        return
    # NaN makes every comparison false, so what is asked is that the values are good.
    numbers = block[:STATE]
    least = numbers.min(axis=1)
    if not (least[:VOLUME].min() > 0.0 and least.min() >= 0.0 and least[SPLIT_FACTOR] > 0.0 and numbers.max() < np.inf):
        raise _impossible(numbers, bars.sessions, of)
    _judge_ranges(block, bars.sessions, of)


def _judge_ranges(block: FloatArray, sessions: DateArray, of: str) -> None:
    """Refuse a high or a low that other prices of its bar lie beyond."""
    top, bottom = np.maximum(block[OPEN], block[CLOSE]), np.minimum(block[OPEN], block[CLOSE])
    if (block[HIGH] >= top).all() and (block[LOW] <= bottom).all():
        return
    for row, word, others in ((HIGH, "below", (LOW, OPEN, CLOSE)), (LOW, "above", (OPEN, CLOSE))):
        for other in others:
            gap = block[other] - block[row] if row == HIGH else block[row] - block[other]
            beyond = gap > _ROUNDING * block[other]
            if beyond.any():
                at = int(np.argmax(beyond))
                raise SimulationError(
                    f"{of}{_COLUMNS[row]} of {sessions[at]} is {block[row, at]:.12g}, {word} the bar's "
                    f"{_COLUMNS[other]} of {block[other, at]:.12g}. Quarantine the bar or correct its source."
                )


def _spread_out(dense: FloatArray, rows: IntArray, block: FloatArray) -> None:
    """Put a symbol's own bars into the rows of the joint sessions, and say what stands between them."""
    block[:VOLUME] = np.nan
    block[VOLUME], block[DIVIDEND], block[STATE] = 0.0, 0.0, NO_BAR
    block[:, rows] = dense
    steps = np.zeros(block.shape[1], np.int64)
    steps[rows[1:]] = 1
    latest = np.cumsum(steps)  # the position of the bar in force, the first bar's before it
    block[SPLIT_FACTOR] = dense[SPLIT_FACTOR, latest]


def _impossible(numbers: FloatArray, sessions: DateArray, of: str) -> SimulationError:
    """Build the error of the first impossible value, column by column."""
    zero_allowed = np.isin(np.arange(STATE), _MAY_BE_ZERO)[:, np.newaxis]
    good = np.isfinite(numbers) & ((numbers > 0.0) | (zero_allowed & (numbers == 0.0)))
    column, row = np.argwhere(~good)[0]
    wanted = "0 or more" if column in _MAY_BE_ZERO else "above 0"
    return SimulationError(
        f"{of}{_COLUMNS[column]} of {sessions[row]} is {numbers[column, row]:g}; it must be {wanted}. "
        "Quarantine the bar or correct its source."
    )


def _by_symbol(values: FloatArray, name: str, shape: tuple[int, int], names: Sequence[str]) -> FloatArray:
    """Return an array (n, symbols), or (n,) for one symbol, as (symbols, n); without a copy where none is needed."""
    symbols, sessions = shape
    of = _of(names, 0) if symbols == 1 else ""
    try:
        array: FloatArray = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SimulationError(f"{of}{name} is no array of numbers: {error}. Return floats, NaN for none.") from error
    if array.shape == (sessions,) and symbols == 1:
        array = array[np.newaxis]
    elif array.shape == (sessions, symbols):
        array = array.T
    else:
        raise SimulationError(
            f"{of}{name} has shape {array.shape} for {sessions} sessions and {symbols} "
            f"{'symbol' if symbols == 1 else 'symbols'}. Give one row a session and one column a symbol."
        )
    array = np.ascontiguousarray(array)
    # Compiled code takes writable arrays alone, though it writes into none of these.
    return array if array.flags.writeable else array.copy()


def _judged_target(target: FloatArray, sessions: DateArray, names: Sequence[str]) -> tuple[FloatArray, int]:
    if target.size == 0 or (target.max() <= 1.0 and target.min() >= -1.0):
        return target, 0
    missing = np.isnan(target)
    judged = np.where(missing, 0.0, target)
    outside = np.abs(judged) > 1.0
    if outside.any():
        raise _out_of_bounds(target, "target", outside, sessions, names)
    return judged, int(np.count_nonzero(missing))


def _judged_option(array: FloatArray, name: str, sessions: DateArray, names: Sequence[str]) -> FloatArray:
    if name == "priority":
        return np.where(np.isnan(array), -np.inf, array)
    good = (array < np.inf) & (((array >= 0.0) & (array == np.floor(array))) if name == "good_for" else array > 0.0)
    bad = ~(good | np.isnan(array))
    if bad.any():
        raise _out_of_bounds(array, name, bad, sessions, names)
    return array


def _out_of_bounds(
    array: FloatArray, name: str, bad: BoolArray, sessions: DateArray, names: Sequence[str]
) -> SimulationError:
    """Build the error of the first impossible value, symbol by symbol."""
    symbol, row = np.argwhere(bad)[0]
    rules = {
        "target": "A target lies between -1 (all short) and 1 (all long).",
        "good_for": "It counts bars: a whole number, 0 for without end, NaN for what the settings say.",
    }
    return SimulationError(
        f"{_of(names, int(symbol), of_many=len(array) > 1)}the {name} of {sessions[row]} is {array[symbol, row]:g}. "
        f"{rules.get(name, 'A price or a distance is above 0; NaN is none.')}"
    )


def _of(names: Sequence[str], symbol: int, *, of_many: bool = False) -> str:
    """Return how an error's message begins; a symbol without a name is called by its column."""
    name = names[symbol] if symbol < len(names) else ""
    if not name and of_many:
        name = f"symbol {symbol}"
    return f"{name}: " if name else ""
