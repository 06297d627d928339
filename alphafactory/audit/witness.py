"""Asks a strategy, and notes whatever it does beside answering: failing, writing to its arguments, reading a file."""

from __future__ import annotations

import traceback
import warnings
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from alphafactory.audit.verdict import AuditFinding
from alphafactory.audit.watching import watched
from alphafactory.domain.findings import Severity
from alphafactory.domain.signals import Signals
from alphafactory.errors import AlphaFactoryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from alphafactory.audit.market import AuditedMarket
    from alphafactory.audit.subject import Asking, Subject, Values
    from alphafactory.audit.verdict import Check
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import MarketView

_ARRAYS = tuple(field.name for field in fields(Signals) if field.name != "distances")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a strategy said of a market: the arrays of its `Signals` that it gave, and the indicators that it saw.

    Every array has shape (sessions, symbols); `columns` gives the place of each ticker.
    """

    arrays: Mapping[str, FloatArray]
    distances: bool
    indicators: Mapping[str, FloatArray]
    close: FloatArray
    columns: Mapping[str, int]

    @property
    def target(self) -> FloatArray:
        """The target, shape (sessions, symbols)."""
        return self.arrays["target"]


class Witness:
    """Asks one strategy and keeps what was found; what repeats itself is kept once."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.asked = 0
        self._labels = {file.path: file.label for file in subject.code}
        self._findings: dict[tuple[str, str], AuditFinding] = {}

    @property
    def findings(self) -> tuple[AuditFinding, ...]:
        """What was found, errors first, else in the order of finding."""
        return tuple(sorted(self._findings.values(), key=lambda finding: finding.severity != Severity.ERROR))

    def has_found(self, check: Check) -> bool:
        """Return whether anything was found by a check."""
        return any(found == check for found, _ in self._findings)

    def error(self, check: Check, message: str, symbol: str | None = None, session: date | None = None) -> None:
        """Keep an error, the first of a check on a symbol."""
        self._keep(AuditFinding(check, Severity.ERROR, message, symbol, session), symbol or message)

    def warning(self, check: Check, message: str, symbol: str | None = None, session: date | None = None) -> None:
        """Keep a warning, the first of a check on a symbol."""
        self._keep(AuditFinding(check, Severity.WARNING, message, symbol, session), symbol or message)

    def _keep(self, finding: AuditFinding, what: str) -> None:
        self._findings.setdefault((finding.check, what), finding)

    def ask(self, market: AuditedMarket, values: Values | None = None, by: Asking | None = None) -> Answer | None:
        """Return the strategy's answer, its defaults unless `values` are given; None where it gives none.

        `by` asks a copy of it.
        """
        given = dict(self.subject.defaults if values is None else values)
        kept = dict(given)
        view = self._shown(market, given)
        signals = None if view is None else self._said(market, view, given, by or self.subject.signals)
        if given != kept:
            names = ", ".join(name for name in kept if given.get(name) != kept[name])
            self.error("arguments", f"It changes its parameters ({names}). Let it work on a copy.")
        return None if view is None or signals is None else _answer(view, signals, market)

    def _shown(self, market: AuditedMarket, given: Values) -> MarketView | None:
        """Return what the strategy sees; None, and a finding, where that cannot be made."""
        try:
            return self.subject.view(market, given)
        except AlphaFactoryError as error:
            if given != self.subject.defaults:
                self._note_failure(error, market, given)
            else:
                self.error("data", f"{market.name} cannot be shown to it: {error}", market.name, market.session(-1))
        except (Exception, SystemExit) as error:  # noqa: BLE001  a user's indicator may raise anything at all
            self._note_failure(error, market, given)
        return None

    def _said(self, market: AuditedMarket, view: MarketView, given: Values, asking: Asking) -> Signals | None:
        """Return the strategy's signals; None where it fails. Note what it does on the way."""
        self.asked += 1
        before = dict(given)
        with warnings.catch_warnings(record=True) as warned, watched() as outside:
            warnings.simplefilter("always")
            try:
                return asking(view, given)
            except (Exception, SystemExit) as error:  # noqa: BLE001  a user's strategy may raise anything at all
                self._note_failure(error, market, before)
                return None
            finally:
                self._note_events(outside, warned)

    def _note_events(self, outside: Sequence[str], warned: Sequence[warnings.WarningMessage]) -> None:
        for event in outside:
            self.error("outside", f"While it answers, it {event}. Signals may use what they are shown alone.")
        for warning in warned:
            self._note_warning(warning)

    def _note_failure(self, error: BaseException, market: AuditedMarket, values: Values) -> None:
        where = self._place(error)
        if isinstance(error, ValueError | TypeError) and ("read-only" in str(error) or "item assign" in str(error)):
            self.error("arguments", f"It writes to what it is shown{where} ({error}). Let it work on a copy.")
            return
        text = str(error) if isinstance(error, AlphaFactoryError) else f"{type(error).__name__}: {error}"
        changed = {name: value for name, value in values.items() if value != self.subject.defaults[name]}
        terms = f" with {', '.join(f'{name}={value}' for name, value in changed.items())}" if changed else ""
        # At its defaults it runs every night; a bound that it does not stand is a search's loss.
        severity = Severity.WARNING if changed else Severity.ERROR
        bars = f"{len(market)} bars to {market.sessions[-1]}"
        message = f"On {market.name}, {bars}{terms}, it fails{where}: {text}"
        self._keep(
            AuditFinding("exception", severity, message, market.name, market.session(-1)),
            f"{severity}{type(error).__name__}{where}",
        )

    def _note_warning(self, warning: warnings.WarningMessage) -> None:
        label = self._labels.get(warning.filename)
        where = f" in {label}:{warning.lineno}" if label else ""
        text = f"{warning.category.__name__}: {warning.message}"
        self.warning("warns", f"Python warns of it{where}: {text}. Leave out the rows in which it cannot be computed.")

    def _place(self, error: BaseException) -> str:
        """Say in which line of the strategy's own files an exception arose; nothing where it was elsewhere."""
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in self._labels]
        return f" in {self._labels[frames[-1].filename]}:{frames[-1].lineno}" if frames else ""


def _answer(view: MarketView, signals: Signals, market: AuditedMarket) -> Answer:
    given = {name: getattr(signals, name) for name in _ARRAYS}
    arrays = {name: array for name, array in given.items() if array is not None}
    columns = {ticker: place for place, ticker in enumerate(market.tickers)}
    return Answer(arrays, signals.distances, dict(view.indicators), view.close, columns)
