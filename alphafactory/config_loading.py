"""Reads the config from every place it may be written and merges it into one.

Goes in: the project folder, an overlay file, command-line overrides, the environment. Comes out: a `LoadedConfig`.
Later layers win: `global_config.yaml`, `.env`, `DATABASE_URL` and the vendors' keys, `ALPHAFACTORY__SECTION__KEY`, the
overlay of `--config`, the command line. A path in a file is relative to that file; elsewhere it is relative to the
project folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import yaml
from dotenv import dotenv_values
from pydantic import BaseModel, ValidationError

from alphafactory.config import Config
from alphafactory.errors import ConfigError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic_core import ErrorDetails

CONFIG_FILE = "global_config.yaml"
PREFIX = "ALPHAFACTORY__"
NAMED_VARIABLES = {
    "DATABASE_URL": ("database", "url"),
    "POLYGON_API_KEY": ("sources", "polygon", "api_key"),
    "ALPHA_VANTAGE_API_KEY": ("sources", "alpha_vantage", "api_key"),
}
"""Variables that have a name of their own, as people know them."""
Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """The merged config, the folder of the project, and for each key that was set, where it was set."""

    config: Config
    root: Path
    origins: Mapping[str, str] = field(default_factory=dict)


def load_config(
    root: Path,
    environ: Mapping[str, str],
    overlay: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> LoadedConfig:
    """Merge every layer and validate the result; raise `ConfigError` naming the key, the place and the remedy."""
    merged: Tree = {}
    origins: dict[str, str] = {}
    for origin, tree, base in _layers(root, environ, overlay, overrides or {}):
        resolved = _with_absolute_paths(tree, Config, base)
        origins.update(dict.fromkeys(_leaves(resolved), origin))
        merged = _merge(merged, resolved)
    merged = _merge(_with_absolute_paths(_default_paths(), Config, root), merged)
    try:
        return LoadedConfig(Config.model_validate(merged), root, origins)
    except ValidationError as error:
        raise ConfigError("; ".join(_explain(detail, origins) for detail in error.errors())) from None


def _layers(
    root: Path, environ: Mapping[str, str], overlay: Path | None, overrides: Mapping[str, Any]
) -> Iterator[tuple[str, Tree, Path]]:
    if (root / CONFIG_FILE).exists():
        yield CONFIG_FILE, read_yaml(root / CONFIG_FILE), root
    dotenv = read_dotenv(root / ".env")
    for place, variables in ((".env", dotenv), ("environment", environ)):
        for name, path in NAMED_VARIABLES.items():
            if variables.get(name):
                yield f"{place} {name}", _nest(list(path), variables[name]), root
        yield place, _from_environment(variables), root
    if overlay is not None:
        if not overlay.is_file():
            raise ConfigError(f"The config file {overlay} does not exist. Check the path given to --config.")
        yield f"--config {overlay.name}", read_yaml(overlay), overlay.resolve().parent
    for key, value in overrides.items():
        yield "command line", _nest(key.split("."), value), Path.cwd()


def read_yaml(path: Path) -> Tree:
    """Read one YAML file that holds a mapping; an empty file is an empty mapping."""
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_UniqueKeys)  # noqa: S506  it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        message = f"{path}:{line}: this is not valid YAML ({error.problem}). Mend that line and try again."
        raise ConfigError(message) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text ({error.reason}). Save it as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}). Check its name and its rights.") from None
    except (ValueError, yaml.YAMLError) as error:  # ValueError: a date that does not exist, such as 2024-02-30
        raise ConfigError(f"{path} is not valid YAML: {error}. Mend that and try again.") from None
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: the top level must be sections such as `database:`, not {type(tree).__name__}.")
    return {str(key): value for key, value in tree.items()}


class _UniqueKeys(yaml.SafeLoader):
    """YAML's safe loader, which besides refuses a key twice: the first one's settings would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in lines and key != "<<":
                problem = f"'{key}' stands here and on line {lines[key]}"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key_node.start_mark)
            if isinstance(key, str):
                lines[key] = key_node.start_mark.line + 1
        return super().construct_mapping(node, deep)


