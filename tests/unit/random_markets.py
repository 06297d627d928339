"""Random markets, signals and settings for the simulator, made to hit its corners.

Goes in: what Hypothesis draws. Comes out: a `Case`, everything that a simulation takes. Short markets are drawn bar by
bar, so that a failing one shrinks to few plain bars; long ones, which reach the estimates, grow from a drawn seed.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from alphafactory.domain.bars import Bars
from alphafactory.domain.settings import SimulationSettings, parse_settings
from alphafactory.domain.signals import Signals

if TYPE_CHECKING:
    from collections.abc import Sequence

NONE = float("nan")


@dataclass(frozen=True)
class Case:
    bars: list[Bars]
    signals: Signals
    settings: SimulationSettings
    words: dict[str, Any]
    periods_per_year: int
    delisted: list[bool]

    def __repr__(self) -> str:
        changed = {name: word for name, word in self.words.items() if word != PLAIN[name]}
        lines = [f"settings {changed}, {self.periods_per_year} periods a year, delisted {self.delisted}"]
        for column, bars in enumerate(self.bars):
            lines.append(f"symbol {column}")
            for k, session in enumerate(bars.sessions):
                prices = [float(getattr(bars, name)[k]) for name in ("open", "high", "low", "close")]
                rest = f"volume {bars.volume[k]} factor {bars.split_factor[k]} dividend {bars.dividends[k]}"
                lines.append(f"  {session} {prices} {rest}")
        for name in ("target", "entry_limit", "entry_stop", "stop", "take_profit", "good_for", "priority"):
            values = getattr(self.signals, name)
            if values is not None:
                lines.append(f"  {name} {values.tolist()}")
        return "\n".join([*lines, f"  distances {self.signals.distances}"])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis would print a dataclass field by field."""
        printer.text("..." if cycle else repr(self))


# Bars

MOVES = (0.0, 0.0013, -0.0017, 0.0061, -0.0073, 0.0119, -0.0131, 0.0237, -0.0253, 0.0511, -0.0497, 0.31, -0.23)
JUMPS = (-0.61, 0.83, 1.57, -0.87)
REACHES = (0.0, 0.0, 0.0009, 0.0047, 0.0113, 0.0331, 0.0919)
VOLUMES = (1.0, 1.0, 1.0, 1.31, 0.77, 0.06, 0.0)
SHAPES = ("plain",) * 14 + ("repeat", "repeat", "flat", "jump")
RATIOS = (1.0,) * 19 + (2.0, 1.5, 0.1)
DIVIDENDS = (0.0,) * 9 + (0.0103, 0.21)
SPACES = (1, 1, 1, 1, 3, 4)

PRICED = (MOVES, MOVES, REACHES, REACHES)
MARKED = (VOLUMES, SHAPES, RATIOS, DIVIDENDS)


def chosen(number: int, lists: Sequence[Sequence[Any]]) -> list[Any]:
    """Read one drawn number as a choice from each list; 0 is the first of each. Few draws keep Hypothesis fast."""
    result = []
    for choices in lists:
        number, digit = divmod(number, len(choices))
        result.append(choices[digit])
    return result


def one_of_each(lists: Sequence[Sequence[Any]]) -> st.SearchStrategy[list[Any]]:
    return st.integers(0, math.prod(map(len, lists)) - 1).map(lambda number: chosen(number, lists))


one_bar = st.builds(lambda prices, marks: (*prices, *marks), one_of_each(PRICED), one_of_each(MARKED))


def grown_bars(seed: int, rows: int) -> list[tuple[Any, ...]]:
    """A small random walk, with a corner now and then."""
    draw = random.Random(seed)
    return [
        (
            draw.gauss(0.0, 0.008),
            draw.gauss(0.0005, 0.015),
            abs(draw.gauss(0.0, 0.01)),
            abs(draw.gauss(0.0, 0.01)),
            draw.choice((1.0, 1.0, 1.1, 0.83, 1.37, 0.05, 0.0) if draw.random() < 0.2 else (1.0, 0.91, 1.23)),
            draw.choice(SHAPES) if draw.random() < 0.15 else "plain",
            draw.choice(RATIOS) if draw.random() < 0.1 else 1.0,
            draw.choice(DIVIDENDS) if draw.random() < 0.2 else 0.0,
        )
        for _ in range(rows)
    ]


def bars_of(drawn: Sequence[tuple[Any, ...]], sessions: np.ndarray, close: float, volume: float) -> Bars:
    rows: list[tuple[float, ...]] = []
    for k, (gap, move, up, down, share, shape, _, _) in enumerate(drawn):
        opening = close * (1 + (JUMPS[k % 4] if shape == "jump" and 0.5 < close < 5e4 else gap))
        close = opening * (1 + move)
        high, low = max(opening, close) * (1 + up), min(opening, close) * (1 - down)
        row = (opening, high, low, close, round(volume * share))
        if shape == "flat":
            row = (opening, opening, opening, opening, round(volume * share))
        if shape == "repeat" and rows:
            row = rows[-1]
        close = row[3]
        rows.append(row)
    columns = np.array(rows, dtype=float).T
    ratios = np.array([bar[6] for bar in drawn])
    factor = np.append(np.cumprod(ratios[::-1])[::-1][1:], 1.0)
    dividends = np.array([bar[7] for bar in drawn]) * columns[0]
    return Bars(sessions, *columns, split_factor=factor, dividends=dividends)


