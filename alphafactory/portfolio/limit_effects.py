"""Whether limits earn their keep: the portfolio with each of them beside the same portfolio without it.

Goes in: return, drawdown and Sharpe ratio of each run. Comes out: one row a limit with the differences and a verdict in
words. The verdict is of one past: it says what the limit did in these data, not what it will do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.portfolio.outcomes import Number

ALL_LIMITS = "*"
"""The row in which all limits are off at once."""

_SAME = 1e-9
"""Numbers closer than this are the same: two simulations agree no better."""


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """What a run is judged by; each a number or the reason why there is none. A drawdown is at most 0."""

    total_return: Number
    max_drawdown: Number
    sharpe: Number


@dataclass(frozen=True, slots=True)
class LimitEffect:
    """One limit: how often it acted, the run with and without it, with less without, and the verdict in words.

    A difference is positive where the limit made the number better: more return, a shallower drawdown, a higher Sharpe.
    """

    rule: str
    acts: int
    kept: RunNumbers
    without: RunNumbers
    difference: RunNumbers
    verdict: str


def limit_effects(
    kept: RunNumbers, without: Mapping[str, RunNumbers], acts: Mapping[str, int]
) -> tuple[LimitEffect, ...]:
    """Return a row for each limit that was switched off in turn, in the order given.

    Args:
        kept: the run with all limits.
        without: by limit the run without it; `*` for the run without any.
        acts: by limit how often it acted in the run with all limits; for `*` the sum of all is taken.
    """
    counts = dict(acts) | {ALL_LIMITS: sum(count for rule, count in acts.items() if rule != ALL_LIMITS)}
    return tuple(_effect(rule, counts.get(rule, 0), kept, run) for rule, run in without.items())


def _effect(rule: str, acts: int, kept: RunNumbers, without: RunNumbers) -> LimitEffect:
    difference = RunNumbers(
        _less(kept.total_return, without.total_return),
        _less(kept.max_drawdown, without.max_drawdown),
        _less(kept.sharpe, without.sharpe),
    )
    return LimitEffect(rule, acts, kept, without, difference, _verdict(acts, difference))


def _less(own: Number, other: Number) -> Number:
    if isinstance(own, str):
        return own
    return other if isinstance(other, str) else own - other


def _verdict(acts: int, difference: RunNumbers) -> str:
    """Say in words what the differences of Sharpe ratio and drawdown say, and nothing beyond."""
    sharpe, drawdown, gain = difference.sharpe, difference.max_drawdown, difference.total_return
    if isinstance(sharpe, str) or isinstance(drawdown, str) or isinstance(gain, str):
        return "cannot be judged" if acts else "never acted"
    if all(abs(change) <= _SAME for change in (sharpe, drawdown, gain)):
        return "changed nothing" if acts else "never acted"
    better, shallower = sharpe > _SAME, drawdown > _SAME
    if better:
        return "earned its keep" if drawdown >= -_SAME else "raised Sharpe, deepened the drawdown"
    if shallower:
        return "softened the drawdown, cost Sharpe" if sharpe < -_SAME else "softened the drawdown"
    return "cost more than it saved"