def read_dotenv(path: Path) -> dict[str, str]:
    """Read the variables of a .env file; none where there is no such file."""
    try:
        return {key: value for key, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}). Save it as UTF-8 text, readable to you.") from None


def _from_environment(environ: Mapping[str, str]) -> Tree:
    tree: Tree = {}
    for name, text in sorted(environ.items()):
        if name.upper().startswith(PREFIX) and text:  # as everywhere, an empty variable is an unset one
            tree = _merge(tree, _nest(name[len(PREFIX) :].lower().split("__"), _environment_value(name, text)))
    return tree


def _environment_value(name: str, text: str) -> Any:
    """Lists and mappings are written as JSON; anything else stays text and is converted by the setting's type."""
    if text.strip() == "null":
        return None
    if text.lstrip()[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"environment {name}: '{text}' is not valid JSON ({error.msg}).") from None


def _nest(path: list[str], value: Any) -> Tree:
    for key in reversed(path):
        value = {key: value}
    return value  # type: ignore[no-any-return]


def _merge(below: Tree, above: Tree) -> Tree:
    merged = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _leaves(tree: Tree, path: str = "") -> Iterator[str]:
    for key, value in tree.items():
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, dict):
            yield from _leaves(value, here)
        yield here


def _with_absolute_paths(tree: Tree, model: type[BaseModel], base: Path) -> Tree:
    """Resolve relative paths against `base`, and take an empty section (all its lines commented out) for no section."""
    resolved = dict(tree)
    for name, info in model.model_fields.items():
        value, kind = resolved.get(name), info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if isinstance(value, dict):
                resolved[name] = _with_absolute_paths(value, kind, base)
            elif value is None:
                resolved.pop(name, None)
        elif isinstance(value, dict) and (member := _member_model(kind)):
            resolved[name] = {
                key: _with_absolute_paths(each, member, base) if isinstance(each, dict) else each
                for key, each in value.items()
            }
        elif isinstance(value, str | Path) and (kind is Path or Path in get_args(kind)):
            resolved[name] = base / Path(value).expanduser()
    return resolved


def _member_model(kind: Any) -> type[BaseModel] | None:
    """Return the model of a mapping's members, as in `universes`; None where they have none."""
    for part in get_args(kind):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def _default_paths() -> Tree:
    defaults = Config()
    return {"paths": defaults.paths.model_dump(), "reports": {"dir": defaults.reports.dir}}


def _explain(detail: ErrorDetails, origins: Mapping[str, str]) -> str:
    """Put one of pydantic's complaints into a sentence with place, key, value and remedy."""
    path = [str(part) for part in detail["loc"] if part not in ("literal['all']", "list[str]", "[key]", "str", "float")]
    key = ".".join(path)
    place = next((origins[k] for k in _upwards(path) if k in origins), "the config")
    if detail["type"] == "extra_forbidden":
        siblings = _keys_at(path[:-1])
        return f"{place}: {key}: there is no such setting. {suggestion(path[-1], siblings)}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not path:
        return f"{place}: {message}"
    given = repr(detail["input"]) if not isinstance(detail["input"], dict) else "a mapping"
    return f"{place}: {key}: {message} (it is {given}).{_remedy(detail)}"


def _remedy(detail: ErrorDetails) -> str:
    """Say what to do about the mistakes that are easily made."""
    if detail["type"] == "string_type" and isinstance(detail["input"], bool | int | float):
        return " YAML reads words such as ON, NO and TRUE, and figures, as something else than text: put it in quotes."
    if detail["type"] == "list_type" and isinstance(detail["input"], str):
        return ' Write a list: [AAA, BBB] in a file, ["AAA", "BBB"] in the environment.'
    if detail["type"] in ("model_type", "dict_type"):
        return " It is a section: its settings stand below it, indented."
    return ""


def _upwards(path: list[str]) -> Iterator[str]:
    for length in range(len(path), 0, -1):
        yield ".".join(path[:length])


def _keys_at(path: list[str]) -> list[str]:
    model: type[BaseModel] = Config
    for part in path:
        kind = model.model_fields[part].annotation if part in model.model_fields else model
        member = _member_model(kind)
        if member is not None:
            model = member
        elif isinstance(kind, type) and issubclass(kind, BaseModel):
            model = kind
        else:
            return []
    return list(model.model_fields)
