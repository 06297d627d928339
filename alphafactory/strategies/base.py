"""What a strategy is: class attributes that declare it, and one pure function that returns its signals.

A strategy file needs nothing else than such a class:

    class AboveAverage(Strategy):
        name = "above_average"
        title = "Price above its average"
        idea = "Own what is above its own average; trends tend to last."
        source = "Common knowledge."
        fails_when = "Markets go sideways: every crossing costs."
        parameters = {"period": Parameter(100, 10, 300, "closes in the average")}
        indicators = {"average": IndicatorRequest("sma", {"period": "period"})}

        @staticmethod
        def signals(view, params):
            return np.where(view.close > view.indicators["average"], 1.0, 0.0)

One that also says where to buy and where to stop returns `Signals`, whose `target` is the array above.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from alphafactory.errors import PluginError

if TYPE_CHECKING:
    from alphafactory.domain.arrays import FloatArray
    from alphafactory.domain.plugins import IndicatorRequest, MarketView, Parameter
    from alphafactory.domain.signals import Signals

StrategyParameters: TypeAlias = Mapping[str, int | float]
"""A value for every parameter of a strategy."""

Scope: TypeAlias = Literal["symbol", "universe"]
"""Whether a strategy judges each symbol by itself, each on an account of its own, or all together on one account."""

_TEXTS = ("name", "title", "idea", "source", "fails_when")


class Strategy(ABC):
    """Base of every strategy; used as a class, never as an instance.

    `idea` says in one paragraph why it should earn money, `source` where it comes from, `fails_when` where it loses.
    `indicators` names what `signals` finds in `view.indicators`; an argument given as text is one of `parameters`.
    A declaration that does not fit together is refused when the class is made, so that its file is reported as broken.

    One of `scope` universe sees all symbols at once, and its targets are shares of the equity of one account: 0.1 is a
    tenth, -0.1 a tenth sold short. `needs` names what it reads beside prices and indicators: `earnings`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    idea: ClassVar[str]
    source: ClassVar[str]
    fails_when: ClassVar[str]
    group: ClassVar[str] = "own"
    scope: ClassVar[Scope] = "symbol"
    needs: ClassVar[frozenset[str]] = frozenset()
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    indicators: ClassVar[Mapping[str, IndicatorRequest]] = {}

    def __init_subclass__(cls, **kwargs: object) -> None:
        """Judge the declaration of a concrete strategy."""
        super().__init_subclass__(**kwargs)
        if not getattr(cls.signals, "__isabstractmethod__", False):
            _check_texts(cls)
            _check_scope(cls)
            _check_parameters(cls)
            _check_indicators(cls)

    @classmethod  # noqa: B027  optional, so not abstract
    def check(cls, params: StrategyParameters) -> None:
        """Raise `UsageError` for parameters that contradict each other; by default none do."""

    @classmethod
    def settling(cls, params: StrategyParameters) -> int:  # noqa: ARG003  most look back by indicators alone
        """Return for how many bars, its indicators having settled, its signals still depend on where history starts.

        That is how far it looks back itself, and how long it usually takes to learn whether it is in or out. The audit
        measures it and names a strategy that declares too little.
        """
        return 0

    @staticmethod
    @abstractmethod
    def signals(view: MarketView, params: StrategyParameters) -> FloatArray | Signals:
        """Return the targets, shape (sessions, symbols), in [-1, 1]: share of the position, negative for short.

        Row t may use rows up to t of the view and no other; its order works from the next session on. The
        function reads nothing but its arguments, changes none of them, and always answers the same. NaN is flat.
        `Signals` add, in arrays of the same shape, prices that orders wait for, levels, lives and priorities.
        """


class Filter(Strategy):
    """Base of what permits entries: `signals` is 1 in sessions in which a position may be opened or enlarged, else 0.

    A filter is no strategy to trade by: `sma_crossover & trend_filter` is one (see `combination`). What is held stays
    held while the filter is shut; what it kept out comes in once it opens, if it is still wanted then.
    """


def _check_texts(strategy: type[Strategy]) -> None:
    for text in _TEXTS:
        value = getattr(strategy, text, None)
        if not isinstance(value, str) or not value.strip():
            raise PluginError(f"the strategy class {strategy.__name__} lacks the text `{text}`")
    if not strategy.name.isidentifier() or strategy.name != strategy.name.lower():
        raise PluginError(f"'{strategy.name}' is no strategy name: use a-z, 0-9 and _, a letter first")


def _check_scope(strategy: type[Strategy]) -> None:
    if strategy.scope not in {"symbol", "universe"}:
        raise PluginError(f"{strategy.name}: the scope '{strategy.scope}' is neither symbol nor universe")
    if not strategy.needs <= {"earnings"}:
        raise PluginError(f"{strategy.name}: `needs` may name earnings, not {', '.join(sorted(strategy.needs))}")


def _check_parameters(strategy: type[Strategy]) -> None:
    for name, parameter in strategy.parameters.items():
        if not parameter.low <= parameter.default <= parameter.high:
            bounds = f"{parameter.low} to {parameter.high}"
            raise PluginError(f"{strategy.name}: the default {parameter.default} of '{name}' lies outside {bounds}")


def _check_indicators(strategy: type[Strategy]) -> None:
    if not isinstance(inspect.getattr_static(strategy, "signals"), staticmethod | classmethod):
        raise PluginError(f"{strategy.name}: `signals` must be a @staticmethod (view, params), for it is pure")
    for name, request in strategy.indicators.items():
        for argument, value in request.arguments.items():
            if isinstance(value, str) and value not in strategy.parameters:
                raise PluginError(
                    f"{strategy.name}: the indicator '{name}' takes {argument} from '{value}', which is no parameter"
                )
