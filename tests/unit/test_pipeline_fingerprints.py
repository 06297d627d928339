"""A fingerprint changes with everything that a result depends on, and with nothing else."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from small_markets import model

from alphafactory.pipeline.fingerprints import Subject, fingerprint
from alphafactory.strategies.buy_and_hold import BuyAndHold
from alphafactory.strategies.trend.sma_crossover import SmaCrossover

if TYPE_CHECKING:
    from alphafactory.strategies.base import Strategy

SUBJECT: dict[str, Any] = {
    "strategy": "sma_crossover", "params": {"fast": 20, "slow": 50}, "ticker": "AAA", "exchange": "US",
    "start": None, "end": None,
}  # fmt: skip
TERMS: dict[str, Any] = {"data": "bars", "periods": 252, "risk_free_rate": 0.0, "delisted": False, "index": None}


def found(plugin: type[Strategy] = SmaCrossover, settings: dict[str, str | float] | None = None, **changes: Any) -> str:
    subject = Subject(**{name: changes.get(name, value) for name, value in SUBJECT.items()})
    terms = {name: changes.get(name, value) for name, value in TERMS.items()}
    return fingerprint(subject, plugin, model(**(settings or {})), **terms)


def test_equal_questions_on_equal_data_have_one_fingerprint() -> None:
    assert found() == found(params={"slow": 50, "fast": 20})


@pytest.mark.parametrize(
    "change",
    [
        {"plugin": BuyAndHold},
        {"strategy": "buy_and_hold"},
        {"params": {"fast": 20, "slow": 51}},
        {"ticker": "BBB"},
        {"exchange": "DE"},
        {"start": date(2020, 1, 2)},
        {"end": date(2020, 1, 2)},
        {"data": "other bars"},
        {"periods": 365},
        {"risk_free_rate": 0.01},
        {"delisted": True},
        {"index": "bars of the index"},
        {"settings": {"commission": "bps:1"}},
        {"settings": {"slippage": "bps:1"}},
        {"settings": {"fill": "next_close"}},
        {"settings": {"shares": "whole"}},
        {"settings": {"sizing": "percent:0.5"}},
        {"settings": {"initial_capital": 2000.0}},
        {"settings": {"stop": "3%"}},
        {"settings": {"borrow": "2%"}},
    ],
    ids=str,
)
def test_whatever_can_change_a_result_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert found(**change) != found()


def test_the_question_stays_the_same_over_nights() -> None:
    subject = Subject(**SUBJECT)
    assert subject.key == Subject(**(SUBJECT | {"params": {"slow": 50, "fast": 20}})).key
    others = [{"ticker": "BBB"}, {"params": {"fast": 10, "slow": 50}}, {"start": date(2020, 1, 2)}]
    assert len({subject.key, *(Subject(**(SUBJECT | other)).key for other in others)}) == 4
