"""Makes `.venv` and installs the lock files into it; a run that is killed at any moment leaves the next one working.

1. Take the lock: two at once wait for each other. The operating system frees it when its holder dies.
2. Look again: whoever held the lock before may have done the work.
3. An environment without a stamp is half-made and is made from nothing, for pip takes a half-copied package for an
   installed one. (One that was never ours, made by hand or by an editor, is filled up instead.)
4. Put the stamp aside, install, compile, write the new stamp. A failure before pip touched anything puts the old
   stamp back, so that `test` without a network does not take `nightly` away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

from alphafactory.bootstrap.diagnosis import explain_output
from alphafactory.bootstrap.environment import WINDOWS, Environment, EnvironmentSetupError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SECONDS_BETWEEN_TRIES = 0.2
PROGRESS_WIDTH = 60
PIP_INSTALL = (
    *("-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"),
    "--no-deps",  # a lock file names everything; without a search pip is faster, and nothing unpinned can slip in
    *("--only-binary", ":all:"),  # the machine has no compiler: say so at once rather than after a page of its errors
    "--no-compile",  # compiled below on all cores, in half the time
)
REDIRECTIONS = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_PYTHON", "PIP_DRY_RUN", "PIP_REQUIREMENT")
COMPILE_SIMULATOR = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop()); "
    "runpy.run_module('alphafactory.simulation', run_name='__main__')"
)
HAS_PIP = "import sys, pip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))"


def install(environment: Environment, locks: Sequence[str], variables: dict[str, str]) -> None:
    """Bring `environment` to hold every lock file of `locks`.

    Args:
        environment: The `.venv` to make or to mend.
        locks: Names of lock files in `requirements/`.
        variables: Environment variables for venv and pip, with the user's settings of index, proxy and certificates.

    Raises:
        EnvironmentSetupError: A step failed; the message says why and what to do.
    """
    hashes = {name: environment.lock_hash(name) for name in locks}
    made_by_hand = environment.python.exists() and not environment.lock_file.exists()
    environment.folder.mkdir(exist_ok=True)
    with environment.lock_file.open("a") as lock, _held(lock):
        if not environment.fits(locks):
            _Installation(environment, variables, lock).run(hashes, made_by_hand=made_by_hand)


class _Installation:
    """One installation, under the lock."""

    def __init__(self, environment: Environment, variables: dict[str, str], lock: IO[str]) -> None:
        self.environment = environment
        self.variables = {name: value for name, value in variables.items() if name not in REDIRECTIONS}
        self.variables["PIP_USER"] = "0"  # a user's own default of --user would miss the environment
        self.lock = lock

    def run(self, hashes: dict[str, str], *, made_by_hand: bool) -> None:
        started = time.monotonic()
        environment = self.environment
        self.say(f"Preparing .venv for {' and '.join(hashes)} (this happens once).")
        environment.log.write_text("", encoding="utf-8")
        if made_by_hand and self.call(str(environment.python), "-c", HAS_PIP)[0] == 0:
            environment.write_stamp({})
        if not environment.fits(()):
            self.make_anew()
            environment.write_stamp({})
        self.install_packages(hashes)
        self.say(f"The environment is ready after {time.monotonic() - started:.0f} s.")

    def make_anew(self) -> None:
        """Empty the folder but for the lock that is held and the log, and make a virtual environment in it."""
        environment = self.environment
        python = environment.interpreter() if environment.is_running() else sys.executable
        if WINDOWS and environment.is_running():
            raise EnvironmentSetupError(f"{environment.folder} is half-made. Run run.py with another Python: {python}")
        environment.stamp.unlink(missing_ok=True)
        self.say(f"(1/2) Making .venv with Python {sys.version_info.major}.{sys.version_info.minor} ...")
        for path in environment.folder.iterdir():
            if path in (environment.lock_file, environment.log):
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.call_or_fail("making the virtual environment", python, "-m", "venv", str(environment.folder))

    def install_packages(self, hashes: dict[str, str]) -> None:
        """Install the lock files, with the stamp put aside as long as the packages are in between."""
        environment = self.environment
        stamp = environment.read_stamp()
        installed = {} if stamp is None else stamp.locks
        aside = environment.stamp.with_suffix(".before")
        environment.stamp.replace(aside)
        before = self.time_of_change()
        self.say("(2/2) Downloading and installing the pinned packages (a minute or two on a fast line) ...")
        requirements = [word for name in hashes for word in ("-r", str(environment.lock_path(name)))]
        try:
            self.call_or_fail("installing the packages", str(environment.python), *PIP_INSTALL, *requirements)
        except BaseException:
            if self.time_of_change() == before:
                aside.replace(environment.stamp)
            raise
        self.compile_modules()
        self.compile_simulator()
        environment.write_stamp({**installed, **hashes})
        aside.unlink(missing_ok=True)

    def time_of_change(self) -> list[int]:
        """Return when a package was last added to or taken from the environment."""
        pattern = "Lib/site-packages" if WINDOWS else "lib/python3*/site-packages"
        return [path.stat().st_mtime_ns for path in self.environment.folder.glob(pattern)]

    def compile_modules(self) -> None:
        """Compile to bytecode on all cores. What does not compile is no harm: it only saves time later."""
        folders = [str(self.environment.folder), str(self.environment.project / "alphafactory")]
        self.call(str(self.environment.python), "-m", "compileall", "-q", "-j", "0", *folders)

    def compile_simulator(self) -> None:
        """Compile the simulator into the environment, so that no night waits for it. A failure costs time later."""
        self.say("Compiling the simulator (half a minute) ...")
        self.call(str(self.environment.python), "-c", COMPILE_SIMULATOR, str(self.environment.project))

    def call_or_fail(self, purpose: str, *command: str) -> None:
        """Run a command; where it fails, raise with the cause in plain words."""
        status, output = self.call(*command)
        if status != 0:
            cause = explain_output(output, self.environment.project)
            last_lines = "\n".join(output.strip().splitlines()[-5:])
            reason = cause or f"It ended with status {status}:\n{last_lines}"
            log = self.environment.log
            raise EnvironmentSetupError(f"Failed at {purpose}. {reason}\nThe whole output is in {log}")

    def call(self, *command: str) -> tuple[int, str]:
        """Run a command, append its output to the log, and return its exit status and its output.

        The child inherits the lock: where this process is killed, the next run waits until the child has ended too.
        """
        keep = () if WINDOWS else (self.lock.fileno(),)
        with (
            self.environment.log.open("a", encoding="utf-8") as log,
            subprocess.Popen(
                command,
                env=self.variables,
                pass_fds=keep,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # with its own children it is one group, which an interruption ends as a whole
                encoding="utf-8",
                errors="replace",
            ) as child,
        ):
            try:
                output = "".join(self.copy_lines(child.stdout, log))
            except BaseException:
                _end(child)
                raise
        return child.returncode, output

    def copy_lines(self, stream: IO[str] | None, log: IO[str]) -> Iterator[str]:
        """Copy a child's lines to the log as they come, and show on a terminal which package is at work."""
        on_terminal = sys.stderr.isatty()
        for line in stream or ():
            log.write(line)
            log.flush()
            if on_terminal and line.startswith(("Collecting ", "Installing ")):
                sys.stderr.write("\r      " + " ".join(line.split()[:2])[:PROGRESS_WIDTH].ljust(PROGRESS_WIDTH))
            yield line
        if on_terminal:
            sys.stderr.write("\r" + " " * (PROGRESS_WIDTH + 6) + "\r")

    @staticmethod
    def say(message: str) -> None:
        """Say on the error stream what is going on: the output stream belongs to the command."""
        sys.stderr.write(message + "\n")
        sys.stderr.flush()


@contextlib.contextmanager
def _held(lock: IO[str]) -> Iterator[None]:
    """Hold the lock file's lock, waiting for another holder with a word about it."""
    said = False
    while not _try_lock(lock):
        if not said:
            _Installation.say("Another run is preparing .venv; waiting for it ...")
            said = True
        time.sleep(SECONDS_BETWEEN_TRIES)
    try:
        yield
    finally:
        _unlock(lock)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(lock: IO[str]) -> bool:
        lock.seek(0)
        try:
            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(lock: IO[str]) -> None:
        lock.seek(0)
        msvcrt.locking(lock.fileno(), msvcrt.LK_UNLCK, 1)

    def _end(child: subprocess.Popen[str]) -> None:
        child.kill()

else:
    import fcntl

    def _try_lock(lock: IO[str]) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(lock: IO[str]) -> None:
        fcntl.flock(lock, fcntl.LOCK_UN)

    def _end(child: subprocess.Popen[str]) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
