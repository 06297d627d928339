"""The sections `risk` and `portfolios`: limits of an account, and portfolios that every night runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from alphafactory.domain.allocation import AllocationSettings
from alphafactory.domain.grammar import parse_number
from alphafactory.domain.mandate import RebalanceRules, RiskLimits
from alphafactory.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alphafactory.domain.settings import SimulationSettings

_NONE = float("inf")
Share = str | float
"""A share of equity, 0.05 or 5%, or none."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _without_none(shocks: object) -> object:
    """Drop the entries that are switched off: `market: null` in an overlay takes that of the file below away."""
    return {name: move for name, move in shocks.items() if move is not None} if isinstance(shocks, dict) else shocks


@dataclass(frozen=True, slots=True)
class RiskMeasuring:
    """How risk is measured: the level, the newest sessions looked at, returns of `market` or sectors to test by."""

    level: float
    sessions: int
    shocks: Mapping[str, float]


class RiskConfig(_Section):
    """Limits of every portfolio's account, each `none` where there is none; docs/portfolio.md."""

    max_position: Share = Field("5%", description="none, or the most that one position may be worth: a share of equity")
    max_sector: Share = Field("25%", description="none, or the most that a sector may be worth, longs and shorts added")
    max_correlated: int = Field(5, ge=0, description="positions that may move together; 0 is any number")
    correlated_above: float = Field(0.7, gt=0, lt=1, description="correlation of returns beyond which two do")
    correlation_sessions: int = Field(60, ge=5, le=1000, description="newest returns that the correlation looks at")
    cash_reserve: Share = Field("10%", description="none, or the share of equity that stays in cash")
    leverage_schedule: list[str] = Field(
        [], description="leverage from dates on, such as 2020-03-01 0.5; before them simulation.leverage"
    )
    max_positions: int = Field(20, ge=0, description="open positions at once; 0 is any number")
    trade_loss: Share = Field("2%", description="none, or the share of equity that one trade may lose")
    day_loss: Share = Field("2%", description="none, or the loss of a session after which day_action follows")
    day_action: Literal["freeze", "halve", "flat"] = Field("freeze", description="freeze, halve or flat")
    week_loss: Share = Field("5%", description="none, or the loss of a week after which week_action follows")
    week_action: Literal["freeze", "halve", "flat"] = Field("freeze", description="freeze, halve or flat")
    drawdown: Share = Field("15%", description="none, or the drawdown after which drawdown_action follows")
    drawdown_action: Literal["freeze", "halve", "flat"] = Field("flat", description="freeze, halve or flat")
    cool_down: int = Field(20, ge=1, le=1000, description="sessions without new positions after it")
    confidence: Share = Field("95%", description="level of value at risk and of expected shortfall")
    risk_sessions: int = Field(250, ge=30, le=5000, description="newest returns that value at risk looks at")
    shocks: Annotated[dict[str, Share], BeforeValidator(_without_none)] = Field(
        {"market": "-10%"}, description="returns to test by: of market (by beta), or of a sector: Energy: -20%"
    )

    def limits(self) -> RiskLimits:
        """Return the limits as numbers.

        Raises:
            UsageError: a share that is none, a date or leverage that cannot be read.
        """
        reserve = _share(self.cash_reserve, "cash_reserve", highest=0.99)
        return RiskLimits(
            max_position=_share(self.max_position, "max_position", highest=100.0),
            max_sector=_share(self.max_sector, "max_sector", highest=100.0),
            max_correlated=self.max_correlated,
            correlated_above=self.correlated_above,
            correlation_sessions=self.correlation_sessions,
            cash_reserve=0.0 if reserve == _NONE else reserve,
            leverage_schedule=_schedule(self.leverage_schedule),
            max_positions=self.max_positions,
            trade_loss=_share(self.trade_loss, "trade_loss", highest=1.0),
            day_loss=_share(self.day_loss, "day_loss", highest=1.0),
            day_action=self.day_action,
            week_loss=_share(self.week_loss, "week_loss", highest=1.0),
            week_action=self.week_action,
            drawdown=_share(self.drawdown, "drawdown", highest=1.0),
            drawdown_action=self.drawdown_action,
            cool_down=self.cool_down,
        )

    def measuring(self) -> RiskMeasuring:
        """Return how the risk of a portfolio is measured.

        Raises:
            UsageError: a level or a shock that cannot be.
        """
        level = _share(self.confidence, "confidence", highest=0.999)
        if level < 0.5:  # noqa: PLR2004  below it there is no tail
            raise UsageError(f"confidence: {self.confidence} must lie between 50% and 99.9%.")
        shocks = {name: parse_number(str(value), f"shocks.{name}") for name, value in self.shocks.items()}
        for name, change in shocks.items():
            if not -1.0 <= change <= 10.0:  # noqa: PLR2004  beyond any market
                raise UsageError(f"shocks.{name}: {self.shocks[name]} must lie between -100% and 1000%.")
        return RiskMeasuring(level, self.risk_sessions, shocks)


