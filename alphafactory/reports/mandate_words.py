"""Limits, allocation and rebalances of a portfolio in sentences, so that nobody must know the config to read a result.

Goes in: the domain's settings. Comes out: (topic, sentences) pairs, and short words for one limit. docs/portfolio.md
defines what they say.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alphafactory.reports.formatting import write_number, write_words

if TYPE_CHECKING:
    from alphafactory.domain.allocation import AllocationSettings
    from alphafactory.domain.mandate import RebalanceRules, RiskLimits

LIMIT_TITLES = {
    "position": "Position",
    "sector": "Sector",
    "trade_loss": "Loss of a trade",
    "max_positions": "Open positions",
    "correlation": "Correlated positions",
    "cash_reserve": "Cash reserve",
    "leverage": "Leverage",
    "day_loss": "Loss of a day",
    "week_loss": "Loss of a week",
    "drawdown": "Drawdown",
    "*": "All limits",
}
"""What people call each limit."""

COUNTED_LIMITS = ("max_positions", "correlation")
"""Limits that count positions; the others are shares of equity."""

ACTION_WORDS = {
    "cut": "cut",
    "refused": "refused",
    "exit": "exit begun",
    "freeze": "frozen",
    "halve": "halved",
    "flat": "made flat",
    "rearm": "re-armed",
    "trim": "trimmed",
    "drifted": "drifted beyond",
}
"""What each act of a limit did, in a word or two."""

_ACTS = {
    "cut": ("cut", "cuts"),
    "refused": ("refusal", "refusals"),
    "exit": ("exit", "exits"),
    "freeze": ("freeze", "freezes"),
    "halve": ("halving", "halvings"),
    "flat": ("time flat", "times flat"),
    "rearm": ("re-arming", "re-armings"),
    "trim": ("trim", "trims"),
    "drifted": ("drift beyond", "drifts beyond"),
}
_MODELS = {
    "none": "Sizes are those of the simulation's sizing.",
    "equal": "Equal weights.",
    "signal": "Weights in proportion to the signals.",
    "inverse_volatility": "Weights in proportion to 1 / volatility.",
    "atr_parity": "Weights in proportion to price / ATR, so that a usual day moves each position alike.",
    "risk_parity": "Risk parity: every position contributes the same risk.",
    "min_variance": "The weights of least variance.",
    "max_sharpe": "The weights of the highest Sharpe ratio, by mean returns and covariance.",
    "hierarchical_risk_parity": "Hierarchical risk parity: risk is divided along the tree of correlations.",
    "black_litterman": "Black-Litterman: the market's own expectations, moved by the signals as views.",
}
_COVARIANCES = {
    "ledoit_wolf": "shrunk as by Ledoit and Wolf",
    "oas": "shrunk by oracle approximation",
    "empirical": "as found, not shrunk",
}
_SIDES = {
    "long_only": "Long positions only.",
    "long_short": "Long and short positions.",
    "market_neutral": "Longs and shorts of equal value.",
}
_FALLBACKS = {
    "inverse_volatility": "weights in proportion to 1 / volatility are",
    "equal": "equal weights are",
    "keep": "the weights of before are",
}
_BREAKERS = {
    "freeze": "nothing new is bought",
    "halve": "every position is halved and nothing new is bought",
    "flat": "every position is closed and nothing new is bought",
}
_LOOKS_BACK = frozenset(_MODELS) - {"none", "equal", "signal"}


def share(value: float) -> str:
    """Write a share of equity without needless decimals: 0.055 is 5.5%."""
    return f"{value * 100:.6g}%"


def write_limit(limits: RiskLimits | None, rule: str) -> str:
    """Write where one limit is set: 5%, 20, none; a dash where the limits are not known."""
    if limits is None or rule == "*":
        return "—" if limits is None else ""
    if rule == "leverage":
        return _schedule(limits) or "of the simulation"
    if rule == "correlation":
        return f"{limits.max_correlated} above {limits.correlated_above:g}" if limits.max_correlated else "none"
    value = {
        "position": limits.max_position,
        "sector": limits.max_sector,
        "trade_loss": limits.trade_loss,
        "max_positions": float(limits.max_positions),
        "cash_reserve": limits.cash_reserve,
        "day_loss": limits.day_loss,
        "week_loss": limits.week_loss,
        "drawdown": limits.drawdown,
    }[rule]
    if value == math.inf or (value == 0.0 and rule in {"max_positions", "cash_reserve"}):
        return "none"
    return write_number(value, 0) if rule in COUNTED_LIMITS else share(value)


def write_measure(rule: str, value: float | None) -> str:
    """Write what a limit measured: a count or a share of equity."""
    if value is None or not math.isfinite(value):
        return "—"
    return write_number(value, 0) if rule in COUNTED_LIMITS else f"{write_number(value * 100, 2)}%"


def describe_limits(limits: RiskLimits) -> tuple[tuple[str, str], ...]:
    """Say what each limit that is set does, in the order in which an order meets them."""
    found = {
        "position": f"At most {share(limits.max_position)} of equity in one symbol.",
        "sector": f"At most {share(limits.max_sector)} of equity in one sector, longs and shorts added.",
        "max_positions": f"At most {limits.max_positions} at once.",
        "correlation": f"At most {limits.max_correlated} positions whose returns of {limits.correlation_sessions} "
        f"sessions correlate above {limits.correlated_above:g}.",
        "cash_reserve": f"{share(limits.cash_reserve)} of equity stays in cash.",
        "leverage": f"By date: {_schedule(limits)}.",
        "trade_loss": f"A trade that has lost {share(limits.trade_loss)} of equity is closed from the next open on.",
        "day_loss": f"After a session that lost {share(limits.day_loss)}, {_BREAKERS[limits.day_action]} in the next.",
        "week_loss": f"Once a week has lost {share(limits.week_loss)}, {_BREAKERS[limits.week_action]} until it ends.",
        "drawdown": f"{share(limits.drawdown)} below the peak, {_BREAKERS[limits.drawdown_action]} for "
        f"{limits.cool_down} sessions; then the peak begins anew.",
    }
    unset = {"none", "of the simulation"}
    return tuple((LIMIT_TITLES[rule], words) for rule, words in found.items() if write_limit(limits, rule) not in unset)


def describe_allocation(settings: AllocationSettings) -> str:
    """Say how weights come about."""
    if settings.model == "none":
        return _MODELS["none"]
    looks = f"Estimated from the newest {settings.sessions} returns" if settings.model in _LOOKS_BACK else ""
    fitted = settings.model in _LOOKS_BACK - {"inverse_volatility", "atr_parity"}
    if looks:
        looks += f", the covariance {_COVARIANCES[settings.covariance]}." if fitted else "."
    bounds = f"Weights add up to at most {share(settings.gross)} of equity, none above {share(settings.max_weight)}"
    bounds += f", none below {share(settings.min_weight)}." if settings.min_weight else "."
    sectors = "; ".join(
        f"{name} {share(low)} to {share(high)}" for name, (low, high) in sorted(settings.sector_bounds.items())
    )
    rest = f"Where it has no answer, {_FALLBACKS[settings.fallback]} taken." if fitted else ""
    parts = [_MODELS[settings.model], looks, _SIDES[settings.side], bounds, sectors and f"Sectors: {sectors}.", rest]
    return " ".join(part for part in parts if part)


def describe_rules(rules: RebalanceRules) -> str:
    """Say what makes a rebalance beyond the calendar, and what it leaves alone; empty where nothing is set."""
    parts = []
    if rules.drift < math.inf:
        parts.append(f"A weight further than {share(rules.drift)} of equity from its target rebalances all.")
    if rules.band:
        parts.append(f"Gaps up to {share(rules.band)} of equity are left alone.")
    if rules.turnover < math.inf:
        parts.append(f"A rebalance trades at most {share(rules.turnover)} of equity.")
    if rules.risk_aversion:
        parts.append(
            f"A trade must be worth its cost within {rules.cost_sessions:g} sessions at a risk aversion of "
            f"{rules.risk_aversion:g}."
        )
    return " ".join(parts)


def write_act(action: str, times: int) -> str:
    """Write how often a limit did one thing: 12 cuts, 1 refusal."""
    one, many = _ACTS.get(action, (write_words(action),) * 2)
    return f"{write_number(times, 0)} {one if times == 1 else many}"


def _schedule(limits: RiskLimits) -> str:
    return ", ".join(f"{leverage:g} from {since}" for since, leverage in limits.leverage_schedule)
