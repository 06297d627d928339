"""The settings of a simulation in sentences, so that nobody must know the grammar to read a result.

Goes in: `SimulationSettings`. Comes out: (topic, sentences) pairs. docs/simulation.md defines what they say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.reports.formatting import write_number

if TYPE_CHECKING:
    from alphafactory.domain.grammar import Distance, ModelValue
    from alphafactory.domain.settings import SimulationSettings

_FILLS = {
    "next_open": "Orders fill at the open of the session after their signal.",
    "next_close": "Orders fill at the close of the session after their signal.",
    "next_mid": "Orders fill in the middle of the next session's range, (high + low) / 2.",
    "next_typical": "Orders fill at the next session's typical price, (high + low + close) / 3.",
    "same_close": "Orders fill at the very close that their signal has seen, which nobody can trade.",
}


def describe_settings(settings: SimulationSettings) -> tuple[tuple[str, str], ...]:
    """Say what each switch does, topics in the order of an order's life."""
    return (
        ("Capital", _join(f"{_amount(settings.initial_capital)} in cash at the start.", _leverage(settings))),
        ("Fills", _join(_FILLS[settings.fill.name], _volume(settings.participation))),
        ("Entries", _join(_entry(settings), _patience(settings), _pyramids(settings.max_entries))),
        ("Size", _join(_size(settings.sizing), _moment(settings), _shares(settings.shares))),
        ("Exits", _join(*_exits(settings))),
        ("Commission and fees", _join(_commission(settings.commission), _fees(settings))),
        ("Slippage", _slippage(settings.slippage)),
        ("Holding", _join(*_holding(settings))),
    )


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _amount(value: float | None) -> str:
    """Write money or a count without needless decimals."""
    whole = value is None or value == round(value)
    return write_number(value, 0) if whole else f"{value:,.12g}"


def _percent(fraction: float | None) -> str:
    return f"{(fraction or 0.0) * 100:.12g}%"


def _reach(distance: Distance | ModelValue) -> str:
    """Write a distance: 3%, 2 ATR, 2 R."""
    amount = distance.amount if hasattr(distance, "amount") else distance.value or 0.0
    if distance.unit == "%":
        return _percent(amount)
    return f"{amount:.12g} {'R' if distance.unit == 'R' else 'ATR'}"


def _leverage(settings: SimulationSettings) -> str:
    times = settings.leverage
    if times == 1.0:
        return "No debt: what an order spends is at most the cash there is."
    if times < 1.0:
        return f"Positions take at most {_percent(times)} of equity."
    margin = f"Margin: positions may reach {times:.12g} times equity"
    if not settings.maintenance:
        return f"{margin}, without margin calls."
    return f"{margin}; a margin call closes all once equity is below {_percent(settings.maintenance)} of their value."


def _volume(participation: float) -> str:
    if not participation:
        return "A fill may take any share of a bar's volume."
    return f"A fill takes at most {_percent(participation)} of the bar's volume; the rest is tried again."


def _entry(settings: SimulationSettings) -> str:
    entry = settings.entry
    if entry.name == "market":
        return "Entries are market orders."
    if entry.name == "limit":
        return f"Entries wait for a price {_reach(entry)} better than the signal's close."
    rise = f"Entries wait until the price has gone {_reach(entry)} beyond the signal's close"
    if entry.name == "stop":
        return f"{rise}."
    return f"{rise}, and then take at most {_percent(entry.options['limit'])} worse than that."


def _patience(settings: SimulationSettings) -> str:
    waits = settings.entry.name != "market"
    where = "They are tried only at the moment of the fill." if waits and settings.resting.name == "auction" else ""
    if not settings.good_for:
        return where
    bars = "1 bar" if settings.good_for == 1 else f"{settings.good_for} bars"
    return _join(where, f"They are given up after {bars}.")


def _pyramids(most: int) -> str:
    if not most:
        return ""
    return "A position is never added to." if most == 1 else f"At most {most} orders build one position."


def _size(sizing: ModelValue) -> str:
    value, options = sizing.value or 0.0, sizing.options
    words = {
        "all_in": "A full position takes all of equity.",
        "percent": f"A full position takes {_percent(value)} of equity.",
        "cash": f"A full position costs {_amount(value)}.",
        "shares": f"A full position is {_amount(value)} shares.",
        "risk": f"A full position loses {_percent(value)} of equity at its first stop.",
        "atr": f"A full position moves {_percent(value)} of equity by {options.get('k', 0.0):.12g} ATR.",
        "vol_target": f"A full position is sized for {_percent(value)} of annual volatility.",
        "kelly": f"A full position is {value:.12g} of the Kelly fraction of the trades closed so far "
        f"({_percent(options.get('percent'))} of equity until there are {options.get('min', 0.0):.0f}).",
    }
    return words[sizing.name]


