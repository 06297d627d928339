"""Asks one vendor for what is missing, within its limits, and stores what it sends as it comes.

1. Sessions that most symbols lack are fetched for all of them in one request each, where that takes fewer requests.
2. The other symbols are asked for one by one, some at a time, each from its first missing session to its last. The
   first goes alone: a refused key costs one request.
3. A vendor that does not offer the newest session yet is asked for what lies before it.
4. Answers are stored every few seconds: a killed download has kept what landed, and asks for the rest.
5. A vendor that refuses the key, has spent its quota or fails several symbols in a row is left out for the night.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from alphafactory.pipeline.needs import NO_SESSIONS
from alphafactory.pipeline.storing import Answered, store_answers, store_refusal
from alphafactory.sources.vendor import (
    BadKeyError,
    EmptyAnswerError,
    NotEntitledError,
    NotOfferedError,
    PassingError,
    QuotaSpentError,
    UnknownSymbolError,
    VendorError,
)
from alphafactory.store import vendors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.arrays import DateArray
    from alphafactory.domain.timeframes import Timeframe
    from alphafactory.pipeline.needs import Need
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.quality.rule import Rule
    from alphafactory.sources.base import BarAnswer, BarRequest, VendorSource

_SECONDS_BETWEEN_WRITES = 2.0
_SYMBOLS_A_WRITE = 50
Question = tuple["Need", "BarRequest"]

_LONGEST_CLOSURE = timedelta(days=10)
"""Longer than exchanges are ever closed: what ends earlier is refused for other reasons than being too new."""

_MOST = 0.5
"""The share of symbols that must lack a session for it to be fetched whole."""


def subject(what: str, timeframe: Timeframe) -> str:
    """Return the name under which answers about bars of a timeframe are noted."""
    return what if timeframe == "1d" else f"{what} {timeframe}"


@dataclass(slots=True)
class Tally:
    """What one vendor did tonight. `stopped` says why it was left out before its end."""

    vendor: str
    bars_new: int = 0
    bars_changed: int = 0
    actions: int = 0
    symbols: set[str] = field(default_factory=set)
    refused: int = 0
    stopped: str | None = None
    failed_in_a_row: int = 0

    def in_words(self, requests: int) -> str:
        """Return the vendor's night in a sentence."""
        parts = [f"{self.bars_new} new and {self.bars_changed} changed bars of {len(self.symbols)} symbols"]
        if not self.symbols and not self.refused:
            parts = ["not needed for bars"]
        if self.actions:
            parts.append(f"{self.actions} corporate actions")
        if self.refused:
            parts.append(f"{self.refused} symbols refused")
        words = f"{self.vendor}: {', '.join(parts)} in {requests} requests"
        return f"{words}; then left out for the night: {self.stopped}" if self.stopped else f"{words}."


