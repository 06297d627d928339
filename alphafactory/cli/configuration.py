"""`config show` and `config check`: what is in force and where it was set. Secrets are masked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from alphafactory.cli.jobs import known_jobs
from alphafactory.cli.output import mask_secrets, plain, print_json, print_line, print_note
from alphafactory.cli.session import FINE, USAGE, JsonOption, session_of
from alphafactory.errors import ConfigError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.cli.session import Session
    from alphafactory.config_loading import LoadedConfig

app = typer.Typer(help="See what the configuration comes to.", no_args_is_help=True)


@app.command()
def show(context: typer.Context, json: JsonOption = False) -> None:
    """Print every setting in force as YAML, secrets masked."""
    tree = masked_settings(session_of(context).loaded)
    if json:
        print_json(tree)
        return
    import yaml  # noqa: PLC0415  0.05 s that help need not wait

    print_line(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True).rstrip())


@app.command()
def check(context: typer.Context, json: JsonOption = False) -> int:
    """Read the configuration as a night would, judge every name in it, and say where each setting comes from."""
    session = session_of(context)
    loaded = session.loaded
    problems = list(wrong_names(session))
    outcome = "failed" if problems else "fine"
    origins = changed_settings(loaded)
    if json:
        print_json({"outcome": outcome, "problems": problems, "origins": origins})
        return USAGE if problems else FINE
    print_line("Settings that differ from the default, by where they were set:" if origins else "All is as by default.")
    for origin in dict.fromkeys(origins.values()):
        keys = [key for key, place in origins.items() if place == origin]
        print_line(f"  {origin}: {', '.join(keys)}")
    for problem in problems:
        print_note(f"Error: {problem}")
    if not problems:
        print_line("The configuration is fine.")
    return USAGE if problems else FINE


def masked_settings(loaded: LoadedConfig) -> dict[str, Any]:
    """Return the settings as plain values, with the passwords of URLs hidden."""
    tree = plain(loaded.config.model_dump(mode="python"))
    for key in ("url", "reader_url"):
        if tree["database"][key]:
            tree["database"][key] = mask_secrets(tree["database"][key])
    return dict(tree)


def _wrong_url(session: Session) -> Iterator[str]:
    """Yield what is wrong with how the database's URL is written; whether it answers is for `db status` to say."""
    from alphafactory.store.database import checked_url, is_embedded  # noqa: PLC0415  SQLAlchemy, which help needs not

    if not is_embedded(session.config):
        try:
            checked_url(session.config.database.url)
        except ConfigError as error:
            yield str(error)


def wrong_names(session: Session) -> list[str]:
    """Return what is wrong with the names that the config uses: jobs, cron entries, strategies, sources."""
    from alphafactory.pipeline.known_strategies import known_strategies  # noqa: PLC0415  as above
    from alphafactory.scheduling import Timetable  # noqa: PLC0415  APScheduler, as above
    from alphafactory.sources import sources  # noqa: PLC0415  as above

    config = session.config
    strategies = known_strategies(config.paths.strategies)
    named = [] if config.backtest.strategies == "all" else config.backtest.strategies
    problems = list(_wrong_url(session))
    for key, registry, names in (
        ("backtest.strategies", strategies, named),
        ("backtest.benchmark", strategies, [config.backtest.benchmark]),
        ("sources.order", sources(), config.sources.chain),
        ("sources.earnings", sources(), config.sources.earnings),
    ):
        for name in names:
            try:
                registry.get(name)
            except UnknownNameError as error:
                problems.append(f"{key}: {error}")
    try:
        Timetable(config.schedule, known_jobs())
    except UnknownNameError as error:
        problems.append(f"schedule.jobs: {error}")
    except ConfigError as error:
        problems.append(str(error))
    return problems


def changed_settings(loaded: LoadedConfig) -> dict[str, str]:
    """Return where each setting was set that is not as by default, by its dotted key."""
    from alphafactory.config import Config  # noqa: PLC0415  pydantic, which help does not need

    defaults = dict(_leaves(Config().model_dump()))
    default = {key: loaded.root / value if isinstance(value, Path) else value for key, value in defaults.items()}
    values = dict(_leaves(loaded.config.model_dump()))
    return {key: origin for key, origin in loaded.origins.items() if key in values and values[key] != default.get(key)}


def _leaves(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
