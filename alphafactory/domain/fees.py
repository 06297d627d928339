"""Fees that a regulator takes from sales, each from a date on.

An entry is written `2018-05-22 bps:0.13,per_share=0.000119,max=5.95`: from that session on a sale pays so many
hundredths of a percent of its value, and so much money a raw share, the latter at most `max`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

from alphafactory.domain.grammar import Model, parse_model
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_MODELS = {"bps": Model(takes_value=True, keys={"per_share": 0.0, "max": 1e300})}


@dataclass(frozen=True, slots=True)
class SellFee:
    """From `since` on: `rate` of the value sold, and `per_share` of money a raw share, at most `most`."""

    since: date
    rate: float
    per_share: float
    most: float

    def __str__(self) -> str:
        limit = "" if self.most >= 1e300 else f",max={self.most:.12g}"  # noqa: PLR2004  stands for no limit
        return f"{self.since} bps:{self.rate * 1e4:.12g},per_share={self.per_share:.12g}{limit}"


def parse_sell_fees(entries: Sequence[str]) -> tuple[SellFee, ...]:
    """Read the entries in order of their dates; raise `UsageError` for one that is none, or for a date given twice."""
    fees = sorted((_parse(entry) for entry in entries), key=lambda fee: fee.since)
    for earlier, later in pairwise(fees):
        if earlier.since == later.since:
            raise UsageError(f"sell_fees: {later.since} is given twice. Give each date once.")
    return tuple(fees)


def _parse(entry: str) -> SellFee:
    day, _, words = entry.strip().partition(" ")
    try:
        since = date.fromisoformat(day)
    except ValueError:
        raise UsageError(
            f"sell_fees: '{entry}' does not begin with a date. Write for example '2018-05-22 bps:0.13'."
        ) from None
    model = parse_model(words, "sell_fees", _MODELS)
    numbers = (model.value or 0.0, model.options["per_share"], model.options["max"])
    if min(numbers) < 0.0:
        raise UsageError(f"sell_fees: '{entry}' is negative; a fee is 0 or more.")
    if numbers[0] >= 1e4:  # noqa: PLR2004  all of the value
        raise UsageError(f"sell_fees: '{entry}' would eat the whole value; write bps below 10000.")
    return SellFee(since, numbers[0] / 1e4, numbers[1], numbers[2])
