"""From the words of a command line to an exit status. In: words, the present moment. Out: 0, 1, 2, 3 or 130.

1. The global options are taken to the front, wherever they stand.
2. Typer finds the command and calls it.
3. What goes wrong becomes one line on stderr; a defect of ours also leaves its traceback in a log.

Exit status: 0 fine, 1 failed, 2 the command's words are off, 3 partial, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alphafactory.cli import (
    auditing,
    backtests,
    catalogues,
    comparing,
    configuration,
    database,
    demo,
    development,
    explaining,
    jobs,
    portfolios,
    quality,
    sources,
    sweeps,
    symbols,
    universes,
)
from alphafactory.cli.output import mask_secrets, one_line, print_note
from alphafactory.cli.session import BROKEN_PIPE, FAILED, INTERRUPTED, USAGE, Session, session_of
from alphafactory.errors import AlphaFactoryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

PROJECT = Path(__file__).resolve().parents[2]
PROGRAM = "run.py"
FOREIGN_OPTIONS = ("test", "bench")
"""Commands that hand their words on to another program, whose --quiet is not ours."""

app = typer.Typer(
    name=PROGRAM,
    help="AlphaFactory turns market data into decisions overnight. Start with `python run.py demo`.",
    epilog="--config and --quiet may stand before or after the command. Exit: 0 fine, 1 failed, 2 usage, 3 partial.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="YAML whose keys overlay global_config.yaml.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
) -> None:
    """Keep the global options for the command."""
    session = session_of(context)
    session.overlay = config
    session.quiet = quiet
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def version() -> None:
    """Print the version."""
    from alphafactory import __version__  # noqa: PLC0415  the package's attribute, beside its only use

    typer.echo(f"AlphaFactory {__version__} on Python {sys.version.split()[0]}")


for group in (
    demo,
    jobs,
    quality,
    auditing,
    backtests,
    portfolios,
    sweeps,
    comparing,
    explaining,
    catalogues,
    symbols,
    development,
):
    group.register(app)
app.add_typer(database.app, name="db", rich_help_panel="The tables")
app.command("sql", rich_help_panel="The tables")(database.sql)
app.add_typer(universes.app, name="universe", rich_help_panel="The tables")
app.add_typer(sources.app, name="sources", rich_help_panel="The project")
app.add_typer(configuration.app, name="config", rich_help_panel="The project")


def main(
    arguments: Sequence[str], now: datetime, *, root: Path = PROJECT, environ: Mapping[str, str] | None = None
) -> int:
    """Run one command and return its exit status.

    Args:
        arguments: The words behind `run.py`.
        now: The present moment, aware.
        root: The project's folder.
        environ: Environment variables, by default the process's.
    """
    session = Session(root, now, os.environ if environ is None else environ)
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a console that cannot show a sign shall not end the night
    try:
        status = _call(arguments, session)
        sys.stdout.flush()
    except AlphaFactoryError as error:
        print_note(f"Error: {one_line(str(error))}")
        return USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        print_note("Interrupted. Nothing half-written is kept; the next run carries on.")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has enough. Python flushes stdout once more at its end: let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  the last line of defence: one line for the user, the traceback for us
        print_note(f"Error: {_describe_defect(error, session)}")
        return FAILED
    return status


def _call(arguments: Sequence[str], session: Session) -> int:
    command = typer.main.get_command(app)
    try:
        with command.make_context(PROGRAM, global_options_first(arguments), obj=session) as context:
            result = command.invoke(context)
    except typer.Exit as leaving:
        return leaving.exit_code
    except typer.Abort:
        raise KeyboardInterrupt from None
    except typer.TyperException as error:
        message = one_line(error.format_message()).rstrip(".")  # empty where a group without a command showed its help
        end = "" if message.endswith("?") else "."
        if message:
            print_note(f"Error: {message}{end} `python run.py --help` lists the commands, COMMAND --help its options.")
        return error.exit_code
    return result if isinstance(result, int) else 0


def global_options_first(arguments: Sequence[str]) -> list[str]:
    """Move `--config FILE` and `--quiet` to the front; behind `--`, `test` and `bench` words are not ours."""
    ours: list[str] = []
    others: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--" or (not others and word in FOREIGN_OPTIONS):
            return [*ours, *others, word, *words]
        if word == "--config":
            file = next(words, None)
            if file is None:
                raise UsageError("--config needs a file. Write for example --config my.yaml.")
            ours += [word, file]
        elif word == "--quiet" or word.startswith("--config="):
            ours.append(word)
        else:
            others.append(word)
    return [*ours, *others]


def _describe_defect(error: Exception, session: Session) -> str:
    """Write the traceback to a log, secrets hidden, and say in one line where it is."""
    what = one_line(f"{type(error).__name__}: {error}")
    text = mask_secrets("".join(traceback.format_exception(error)))
    file = session.logs / f"error-{session.now:%Y%m%d-%H%M%S}.log"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as refused:
        return f"{what}. The traceback could not be written to {file} ({refused.strerror})."
    if isinstance(error, OSError):
        return f"{what}. Mend that and run the command again; details are in {file}."
    return f"{what}. This is a defect of AlphaFactory; its traceback is in {file}."
