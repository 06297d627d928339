"""Reads how strategies are combined: a text in, a tree of what it says out, and the tree's one way of writing.

    combination := sum | operand { "&" operand }
    sum         := [sign] weight "*" operand { sign weight "*" operand }
    operand     := NAME | vote | "(" combination ")"
    vote        := "vote" "(" combination { "," combination } [ "," how many must agree ] ")"

What a sum has to do with an `&` beside it nobody should have to guess, so that it stands in brackets there.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from alphafactory.domain.grammar import parse_number
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_WEIGHT = re.compile(r"\s*([+-]?)\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?)\s*\*")
_NAME = re.compile(r"\s*(\w+)\s*")
_NEEDED = re.compile(r"\s*(\d{1,3})\s*(?=\))", re.ASCII)
_DEEPEST = 20
"""Brackets within brackets: beyond it nobody reads what is written."""
_EXAMPLES = (
    "Write weights and strategies, such as 0.6*sma_crossover+0.4*buy_and_hold; a vote, such as vote(a, b, c); or a "
    "strategy and its conditions, such as sma_crossover & trend_filter, a sum among them in brackets."
)


@dataclass(frozen=True, slots=True)
class Name:
    """A strategy of the registry."""

    name: str


@dataclass(frozen=True, slots=True)
class WeightedTerms:
    """A sum of what several want, each times its weight."""

    terms: tuple[tuple[float, Node], ...]


@dataclass(frozen=True, slots=True)
class Vote:
    """The side on which at least `needed` of several are."""

    voters: tuple[Node, ...]
    needed: int


@dataclass(frozen=True, slots=True)
class Gate:
    """What one wants, entered where all the others permit it."""

    wanted: Node
    permits: tuple[Node, ...]


Node: TypeAlias = Name | WeightedTerms | Vote | Gate


def read_combination(text: str) -> Node:
    """Return what a text says.

    Raises:
        UsageError: it does not follow the grammar, a weight is 0 or too large, or a strategy stands twice.
    """
    node = _Reader(text).whole()
    name, times = Counter(_names(node)).most_common(1)[0]
    if times > 1:
        raise UsageError(
            f"The combination '{text}': '{name}' stands twice. A part has one set of parameters: write it once, in a "
            "sum with both weights together, or keep a copy of its file under another name."
        )
    return node


def written(node: Node) -> str:
    """Return the one way of writing a combination; it is read back to the last bit of its weights."""
    match node:
        case Name(name):
            return name
        case WeightedTerms(terms):
            return "".join(_term(weight, term, first=at == 0) for at, (weight, term) in enumerate(terms))
        case Vote(voters, needed):
            number = [] if needed == majority_of(len(voters)) else [str(needed)]
            return f"vote({', '.join([*map(written, voters), *number])})"
        case Gate(wanted, permits):
            return " & ".join(_in_brackets(part, WeightedTerms) for part in (wanted, *permits))


def majority_of(voters: int) -> int:
    """Return how many are more than half of all."""
    return voters // 2 + 1


def _term(weight: float, node: Node, *, first: bool) -> str:
    """Write a term so that it is read back: `repr` of a float gives all of it."""
    number = repr(weight).removesuffix(".0")
    return f"{'' if first or weight < 0.0 else '+'}{number}*{_in_brackets(node, WeightedTerms, Gate)}"


def _in_brackets(node: Node, *kinds: type[Node]) -> str:
    return f"({written(node)})" if isinstance(node, kinds) else written(node)


def _names(node: Node) -> Iterator[str]:
    """Yield the names of a tree's leaves, from the left."""
    match node:
        case Name(name):
            yield name
        case WeightedTerms(terms):
            for _, term in terms:
                yield from _names(term)
        case Vote(voters, _):
            for voter in voters:
                yield from _names(voter)
        case Gate(wanted, permits):
            for part in (wanted, *permits):
                yield from _names(part)


