"""What the names of an expression stand for: prices, parameters, features and functions of the catalogue.

Goes in: the vocabulary, the rule's parameters, the parts of a tree that hold names. Comes out: a term for each, and
collected on the way the indicators that the rule has to request, each distinct one once, and the parameters it uses.
"""

from __future__ import annotations

import ast
import keyword
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.domain.plugins import IndicatorRequest
from alphafactory.errors import suggestion
from alphafactory.strategies.rules.terms import Number, constant, nothing_before

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alphafactory.domain.plugins import IndicatorSignature, MarketView, Parameter, Vocabulary
    from alphafactory.strategies.rules.expressions import Expression
    from alphafactory.strategies.rules.terms import Amount

PRICES: Mapping[str, Callable[[MarketView], Any]] = {
    "open": lambda view: view.open,
    "high": lambda view: view.high,
    "low": lambda view: view.low,
    "close": lambda view: view.close,
    "volume": lambda view: view.volume,
}
MOST_BARS = 2_000
"""The longest way back, in bars: as far as the periods of indicators reach."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Names:
    """The names that one rule may use, and what it has used of them so far.

    `arithmetic` says whether an expression computed with them; `requests` are indicators by the name of their values.
    """

    def __init__(self, vocabulary: Vocabulary, parameters: Mapping[str, Parameter], words: frozenset[str]) -> None:
        """Take what is known; `words` are the functions of the grammar itself, for suggestions."""
        self.vocabulary = vocabulary
        self.parameters = parameters
        self.requests: dict[str, IndicatorRequest] = {}
        self.used: set[str] = set()
        self.arithmetic = False
        self._words = words

    def value(self, node: ast.Name, text: Expression) -> Number:
        """Return what a bare name stands for: a price, a parameter or a feature, in this order."""
        name = node.id
        if name in PRICES:
            price = PRICES[name]
            return Number(lambda view, _params: price(view), nothing_before, series=True)
        if name in self.parameters:
            self.used.add(name)
            return Number(lambda _view, params: np.float64(params[name]), nothing_before, series=False)
        if name in self.vocabulary.features:
            return self._requested(self._feature(name))
        if name in self.vocabulary.functions or name in self._words:
            raise text.refusal(node, f"'{name}' wants its arguments in parentheses, such as {self._example(name)}.")
        known = [*PRICES, *self.parameters, *self.vocabulary.features]
        raise text.refusal(node, f"'{name}' is no price, parameter or feature. {suggestion(name, known)}")

    def call(self, node: ast.Call, output: ast.Attribute | None, text: Expression) -> Number:
        """Return an output of a function of the catalogue; `output` is the choice among several, `.signal`."""
        if not isinstance(node.func, ast.Name):
            raise text.refusal(node, "only a function that is named can be called, such as sma(20).")
        signature = self.vocabulary.functions.get(node.func.id)
        if signature is None:
            raise text.refusal(node.func, self._no_function(node.func.id))
        arguments = self._arguments(node, signature, text)
        return self._requested(IndicatorRequest(signature.name, arguments, _output(signature, node, output, text)))

    def amount(self, node: ast.expr, text: Expression, *, least: int, what: str) -> Amount:
        """Return a whole number of bars, at least `least`: written so, or a parameter that is one."""
        number = _literal(node)
        if isinstance(node, ast.Name) and node.id in self.parameters:
            name, parameter = node.id, self.parameters[node.id]
            self.used.add(name)
            bounds = (parameter.default, parameter.low, parameter.high)
            if not isinstance(parameter.default, int) or parameter.low < least or parameter.high > MOST_BARS:
                message = f"{what} is a whole number from {least} to {MOST_BARS}, and the parameter '{name}' "
                raise text.refusal(node, f"{message}is {bounds[0]} in the range {bounds[1]} to {bounds[2]}.")
            return lambda params: int(params[name])
        if number is None:
            raise text.refusal(node, f"{what} is a whole number or a parameter, nothing else.")
        if number < 0:
            raise text.refusal(node, f"{what} is {number}: no rule looks into the future.")
        if not isinstance(number, int) or not least <= number <= MOST_BARS:
            raise text.refusal(node, f"{what} is {number}; it is a whole number from {least} to {MOST_BARS}.")
        return lambda _params: number

    def request(self, request: IndicatorRequest) -> str:
        """Remember an indicator that is wanted, and return the name under which the view will hold it."""
        arguments = ", ".join(f"{name}={value}" for name, value in request.arguments.items())
        key = f"{request.function}({arguments}).{request.output}"
        self.requests.setdefault(key, request)
        return key

    def _requested(self, request: IndicatorRequest) -> Number:
        key = self.request(request)
        return Number(lambda view, _params: view.indicators[key], nothing_before, series=True)

    def _feature(self, name: str) -> IndicatorRequest:
        """Return a feature's request written out, so that `rsi_14` and `rsi(14)` are one."""
        feature = self.vocabulary.features[name]
        signature = self.vocabulary.functions[feature.function]
        arguments = {
            argument: _typed(feature.arguments.get(argument, parameter.default), parameter)
            for argument, parameter in signature.parameters.items()
        }
        return IndicatorRequest(feature.function, arguments, feature.output or signature.outputs[0])

    def _arguments(
        self, node: ast.Call, signature: IndicatorSignature, text: Expression
    ) -> dict[str, str | int | float]:
        """Return every argument of a call by name, in the order of the function, defaults filled in."""
        known = list(signature.parameters)
        given: dict[str, ast.expr] = {}
        for place, value in enumerate(node.args):
            if place >= len(known):
                raise text.refusal(value, f"'{signature.name}' {_takes(signature)}.")
            given[known[place]] = value
        for word in node.keywords:
            if word.arg is None or word.arg not in known:
                raise text.refusal(word, f"'{signature.name}' {_takes(signature)}, no '{word.arg or '**'}'.")
            if word.arg in given:
                raise text.refusal(word, f"'{signature.name}' is given its {word.arg} twice.")
            given[word.arg] = word.value
        return {
            name: self._argument(given[name], signature, name, text) if name in given else parameter.default
            for name, parameter in signature.parameters.items()
        }

    def _argument(
        self, node: ast.expr, signature: IndicatorSignature, name: str, text: Expression
    ) -> str | int | float:
        wanted = signature.parameters[name]
        kind = "a whole number" if isinstance(wanted.default, int) else "a number"
        takes = f"the {name} of '{signature.name}' is {kind} from {wanted.low} to {wanted.high}"
        if isinstance(node, ast.Name) and node.id in self.parameters:
            own = self.parameters[node.id]
            fits = wanted.low <= own.low and own.high <= wanted.high
            if not fits or (isinstance(wanted.default, int) and not isinstance(own.default, int)):
                message = f"'{node.id}' is {own.default} in the range {own.low} to {own.high}"
                raise text.refusal(node, f"{takes}, and the parameter {message}.")
            self.used.add(node.id)
            return node.id
        number = _literal(node)
        if number is None:
            raise text.refusal(node, f"{takes}: write a number or the name of a parameter of this rule.")
        if not wanted.low <= number <= wanted.high or (isinstance(wanted.default, int) and number != int(number)):
            raise text.refusal(node, f"{takes}, not {number}.")
        return _typed(number, wanted)

    def _no_function(self, name: str) -> str:
        if name in self.vocabulary.features or name in PRICES or name in self.parameters:
            return f"'{name}' takes no arguments. Write it without parentheses; `{name}[1]` is that of a bar ago."
        return f"'{name}' is no indicator. {suggestion(name, [*self.vocabulary.functions, *self._words])}"

    def _example(self, name: str) -> str:
        signature = self.vocabulary.functions.get(name)
        if signature is None:
            return f"{name}(close, 20)"
        return f"{name}({', '.join(str(parameter.default) for parameter in signature.parameters.values())})"


