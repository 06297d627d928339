"""From which bar on signals no longer depend on where history starts.

Bars are taken away in front, the strategy is asked again, and the last row is sought in which its target is another
than on the whole history. The bars up to it are the warm-up that the strategy needed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.audit.comparison import differing
from alphafactory.audit.verdict import WarmUp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from alphafactory.audit.market import AuditedMarket
    from alphafactory.audit.subject import Subject, Terms
    from alphafactory.audit.witness import Answer, Witness
    from alphafactory.domain.arrays import FloatArray

_LONG_ENOUGH = 120
"""Bars that a market must have before histories are begun later."""


@dataclass(frozen=True, slots=True)
class ShortHistory:
    """One symbol's history that begins late: the bars until it agreed for good, and whether it ever did.

    Who still differs in the last bars agrees by chance if at all, unless so many bars are declared.
    """

    ticker: str
    start: date
    bars: int
    agrees: bool


def short_histories(witness: Witness, market: AuditedMarket, whole: Answer, terms: Terms) -> Iterator[ShortHistory]:
    """Yield what was measured from each of the starts, for each symbol."""
    if len(market) < _LONG_ENOUGH:
        return
    for start in np.unique(np.linspace(1, len(market) // 2, terms.starts).astype(np.int64)).tolist():
        part = market.since(start)
        answer = witness.ask(part)
        if answer is None:
            continue
        for ticker, place in answer.columns.items():
            late, full = answer.target[:, place], whole.target[-len(part) :, whole.columns[ticker]]
            last = _last_difference(late, full, terms)
            settles = last <= max(witness.subject.declared, len(part) - min(terms.last, len(part) // 4))
            yield ShortHistory(ticker, part.session(0), last, settles)


def _last_difference(late: FloatArray, full: FloatArray, terms: Terms) -> int:
    """Return the bars up to the last one whose target is another; NaN is flat."""
    differs = np.flatnonzero(differing(np.nan_to_num(late), np.nan_to_num(full), terms.tolerance))
    return int(differs[-1]) + 1 if len(differs) else 0


def judge_warm_up(witness: Witness, measured: Sequence[ShortHistory]) -> WarmUp | None:
    """Return the distribution, and note where it exceeds what is declared, or never ends; None without histories."""
    if not measured:
        return None
    subject, bars = witness.subject, np.array([one.bars for one in measured])
    worst = max(measured, key=lambda one: one.bars)
    never = sum(not one.agrees for one in measured) / len(measured)
    found = WarmUp(
        declared=subject.declared,
        median=float(np.median(bars)),
        high=float(np.percentile(bars, 95, method="higher")),
        worst=worst.bars,
        never=never,
        histories=len(measured),
    )
    if never > 0.0 and subject.endless:
        witness.error("warm_up", _told_endless(subject, found), worst.ticker, worst.start)
    elif found.worst > found.declared:
        witness.warning("warm_up", _told(found, worst), worst.ticker, worst.start)
    return found


def _told(found: WarmUp, worst: ShortHistory) -> str:
    measured = f"{found.worst} bars ({worst.ticker} from {worst.start})"
    rest = f"half of {found.histories} histories take {found.median:g}, 95 % at most {found.high:g}"
    never = f" {found.never:.0%} of them never agree with the whole one." if found.never else ""
    return (
        f"Its targets depend on where history starts for up to {measured}; {rest}.{never} Declared are "
        f"{found.declared}: let it look back less far, or let `settling` return more."
    )


def _told_endless(subject: Subject, found: WarmUp) -> str:
    names = ", ".join(subject.endless)
    return (
        f"Its targets depend on where history starts for ever in {found.never:.0%} of {found.histories} histories: the "
        f"level of {names} is a sum since the first bar. Use its change or its rank within a window."
    )
