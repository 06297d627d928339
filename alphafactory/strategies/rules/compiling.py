"""Compiles expressions: the tree of a text in, a term that NumPy computes out, whatever is not known refused.

The grammar is what this file names and nothing else:

* comparisons `< <= > >= == !=`, also in chains; `and`, `or`, `not`
* `+ - * / %`, a leading minus, parentheses, numbers
* prices, parameters and features by name; functions of the catalogue, `rsi(2)`, `macd(12, 26, 9).signal`
* `abs`, `min`, `max`; `crosses_above(a, b)`, `crosses_below(a, b)`
* `highest_of(x, n)`, `lowest_of`, `average_of`, `sum_of`, `deviation_of` of a number over the last n bars;
  `any_of(c, n)`, `all_of`, `count_of` of a condition
* `[n]` after any of these, n bars ago
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import numpy as np

from alphafactory.strategies.rules import arithmetic
from alphafactory.strategies.rules.expressions import Expression
from alphafactory.strategies.rules.names import Names, number_of
from alphafactory.strategies.rules.terms import (
    Condition,
    Number,
    all_true,
    any_true,
    changed,
    compared,
    computed,
    farthest,
    negated,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alphafactory.strategies.rules.fields import Field
    from alphafactory.strategies.rules.terms import Amount, Evaluate, LookBack, Term

_COMPARISONS: Mapping[type[ast.cmpop], tuple[Callable[..., Any], Callable[..., Any]]] = {
    ast.Lt: (np.less, np.greater_equal),
    ast.LtE: (np.less_equal, np.greater),
    ast.Gt: (np.greater, np.less_equal),
    ast.GtE: (np.greater_equal, np.less),
    ast.Eq: (np.equal, arithmetic.differs),
    ast.NotEq: (arithmetic.differs, np.equal),
}
"""Each comparison and its opposite; both are False where a number is unknown."""
_OPERATIONS: Mapping[type[ast.operator], Callable[..., Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: arithmetic.quotient,
    ast.Mod: arithmetic.remainder,
}
_UNKNOWN_OPERATIONS: Mapping[type[ast.operator], str] = {
    ast.Pow: "**", ast.FloorDiv: "//", ast.LShift: "<<", ast.RShift: ">>"
}  # fmt: skip
_BAR_BY_BAR: Mapping[str, Callable[..., Any]] = {"abs": np.abs, "min": np.minimum, "max": np.maximum}
_WINDOWS_OF_NUMBERS: Mapping[str, Callable[..., Any]] = {
    "highest_of": arithmetic.highest,
    "lowest_of": arithmetic.lowest,
    "average_of": arithmetic.average,
    "sum_of": arithmetic.total,
    "deviation_of": arithmetic.deviation,
}
_WINDOWS_OF_CONDITIONS = ("any_of", "all_of", "count_of")
_CROSSES: Mapping[str, type[ast.cmpop]] = {"crosses_above": ast.Gt, "crosses_below": ast.Lt}
WORDS = frozenset([*_BAR_BY_BAR, *_WINDOWS_OF_NUMBERS, *_WINDOWS_OF_CONDITIONS, *_CROSSES])
"""The functions of the grammar itself."""


def compile_condition(field: Field, names: Names) -> Condition:
    """Return the condition that a field holds; raise `PluginError` with line and caret."""
    text = Expression(field)
    return _Compiler(text, names).condition(text.tree())


def compile_number(field: Field, names: Names) -> Number:
    """Return the number that a field holds; raise `PluginError` with line and caret."""
    text = Expression(field)
    return _Compiler(text, names).number(text.tree())


class _Compiler:
    """Compiles the parts of one expression."""

    def __init__(self, text: Expression, names: Names) -> None:
        self._text = text
        self._names = names

    def condition(self, node: ast.expr) -> Condition:
        """Return a part that has to be true or false."""
        term = self._term(node)
        if isinstance(term, Number):
            raise self._text.refusal(node, "a condition belongs here, not a number. Compare it, such as > 0.")
        return term

    def number(self, node: ast.expr) -> Number:
        """Return a part that has to be a number."""
        term = self._term(node)
        if isinstance(term, Condition):
            raise self._text.refusal(node, "a number belongs here, not a condition.")
        return term

    def _term(self, node: ast.expr) -> Term:  # noqa: PLR0911  one line for each part of the grammar
        match node:
            case ast.Constant():
                return number_of(node, self._text)
            case ast.Name():
                return self._names.value(node, self._text)
            case ast.Compare():
                return self._comparison(node)
            case ast.BoolOp():
                parts = [self.condition(value) for value in node.values]
                return all_true(parts) if isinstance(node.op, ast.And) else any_true(parts)
            case ast.UnaryOp():
                return self._signed(node)
            case ast.BinOp():
                return self._operation(node)
            case ast.Call():
                return self._call(node)
            case ast.Attribute():
                return self._output(node)
            case ast.Subscript():
                return self._ago(node)
        raise self._text.refusal(node, "this is no part of a rule's grammar: conditions, arithmetic, indicators.")

    def _comparison(self, node: ast.Compare) -> Condition:
        values = [self.number(value) for value in (node.left, *node.comparators)]
        for operator, left in zip(node.ops, (node.left, *node.comparators), strict=False):
            if type(operator) not in _COMPARISONS:
                place = (left.end_col_offset or 0) + 1
                raise self._text.refusal(place, "numbers are compared by < <= > >= == != alone.")
        links = [
            compared(*_COMPARISONS[type(operator)], left, right)
            for operator, left, right in zip(node.ops, values[:-1], values[1:], strict=True)
        ]
        return links[0] if len(links) == 1 else all_true(links)

    def _signed(self, node: ast.UnaryOp) -> Term:
        if isinstance(node.op, ast.Not):
            return negated(self.condition(node.operand))
        number = self.number(node.operand)
        return computed(np.negative, [number]) if isinstance(node.op, ast.USub) else number

    def _operation(self, node: ast.BinOp) -> Number:
        if type(node.op) not in _OPERATIONS:
            symbol = _UNKNOWN_OPERATIONS.get(type(node.op), "")
            place = self._text.find(symbol, node.left.end_col_offset or 0)
            raise self._text.refusal(place, f"there is no {symbol} in a rule, only + - * / %.")
        self._names.arithmetic = True
        return computed(_OPERATIONS[type(node.op)], [self.number(node.left), self.number(node.right)])

    def _call(self, node: ast.Call) -> Term:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in WORDS:
            return self._names.call(node, None, self._text)
        if node.keywords:
            raise self._text.refusal(node.keywords[0], f"'{name}' takes its arguments by place, not by name.")
        if name in _BAR_BY_BAR:
            return self._bar_by_bar(node, name)
        if len(node.args) != 2:  # noqa: PLR2004  the other functions of the grammar take two
            second = "another number" if name in _CROSSES else "a number of bars"
            raise self._text.refusal(node, f"'{name}' takes two arguments, the second {second}.")
        return self._crossing(node, name) if name in _CROSSES else self._window(node, name)

    def _bar_by_bar(self, node: ast.Call, name: str) -> Number:
        few = len(node.args) != 1 if name == "abs" else len(node.args) < 2  # noqa: PLR2004  a least and a greatest of two
        if few:
            wants = "one number" if name == "abs" else "two numbers or more"
            raise self._text.refusal(node, f"'{name}' takes {wants}.")
        parts = [self.number(value) for value in node.args]
        found = computed(_BAR_BY_BAR[name], parts[:2])
        for part in parts[2:]:
            found = computed(_BAR_BY_BAR[name], [found, part])
        return found

    def _crossing(self, node: ast.Call, name: str) -> Condition:
        parts = [self.number(value) for value in node.args]
        if not any(part.series for part in parts):
            raise self._text.refusal(node, f"'{name}' compares two numbers that never change.")
        beyond, opposite = _COMPARISONS[_CROSSES[name]]

        def asked(question: Callable[..., Any]) -> Callable[..., Any]:
            return lambda left, right: question(left, right, beyond, opposite)

        now = compared(asked(arithmetic.crossed), asked(arithmetic.not_crossed), *parts)
        return Condition(now.true, now.false, lambda params: now.look_back(params) + 1, series=True)

    def _window(self, node: ast.Call, name: str) -> Term:
        values, length = node.args
        bars = self._names.amount(length, self._text, least=1, what=f"the number of bars of '{name}'")
        reach: LookBack = lambda params: int(bars(params)) - 1  # noqa: E731  named for what it is
        if name in _WINDOWS_OF_NUMBERS:
            number = self.number(values)
            self._check_series(values, number)
            self._names.arithmetic = True
            return changed(number, _WINDOWS_OF_NUMBERS[name], bars, reach)
        condition = self.condition(values)
        self._check_series(values, condition)
        return _window_of_condition(name, condition, bars, reach)

    def _output(self, node: ast.Attribute) -> Number:
        if isinstance(node.value, ast.Call):
            return self._names.call(node.value, node, self._text)
        place = self._text.find(".", node.value.end_col_offset or 0)
        raise self._text.refusal(place, "only an indicator has outputs, such as macd(12, 26, 9).signal.")

    def _ago(self, node: ast.Subscript) -> Term:
        term = self._term(node.value)
        self._check_series(node.value, term)
        bars = self._names.amount(node.slice, self._text, least=0, what="the number of bars ago")
        return changed(term, arithmetic.ago, bars, lambda params: int(bars(params)))

    def _check_series(self, node: ast.expr, term: Term) -> None:
        if not term.series:
            raise self._text.refusal(node, "this is the same on every bar; it has no past.")


def _window_of_condition(name: str, condition: Condition, bars: Amount, reach: LookBack) -> Term:
    """Return whether any or all of the last conditions hold, or how many do. Not any is all not, and the reverse."""

    def over(evaluate: Evaluate, change: Callable[..., Any]) -> Evaluate:
        return lambda view, params: change(evaluate(view, params), bars(params), False)

    def look_back(params: Mapping[str, int | float]) -> int:
        return farthest([condition])(params) + reach(params)

    if name == "count_of":
        return Number(
            lambda view, params: arithmetic.counted(
                condition.true(view, params), condition.false(view, params), int(bars(params))
            ),
            look_back,
            series=True,
        )
    true, false = (arithmetic.ever, arithmetic.always) if name == "any_of" else (arithmetic.always, arithmetic.ever)
    return Condition(over(condition.true, true), over(condition.false, false), look_back, series=True)
