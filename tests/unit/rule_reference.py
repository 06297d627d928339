"""Rules as a person would work them out: one bar after the other, one value after the other, None for unknown.

The syntax is Python's own, so the tree is Python's; what a node means is written here a second time, without NumPy and
without a thought for speed.
"""

from __future__ import annotations

import ast
import math
import operator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

COMPARE: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


class Reference:
    """An expression's meaning on a market. `names` holds prices, features and calls by their text, NaN for unknown.

    What is known of a node and a bar is remembered, for windows within windows ask for the same again and again.
    """

    def __init__(self, names: Mapping[str, Sequence[float]], params: Mapping[str, int | float]) -> None:
        self.names = names
        self.params = params
        self._texts: dict[ast.expr, str] = {}
        self._links: dict[ast.expr, ast.Compare] = {}
        self._found: dict[tuple[ast.expr, int], bool | float | None] = {}

    def truths(self, text: str, bars: int) -> list[bool | None]:
        """Return whether a condition holds on each bar."""
        tree = ast.parse(text, mode="eval").body
        return [self.truth(tree, bar) for bar in range(bars)]

    def truth(self, node: ast.expr, bar: int) -> bool | None:
        """Return whether a condition holds; None where that is not known."""
        if bar < 0:
            return None
        if (node, bar) not in self._found:
            self._found[node, bar] = self._truth(node, bar)
        found = self._found[node, bar]
        return None if found is None else bool(found)

    def value(self, node: ast.expr, bar: int) -> float | None:
        """Return a number; None where it is not known."""
        if bar < 0:
            return None
        if (node, bar) not in self._found:
            self._found[node, bar] = self._value(node, bar)
        return self._found[node, bar]

    def _truth(self, node: ast.expr, bar: int) -> bool | None:
        match node:
            case ast.BoolOp():
                return self._both(node, bar)
            case ast.UnaryOp():
                truth = self.truth(node.operand, bar)
                return None if truth is None else not truth
            case ast.Compare():
                values = [self.value(part, bar) for part in (node.left, *node.comparators)]
                links = [
                    None if left is None or right is None else COMPARE[type(compare)](left, right)
                    for compare, left, right in zip(node.ops, values[:-1], values[1:], strict=True)
                ]
                return every(links)
            case ast.Subscript():
                return self.truth(node.value, bar - self._whole(node.slice))
            case ast.Call(func=ast.Name(id="any_of" | "all_of" as name)):
                found = [self.truth(node.args[0], bar - k) for k in range(self._whole(node.args[1]))]
                return every(found) if name == "all_of" else negated(every([negated(one) for one in found]))
            case ast.Call(func=ast.Name(id="crosses_above" | "crosses_below" as name)):
                beyond = ast.Gt() if name == "crosses_above" else ast.Lt()
                link = self._links.setdefault(node, ast.Compare(node.args[0], [beyond], [node.args[1]]))
                return every([self.truth(link, bar), negated(self.truth(link, bar - 1))])
        raise AssertionError(ast.dump(node))

    def _value(self, node: ast.expr, bar: int) -> float | None:  # noqa: PLR0911  one line for each kind of number
        if node not in self._texts:
            self._texts[node] = ast.unparse(node)
        text = self._texts[node]
        if text in self.names:
            number = float(self.names[text][bar])
            return None if math.isnan(number) else number
        match node:
            case ast.Constant():
                return float(node.value)
            case ast.Name():
                return float(self.params[node.id])
            case ast.UnaryOp():
                value = self.value(node.operand, bar)
                return None if value is None else -value
            case ast.BinOp():
                return self._arithmetic(node, bar)
            case ast.Subscript():
                return self.value(node.value, bar - self._whole(node.slice))
            case ast.Call():
                return self._call(node, bar)
        raise AssertionError(ast.dump(node))

    def _both(self, node: ast.BoolOp, bar: int) -> bool | None:
        found = [self.truth(part, bar) for part in node.values]
        return every(found) if isinstance(node.op, ast.And) else negated(every([negated(one) for one in found]))

    def _arithmetic(self, node: ast.BinOp, bar: int) -> float | None:
        left, right = self.value(node.left, bar), self.value(node.right, bar)
        if left is None or right is None:
            return None
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return None if right == 0 else left / right
            case _:
                return None if right == 0 else left % right

    def _call(self, node: ast.Call, bar: int) -> float | None:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name == "count_of":
            truths = [self.truth(node.args[0], bar - k) for k in range(self._whole(node.args[1]))]
            return None if None in truths else float(sum(map(bool, truths)))
        if name in {"abs", "min", "max"}:
            values = [self.value(part, bar) for part in node.args]
        else:
            values = [self.value(node.args[0], bar - k) for k in range(self._whole(node.args[1]))]
        known = [value for value in values if value is not None]
        return None if len(known) < len(values) else WINDOWS[name](known)

    def _whole(self, node: ast.expr) -> int:
        return int(self.params[node.id]) if isinstance(node, ast.Name) else int(ast.literal_eval(node))


def negated(truth: bool | None) -> bool | None:
    """Return the opposite; of unknown it is unknown."""
    return None if truth is None else not truth


def every(truths: Sequence[bool | None]) -> bool | None:
    """Return whether all hold: one that does not decides, otherwise one that is unknown."""
    if any(truth is False for truth in truths):
        return False
    return None if None in truths else True


def deviation(values: Sequence[float]) -> float:
    """Return the standard deviation, the newest value taken first."""
    mean, squares = math.fsum(values) / len(values), 0.0
    for value in values:
        squares += (value - mean) ** 2
    return math.sqrt(squares / len(values))


WINDOWS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "abs": lambda values: abs(values[0]), "min": min, "max": max, "highest_of": max, "lowest_of": min,
    "sum_of": math.fsum, "average_of": lambda values: math.fsum(values) / len(values), "deviation_of": deviation,
}  # fmt: skip


def positions(
    enter: Sequence[bool | None], leave: Sequence[bool | None], ready: Sequence[bool], most: int
) -> list[bool]:
    """Return whether a position is held: from an entry that is ready to an exit, at most so many bars, 0 for any."""
    found: list[bool] = []
    since: int | None = None
    for bar, (come, go, may) in enumerate(zip(enter, leave, ready, strict=True)):
        if since is not None and (go is True or (most > 0 and bar - since >= most)):
            since = None
        elif since is None and come is True and may and go is not True:
            since = bar
        found.append(since is not None)
    return found
