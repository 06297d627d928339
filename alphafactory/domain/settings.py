"""The settings of a simulation, parsed and judged once.

Goes in: the words of the config or the command line. Comes out: a frozen `SimulationSettings` whose `canonical` form is
stored with every result and is part of its fingerprint. docs/simulation.md says what each switch does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from alphafactory.domain.fees import SellFee, parse_sell_fees
from alphafactory.domain.grammar import Distance, Model, ModelValue, Unit, parse_distance, parse_model, parse_number
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PLAIN, _VALUE = Model(takes_value=False), Model(takes_value=True)
_PRICE_UNITS: tuple[Unit, ...] = ("%", "atr")
_ALL_UNITS: tuple[Unit, ...] = ("%", "atr", "R")

FILLS = dict.fromkeys(("next_open", "next_close", "next_mid", "next_typical", "same_close"), _PLAIN)
ENTRIES = {
    "market": _PLAIN,
    "limit": Model(takes_value=True, units=_PRICE_UNITS),
    "stop": Model(takes_value=True, units=_PRICE_UNITS),
    "stop_limit": Model(takes_value=True, units=_PRICE_UNITS, keys={"limit": 0.0}),
}
RESTINGS = dict.fromkeys(("session", "auction"), _PLAIN)
TRAILS = {"none": _PLAIN, "percent": _VALUE, "atr": _VALUE, "chandelier": _VALUE}
REENTRIES = dict.fromkeys(("fresh", "immediate"), _PLAIN)
COMMISSIONS = {
    "none": _PLAIN,
    "bps": _VALUE,
    "per_trade": _VALUE,
    "per_share": Model(takes_value=True, keys={"min": 0.0, "max_pct": 100.0}),
    "ibkr_fixed": _PLAIN,
}
SLIPPAGES = {
    "none": _PLAIN,
    "bps": _VALUE,
    "per_share": _VALUE,
    "half_spread": _PLAIN,
    "atr": _VALUE,
    "volume_share": Model(takes_value=True, default=0.1),
    "sqrt_impact": Model(takes_value=True, default=1.0),
}
SIZINGS = {
    "all_in": _PLAIN,
    "cash": _VALUE,
    "shares": _VALUE,
    "percent": _VALUE,
    "risk": _VALUE,
    "atr": Model(takes_value=True, keys={"k": 2.0}),
    "vol_target": _VALUE,
    "kelly": Model(takes_value=True, keys={"min": 30.0, "percent": 0.1}),
}
SIZE_AT = dict.fromkeys(("fill", "decision"), _PLAIN)
SHARES = {"fractional": _PLAIN, "whole": _PLAIN, "lots": _VALUE}


@dataclass(frozen=True, slots=True)
class SimulationSettings:
    """How orders arise, fill, end, what they cost and how large they are. Money in account currency.

    Rates (`leverage` apart) are fractions; `maintenance`, `participation` and `max_entries` are 0 where they do not
    apply; `good_for` and `time_stop` count bars, 0 being without end. Distances are None where there is no such level.
    """

    initial_capital: float
    fill: ModelValue
    entry: ModelValue
    resting: ModelValue
    good_for: int
    stop: Distance | None
    take_profit: Distance | None
    trail: ModelValue
    break_even: Distance | None
    time_stop: int
    reentry: ModelValue
    max_entries: int
    participation: float
    commission: ModelValue
    sell_fees: tuple[SellFee, ...]
    slippage: ModelValue
    sizing: ModelValue
    size_at: ModelValue
    shares: ModelValue
    leverage: float
    maintenance: float
    borrow: float
    interest: float
    margin_interest: float
    delisting_return: float

    @property
    def optimistic(self) -> bool:
        """Whether fills use a price that the signal has already seen."""
        return self.fill.name == "same_close"

    @property
    def canonical(self) -> dict[str, Any]:
        """The settings as the words that would parse to them again."""
        return {field.name: _words(getattr(self, field.name)) for field in fields(self)}


def parse_settings(
    *,
    initial_capital: float,
    fill: str = "next_open",
    entry: str = "market",
    resting: str = "session",
    good_for: int = 0,
    stop: str = "none",
    take_profit: str = "none",
    trail: str = "none",
    break_even: str = "none",
    time_stop: int = 0,
    reentry: str = "fresh",
    max_entries: int = 0,
    participation: str = "none",
    commission: str = "none",
    sell_fees: Sequence[str] = (),
    slippage: str = "none",
    sizing: str = "all_in",
    size_at: str = "fill",
    shares: str = "fractional",
    leverage: float = 1.0,
    maintenance: str = "none",
    borrow: str = "none",
    interest: str = "none",
    margin_interest: str = "none",
    delisting_return: str = "none",
) -> SimulationSettings:
    """Parse the words of a simulation.

    Raises:
        UsageError: an unknown model, a value out of range, or switches that contradict each other.
    """
    if not (math.isfinite(initial_capital) and initial_capital > 0):
        raise UsageError(f"initial_capital: {initial_capital} is not a positive amount of money.")
    settings = SimulationSettings(
        initial_capital=float(initial_capital),
        fill=parse_model(fill, "fill", FILLS),
        entry=parse_model(entry, "entry", ENTRIES),
        resting=parse_model(resting, "resting", RESTINGS),
        good_for=_count(good_for, "good_for"),
        stop=_level(stop, "stop", _PRICE_UNITS),
        take_profit=_level(take_profit, "take_profit", _ALL_UNITS),
        trail=_trail(trail),
        break_even=_level(break_even, "break_even", _ALL_UNITS),
        time_stop=_count(time_stop, "time_stop"),
        reentry=parse_model(reentry, "reentry", REENTRIES),
        max_entries=_count(max_entries, "max_entries"),
        participation=_rate(participation, "participation", highest=1.0),
        commission=parse_model(commission, "commission", COMMISSIONS),
        sell_fees=parse_sell_fees(sell_fees),
        slippage=parse_model(slippage, "slippage", SLIPPAGES),
        sizing=parse_model(sizing, "sizing", SIZINGS),
        size_at=parse_model(size_at, "size_at", SIZE_AT),
        shares=parse_model(shares, "shares", SHARES),
        leverage=float(leverage),
        maintenance=_rate(maintenance, "maintenance", highest=1.0),
        borrow=_rate(borrow, "borrow", highest=10.0),
        interest=_rate(interest, "interest", highest=10.0),
        margin_interest=_rate(margin_interest, "margin_interest", highest=10.0),
        delisting_return=_rate(delisting_return, "delisting_return", lowest=-1.0, highest=10.0),
    )
    _judge_numbers(settings)
    _judge_together(settings)
    return settings


def _words(value: object) -> Any:
    if isinstance(value, tuple):
        return [str(item) for item in value]
    if value is None:
        return "none"
    return f"{value:.12g}" if isinstance(value, float) else value if isinstance(value, int) else str(value)


def _count(number: int, kind: str) -> int:
    if isinstance(number, bool) or int(number) != number or number < 0:
        raise UsageError(f"{kind}: {number} is not a whole number of 0 or more.")
    return int(number)


def _level(text: str, kind: str, units: tuple[Unit, ...]) -> Distance | None:
    if text.strip() == "none":
        return None
    distance = parse_distance(text, kind, units)
    if kind == "stop" and distance.unit == "%" and distance.amount >= 1.0:
        raise UsageError(f"{kind}: {distance} reaches a price of zero. Write less than 100%.")
    return distance


def _trail(text: str) -> ModelValue:
    """Read `3%`, `2atr` or `chandelier:3`; the first two are `percent:0.03` and `atr:2` in long."""
    if text.strip().endswith(("%", "atr")) and ":" not in text:
        distance = parse_distance(text, "trail", _PRICE_UNITS)
        return ModelValue("percent" if distance.unit == "%" else "atr", distance.amount)
    return parse_model(text, "trail", TRAILS)


def _rate(text: str | float, kind: str, *, lowest: float = 0.0, highest: float) -> float:
    """Read a fraction, `none` being 0."""
    words = str(text).strip()
    rate = 0.0 if words == "none" else parse_number(words, kind)
    if not lowest <= rate <= highest:
        raise UsageError(f"{kind}: {words} must lie between {lowest:.0%} and {highest:.0%}.")
    return rate


def _judge_numbers(settings: SimulationSettings) -> None:
    for kind in ("commission", "slippage"):
        model: ModelValue = getattr(settings, kind)
        if any(number < 0 for number in (model.value or 0.0, *model.options.values())):
            raise UsageError(f"{kind}: {model} is negative; a cost is 0 or more.")
        if model.name == "bps" and model.value is not None and model.value >= 10_000:  # noqa: PLR2004  all of the price
            raise UsageError(f"{kind}: {model} would eat the whole price; write a value below 10000.")
    for kind in ("sizing", "trail", "shares"):
        model = getattr(settings, kind)
        if model.value is not None and model.value <= 0:
            raise UsageError(f"{kind}: {model} is not above 0.")
    if settings.entry.unit == "%" and (settings.entry.value or 0.0) >= 1.0:
        raise UsageError(f"entry: {settings.entry} waits for a price of zero. Write less than 100%.")
    if settings.trail.name == "percent" and (settings.trail.value or 0.0) >= 1.0:
        raise UsageError(f"trail: {settings.trail} reaches a price of zero. Write less than 100%.")
    if settings.shares.name == "lots" and settings.shares.value != math.floor(settings.shares.value or 0.0):
        raise UsageError(f"shares: {settings.shares} is not a whole number of shares.")
    if not (math.isfinite(settings.leverage) and 0.0 < settings.leverage <= 100.0):  # noqa: PLR2004  beyond any broker
        raise UsageError(f"leverage: {settings.leverage} must lie above 0 and at most at 100.")


def _judge_together(settings: SimulationSettings) -> None:
    """Refuse switches that contradict each other."""
    sizing, options = settings.sizing, settings.sizing.options
    shares_of_equity = {"percent": sizing.value, "kelly": options.get("percent")}
    share = shares_of_equity.get(sizing.name)
    if share is not None and not 0.0 < share <= settings.leverage:
        raise UsageError(
            f"sizing: {sizing} must lie above 0 and at most at the leverage of {settings.leverage:.12g} "
            f"({settings.leverage:.0%} of equity)."
        )
    if sizing.name == "risk" and not 0.0 < (sizing.value or 0.0) < 1.0:
        raise UsageError(f"sizing: {sizing} must lie between 0 and 1 (100%) of equity at risk.")
    if sizing.name == "kelly" and options["min"] < 2:  # noqa: PLR2004  a variance needs two
        raise UsageError(f"sizing: {sizing} needs at least min=2 closed trades to estimate from.")
    if sizing.name == "atr" and options["k"] <= 0:
        raise UsageError(f"sizing: {sizing} needs k above 0.")
    if settings.resting.name == "auction" and settings.fill.name in {"next_mid", "next_typical"}:
        raise UsageError(f"resting: {settings.fill} has no auction. Write fill: next_open or next_close.")
    if settings.fill.name == "same_close" and settings.size_at.name == "decision":
        raise UsageError("size_at: decision and fill: same_close are the same moment. Write size_at: fill.")


def words_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored canonical words in the types that `parse_settings` takes."""
    numbers = {name: float(settings[name]) for name in ("initial_capital", "leverage") if name in settings}
    return {**settings, **numbers}
