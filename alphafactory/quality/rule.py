"""What a rule is: a question that a bar, a series or a delivery answers with findings.

A rule is one file of `rules/` with one concrete subclass of `SeriesRule` or `DeliveryRule`. Rules look at all symbols
at once, in whole columns; only what breaks them is put into words.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from alphafactory.domain.bars import BAR_FIELDS
from alphafactory.domain.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from alphafactory.domain.arrays import BoolArray
    from alphafactory.domain.bars import BarBatch
    from alphafactory.domain.market import Dividend, Listing, Observation, Payload, RejectedRow, Split

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QualityContext:
    """What rules know beside the bars.

    `newest_session` is the newest session that the source offers for any symbol: missing ones are judged up to it, not
    up to `as_of`. `listings` is by ticker and must have each ticker of the bars. `splits` and `dividends` are those
    known of these symbols, `observations` what other vendors say of stored sessions, and `market` the median return of
    all symbols by session, where there are enough of them to speak of a market. `first_wanted` is the day from which
    on vendors are asked for bars.
    """

    as_of: date
    newest_session: date
    listings: Mapping[str, Listing] = field(default_factory=dict)
    splits: tuple[Split, ...] = ()
    dividends: tuple[Dividend, ...] = ()
    observations: tuple[Observation, ...] = ()
    market: Mapping[date, float] = field(default_factory=dict)
    first_wanted: date | None = None
    _computed: dict[str, tuple[BarBatch, Any]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, what: str, series: BarBatch, compute: Callable[[BarBatch, QualityContext], T]) -> T:
        """Return `compute(series, self)`, computed once for all rules that ask for `what` of the same batch."""
        held = self._computed.get(what)
        if held is None or held[0] is not series:
            held = self._computed[what] = (series, compute(series, self))
        result: T = held[1]
        return result


class Rule(ABC):
    """Class attributes say what the rule is about; `quarantines` keeps the bar from ever being used."""

    name: ClassVar[str]
    severity: ClassVar[Severity]
    quarantines: ClassVar[bool]
    reason: ClassVar[str]
    """Why it matters, in one line for a reader of the report."""
    remedy: ClassVar[str]
    """What a person can do about it, in one line."""

    def finding(
        self,
        subject: str,
        message: str,
        session: date | None = None,
        payload: Mapping[str, Any] | None = None,
        *,
        evidence: date | None = None,
    ) -> Finding:
        """Return a finding of this rule; `evidence` as in `Finding`."""
        return Finding(
            self.name, self.severity, subject, message, session, {**(payload or {})}, self.quarantines, evidence
        )


class SeriesRule(Rule):
    """Judges bars that a table can hold."""

    @abstractmethod
    def find(self, series: BarBatch, context: QualityContext) -> list[Finding]:
        """Return the findings of an ordered batch whose numbers are all finite, one bar a symbol and session."""

    def findings_of_bars(self, series: BarBatch, broken: BoolArray, what: str) -> list[Finding]:
        """Return one finding for each broken bar (mask, shape (n,)), worded by `what` with the bar's own values."""
        return [
            self.finding(
                series.tickers[series.codes[row]],
                what.format(**{name: _plain(getattr(series, name)[row]) for name in BAR_FIELDS}),
                session_at(series, row),
                payload_at(series, row),
            )
            for row in np.flatnonzero(broken).tolist()
        ]


@dataclass(frozen=True, slots=True)
class Screened:
    """What a delivery rule makes of a batch: the mask of rows that stay, shape (n,), and its findings."""

    kept: BoolArray
    findings: list[Finding]


class DeliveryRule(Rule):
    """Judges rows as delivered, before storing: rows that no table could hold are taken out and kept in a finding."""

    @abstractmethod
    def screen(self, delivered: BarBatch, rejected: Sequence[RejectedRow]) -> Screened:
        """Return which rows of a batch in the source's order may go on, and what was found."""


def session_at(batch: BarBatch, row: int) -> date:
    """Return the session of a row."""
    session: date = batch.sessions[row].item()
    return session


def payload_at(batch: BarBatch, row: int) -> Payload:
    """Return a bar's values as a finding keeps them; a number that JSON has no word for becomes text."""
    payload: Payload = {name: _jsonable(float(getattr(batch, name)[row])) for name in BAR_FIELDS}
    if batch.lines[row] > 0:
        payload["line"] = int(batch.lines[row])
    return payload


def _jsonable(number: float) -> float | str:
    return number if math.isfinite(number) else str(number)


def _plain(number: float) -> str:
    return f"{number:.10g}"


def by_calendar(series: BarBatch, context: QualityContext) -> dict[str, list[int]]:
    """Return the codes of the batch's symbols, grouped by their exchange calendar."""
    groups: dict[str, list[int]] = {}
    for code, ticker in enumerate(series.tickers):
        groups.setdefault(context.listings[ticker].calendar, []).append(code)
    return groups