class _Reader:
    """Reads from the left; `_at` is how far it has come."""

    def __init__(self, text: str) -> None:
        self._text, self._at, self._depth = text, 0, 0

    def whole(self) -> Node:
        """Read the text to its end."""
        node = self._combination()
        if self._at < len(self._text):
            raise self._no_part(self._at)
        return node

    def _combination(self) -> Node:
        """Read a sum, or one operand with its conditions, and the blanks behind it."""
        start = self._at
        if _WEIGHT.match(self._text, start):
            return self._sum()
        parts = [self._operand()]
        while self._take("&"):
            parts.append(self._operand())
        if self._text[self._at : self._at + 1] in {"+", "-", "*"}:
            raise self._no_part(start)
        return _gate(parts) if len(parts) > 1 else parts[0]

    def _sum(self) -> Node:
        start, terms = self._at, list[tuple[float, Node]]()
        while (match := _WEIGHT.match(self._text, self._at)) and (match[1] or not terms):
            self._at = match.end()
            operand = self._operand()
            terms.append((self._weight("".join(match.groups()), operand), operand))
        if self._text.startswith("&", self._at):
            raise self._refusal(
                f"'{self._text[start : self._at].strip()}' is a sum beside an `&`. Put it in brackets: "
                "(0.6*sma_crossover+0.4*buy_and_hold) & trend_filter."
            )
        return WeightedTerms(tuple(terms))

    def _weight(self, number: str, of: Node) -> float:
        name = written(of)
        weight = parse_number(number, f"The combination '{self._text}', the weight of '{name}'")
        if weight == 0.0:
            raise self._refusal(f"the weight of '{name}' is 0. Leave the part out, or weigh it.")
        return weight

    def _operand(self) -> Node:
        """Read a name, a vote or what stands in brackets, and the blanks behind it."""
        start = self._at
        if (match := _NAME.match(self._text, start)) and not match[1][0].isdigit():
            self._at = match.end()
            return self._vote(start, match[1]) if self._take("(") else Name(match[1])
        if not self._take("("):
            raise self._no_part(start)
        self._deeper()
        node = self._combination()
        self._close(start)
        return node

    def _vote(self, start: int, function: str) -> Node:
        """Read the voters and how many must agree; the bracket is behind us."""
        if function != "vote":
            raise self._refusal(f"'{function}(' is no function. Only vote(a, b, c) has a bracket behind its name.")
        self._deeper()
        voters, needed = [self._combination()], None
        while needed is None and self._take(","):
            if match := _NEEDED.match(self._text, self._at):
                needed, self._at = int(match[1]), match.end()
            else:
                voters.append(self._combination())
        self._close(start)
        needed = majority_of(len(voters)) if needed is None else needed
        if len(voters) == 1 or not 1 <= needed <= len(voters):
            raise self._refusal(
                f"'{self._text[start : self._at].strip()}' is no vote: it asks that {needed} of {len(voters)} agree. "
                "Name at least two strategies, and at the end, if you like, how many of them must agree."
            )
        return Vote(tuple(voters), needed)

    def _take(self, sign: str) -> bool:
        """Go past a sign and the blanks around it, if it is next."""
        rest = self._text[self._at :].lstrip()
        if not rest.startswith(sign):
            return False
        self._at = len(self._text) - len(rest[len(sign) :].lstrip())
        return True

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise UsageError(f"A combination has more than {_DEEPEST} brackets within brackets. Write it with fewer.")

    def _close(self, start: int) -> None:
        if not self._take(")"):
            if self._at >= len(self._text):
                raise self._refusal(f"the bracket of '{self._text[start:].strip()}' is not closed. Write the `)`.")
            raise self._no_part(self._at)
        self._depth -= 1

    def _no_part(self, start: int) -> UsageError:
        return self._refusal(f"'{self._text[start:].strip()}' is no part. {_EXAMPLES}")

    def _refusal(self, words: str) -> UsageError:
        return UsageError(f"The combination '{self._text}': {words}")


def _gate(parts: list[Node]) -> Gate:
    """Join conditions; all of them must permit, so that brackets among them mean nothing."""
    flat = [one for part in parts for one in ((part.wanted, *part.permits) if isinstance(part, Gate) else (part,))]
    return Gate(flat[0], tuple(flat[1:]))