@dataclass(slots=True)
class Asking:
    """One vendor being asked.

    `rechecked` symbols, and `whole_sessions` of all of them, have been looked at again tonight. `offers_until` is the
    newest session that the vendor has, once a refusal has given reason to ask.
    """

    workspace: Workspace
    source: VendorSource
    applied: Sequence[type[Rule]]
    tally: Tally
    rechecked: set[str] = field(default_factory=set)
    whole_sessions: DateArray = field(default_factory=NO_SESSIONS.copy)
    threads: int = 1
    offers_until: date | None = None
    timeframe: Timeframe = "1d"

    def ask(self, needs: Sequence[Need]) -> None:
        """Ask for what these symbols lack."""
        wanted = {need.ticker: self._wanted(need) for need in needs if self._trades_here(need)}
        asked = [need for need in needs if len(wanted.get(need.ticker, NO_SESSIONS))]
        if "grouped" in self.source.offers and self.timeframe == "1d":
            self._ask_grouped(asked, wanted)
        left = [(need, wanted[need.ticker]) for need in asked if len(wanted[need.ticker])]
        self._ask_one_by_one(left)

    def _trades_here(self, need: Need) -> bool:
        offered = self.timeframe in self.source.timeframes
        return offered and need.row.listing.asset_class in self.source.asset_classes

    def _wanted(self, need: Need) -> DateArray:
        wanted = need.wanted_of(self.source.name, again=need.ticker not in self.rechecked)
        if self.timeframe in self.source.reach:
            kept = timedelta(days=self.source.reach[self.timeframe])
            wanted = wanted[wanted > np.datetime64(self.workspace.as_of - kept, "D")]
        return wanted[np.isin(wanted, need.missing) | ~np.isin(wanted, self.whole_sessions)]

    def _ask_grouped(self, needs: Sequence[Need], wanted: dict[str, DateArray]) -> None:
        """Fetch whole sessions while that takes fewer requests than asking every symbol."""
        if not needs:
            return
        sessions, counts = np.unique(np.concatenate([wanted[need.ticker] for need in needs]), return_counts=True)
        common = sessions[counts > max(1.0, _MOST * len(needs))]
        spared = sum(bool(np.isin(wanted[need.ticker], common).all()) for need in needs)
        if len(common) == 0 or len(common) >= spared:
            return
        by_ticker = {need.ticker: need for need in needs}
        # What is missing comes before what is only looked at again: the vendor may not last to the end.
        lacked = np.unique(np.concatenate([need.missing for need in needs]))
        common = np.concatenate([common[np.isin(common, lacked)][::-1], common[~np.isin(common, lacked)][::-1]])
        for place, session in enumerate(common.tolist()):
            if self.tally.stopped:
                return
            self.workspace.progress.advance(place, len(common), f"{self.source.name}: whole session {session}")
            lacking = [ticker for ticker, days in wanted.items() if np.isin(np.datetime64(session), days)]
            try:
                answer = self.source.fetch_grouped(session, lacking)
            except VendorError as error:
                if not self._is_too_new(error, session):
                    self.refused(error)
                    return
                for ticker in lacking:
                    by_ticker[ticker].troubles[self.source.name] = str(error)
            else:
                self.tally.failed_in_a_row = 0
                self._store(
                    [Answered({ticker: by_ticker[ticker] for ticker in lacking}, session, session, answer)], session
                )
            for ticker in lacking:
                wanted[ticker] = wanted[ticker][wanted[ticker] != np.datetime64(session)]

    def _ask_one_by_one(self, left: Sequence[tuple[Need, DateArray]]) -> None:
        waiting = deque((need, request) for need, days in left for request in need.requests(self.source, days))
        running: dict[Future[BarAnswer], tuple[Need, BarRequest]] = {}
        landed: list[Answered] = []
        written_at, done, in_all = time.monotonic(), 0, len(waiting)
        with ThreadPoolExecutor(self.threads, thread_name_prefix=self.source.name) as pool:
            while True:
                while len(running) < (self.threads if done else 1) and (one := self._next(waiting)):
                    running[pool.submit(self.source.fetch_bars, one[1])] = one
                if not running:
                    break
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    need, request = running.pop(future)
                    done += 1
                    landed += self._landed(future, need, request, waiting)
                self.workspace.progress.advance(min(done, in_all), in_all, self.source.name)
                late = time.monotonic() - written_at >= _SECONDS_BETWEEN_WRITES
                if landed and (late or len(landed) >= _SYMBOLS_A_WRITE):
                    self._store(landed)
                    landed, written_at = [], time.monotonic()
        if landed:
            self._store(landed)

    def _next(self, waiting: deque[Question]) -> Question | None:
        """Return the next question, cut to what the vendor offers; None if there is none or the vendor is left out."""
        while waiting and not self.tally.stopped:
            need, request = waiting.popleft()
            if self.offers_until is None or request.end <= self.offers_until:
                return need, request
            need.troubles[self.source.name] = f"{self.source.name} offers nothing after {self.offers_until} yet."
            if request.start <= self.offers_until:
                return need, replace(request, end=self.offers_until)
        return None

    def _landed(
        self, future: Future[BarAnswer], need: Need, request: BarRequest, waiting: deque[Question]
    ) -> list[Answered]:
        try:
            answer = future.result()
        except VendorError as error:
            if self._is_too_new(error, request.end):
                waiting.appendleft((need, request))
            else:
                self._failed(error, need, request)
            return []
        self.tally.failed_in_a_row = 0
        return [Answered({need.ticker: need}, request.start, request.end, answer)]

    def _is_too_new(self, error: VendorError, end: date) -> bool:
        """Whether the vendor refused because it does not offer the session `end` yet; it is asked once a night."""
        recent = end >= self.workspace.as_of - _LONGEST_CLOSURE
        if not recent or not isinstance(error, NotEntitledError | EmptyAnswerError):
            return False
        if self.offers_until is None:
            self.offers_until = self.workspace.as_of
            try:
                self.offers_until = self.source.newest_session(self.workspace.as_of)
            except VendorError as trouble:
                self.refused(trouble)
        return end > self.offers_until

    def _failed(self, error: VendorError, need: Need, request: BarRequest) -> None:
        """Take note that a symbol was refused."""
        source, night = self.source.name, self.workspace.as_of
        need.troubles[source] = str(error)
        self.tally.refused += 1
        self.refused(error)
        if isinstance(error, BadKeyError | QuotaSpentError | NotOfferedError):
            return
        if isinstance(error, UnknownSymbolError):
            need.unknown_to.add(source)
        outcome = "unknown" if isinstance(error, UnknownSymbolError) else type(error).__name__.removesuffix("Error")
        with self.workspace.database.begin() as connection:
            vendors.write_answers(
                connection,
                source,
                subject("bars", self.timeframe),
                [need.ticker],
                night=night,
                outcome=outcome,
                message=str(error),
            )
            if isinstance(error, UnknownSymbolError | NotEntitledError | EmptyAnswerError):
                store_refusal(connection, self.workspace, source, need, (request.start, request.end))
                vendors.write_answers(
                    connection, source, subject("recheck", self.timeframe), [need.ticker], night=night
                )

    def refused(self, error: VendorError) -> None:
        """Leave the vendor out for the night where it will not answer the next question either."""
        hopeless = isinstance(error, BadKeyError | QuotaSpentError)
        if isinstance(error, PassingError):
            self.tally.failed_in_a_row += 1
            hopeless = self.tally.failed_in_a_row >= self.workspace.config.sources.give_up_after
        if hopeless:
            self.tally.stopped = self.tally.stopped or str(error)

    def _store(self, landed: Sequence[Answered], whole_session: date | None = None) -> None:
        # A symbol that was renamed has an answer for each ticker of its time.
        names = list(dict.fromkeys(ticker for one in landed for ticker in one.needs))
        with self.workspace.database.begin() as connection:
            stored = store_answers(connection, self.workspace, self.source.name, landed, self.applied)
            night = self.workspace.as_of
            if whole_session is not None:
                vendors.write_answers(connection, self.source.name, "session", [str(whole_session)], night=night)
            else:
                for what in ("recheck", "bars"):
                    asked = subject(what, self.timeframe)
                    vendors.write_answers(connection, self.source.name, asked, names, night=night)
        self.tally.symbols |= {ticker for one in landed for ticker in one.answer.bars.tickers}
        self.tally.bars_new += stored.new
        self.tally.bars_changed += stored.changed
        self.tally.actions += stored.actions
