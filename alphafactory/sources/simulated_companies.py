"""Who is listed when in the simulated market.

Goes in: how many symbols, how many years, and a seed. Comes out: `Rotation`, which says for every session which company
holds which slot. A slot is a company's place in the market; every `period` sessions the company of the next slot is
delisted and a new one is listed in its place. With `window` = period * replaced + 1 sessions, any window holds exactly
`symbols` companies, wherever it lies: those alive at its start and `replaced` newcomers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SECTORS = (
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
)
SESSIONS_A_YEAR = 252
_REPLACED_SHARE = 10
_SYLLABLES = (
    "al",
    "bren",
    "cor",
    "del",
    "en",
    "far",
    "gal",
    "hel",
    "in",
    "jor",
    "kel",
    "lan",
    "mer",
    "nor",
    "or",
    "pel",
)
_ENDINGS = ("dane", "ford", "gard", "ia", "ix", "mont", "ona", "tek", "tron", "vane", "wick", "yx")
_TRADES = (
    "Corp",
    "Energy",
    "Foods",
    "Group",
    "Holdings",
    "Industries",
    "Laboratories",
    "Networks",
    "Partners",
    "Systems",
)


@dataclass(frozen=True, slots=True)
class Tenure:
    """A company in a slot from session `first` to session `last`, both inclusive, counted from the market's start.

    `number` counts companies from 1. `listed` and `delisted` say whether it began after the market's start and whether
    it ended before the session asked about.
    """

    number: int
    slot: int
    first: int
    last: int
    listed: bool
    delisted: bool

    @property
    def ticker(self) -> str:
        """The company's ticker."""
        return f"SYN{self.number:03d}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """The plan by which companies come and go; see the module's own text."""

    slots: int
    period: int
    window: int

    @classmethod
    def plan(cls, symbols: int, years: int) -> Rotation:
        """Return the rotation in which any window of about `years` holds `symbols` companies."""
        sessions = SESSIONS_A_YEAR * years
        replaced = min(symbols // _REPLACED_SHARE or int(symbols > 1), sessions // 2)
        if replaced == 0:
            return cls(symbols, 0, sessions)
        period = sessions // replaced
        return cls(symbols - replaced, period, period * replaced + 1)

    def newcomers(self, sessions: int) -> list[tuple[int, int, int]]:
        """Return (session, slot, company number) of every replacement in the first `sessions` sessions."""
        if self.period == 0:
            return []
        days = range(self.period, sessions, self.period)
        return [(day, event % self.slots, self.slots + event + 1) for event, day in enumerate(days)]

    def tenures(self, sessions: int) -> list[Tenure]:
        """Return the companies with a bar in the last `window` of `sessions` sessions, in order of number."""
        begin = max(0, sessions - self.window)
        holder = {slot: (slot + 1, 0) for slot in range(self.slots)}
        found: list[Tenure] = []
        for day, slot, number in self.newcomers(sessions):
            old, first = holder[slot]
            if day > begin:
                found.append(Tenure(old, slot, first, day - 1, first > 0, delisted=True))
            holder[slot] = (number, day)
        found += [
            Tenure(number, slot, first, sessions - 1, first > 0, delisted=False)
            for slot, (number, first) in holder.items()
        ]
        return sorted(found, key=lambda tenure: tenure.number)


def company_name(seed: int, number: int) -> str:
    """Return a company's name, made up from its number."""
    draw = np.random.default_rng([seed, 1, number])
    stem = f"{draw.choice(_SYLLABLES)}{draw.choice(_ENDINGS)}".capitalize()
    return f"{stem} {draw.choice(_TRADES)}"


def base_price(seed: int, number: int) -> float:
    """Return the price at which a company is first listed: lognormal about 60."""
    draw = np.random.default_rng([seed, 2, number])
    return round(float(60.0 * np.exp(0.5 * draw.standard_normal())), 2)