@st.composite
def markets(draw: st.DrawFn, counts: Sequence[int] = (1, 1, 1, 1, 2, 3), bars: int = 30) -> list[Bars]:
    """A market of one symbol or several; a short one has so many bars of all symbols at most."""
    count = draw(st.sampled_from(counts))
    long = draw(st.sampled_from((False, False, True)))
    spaces = [draw(st.sampled_from(SPACES)) for _ in range(6)]
    rows = draw(st.integers(25, 60)) if long else draw(st.integers(1, bars // count))
    sessions = np.datetime64("2020-01-01") + np.cumsum([spaces[k % 6] for k in range(rows)])
    result = []
    for _ in range(count):
        held = np.ones(rows, dtype=bool)
        if count > 1:
            missing = draw(st.lists(st.integers(0, rows - 1), max_size=max(rows // 4, 2), unique=True))
            held[missing[: rows - 1]] = False
            held[: draw(st.sampled_from((0, 0, 0, 2)))] = False
            held[rows - draw(st.sampled_from((0, 0, 0, 2))) :] = False
        held[rows // 2] |= not held.any()
        own = int(held.sum())
        drawn = (
            grown_bars(draw(st.integers(0, 10**6)), own)
            if long
            else draw(st.lists(one_bar, min_size=own, max_size=own))
        )
        close = draw(st.sampled_from((101.3, 7.13, 2987.0)))
        volume = draw(st.sampled_from((1e6, 1e6, 2e4, 1100.0)))
        result.append(bars_of(drawn, sessions[held], close, volume))
    return result


# Signals

TARGETS = (None,) * 9 + (0.0, 0.0, 1.0, 1.0, 1.0, -1.0, -1.0, 0.5, 0.31, -0.73, 1e-4, NONE)
AWAY = (NONE, NONE, 0.0, 0.0031, -0.0029, 0.0113, -0.0109, 0.0317, -0.0307, 0.11)


def joint(bars: Sequence[Bars]) -> np.ndarray:
    return np.unique(np.concatenate([each.sessions for each in bars]))


def seen_prices(bars: Bars, sessions: np.ndarray, name: str) -> np.ndarray:
    """The symbol's newest price of that name as of each session; before its first bar, the first."""
    newest = np.maximum(np.searchsorted(bars.sessions, sessions, side="right") - 1, 0)
    return getattr(bars, name)[newest]


@st.composite
def signals(draw: st.DrawFn, bars: list[Bars]) -> Signals:
    sessions = joint(bars)
    shape = (len(sessions), len(bars))
    cells = shape[0] * shape[1]
    wild = random.Random(draw(st.integers(0, 10**6))) if cells > 40 else None

    def pick(choices: Sequence[Any]) -> list[Any]:
        if wild is not None:
            return [wild.choice(choices) for _ in range(cells)]
        return draw(st.lists(st.sampled_from(choices), min_size=cells, max_size=cells))

    target = np.zeros(shape)
    patient = draw(st.booleans())
    for cell, chosen in enumerate(pick((None,) * 30 + TARGETS if patient else TARGETS)):
        row, column = divmod(cell, shape[1])
        before = target[row - 1, column] if row else 0.0
        target[row, column] = before if chosen is None else chosen
    closes = np.column_stack([seen_prices(each, sessions, "close") for each in bars])
    prices: dict[str, np.ndarray] = {}
    distances = draw(st.sampled_from((False, False, True)))
    for name in ("entry_limit", "entry_stop", "stop", "take_profit"):
        if draw(st.sampled_from((False, False, False, True))):
            away = np.reshape(pick(AWAY), shape)
            whole = distances and name in {"stop", "take_profit"}
            prices[name] = closes * (np.abs(away) + 0.001) if whole else closes * (1 + away)
    if "entry_limit" in prices and draw(st.booleans()):
        touched = np.column_stack([seen_prices(each, sessions, "low") for each in bars])
        prices["entry_limit"] = np.where(np.isnan(prices["entry_limit"]), NONE, np.roll(touched, -1, axis=0))
    for name, choices in (("good_for", (NONE, NONE, 0.0, 1.0, 2.0, 5.0)), ("priority", (NONE, 0.0, 1.0, -1.0, 2.5))):
        if draw(st.sampled_from((False, False, False, True))):
            prices[name] = np.reshape(pick(choices), shape).astype(float)
    return Signals(target, **prices, distances=distances)


# Settings

CHOICES: dict[str, Sequence[Any]] = {
    "initial_capital": (100_000.0, 100_000.0, 5_000.0, 487.0, 40.0),
    "fill": ("next_open", "next_open", "next_open", "next_close", "next_mid", "next_typical", "same_close"),
    "entry": (
        *("market",) * 6,
        *("limit:1%", "limit:0.3%", "limit:0.5atr", "stop:0.6%", "stop:0.4atr"),
        *("stop_limit:0.5%,limit=0.4%", "stop_limit:0.3atr,limit=0%", "stop_limit:1%,limit=-0.6%"),
    ),
    "resting": ("session", "session", "auction"),
    "good_for": (0, 0, 0, 1, 2, 5),
    "stop": (*("none",) * 4, "3%", "0.9%", "12%", "2atr", "0.7atr"),
    "take_profit": (*("none",) * 4, "4%", "0.8%", "3atr", "1.5R", "0.6R"),
    "trail": (*("none",) * 5, "2.7%", "0.8%", "1.5atr", "chandelier:2", "chandelier:0.8"),
    "break_even": (*("none",) * 4, "1R", "0.4R", "1.1%", "0.3%", "0.5atr"),
    "time_stop": (0, 0, 0, 0, 1, 3, 7),
    "reentry": ("fresh", "fresh", "immediate"),
    "max_entries": (0, 0, 0, 0, 1, 2),
    "participation": ("none", "none", "none", "none", "10%", "2%"),
    "commission": (
        *("none", "none", "bps:10", "bps:300", "per_trade:1", "per_share:0.01", "ibkr_fixed"),
        *("per_share:0.005,min=1,max_pct=1", "per_share:0.1,min=30", "per_share:0.02,min=2,max_pct=0.5"),
    ),
    "sell_fees": (
        *((), (), ()),
        ("2019-01-01 bps:0.231,per_share=0.000119,max=5.95", "2020-01-09 bps:31,per_share=0.01,max=0.7"),
    ),
    "slippage": (
        *("none",) * 4,
        *("bps:5", "bps:200", "per_share:0.01", "half_spread", "atr:0.1", "volume_share:0.1", "sqrt_impact:1"),
    ),
    "sizing": (
        *("all_in",) * 5,
        *("percent:25%", "percent:90%", "percent:180%", "percent:180%", "cash:10000", "cash:300"),
        *("shares:10", "shares:0.7", "risk:1%", "risk:4%"),
        *("atr:1%,k=2", "vol_target:20%", "kelly:0.5,min=2,percent=30%", "kelly:2,min=3,percent=80%"),
    ),
    "size_at": ("fill", "fill", "fill", "decision"),
    "shares": (*("fractional",) * 4, "whole", "whole", "lots:10"),
    "leverage": (1.0, 1.0, 1.0, 0.6, 2.0, 3.7),
    "maintenance": ("none", "none", "25%", "60%"),
    "borrow": ("none", "3%", "90%"),
    "interest": ("none", "none", "4%"),
    "margin_interest": ("none", "none", "8%"),
    "delisting_return": ("none", "-30%", "-100%", "20%"),
}
PLAIN = {
    **dict.fromkeys(CHOICES, "none"),
    **dict.fromkeys(("good_for", "time_stop", "max_entries"), 0),
    "fill": "next_open",
    "entry": "market",
    "resting": "session",
    "reentry": "fresh",
    "sizing": "all_in",
    "size_at": "fill",
    "shares": "fractional",
    "leverage": 1.0,
    "sell_fees": (),
    "initial_capital": 100_000.0,
}


ESTIMATED = ("atr", "chandelier", "half_spread", "sqrt_impact", "vol_target")
"""Signs of settings that need estimates, which short markets never give: there they only keep orders waiting."""


@st.composite
def settings_words(draw: st.DrawFn) -> dict[str, Any]:
    """Every switch, or the plain ones and a few: interplay of few is where a failing example is readable."""
    if draw(st.booleans()):
        words = {name: draw(st.sampled_from(choices)) for name, choices in CHOICES.items()}
    else:
        chosen = draw(st.lists(st.sampled_from(sorted(CHOICES)), max_size=5, unique=True))
        words = {**PLAIN, **{name: draw(st.sampled_from(CHOICES[name])) for name in chosen}}
    if words["fill"] in {"next_mid", "next_typical"}:
        words["resting"] = "session"
    if words["fill"] == "same_close":
        words["size_at"] = "fill"
    if words["leverage"] < 1 and words["sizing"].startswith(("percent", "kelly")):
        words["leverage"] = 1.0
    if words["leverage"] < 1.8 and words["sizing"] == "percent:180%":
        words["leverage"] = 2.0
    return words


@st.composite
def cases(draw: st.DrawFn) -> Case:
    bars = draw(markets())
    words, wishes = draw(settings_words()), draw(signals(bars))
    if max(map(len, bars)) < 22 and draw(st.booleans()):
        words |= {name: PLAIN[name] for name, word in words.items() if any(sign in str(word) for sign in ESTIMATED)}
    if wishes.stop is None and words["stop"] == words["trail"] == "none":
        needs_stop = {"take_profit": "R", "break_even": "R", "sizing": "risk"}
        words |= {name: PLAIN[name] for name, sign in needs_stop.items() if sign in words[name]}
    return Case(
        bars=bars,
        signals=wishes,
        settings=parse_settings(**words),
        words=words,
        periods_per_year=draw(st.sampled_from((252, 365))),
        delisted=[draw(st.sampled_from((False, False, True))) for _ in bars],
    )
