"""Finds plug-ins: a kind is a folder, a plug-in is a file, and nothing else has to be edited.

Goes in: a kind, its base class, the package that holds ours and the folder that holds the user's. Comes out: a
`Registry` with every plug-in under its name, and the broken files with path and line. The steps:

1. Import each module of the package and of the packages in it, then each `*.py` of the user's folder by its path (never
   as a top-level module, so a file called `random.py` shadows nothing), then the entry points of the group
   `alphafactory.<kind>`. A kind may bring readers of other files, by their suffix.
2. From each module take the concrete subclasses of the base class, or the instances of it, that it defines itself.
3. Refuse a name twice; note what failed and go on.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.metadata
import inspect
import pkgutil
import sys
import tokenize
import traceback
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from alphafactory.errors import AlphaFactoryError, PluginError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable, ItemsView, Iterator, Mapping
    from types import ModuleType

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plug-in file that could not be used. `line` is 0 where no line is to blame."""

    kind: str
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(slots=True)
class Registry(Generic[T]):
    """The plug-ins of one kind by name, and the broken files beside them."""

    kind: str
    plugins: dict[str, T] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    broken: list[BrokenPlugin] = field(default_factory=list)

    def names(self) -> list[str]:
        """Return the known names in order."""
        return sorted(self.plugins)

    def items(self) -> ItemsView[str, T]:
        """Return names and plug-ins in order of name."""
        return dict(sorted(self.plugins.items())).items()

    def __iter__(self) -> Iterator[T]:
        return iter([plugin for _, plugin in self.items()])

    def __len__(self) -> int:
        return len(self.plugins)

    def get(self, name: str) -> T:
        """Return the plug-in of that name; raise `UnknownNameError` listing the near ones."""
        if name not in self.plugins:
            raise UnknownNameError(_singular(self.kind), name, self.plugins)
        return self.plugins[name]

    def add(self, plugin: T, path: str) -> None:
        """Add one plug-in; raise `PluginError` when it has no name or its name is taken."""
        name = getattr(plugin, "name", None)
        if not isinstance(name, str) or not name:
            raise PluginError("a plug-in needs a text attribute `name`")
        if name in self.plugins:
            raise PluginError(f"the name '{name}' is taken by {self.paths[name]}; give this one another name")
        self.plugins[name] = plugin
        self.paths[name] = path


def discover(
    kind: str,
    base: type[T],
    package: str,
    folder: Path | None = None,
    readers: Mapping[str, Callable[[Path], T]] | None = None,
) -> Registry[T]:
    """Find every plug-in of a kind; see the module's own text for the order and the rules.

    `readers` make a plug-in of a user's file by its suffix (`.yaml`); `PluginError.line` says where one is broken.
    """
    registry: Registry[T] = Registry(kind)
    for module_name in _modules_of(package):
        _gather(registry, base, module_name, lambda name=module_name: importlib.import_module(name))
    if folder is not None and folder.is_dir():
        _forget(kind, folder)
        for path in sorted(folder.iterdir()):
            if path.suffix == ".py":
                _gather(registry, base, str(path), lambda path=path: load_by_path(kind, path))
            elif readers is not None and path.suffix in readers:
                _read_one(registry, path, readers[path.suffix])
    for point in importlib.metadata.entry_points(group=f"alphafactory.{kind}"):
        _gather(registry, base, f"entry point {point.name}", lambda point=point: _module_of(point.load()))
    return registry


def load_by_path(kind: str, path: Path) -> ModuleType:
    """Import a user's file as a member of a private package, so that it can neither shadow nor be shadowed.

    The package is the file's folder, so `from .neighbour import something` works as in any package. No bytecode is
    written beside the user's files: a cache judged by its second of change would outlive a quick edit.
    """
    package = _package_name(kind, path.parent)
    if package not in sys.modules:
        parent = types.ModuleType(package)
        parent.__path__ = [str(path.parent.resolve())]
        sys.modules[package] = parent
    importlib.invalidate_caches()
    writes_bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        return importlib.import_module(f"{package}.{path.stem}")
    finally:
        sys.dont_write_bytecode = writes_bytecode


def source_text(path: Path, package: str) -> str:
    """Return a plug-in file's source followed by what it imports locally, as read from disk.

    Local are the files of the plug-in's own folder and of `package` (for a strategy `alphafactory.strategies`), and
    what they import in turn. The text is the same on every machine: parts are named relative to their folders, line
    ends are newlines.
    """
    roots = {package: Path(str(importlib.import_module(package).__file__)).parent, "": path.parent}
    found: dict[Path, str] = {path.resolve(): ""}
    waiting = [path.resolve()]
    while waiting:
        for part, label in _local_imports(waiting.pop(), roots):
            if part not in found:
                found[part] = label
                waiting.append(part)
    return "".join(_read(part, label) for part, label in sorted(found.items(), key=lambda item: item[1]))


