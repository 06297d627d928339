"""The text of an expression, read into a tree by Python's own parser, and refused with a caret under the character.

Nothing is run: the tree is only read, by `compiling`. Before that, what no expression can hold is refused: characters
of other grammars, a text too long or nested too deeply to be meant.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphafactory.errors import PluginError
    from alphafactory.strategies.rules.fields import Field

MOST_CHARACTERS = 2_000
MOST_LEVELS = 60
_SHOWN = 120
"""What a message shows of an expression, so that its caret stands below it on a screen."""
_ONE_EQUALS = re.compile(r"(?<![=<>!])=(?!=)")
_STRANGE = re.compile(r"[^A-Za-z0-9_ .,()\[\]<>=!+\-*/%]")
_INSTEAD = {
    "&": "Write `and`.",
    "|": "Write `or`.",
    "~": "Write `not`.",
    "^": "There are no powers: multiply.",
    "#": "A comment stands on a line of its own, outside the expression.",
    "≤": "Write <=.",
    "≥": "Write >=.",
    "≠": "Write !=.",
    "{": "Use round parentheses.",
}


class Expression:
    """An expression as it is shown: the text of a field on one line, and where its faults lie."""

    def __init__(self, field: Field) -> None:
        """Take the text of a field, whose line breaks are blanks here."""
        raw = field.text()
        self._field = field
        self._indent = len(raw) - len(raw.lstrip())
        self.text = re.sub(r"\s", " ", raw.strip())

    def refusal(self, at: ast.expr | ast.keyword | int, message: str) -> PluginError:
        """Return the error of a place, or of where a part begins, with the expression and a caret below it."""
        place = min(at if isinstance(at, int) else at.col_offset, len(self.text))
        line = self._field.line_of(self._indent + min(place, len(self.text) - 1))
        start = max(place - _SHOWN // 2, 0) if len(self.text) > _SHOWN else 0
        return self._field.refusal(
            f"{message}\n  {self.text[start : start + _SHOWN]}\n  {' ' * (place - start)}^", line
        )

    def tree(self) -> ast.expr:
        """Return the tree; raise `PluginError` with the caret where the text is no expression."""
        self._check_characters()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # such as of a number that runs into a word: `5and`
                tree = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            reason = _reason(str(error.msg)) if error.offset else "the expression ends too soon."
            raise self.refusal(self._fault(error), reason) from None
        except (ValueError, RecursionError, MemoryError, Warning):
            raise self.refusal(0, "the expression is nested too deeply or holds too long a number.") from None
        self._check_depth(tree)
        return tree

    def find(self, symbol: str, start: int) -> int:
        """Return the place of the first such symbol from a place on."""
        return max(self.text.find(symbol, start), start)

    def _fault(self, error: SyntaxError) -> int:
        """Return the place that the parser blames; it has none for an expression that is over too soon."""
        if not error.offset:
            return len(self.text)
        equals = _ONE_EQUALS.search(self.text, error.offset - 1) if _is_assignment(str(error.msg)) else None
        return error.offset - 1 if equals is None else equals.start()

    def _check_characters(self) -> None:
        strange = _STRANGE.search(self.text)
        if strange is not None:
            hint = _INSTEAD.get(strange[0], "It has names, numbers, ( ) [ ] , . and < <= > >= == != + - * / %.")
            raise self.refusal(strange.start(), f"'{strange[0]}' has no place in an expression. {hint}")
        if len(self.text) > MOST_CHARACTERS:
            message = f"the expression is longer than {MOST_CHARACTERS} characters. Split the rule into several."
            raise self.refusal(MOST_CHARACTERS, message)
        for equals in _ONE_EQUALS.finditer(self.text):
            if self.text.count("(", 0, equals.start()) == self.text.count(")", 0, equals.start()):
                raise self.refusal(equals.start(), "one = compares nothing. Write == to compare.")

    def _check_depth(self, tree: ast.expr) -> None:
        level: list[ast.AST] = [tree]
        for _ in range(MOST_LEVELS):
            level = [child for node in level for child in ast.iter_child_nodes(node)]
            if not level:
                return
        deep = next((node for node in level if isinstance(node, ast.expr)), tree)
        raise self.refusal(deep, f"the expression is nested more than {MOST_LEVELS} levels deep. Split it.")


def _is_assignment(message: str) -> bool:
    return "==" in message or "assign" in message


def _reason(message: str) -> str:
    """Return the parser's own reason in the words of this grammar, which has no assignment."""
    if _is_assignment(message):
        return "one = compares nothing. Write == to compare."
    if "too many nested parentheses" in message:
        return "the expression is nested too deeply. Split it."
    return f"this is no expression ({message.split('. ', maxsplit=1)[0]})."
