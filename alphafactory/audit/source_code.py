"""What a strategy's source says that a pure function of its arguments does not need: files, networks, clocks, chance.

The syntax tree is read, nothing is run. What may be imported is listed, not what may not; of numpy and pandas, whose
names lie behind many ways of writing, what reads files, clocks or unseeded chance is refused. This finds what is
written plainly. Who hides it is caught by the hook that watches the calls, or by nobody.
"""

from __future__ import annotations

import ast
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.audit.subject import CodeFile

_ALLOWED = {
    "__future__", "abc", "bisect", "calendar", "cmath", "collections", "contextlib", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fractions", "functools", "heapq", "itertools", "math", "numbers", "numpy", "operator", "pandas",
    "re", "scipy", "statistics", "string", "typing", "typing_extensions", "warnings",
}  # fmt: skip
_ALLOWED_OF_OURS = ("alphafactory.domain", "alphafactory.errors", "alphafactory.strategies")
_OUTWARD = {
    "aiohttp", "alpha_vantage", "boto3", "ccxt", "curl_cffi", "dotenv", "duckdb", "httpx", "joblib", "polygon",
    "psutil", "psycopg", "pyarrow", "requests", "sqlalchemy", "tables", "urllib3", "yfinance",
}  # fmt: skip
_BUILTINS = {"open", "eval", "exec", "compile", "__import__", "input", "globals", "breakpoint", "setattr", "delattr"}
_MODULES = {"os", "sys", "builtins", "subprocess", "socket", "importlib", "pathlib"}
_INNARDS = {"__builtins__", "__globals__", "__subclasses__", "__code__", "__loader__"}
_CLOCKS = {"now", "today", "utcnow"}
_FILES_OF_NUMPY = {
    "load", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "open_memmap", "save", "savez", "savetxt",
    "savez_compressed", "DataSource", "ctypeslib", "f2py",
}  # fmt: skip
_FILES_OF_ARRAYS = {"tofile", "to_csv", "to_parquet", "to_pickle", "to_sql", "to_hdf", "to_excel", "to_feather"}

Note = tuple[int, str]
"""A line, and what is wrong there."""


def faults_in(file: CodeFile) -> tuple[list[Note], list[Note]]:
    """Return what is refused in a file, and what merely cannot be judged, each with its line, in order of lines."""
    tree = ast.parse(file.text)
    reading = _Reading(tree)
    nodes = list(_nodes(tree))
    refused = {note for node in nodes for note in reading.refused(node)}
    unknown = {note for node in nodes for note in _unknown_imports(node)}
    return sorted(refused), sorted(unknown)


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield every node but those that only a type checker reads."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and _last_name(node.test) == "TYPE_CHECKING":
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


class _Reading:
    """One file: which names it gives itself, and which stand for numpy or pandas and their parts."""

    def __init__(self, tree: ast.AST) -> None:
        self._own = {
            node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        } | {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
        self._modules: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.partition(".")[0]
                    self._modules[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                for alias in node.names:
                    self._modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def refused(self, node: ast.AST) -> Iterator[Note]:
        """Yield what is wrong with one node."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _refused_imports(node)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            word = "global" if isinstance(node, ast.Global) else "nonlocal"
            yield node.lineno, f"`{word} {', '.join(node.names)}` keeps something between calls"
        elif isinstance(node, ast.Name) and node.id in _BUILTINS - self._own and isinstance(node.ctx, ast.Load):
            yield node.lineno, f"`{node.id}` reaches beyond what a strategy is shown"
        elif isinstance(node, ast.Attribute):
            yield from self._refused_attribute(node)
        elif isinstance(node, ast.Call):
            yield from self._refused_call(node)
        if isinstance(node, ast.Name | ast.Attribute):
            yield from self._refused_of_library(node)

    def _refused_attribute(self, node: ast.Attribute) -> Iterator[Note]:
        if node.attr in _MODULES | _INNARDS:
            yield node.lineno, f"`.{node.attr}` reaches beyond what a strategy is shown"
        elif isinstance(node.ctx, ast.Store | ast.Del) and self._dotted(node):
            yield node.lineno, f"`{self._dotted(node)} = ` keeps something in a module of others"
        elif node.attr in _FILES_OF_ARRAYS:
            yield node.lineno, f"`.{node.attr}` writes a file"

    def _refused_call(self, node: ast.Call) -> Iterator[Note]:
        name = self._dotted(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _CLOCKS:
            yield node.lineno, f"`{node.func.attr}()` asks the clock"
        if name in {"numpy.datetime64", "pandas.Timestamp", "pandas.to_datetime"}:
            words = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if any(isinstance(word, str) and word.lower() in _CLOCKS for word in words):
                yield node.lineno, "a date made of the word now or today asks the clock"
        if name == "numpy.random.default_rng" and not _is_seeded(node):
            yield node.lineno, "`default_rng` without a written seed draws otherwise each time"

    def _refused_of_library(self, node: ast.Name | ast.Attribute) -> Iterator[Note]:
        name = self._dotted(node)
        library, _, rest = name.partition(".")
        last = rest.rpartition(".")[2]
        if library in {"numpy", "scipy"} and (last in _FILES_OF_NUMPY or rest.startswith("io.")):
            yield node.lineno, f"`{name}` reads or writes files"
        elif library == "pandas" and last.startswith("read_"):
            yield node.lineno, f"`{name}` reads files"
        elif name.startswith("numpy.random.") and last not in {"default_rng", "Generator"}:
            yield node.lineno, f"`{name}` draws from what others draw from, too; use default_rng with a written seed"

    def _dotted(self, node: ast.AST) -> str:
        """Return the whole name that an expression stands for, such as numpy.random.normal; nothing for others."""
        if isinstance(node, ast.Attribute):
            owner = self._dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return self._modules.get(node.id, "") if isinstance(node, ast.Name) else ""


def _is_seeded(node: ast.Call) -> bool:
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    return len(given) == 1 and isinstance(given[0], ast.Constant) and isinstance(given[0].value, int)


def _imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield str(node.module)


def _refused_imports(node: ast.Import | ast.ImportFrom) -> Iterator[Note]:
    for name in _imports(node):
        top = name.partition(".")[0]
        if top == "alphafactory":
            if not any(name == ours or name.startswith(f"{ours}.") for ours in _ALLOWED_OF_OURS):
                yield node.lineno, f"it imports {name}; of this system a strategy needs domain, errors and strategies"
        elif top in _OUTWARD or (top in sys.stdlib_module_names and top not in _ALLOWED):
            yield node.lineno, f"it imports {name}, which reads files, networks, clocks or chance, or hides what does"


def _unknown_imports(node: ast.AST) -> Iterator[Note]:
    for name in _imports(node):
        top = name.partition(".")[0]
        if top not in _ALLOWED | _OUTWARD | sys.stdlib_module_names | {"alphafactory"}:
            yield node.lineno, f"it imports {name}, of which nobody knows here whether it reads more than its arguments"  # type: ignore[attr-defined]


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
