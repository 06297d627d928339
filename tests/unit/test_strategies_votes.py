"""Votes: what enough strategies want is held."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphafactory.domain.plugins import MarketView
from alphafactory.domain.signals import Signals
from alphafactory.errors import SimulationError, UsageError
from alphafactory.registry import Registry
from alphafactory.strategies.base import Strategy
from alphafactory.strategies.combination import resolve_strategy
from alphafactory.strategies.voting import agreed

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray

NAN = float("nan")


def column(*values: float) -> FloatArray:
    return np.array(values, dtype=np.float64)[:, None]


def registry(scope: str = "symbol", **answers: object) -> Registry[type[Strategy]]:
    """Make strategies that always answer the same."""
    found: Registry[type[Strategy]] = Registry("strategies")
    for name, answer in answers.items():
        texts = dict.fromkeys(("title", "idea", "source", "fails_when"), f"{name}'s words.")
        signals = staticmethod(lambda view, params, said=answer: said)  # noqa: ARG005  a strategy's names
        found.add(type(name, (Strategy,), {"name": name, "signals": signals, "scope": scope, **texts}), "a test")
    return found


def view_of(rows: int, columns: int = 1) -> MarketView:
    prices = np.ones((rows, columns))
    return MarketView(np.datetime64("2020-01-01") + np.arange(rows), *[prices] * 5, indicators={})


def agreed_slowly(targets: list[FloatArray], needed: int, *, weights: bool) -> FloatArray:
    """Count heads, place by place."""
    found = np.full(targets[0].shape, NAN)
    for place in np.ndindex(found.shape):
        said = [float(target[place]) for target in targets if not np.isnan(target[place])]
        longs, shorts = [w for w in said if w > 0], [w for w in said if w < 0]
        winners = longs if len(longs) > len(shorts) else shorts if len(shorts) > len(longs) else []
        if said:
            found[place] = 0.0
        if len(winners) >= needed and winners:
            found[place] = sum(winners) / len(targets) if weights else float(np.sign(winners[0]))
    return found


TARGETS = st.sampled_from([NAN, -1.0, -0.5, 0.0, 0.25, 1.0])


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(2, 6), st.integers(0, 12), st.booleans())
def test_a_vote_is_a_count_of_heads(data: st.DataObject, voters: int, rows: int, weights: bool) -> None:
    lists = st.lists(TARGETS, min_size=rows, max_size=rows)
    targets = [column(*data.draw(lists)).reshape(rows, 1) for _ in range(voters)]
    needed = data.draw(st.integers(1, voters))
    found = agreed(targets, needed, weights=weights)
    np.testing.assert_array_equal(found, agreed_slowly(targets, needed, weights=weights))


def test_most_must_agree_unless_fewer_are_asked_for() -> None:
    known = registry(
        a=column(1, 1, 1, -1, 0.2, NAN), b=column(0, 1, -1, -1, 0.3, NAN), c=column(0, 0, -0.1, NAN, -1, NAN)
    )
    held = {
        text: resolve_strategy(text, known).signals(view_of(6), {})[:, 0].tolist()
        for text in ("vote(a, b, c)", "vote(a, b, c, 1)", "vote(a, b, c, 3)")
    }
    np.testing.assert_equal(held["vote(a, b, c)"], [0, 1, -1, -1, 1, NAN])
    np.testing.assert_equal(held["vote(a, b, c, 1)"], [1, 1, -1, -1, 1, NAN])
    np.testing.assert_equal(held["vote(a, b, c, 3)"], [0, 0, 0, 0, 0, NAN])


def test_sides_that_are_equally_strong_cancel() -> None:
    known = registry(a=column(1), b=column(-1), c=column(0))
    assert resolve_strategy("vote(a, b, c, 1)", known).signals(view_of(1), {}).item() == 0.0


@pytest.mark.parametrize(("voters", "needed"), [(2, 2), (3, 2), (4, 3), (5, 3)])
def test_most_are_more_than_half(voters: int, needed: int) -> None:
    names = [f"s{number}" for number in range(voters)]
    known = registry(**dict.fromkeys(names, column(1)))
    vote = resolve_strategy(f"vote({','.join(names)})", known)
    assert vote.needed == needed
    assert vote is resolve_strategy(f"vote({','.join(names)},{needed})", known)
    assert vote.name == f"vote({', '.join(names)})"
    assert vote.title.startswith(f"{needed} of {voters} agree: ")


def test_shares_of_one_account_stay_within_what_the_voters_use() -> None:
    random = np.random.default_rng(4)
    targets = {}
    for name in "abc":
        raw = random.normal(size=(50, 5)) * random.integers(0, 2, (50, 5))
        targets[name] = raw / np.maximum(np.abs(raw).sum(axis=1, keepdims=True), 1.0)
    known = registry("universe", **targets)
    for text in ("vote(a, b, c, 1)", "vote(a, b, c)"):
        vote = resolve_strategy(text, known)
        assert vote.scope == "universe"
        held = vote.signals(view_of(50, 5), {})
        used = np.mean([np.abs(target).sum(axis=1) for target in targets.values()], axis=0)
        assert (np.abs(held).sum(axis=1) <= used + 1e-12).all()
        assert 0.0 < np.abs(held).max() < 1.0


def test_a_voter_is_judged_and_may_say_nothing_but_a_target() -> None:
    known = registry(a=column(1, 1), wild=column(0, 1.5), more=Signals(column(1, 1), stop=column(9, 9)))
    with pytest.raises(SimulationError, match=r"'vote\(a, wild\)': the strategy 'wild' wants 1\.5 on 2020-01-02"):
        resolve_strategy("vote(a, wild)", known).signals(view_of(2), {})
    with pytest.raises(UsageError, match="the strategy 'more' returns stop beside its target"):
        resolve_strategy("vote(a, more)", known).signals(view_of(2), {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vote(a)", r"'vote\(a\)' is no vote: it asks that 1 of 1 agree"),
        ("vote(a, 1)", "asks that 1 of 1 agree"),
        ("vote(a, b, 3)", "asks that 3 of 2 agree"),
        ("vote(a, b, 0)", "asks that 0 of 2 agree"),
        ("vote(a, b, 1.5)", r"'1\.5\)' is no part"),
        ("vote(a, b, -1)", r"'-1\)' is no part"),
        ("vote(a, 2, b)", r"'2, b\)' is no part"),
        ("vote(a, b", r"the bracket of 'vote\(a, b' is not closed"),
        ("vote()", r"'\)' is no part"),
        ("vote(a,, b)", r"', b\)' is no part"),
        ("votes(a, b)", r"'votes\(' is no function"),
        ("vote(a, a)", "'a' stands twice"),
    ],
)
def test_a_vote_that_is_none_is_refused_with_its_part(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve_strategy(text, registry(a=column(1), b=column(1)))


def test_a_strategy_may_be_called_vote() -> None:
    known = registry(vote=column(1, 0), a=column(1, 1))
    assert resolve_strategy("vote", known) is known.get("vote")
    assert resolve_strategy("vote(vote, a)", known).signals(view_of(2), {})[:, 0].tolist() == [1, 0]