class Sleeve(_Section):
    """A strategy with its share of the portfolio's capital."""

    strategy: str = Field(description="name of the strategy, or a weighted sum such as 0.6*a+0.4*b")
    params: dict[str, int | float] = Field({}, description="its parameters; the others have their defaults")
    capital: float = Field(1.0, gt=0, le=1, description="share of the capital that follows it")


class PortfolioConfig(_Section):
    """One portfolio: who may be held, which strategies say so, how much of each, traded when."""

    title: str = Field("", description="a title for people")
    symbols: list[str] = Field([], description="tickers; none for all of the universe")
    universe: str | None = Field(None, description="a universe of the section universes instead of the night's own")
    sleeves: list[Sleeve] = Field(min_length=1, description="strategies with params and their share of the capital")
    allocation: Literal[
        "none", "equal", "signal", "inverse_volatility", "atr_parity", "risk_parity", "min_variance", "max_sharpe",
        "hierarchical_risk_parity", "black_litterman",
    ] = Field("equal", description="how much of each symbol; docs/portfolio.md")  # fmt: skip
    sessions: int = Field(252, ge=20, le=5000, description="newest returns that the allocation looks at")
    covariance: Literal["ledoit_wolf", "oas", "empirical"] = Field("ledoit_wolf", description="how it is estimated")
    side: Literal["long_only", "long_short", "market_neutral"] = Field("long_only", description="which weights may be")
    min_weight: Share = Field("none", description="none, or the least weight of a symbol that is held")
    max_weight: Share = Field("none", description="none, or the most; risk.max_position bounds it as well")
    sectors: dict[str, list[Share]] = Field({}, description="bounds of sectors: Energy: [0, 10%]")
    fallback: Literal["inverse_volatility", "equal", "keep"] = Field(
        "inverse_volatility", description="taken where an allocation has no answer: a model, or keep the weights"
    )
    rebalance: Literal["never", "daily", "weekly", "monthly", "quarterly", "yearly"] = Field(
        "monthly", description="how often weights are traded back to: a period of the calendar"
    )
    rebalance_on: Literal["first", "last"] = Field(
        "last", description="at the close of the period's first or last session"
    )
    between: Literal["exits", "signals", "nothing"] = Field(
        "exits", description="what acts between rebalances: signals that end, those that begin as well, or nothing"
    )
    drift: Share = Field("none", description="none, or the distance of a weight from its target that rebalances all")
    band: Share = Field("none", description="none, or the gap of a weight that is left alone")
    turnover: Share = Field("none", description="none, or the most that one rebalance may trade, a share of equity")
    cost_aware: float = Field(
        0.0, ge=0, description="risk aversion that a trade's benefit is judged by; 0 is any trade"
    )
    cost_sessions: int = Field(21, ge=1, le=1000, description="sessions over which that benefit counts")
    ranking: Literal["signal", "volatility", "momentum", "random"] = Field(
        "signal", description="who comes first where cash is short: strong signals, calm, risen, or by lot"
    )
    seed: int = Field(1, description="of the lots, and of simulated risk")
    profile: str | None = Field(None, description="a profile of simulation.profiles")
    simulation: dict[str, str | int | float | list[str]] = Field({}, description="settings of simulation of its own")
    risk: dict[str, Any] = Field({}, description="limits of its own instead of those of the section risk")

    @model_validator(mode="after")
    def _consistent(self) -> PortfolioConfig:
        if self.symbols and self.universe is not None:
            raise ValueError("symbols and universe contradict each other: name one of them")
        total = sum(sleeve.capital for sleeve in self.sleeves)
        if total > 1.0 + 1e-9:
            raise ValueError(f"the sleeves share {total:.6g} of the capital; their sum is at most 1")
        if self.allocation == "none" and (self.rebalance != "never" or self.drift != "none"):
            raise ValueError(
                "allocation: none leaves sizes to simulation.sizing, so there are no weights to rebalance to. Write "
                "rebalance: never, or choose an allocation"
            )
        if self.allocation != "none" and self.rebalance == "never":
            raise ValueError(f"allocation: {self.allocation} sets weights at rebalances. Choose rebalance: monthly")
        return self

    def rules(self) -> RebalanceRules:
        """Return when the account trades back to its targets beyond the schedule."""
        band = _share(self.band, "band", highest=1.0)
        return RebalanceRules(
            drift=_share(self.drift, "drift", highest=100.0),
            band=0.0 if band == _NONE else band,
            turnover=_share(self.turnover, "turnover", highest=100.0),
            risk_aversion=self.cost_aware,
            cost_sessions=float(self.cost_sessions),
        )

    def limits(self, common: RiskConfig) -> RiskLimits:
        """Return the portfolio's limits: its own over the common ones.

        Raises:
            UsageError: a limit that does not exist, or a value that is none.
        """
        return self.own_risk(common).limits()

    def own_risk(self, common: RiskConfig) -> RiskConfig:
        """Return the section risk with what the portfolio has of its own; errors as `limits`."""
        known = common.model_dump()
        for name in self.risk:
            if name not in known:
                raise UnknownNameError("limit of risk", name, known)
        try:
            return RiskConfig.model_validate({**known, **self.risk})
        except ValidationError as error:
            fault = error.errors()[0]
            raise UsageError(f"risk.{fault['loc'][0]}: {fault['input']!r} is wrong: {fault['msg']}.") from error

    def judge(self, limits: RiskLimits, settings: SimulationSettings) -> None:
        """Refuse what contradicts itself.

        Raises:
            UsageError: two settings exclude each other; both are named with their values.
        """
        self.rules()
        allocation = self.allocation_settings(limits, settings.leverage, 0.0)
        if self.allocation != "none" and settings.sizing.name != "all_in":
            raise UsageError(
                f"sizing: {settings.sizing} contradicts allocation: {self.allocation}, whose weights are shares of "
                "equity. Write simulation: {sizing: all_in} for this portfolio, or allocation: none."
            )
        if self.allocation == "none" and (self.sectors or self.min_weight != "none" or self.max_weight != "none"):
            raise UsageError(
                "sectors, min_weight and max_weight bound an allocation, and allocation is none. Leave them out, or "
                "choose an allocation."
            )
        _judge_reserve(limits, settings.leverage)
        _judge_weights(self, allocation, limits)
        _judge_sectors(self, allocation, limits)

    def allocation_settings(self, limits: RiskLimits, leverage: float, risk_free_rate: float) -> AllocationSettings:
        """Return how weights come about, within what the limits and the leverage allow."""
        least, most = (_share(getattr(self, name), name, highest=100.0) for name in ("min_weight", "max_weight"))
        return AllocationSettings(
            model=self.allocation,
            sessions=self.sessions,
            covariance=self.covariance,
            side=self.side,
            gross=min(leverage, 1.0 - limits.cash_reserve) if limits.cash_reserve > 0.0 else leverage,
            min_weight=0.0 if least == _NONE else least,
            max_weight=min(most, limits.max_position, leverage, 1.0),  # a target lies between -1 and 1
            sector_bounds=_sector_bounds(self.sectors),
            fallback=self.fallback,
            risk_free_rate=risk_free_rate,
        )


