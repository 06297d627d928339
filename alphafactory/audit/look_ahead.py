"""Whether a row of signals depends on bars that follow it.

1. The history is cut after a row, and the strategy asked again: each row up to there must stay as it is, to the bit. So
   are caught a shift to the front, sums over the whole series, a month's end seen in the next row's date, the number of
   rows, and symbols that are listed later.
2. Bars after a row are replaced by others of the same sessions: the rows up to it must stay as they are.

A peek changes something only where there is something to see. Cuts are therefore made at each of the last bars, at
random ones, and where a rare peek would show: at changes of the target, at the largest moves, at the ends of quarters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from alphafactory.audit.comparison import first_difference

if TYPE_CHECKING:
    from alphafactory.audit.comparison import Difference
    from alphafactory.audit.market import AuditedMarket
    from alphafactory.audit.subject import Terms
    from alphafactory.audit.witness import Answer, Witness
    from alphafactory.domain.arrays import IntArray

_FIRST_ROWS = (0, 1, 4, 29)
"""A history of so few bars is none that a strategy may fail on."""


def cut_rows(market: AuditedMarket, answer: Answer, terms: Terms) -> IntArray:
    """Return the rows after which a history is cut, ascending, shape (cuts,); the last row is none of them."""
    count, random = len(market), np.random.default_rng(terms.seed)
    chosen = [
        np.arange(count - 1 - terms.last, count - 1),
        random.integers(0, count, terms.random),
        _some(changes_of(answer), terms.changes, random),
        _largest_moves(answer, terms.moves),
        _ends_of_quarters(market),
        np.array(_FIRST_ROWS),
    ]
    rows: IntArray = np.unique(np.concatenate(chosen).astype(np.int64))
    return rows[(rows >= 0) & (rows < count - 1)]


def check_cuts(witness: Witness, market: AuditedMarket, whole: Answer, terms: Terms) -> int:
    """Compare shorter histories with the whole one, and note the first difference; return how many were compared."""
    rows, found = cut_rows(market, whole, terms), []
    for row in rows.tolist():
        part = market.until(row)
        answer = witness.ask(part)
        if answer is None:
            continue
        # A sum over fewer symbols is rounded otherwise, which is no look ahead.
        tolerance = 0.0 if len(part.symbols) == len(market.symbols) else terms.tolerance
        difference = first_difference(answer, whole, len(part), tolerance)
        if difference is not None:
            found.append((row, difference))
    if found:
        row, difference = min(found, key=lambda one: one[1].row)
        message = f"Known until {market.sessions[row]}, {_told(market, difference, 'on the whole history')}"
        share = f" {len(found)} of {len(rows)} shorter histories say otherwise than the whole one."
        witness.error("look_ahead", message + share, difference.ticker, market.session(difference.row))
    return len(rows)


def check_disturbances(witness: Witness, market: AuditedMarket, whole: Answer, terms: Terms) -> int:
    """Replace the bars after some rows, and note the first change in a row before; return how often it was done."""
    random = np.random.default_rng(terms.seed + 1)
    rows = _disturbed_rows(market, whole, terms, random)
    for row in rows.tolist():
        answer = witness.ask(market.disturbed(row, random))
        difference = None if answer is None else first_difference(whole, answer, row + 1)
        if difference is not None:
            told = _told(market, difference, f"with other bars after {market.sessions[row]}")
            session = market.session(difference.row)
            witness.error("disturbance", f"On the bars as they are, {told}", difference.ticker, session)
            break
    return len(rows)


def changes_of(answer: Answer) -> IntArray:
    """Return the rows in which a target is another than in the row before, shape (rows,)."""
    target = np.nan_to_num(answer.target, nan=0.0)
    return np.flatnonzero((target[1:] != target[:-1]).any(axis=1)) + 1


def _disturbed_rows(market: AuditedMarket, whole: Answer, terms: Terms, random: np.random.Generator) -> IntArray:
    changes = _some(changes_of(whole), terms.disturbances // 2, random)
    others = random.integers(0, max(len(market) - 1, 1), terms.disturbances - len(changes))
    rows: IntArray = np.unique(np.concatenate([changes, others]).astype(np.int64))
    return rows[rows < len(market) - 1]


def _some(rows: IntArray, most: int, random: np.random.Generator) -> IntArray:
    return rows if len(rows) <= most else random.choice(rows, most, replace=False)


def _largest_moves(answer: Answer, most: int) -> IntArray:
    close = answer.close
    ratio = np.divide(close[1:], close[:-1], out=np.ones_like(close[1:]), where=np.isfinite(close[1:] * close[:-1]))
    moves = np.abs(np.log(ratio)).max(axis=1)
    return np.argsort(moves, kind="stable")[max(len(moves) - most, 0) :] + 1


def _ends_of_quarters(market: AuditedMarket) -> IntArray:
    quarter = market.sessions.astype("datetime64[M]").astype(np.int64) // 3
    return np.flatnonzero(quarter[1:] != quarter[:-1])


def _told(market: AuditedMarket, difference: Difference, otherwise: str) -> str:
    values = f"{difference.early:.6g}, {otherwise} {difference.late:.6g}"
    seen = f"{difference.ticker}'s {difference.array} of {market.sessions[difference.row]} is {values}."
    if difference.indicators:
        return f"{seen} So do its indicators differ there: {', '.join(difference.indicators)}."
    return f"{seen} Its indicators are the same, so its own code looks ahead: a row may use rows up to itself alone."