def _moment(settings: SimulationSettings) -> str:
    return "Its size is fixed at the signal's close." if settings.size_at.name == "decision" else ""


def _shares(shares: ModelValue) -> str:
    if shares.name == "fractional":
        return "Fractions of a share are traded."
    return "Whole shares only." if shares.name == "whole" else f"Lots of {_amount(shares.value)} shares only."


def _exits(settings: SimulationSettings) -> list[str]:
    levels = [*_levels(settings)]
    if not levels:
        return ["By signal alone."]
    again = {"fresh": "only on a fresh signal", "immediate": "at once"}[settings.reentry.name]
    return ["By signal, or", "; ".join(levels) + ".", f"After such an exit a position is taken again {again}."]


def _levels(settings: SimulationSettings) -> list[str]:
    found = []
    if settings.stop is not None:
        found.append(f"at a stop {_reach(settings.stop)} from the first fill")
    if settings.trail.name != "none":
        found.append(_trail(settings.trail))
    if settings.take_profit is not None:
        found.append(f"at a target {_reach(settings.take_profit)} from the first fill")
    if settings.break_even is not None:
        found.append(f"at the entry price, once a close was {_reach(settings.break_even)} ahead")
    if settings.time_stop:
        found.append(f"at the close of session {settings.time_stop} after the first fill")
    return found


def _trail(trail: ModelValue) -> str:
    if trail.name == "chandelier":
        return f"at a stop trailing {trail.value:.12g} ATR behind the best high"
    reach = _percent(trail.value) if trail.name == "percent" else f"{trail.value:.12g} ATR"
    return f"at a stop trailing {reach} behind the best close"


def _commission(commission: ModelValue) -> str:
    value, options = commission.value or 0.0, commission.options
    if commission.name == "per_share":
        limits = f", at least {_amount(options['min'])}" if options["min"] else ""
        limits += f", at most {options['max_pct']:.12g}% of the value" if options["max_pct"] < 100.0 else ""  # noqa: PLR2004  all
        return f"A fill costs {value:.12g} a share{limits}."
    words = {
        "none": "No commission.",
        "bps": f"A fill costs {_percent(value / 1e4)} of its value.",
        "per_trade": f"A fill costs {_amount(value)}.",
        "ibkr_fixed": "Interactive Brokers, fixed: a fill costs 0.005 a share, at least 1, at most 1% of the value.",
    }
    return words[commission.name]


def _fees(settings: SimulationSettings) -> str:
    fees = settings.sell_fees
    if not fees:
        return "No regulatory fees."
    return f"Sales pay the regulatory fees in force since {fees[0].since}."


def _slippage(slippage: ModelValue) -> str:
    value = slippage.value or 0.0
    words = {
        "none": "None: market orders and stops get the price of their moment.",
        "bps": f"Market orders and stops lose {_percent(value / 1e4)} of the price.",
        "per_share": f"Market orders and stops lose {value:.12g} a share.",
        "half_spread": "Market orders and stops lose half the spread, estimated from 20 bars.",
        "atr": f"Market orders and stops lose {value:.12g} ATR.",
        "volume_share": f"Market orders and stops lose {value:.12g} times (shares / the bar's volume)² of the price.",
        "sqrt_impact": f"Market orders and stops lose {value:.12g} times the daily volatility "
        "times √(shares / mean volume) of the price.",
    }
    return words[slippage.name]


def _holding(settings: SimulationSettings) -> list[str]:
    rates = {
        "Cash earns": settings.interest,
        "Debt costs": settings.margin_interest,
        "Borrowed shares cost": settings.borrow,
    }
    found = [f"{what} {_percent(rate)} a year." for what, rate in rates.items() if rate]
    if settings.delisting_return:
        found.append(f"A delisted share is paid out at its last close {_signed(settings.delisting_return)}.")
    return found or ["Cash earns nothing; neither debt nor borrowed shares cost anything."]


def _signed(rate: float) -> str:
    return f"{'plus' if rate > 0 else 'less'} {_percent(abs(rate))}"