def _judge_reserve(limits: RiskLimits, leverage: float) -> None:
    """Refuse a reserve of cash beside borrowed money."""
    if limits.cash_reserve == 0.0:
        return
    lent = [("simulation.leverage", leverage)]
    lent += [(f"risk.leverage_schedule from {since} on", times) for since, times in limits.leverage_schedule]
    for name, times in lent:
        if times > 1.0:
            raise UsageError(
                f"risk.cash_reserve of {limits.cash_reserve:.4g} contradicts {name} of {times:g}: a reserve is cash, "
                "and beyond 1 cash is borrowed. Write cash_reserve: none, or a leverage of at most 1."
            )


def _judge_weights(portfolio: PortfolioConfig, allocation: AllocationSettings, limits: RiskLimits) -> None:
    least = allocation.min_weight
    bounds = {
        "max_weight": _share(portfolio.max_weight, "max_weight", highest=100.0),
        "risk.max_position": limits.max_position,
        "risk.max_sector": limits.max_sector,
    }
    for name, most in bounds.items():
        if least > most:
            raise UsageError(
                f"min_weight of {least:.4g} lies above {name} of {most:.4g}. Lower min_weight or raise {name}."
            )
    count = len(portfolio.symbols)
    if count * least > allocation.gross * (1.0 + 1e-9):
        raise UsageError(
            f"min_weight of {least:.4g} for each of {count} symbols needs {count * least:.4g} of equity, and "
            f"leverage and risk.cash_reserve leave {allocation.gross:.4g}. Lower min_weight, or name fewer symbols."
        )


