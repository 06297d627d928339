"""What is audited, on which terms: a strategy as functions and declarations, whatever class stands behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from alphafactory.audit.market import AuditedMarket
    from alphafactory.domain.plugins import MarketView, Parameter
    from alphafactory.domain.signals import Signals

Values: TypeAlias = Mapping[str, int | float]
"""A value for every parameter."""

Asking: TypeAlias = "Callable[[MarketView, Values], Signals]"
"""Asks a strategy about what it is shown."""


@dataclass(frozen=True, slots=True)
class CodeFile:
    """A source file of a strategy: what to call it in a message, its whole path, and its text."""

    label: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Subject:
    """A strategy to audit.

    `declared` is the number of bars after which it says that the start of history is forgotten; `endless` names those
    of its indicators for which it never is. `view` shows a market as the strategy sees it, `signals` asks the strategy,
    and `check` refuses parameters that contradict each other with a `UsageError`. `code` are its own files;
    `namespaces` the variables of their modules by the module's label, in which nothing may be kept. `fresh` reads the
    strategy's file anew and returns what asks that copy; None where there is no such file.
    """

    name: str
    parameters: Mapping[str, Parameter]
    defaults: Values
    declared: int
    endless: tuple[str, ...]
    view: Callable[[AuditedMarket, Values], MarketView]
    signals: Asking
    check: Callable[[Values], None]
    code: tuple[CodeFile, ...] = ()
    namespaces: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    fresh: Callable[[], Asking] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """How much an audit looks at; the defaults take a simple strategy about a tenth of a second a symbol.

    A history is cut at each of its `last` bars, at `random` others, at up to `changes` rows at which the target
    changes, at the `moves` with the largest price changes, and at the ends of quarters. `disturbances` rows are
    followed by other bars, and histories begin at `starts` rows of the first half. `copies` histories are shown to
    copies of the strategy that remember nothing. `draws` are sets of values of the other parameters with which one is
    tried that changes nothing beside their defaults. Targets nearer than `tolerance` are the same where other rounding
    is no fault.
    """

    seed: int = 20_200_101
    last: int = 60
    random: int = 60
    changes: int = 30
    moves: int = 10
    disturbances: int = 14
    starts: int = 16
    copies: int = 6
    draws: int = 6
    tolerance: float = 1e-9
