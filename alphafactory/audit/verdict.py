"""What an audit says: findings, the measured warm-up, and the verdict that they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from alphafactory.domain.findings import Severity

if TYPE_CHECKING:
    from datetime import date

Check: TypeAlias = Literal[
    "look_ahead", "disturbance", "warm_up", "determinism", "state", "arguments", "exception", "data", "warns", "gaps",
    "range", "missing", "never_trades", "dead_parameter", "code", "outside",
]  # fmt: skip
"""What was looked at.

`look_ahead`: a row changes with the bars that follow it, found on a shorter history. `disturbance`: the same, found
with other bars after it. `warm_up`: more bars than declared until the start of history is forgotten. `determinism`: two
answers to one question. `state`: something is kept between calls. `arguments`: its arguments are written to.
`exception`: no answer at all. `data`: what it needs is not given here. `warns`: numbers that cannot be computed.
`gaps`: a symbol that is not listed yet is held, or known. `range`: a value that no signal can have. `missing`: no
number where one is due. `never_trades`: nothing is ever wanted. `dead_parameter`: one that changes nothing. `code`:
what the source says. `outside`: a file, process or network that was used.
"""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """What one check found. An error fails the strategy, a warning is for who reads its results.

    `symbol` names the symbol (or the panel of several) and `session` the row where it shows first; None where neither
    has a meaning. `message` is plain sentences with the values.
    """

    check: Check
    severity: Severity
    message: str
    symbol: str | None = None
    session: date | None = None


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Bars from the start of a history until its targets are those of the whole history for good.

    `declared` is what indicators and strategy say; `median`, `high` (95 %) and `worst` are over `histories` of
    different starts and symbols. `never` is the share of those that still differ in their last bars; they count with
    the bars until their last difference.
    """

    declared: int
    median: float
    high: float
    worst: int
    never: float
    histories: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the audit of one strategy with its default parameters says.

    `cuts` counts the shorter histories that were compared, `disturbances` those with other bars after some row, `asked`
    all calls of the strategy. `warm_up` is None where no history was long enough to measure it.
    """

    strategy: str
    findings: tuple[AuditFinding, ...]
    symbols: tuple[str, ...]
    cuts: int
    disturbances: int
    asked: int
    warm_up: WarmUp | None

    @property
    def passed(self) -> bool:
        """Whether nothing was found that makes its results worthless."""
        return not self.errors

    @property
    def errors(self) -> tuple[AuditFinding, ...]:
        """The findings that fail it."""
        return tuple(finding for finding in self.findings if finding.severity == Severity.ERROR)

    @property
    def warnings(self) -> tuple[AuditFinding, ...]:
        """The findings that do not."""
        return tuple(finding for finding in self.findings if finding.severity == Severity.WARNING)