def _judge_sectors(portfolio: PortfolioConfig, allocation: AllocationSettings, limits: RiskLimits) -> None:
    for name, (low, _) in allocation.sector_bounds.items():
        if low > limits.max_sector:
            raise UsageError(
                f"sectors.{name} of at least {low:.4g} contradicts risk.max_sector of {limits.max_sector:.4g}. Lower "
                f"the least of {name}, or raise max_sector."
            )
    total = sum(low for low, _ in allocation.sector_bounds.values())
    if total > allocation.gross * (1.0 + 1e-9):
        named = ", ".join(f"{name} {low:.4g}" for name, (low, _) in allocation.sector_bounds.items() if low > 0.0)
        raise UsageError(
            f"The least of the sectors ({named}) sum to {total:.4g} of equity, and leverage and risk.cash_reserve "
            f"leave {allocation.gross:.4g}. Lower one of them."
        )
    if portfolio.side == "market_neutral" and portfolio.allocation == "none":
        raise UsageError("side: market_neutral contradicts allocation: none, which leaves signals as they are.")


def _share(value: Share, name: str, *, highest: float) -> float:
    """Read a share of equity; `none` is infinite."""
    if isinstance(value, str) and value.strip() == "none":
        return _NONE
    share = parse_number(str(value), name)
    if not 0.0 <= share <= highest:
        raise UsageError(f"{name}: {value} must lie between 0 and {highest:.0%}.")
    return share


def _sector_bounds(sectors: Mapping[str, list[Share]]) -> dict[str, tuple[float, float]]:
    bounds = {}
    for name, values in sectors.items():
        if len(values) != 2:  # noqa: PLR2004  low and high
            raise UsageError(f"sectors.{name}: {values} is no pair. Write its least and its most, such as [0, 10%].")
        low, high = (_share(value, f"sectors.{name}", highest=100.0) for value in values)
        if low > high:
            raise UsageError(f"sectors.{name}: the least, {values[0]}, lies above the most, {values[1]}.")
        bounds[name] = (low, high)
    return bounds


def _schedule(entries: list[str]) -> tuple[tuple[date, float], ...]:
    """Read `2020-03-01 0.5`: a date and the leverage from it on."""
    read = []
    for entry in entries:
        day, _, leverage = entry.strip().partition(" ")
        try:
            since = date.fromisoformat(day)
        except ValueError as error:
            raise UsageError(f"leverage_schedule: '{entry}' has no date. Write for example 2020-03-01 0.5.") from error
        amount = parse_number(leverage, f"leverage_schedule '{entry}'")
        if not 0.0 < amount <= 100.0:  # noqa: PLR2004  beyond any broker
            raise UsageError(f"leverage_schedule: '{entry}' must be above 0 and at most 100.")
        read.append((since, amount))
    return tuple(sorted(read))
