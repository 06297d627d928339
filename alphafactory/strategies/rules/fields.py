"""The fields of a rule's file, each with the line it stands on.

Goes in: the text of a YAML file. Comes out: a `Field`, which is asked for its text, number, list or named fields and
refuses what does not fit with file and line. Nothing is built of the YAML but text: its tags make no objects here, and
`yes` stays the word that it is.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from alphafactory.errors import PluginError, suggestion

if TYPE_CHECKING:
    from collections.abc import Collection

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BLANK = re.compile(r"\s")
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")}
"""What plain words of YAML may look like. Any other tag was written by hand."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its dotted name, empty for the file itself, its YAML node, and the file's name and text."""

    name: str
    node: yaml.Node
    file: str
    source: str

    @property
    def line(self) -> int:
        """The line on which it begins, from 1 on."""
        return int(self.node.start_mark.line) + 1

    def refusal(self, message: str, line: int = 0) -> PluginError:
        """Return the error that says what is wrong with it; `line` is a later one than that on which it begins."""
        return _refusal(self.file, line or self.line, f"{self.name}: {message}" if self.name else message)

    def text(self) -> str:
        """Return its text, whatever YAML would take it for."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.refusal("one text or number belongs here, not a list and not named fields.")
        if self.node.tag not in _TAGS:
            raise self.refusal(f"the tag {self.node.tag} means nothing here. Leave it out.")
        value = str(self.node.value)
        if not value.strip():
            raise self.refusal("nothing stands here. Write its value, or leave the key out.")
        return value

    def number(self) -> int | float:
        """Return its number: a whole one without point and exponent is an int."""
        text = self.text().strip()
        if _WHOLE.fullmatch(text):
            return int(text)
        if not _DECIMAL.fullmatch(text) or not math.isfinite(float(text)):
            raise self.refusal(f"'{text}' is not a number. Write for example 20 or 2.5.")
        return float(text)

    def items(self) -> list[Field]:
        """Return the members of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.refusal("a list belongs here, such as [5, 20].")
        return [Field(self.name, node, self.file, self.source) for node in self.node.value]

    def fields(self, known: Collection[str] | None = None) -> dict[str, Field]:
        """Return the named fields below it; refuse a name twice and, with `known`, a name not among them."""
        if not self.has_fields:
            raise self.refusal("named fields belong here, such as `name: dip_in_uptrend`.")
        found: dict[str, Field] = {}
        for key, value in self.node.value:
            at = Field(self.name, key, self.file, self.source)
            name = at.text()
            if known is not None and name not in known:
                raise at.refusal(f"there is no key '{name}' here. {suggestion(name, known)}")
            if name in found:
                raise at.refusal(f"'{name}' stands here and on line {found[name].line}. Keep one of them.")
            found[name] = Field(f"{self.name}.{name}" if self.name else name, value, self.file, self.source)
        return found

    @property
    def has_fields(self) -> bool:
        """Whether named fields stand below it."""
        return isinstance(self.node, yaml.MappingNode)

    def line_of(self, place: int) -> int:
        """Return the line of a character of its text that is not blank.

        YAML folds lines, but it keeps what is not blank; where escapes change that too it is the field's first line.
        """
        start, end = self.node.start_mark.index, self.node.end_mark.index
        raw = [at for at in range(start, end) if not _BLANK.match(self.source[at])]
        value = str(self.node.value)
        first = "".join(self.source[at] for at in raw).rfind(_BLANK.sub("", value))
        if first < 0:
            return self.line
        return self.source.count("\n", 0, raw[first + len(_BLANK.sub("", value[:place]))]) + 1


def read_fields(file: str, text: str) -> Field:
    """Return the one field that is the whole file; raise `PluginError` with the line where the YAML is broken."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _refusal(file, mark.line + 1 if mark else 1, f"this is not valid YAML ({error.problem}).") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, int(error.position)) + 1
        raise _refusal(file, line, f"a character does not belong into a text file ({error.reason}).") from None
    except (RecursionError, MemoryError):
        raise _refusal(file, 1, "lists or fields are nested too deeply.") from None
    except (ValueError, OverflowError, yaml.YAMLError) as error:  # such as an escape that is no character
        raise _refusal(file, 1, f"this is not valid YAML ({error}).") from None
    if node is None:
        raise _refusal(file, 1, "the file is empty. A rule has at least name, enter and exit.")
    return Field("", node, file, text)


def _refusal(file: str, line: int, message: str) -> PluginError:
    return PluginError(f"{file}:{line}: {message}", line)
