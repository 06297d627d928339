"""From a command line to the interpreter that shall run it.

1. The command word says which lock files it needs.
2. Where the environment does not hold them, they are installed.
3. Where this process is not the environment's interpreter, `run.py` is run again under it, in the same working folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.bootstrap.environment import WINDOWS, Environment, EnvironmentSetupError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BASE_LOCKS = ("base.lock",)
TEST_LOCKS = ("base.lock", "test.lock", "crypto.lock")
LOCKS_OF_COMMAND = {"test": TEST_LOCKS, "bench": TEST_LOCKS}
OPTIONS_WITH_VALUE = frozenset({"--config"})  # the global options whose next word is a value, not the command
FOREIGN_VARIABLES = (  # these would lead the environment's interpreter to another library
    "PYTHONHOME",
    "PYTHONPATH",
    "__PYVENV_LAUNCHER__",
)


def locks_of(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the lock files that the command in `arguments` needs."""
    words = iter(arguments)
    for word in words:
        if word in OPTIONS_WITH_VALUE:
            next(words, None)
        elif not word.startswith("-"):
            return LOCKS_OF_COMMAND.get(word, BASE_LOCKS)
    return BASE_LOCKS


def clean_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables without those that point an interpreter to another one's library."""
    return {name: value for name, value in variables.items() if name not in FOREIGN_VARIABLES}


def prepare(project: str, arguments: Sequence[str]) -> int | None:
    """Make the environment fit the command.

    Returns:
        None where this process is the environment's interpreter and may go on; an exit status where all is done (the
        environment could not be made, or on Windows the command ran in a child process). On POSIX a process outside
        the environment becomes the environment's interpreter and never returns.
    """
    environment = Environment(Path(project))
    try:
        installed = _install_what_is_missing(environment, locks_of(arguments))
    except EnvironmentSetupError as error:
        return _say(str(error), 1)
    except OSError as error:
        from alphafactory.bootstrap.diagnosis import explain_os_error  # noqa: PLC0415 - only a failure needs it

        return _say(explain_os_error(error, environment.project), 1)
    except KeyboardInterrupt:
        return _say("Interrupted while preparing .venv; the next run carries on.", 130)
    return None if environment.is_running() and not installed else _run_again(environment, arguments)


def _install_what_is_missing(environment: Environment, locks: tuple[str, ...]) -> bool:
    if environment.fits(locks):
        return False
    from alphafactory.bootstrap.installation import install  # noqa: PLC0415 - only the first use needs it

    install(environment, locks, clean_variables(os.environ))
    return True


def _run_again(environment: Environment, arguments: Sequence[str]) -> int:
    command = [str(environment.python), str(environment.project / "run.py"), *arguments]
    variables = clean_variables(os.environ)
    sys.stderr.flush()
    if not WINDOWS:
        os.execve(command[0], command, variables)  # noqa: S606 - the process becomes the command: signals reach it
    import subprocess  # noqa: PLC0415 - Windows alone needs it: its exec returns to the prompt before the command ends

    with subprocess.Popen(command, env=variables) as child:
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:  # the console sent it to the child as well, which ends in its own way
                continue


def _say(message: str, status: int) -> int:
    sys.stderr.write(message + "\n")
    return status
