"""Audits a strategy class: symbols with what surrounds them in, a verdict out.

The audit itself knows neither strategies nor indicators. Here it is told how a market is shown to a strategy (as in a
backtest), how many bars its indicators and the strategy declare, and which files and variables are the strategy's own.
"""

from __future__ import annotations

import ast
import hashlib
import sys
import tokenize
from dataclasses import replace
from functools import cache, partial
from importlib.util import resolve_name
from pathlib import Path
from typing import TYPE_CHECKING, cast

from alphafactory import audit as audit_package
from alphafactory.audit import CodeFile, Subject, audit, market_of
from alphafactory.indicators.catalogue import computation_of, function_settling, shipped_catalogue
from alphafactory.pipeline import market_views
from alphafactory.pipeline.market_views import UniversePanel, asked, symbol_view
from alphafactory.strategies.combination import Combination
from alphafactory.strategies.parameters import resolve_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from alphafactory.audit import AuditedMarket, Terms, Verdict
    from alphafactory.audit.subject import Asking
    from alphafactory.domain.context import MarketContext, MarketSymbol
    from alphafactory.domain.plugins import MarketView
    from alphafactory.domain.signals import Signals
    from alphafactory.strategies.base import Strategy

_OURS = "alphafactory.strategies"


def audit_strategy(
    strategy: type[Strategy], symbols: Sequence[MarketSymbol], context: MarketContext, terms: Terms | None = None
) -> Verdict:
    """Return the verdict on a strategy with its default parameters, found on these symbols.

    One of scope symbol is audited on each of them, one of scope universe on all together: about four and about twelve
    say enough, of one sector where it seeks pairs within sectors. The same arguments give the same verdict.

    Raises:
        SimulationError: there are no symbols, or one has no bar.
    """
    if strategy.scope == "universe":
        markets = [market_of(symbols, context)]
    else:
        markets = [market_of([symbol], context) for symbol in symbols]
    verdict = audit(subject_of(strategy), markets, terms)
    if not issubclass(strategy, Combination):
        return verdict
    # A part may hide from the whole what it does alone: its errors are the whole's.
    of_parts = [
        replace(finding, message=f"Its part {part.name}: {finding.message}")
        for part in dict.fromkeys(_parts(strategy))
        for finding in audit(subject_of(part), markets, terms).errors
    ]
    return replace(verdict, findings=(*verdict.findings, *of_parts))


def subject_of(strategy: type[Strategy]) -> Subject:
    """Return what the audit is told of a strategy."""
    defaults = resolve_parameters(strategy, {})

    def view(market: AuditedMarket, values: Mapping[str, int | float]) -> MarketView:
        return _view(strategy, market, values)

    def signals(seen: MarketView, values: Mapping[str, int | float]) -> Signals:
        return asked(strategy, values, seen)

    modules = tuple(dict.fromkeys(name for part in _parts(strategy) for name in _own_modules(part.__module__)))
    return Subject(
        name=strategy.name,
        parameters=strategy.parameters,
        defaults=defaults,
        declared=declared_warm_up(strategy, defaults),
        endless=_endless(strategy),
        view=view,
        signals=signals,
        check=strategy.check,
        code=tuple(_code_file(name) for name in modules),
        namespaces={_label(name): vars(sys.modules[name]) for name in modules},
        fresh=partial(_fresh, strategy) if _is_in_file(strategy) else None,
    )


def declared_warm_up(strategy: type[Strategy], params: Mapping[str, int | float]) -> int:
    """Return the bars after which a strategy says that its signals no longer depend on where history starts.

    That is until the slowest of its indicators has settled, and what the strategy declares beyond.
    """
    waits = [function_settling(request.function, request.resolve(params)) for request in strategy.indicators.values()]
    return max(waits, default=0) + strategy.settling(params)


@cache
def audit_code() -> str:
    """Return the version of the audit: the SHA-256 of its sources, of this file and of how markets are shown."""
    folder = Path(str(audit_package.__file__)).parent
    files = [*sorted(folder.glob("*.py")), Path(__file__), Path(str(market_views.__file__))]
    return hashlib.sha256("\n".join(path.read_text(encoding="utf-8") for path in files).encode()).hexdigest()


def _view(strategy: type[Strategy], market: AuditedMarket, values: Mapping[str, int | float]) -> MarketView:
    if strategy.scope == "universe":
        return UniversePanel(market.symbols, market.context).view(strategy, values)
    (symbol,) = market.symbols
    return symbol_view(strategy, values, symbol, computation_of(symbol.bars, context=market.context))


def _endless(strategy: type[Strategy]) -> tuple[str, ...]:
    functions = shipped_catalogue().functions
    names = {request.function for request in strategy.indicators.values()}
    return tuple(sorted(name for name in names if functions.get(name).memory == "endless"))


def _parts(strategy: type[Strategy]) -> Iterator[type[Strategy]]:
    """Yield the classes that somebody wrote: a combination's parts for the combination."""
    if issubclass(strategy, Combination):
        for _, part in strategy.parts:
            yield from _parts(part)
    else:
        yield strategy


def _is_in_file(strategy: type[Strategy]) -> bool:
    """Return whether running the strategy's file makes the class; it does not make combinations and rules."""
    return getattr(sys.modules[strategy.__module__], strategy.__name__, None) is strategy


def _fresh(strategy: type[Strategy]) -> Asking:
    """Run the strategy's file as a module of its own that nobody else sees, and return what asks the class in it."""
    name = strategy.__module__
    path = str(sys.modules[name].__file__)
    variables: dict[str, object] = {"__name__": name, "__package__": name.rpartition(".")[0], "__file__": path}
    # An import would write bytecode beside the user's files, and be seen by whoever imports the name.
    exec(compile(_text(name), path, "exec"), variables)  # noqa: S102  discovery has run this file before
    copy = cast("type[Strategy]", variables[strategy.__name__])
    return lambda view, values: asked(copy, values, view)


def _own_modules(start: str) -> list[str]:
    """Return the module of a strategy and those of its folder that it imports, and they in turn.

    What all strategies stand on, the modules directly in our package and those that read rules, is the system's.
    """
    found: list[str] = []
    waiting = [] if start.startswith(f"{_OURS}.rules.") else [start]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.append(name)
            waiting += [other for other in _imported(name) if other in sys.modules and _belongs(other, start)]
    return found


def _belongs(module: str, start: str) -> bool:
    folder = start.rpartition(".")[0]
    return folder != _OURS and module.startswith(f"{folder}.")


def _imported(module: str) -> Iterator[str]:
    """Yield the whole names of what a module imports, members taken from modules among them."""
    package = module.rpartition(".")[0]
    for node in ast.walk(ast.parse(_text(module))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _code_file(module: str) -> CodeFile:
    return CodeFile(_label(module), str(sys.modules[module].__file__), _text(module))


def _label(module: str) -> str:
    return f"{module.rpartition('.')[2]}.py"


def _text(module: str) -> str:
    with tokenize.open(str(sys.modules[module].__file__)) as lines:
        return lines.read()