def _local_imports(path: Path, roots: dict[str, Path]) -> Iterator[tuple[Path, str]]:
    """Yield the local files that a file may import, each with its label."""
    for node in ast.walk(ast.parse(_read(path))):
        if isinstance(node, ast.Import):
            targets: list[tuple[Path | None, str]] = [(None, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = None if node.level == 0 else path.parents[node.level - 1]
            targets = [(base, node.module or "")]
            targets += [(base, f"{node.module}.{alias.name}" if node.module else alias.name) for alias in node.names]
        else:
            continue
        for base, dotted in targets:
            yield from _resolve(base, dotted, roots)


def _resolve(base: Path | None, dotted: str, roots: dict[str, Path]) -> Iterator[tuple[Path, str]]:
    """Yield the file of an imported module where it lies below a root; `base` is None for an absolute import."""
    for name, root in roots.items():
        if base is not None:
            stem = base.joinpath(*dotted.split("."))
        elif name and (dotted == name or dotted.startswith(f"{name}.")):
            stem = root.joinpath(*dotted.removeprefix(name).strip(".").split("."))
        else:
            continue
        for file in (stem.with_suffix(".py"), stem / "__init__.py"):
            if file.is_file() and file.resolve().is_relative_to(root.resolve()):
                yield file.resolve(), f"{name}/{file.resolve().relative_to(root.resolve()).as_posix()}"
                return


def _read(path: Path, label: str = "") -> str:
    with tokenize.open(path) as lines:
        text = lines.read()
    return f"\n# {label}\n{text}" if label else text


def _package_name(kind: str, folder: Path) -> str:
    return f"_alphafactory_{kind}_{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}"


def _forget(kind: str, folder: Path) -> None:
    """Drop what an earlier discovery imported from the folder, so that edited files are read again."""
    package = _package_name(kind, folder)
    for name in [name for name in sys.modules if name == package or name.startswith(f"{package}.")]:
        del sys.modules[name]


def _singular(kind: str) -> str:
    """Return what one plug-in of the kind is called in a message: `strategies` holds strategies, one is a strategy."""
    words = kind.replace("_", " ")
    return f"{words.removesuffix('ies')}y" if words.endswith("ies") else words.removesuffix("s")


def _modules_of(package: str) -> list[str]:
    """Return the modules of a package, then those of the packages in it."""
    found = importlib.import_module(package)
    inside = [info for info in pkgutil.iter_modules(found.__path__) if not info.name.startswith("_")]
    deeper = [name for info in inside if info.ispkg for name in _modules_of(f"{package}.{info.name}")]
    return [f"{package}.{info.name}" for info in inside] + deeper


def _module_of(loaded: object) -> ModuleType:
    if inspect.ismodule(loaded):
        return loaded
    module = inspect.getmodule(loaded)
    if module is None:
        raise PluginError(f"the entry point leads to {loaded!r}, which belongs to no module")
    return module


def _gather(registry: Registry[T], base: type[T], where: str, load: object) -> None:
    """Load one module and add its plug-ins; whatever it throws becomes a broken plug-in and the others go on."""
    try:
        module = cast("ModuleType", load())  # type: ignore[operator]
        path = str(getattr(module, "__file__", where))
        for plugin in _plugins_in(module, base):
            registry.add(plugin, path)
    except (Exception, SystemExit) as error:  # noqa: BLE001  a user's file may raise anything at all
        registry.broken.append(_describe(registry.kind, where, error))


def _read_one(registry: Registry[T], path: Path, read: Callable[[Path], T]) -> None:
    """Let a reader make a plug-in of a file; what it cannot read becomes a broken plug-in."""
    try:
        registry.add(read(path), str(path))
    except (AlphaFactoryError, OSError, UnicodeDecodeError) as error:
        line = getattr(error, "line", 0)
        message = str(error).removeprefix(f"{path.name}:{line}: ")  # the path and the line stand beside it
        registry.broken.append(BrokenPlugin(registry.kind, str(path), line, message))


def _plugins_in(module: ModuleType, base: type[T]) -> list[T]:
    found: list[T] = []
    for value in vars(module).values():
        if inspect.isclass(value):
            own = value.__module__ == module.__name__
            if own and issubclass(value, base) and value is not base and not inspect.isabstract(value):
                found.append(cast("T", value))
        elif isinstance(value, base):
            found.append(value)
        elif isinstance(value, tuple) and value and all(isinstance(member, base) for member in value):
            found.extend(value)
    return list(dict.fromkeys(found))


def _describe(kind: str, where: str, error: BaseException) -> BrokenPlugin:
    if isinstance(error, SyntaxError):
        return BrokenPlugin(kind, error.filename or where, error.lineno or 0, f"{type(error).__name__}: {error.msg}")
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).resolve() == Path(where).resolve()
    ]
    line = frames[-1].lineno or 0 if frames else 0
    text = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
    return BrokenPlugin(kind, where, line, text)
