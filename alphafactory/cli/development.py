"""`test` and `bench`: the project's own checks, each in the project's folder under this interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import typer  # noqa: TC002  Typer reads the annotations at run time

from alphafactory.cli.output import print_note
from alphafactory.cli.session import FAILED, FINE, session_of
from alphafactory.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PANEL = "The project"
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": ["--help"]}
LINTS = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
WITH_VALUE = ("-k", "-m", "-n", "-p", "-o", "-c", "-r", "-W", "--maxfail", "--timeout", "--dist", "--durations")
PARALLEL = ("-n", "2", "--dist", "loadscope")
"""Two processes, a file of tests each: the machine's embedded servers are the bottleneck, not its cores."""


def register(app: typer.Typer) -> None:
    """Add this file's commands."""
    app.command(context_settings=PASS_ON, rich_help_panel=PANEL)(test)
    app.command(context_settings=PASS_ON, rich_help_panel=PANEL)(bench)


def test(context: typer.Context) -> int:
    """Run the checks: ruff, mypy and pytest. Further words go to pytest; where they name tests, pytest runs alone."""
    root, words = session_of(context).root, list(context.args)
    whole = not names_tests(words)
    commands: list[Sequence[str]] = [*LINTS] if whole else []
    parallel = PARALLEL if whole and not any(word.startswith(("-n", "-p", "--pdb")) for word in words) else ()
    commands.append(("pytest", *parallel, *words))
    return _run_all(root, [[sys.executable, "-m", *command] for command in commands])


def bench(context: typer.Context) -> int:
    """Run the benchmarks, or those you name; each prints its ratio to a peer measured in the same run."""
    root = session_of(context).root
    script = root / "benchmarks" / "run_all.py"
    if not script.is_file():
        raise UsageError(f"{script} is missing. Restore the folder benchmarks/ of the project.")
    return _run_all(root, [[sys.executable, str(script), *context.args]])


def names_tests(words: Sequence[str]) -> bool:
    """Say whether pytest's words pick tests: a path, a node or an expression."""
    picks = ("-k", "-m", "--lf", "--last-failed", "--ff", "--sw", "--collect-only", "--co")
    if any(word in picks or word.startswith(("-k=", "-m=")) for word in words):
        return True
    before = ["", *words]
    return any(not word.startswith("-") and before[place] not in WITH_VALUE for place, word in enumerate(words))


def _run_all(root: Path, commands: Sequence[Sequence[str]]) -> int:
    """Run commands one after another, all of them, and say in the end which failed."""
    failed = []
    variables = {**os.environ, "PYTHONPATH": str(root)}
    for command in commands:
        name = " ".join(command[2:] if command[1] == "-m" else command[1:])
        print_note(f"$ python {'-m ' if command[1] == '-m' else ''}{name}")
        started = time.monotonic()
        status = subprocess.run(command, cwd=root, env=variables, check=False).returncode
        print_note(
            f"  {'fine' if status == 0 else f'FAILED with status {status}'} after {time.monotonic() - started:.1f} s"
        )
        if status != 0:
            failed.append(name)
    if failed:
        print_note(f"Failed: {'; '.join(failed)}.")
    return FAILED if failed else FINE