def check_parameter_name(name: str, words: frozenset[str]) -> str | None:
    """Return why a parameter cannot have that name, None where it can."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        return f"'{name}' is no name of a parameter: use a-z, 0-9 and _, a letter first, and no word of the grammar."
    if name in PRICES or name in words:
        return f"'{name}' means something else in an expression. Give the parameter another name."
    return None


def number_of(node: ast.Constant, text: Expression) -> Number:
    """Return a number that is written out; refuse texts, True and what else Python writes as a constant."""
    value = node.value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise text.refusal(node, f"{value!r} is not a number. Compare with a number, such as > 0.")
    try:
        finite = bool(np.isfinite(float(value)))
    except OverflowError:
        finite = False
    if not finite:
        raise text.refusal(node, "the number is too large.")
    return constant(float(value))


def _literal(node: ast.expr) -> int | float | None:
    """Return a number that is written out, with its sign; None for anything else."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = _literal(node.operand)
        return None if number is None else (-number if isinstance(node.op, ast.USub) else number)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return node.value
    return None


def _typed(value: str | float, parameter: Parameter) -> int | float:
    return int(value) if isinstance(parameter.default, int) else float(value)


def _takes(signature: IndicatorSignature) -> str:
    if not signature.parameters:
        return "takes no arguments"
    return f"takes {', '.join(signature.parameters)}"


def _output(signature: IndicatorSignature, node: ast.Call, output: ast.Attribute | None, text: Expression) -> str:
    outputs = signature.outputs
    if output is None:
        if len(outputs) > 1:
            choices = ", ".join(f".{name}" for name in outputs)
            message = f"'{signature.name}' has several outputs. Add one of {choices}."
            raise text.refusal(node.end_col_offset or node.col_offset, message)
        return outputs[0]
    if output.attr not in outputs:
        place = text.find(output.attr, node.end_col_offset or 0)
        raise text.refusal(
            place, f"'{signature.name}' has no output '{output.attr}'. {suggestion(output.attr, outputs)}"
        )
    return output.attr
