"""The one command of AlphaFactory: `python run.py demo` works on a fresh machine.

In: the command line and the interpreter that runs this file. Out: the exit status of the command, run by `.venv`.

1. Refuse an interpreter outside the supported range. This file therefore keeps to a syntax that Python 2.7 can read:
   otherwise an old interpreter would answer with a SyntaxError where one sentence is due.
2. Make or mend `.venv` beside this file if it is not what the lock files ask for, and run this file again under it.
3. Under `.venv`, hand the command line and the present moment to `alphafactory.cli`.
"""

import os
import sys

OLDEST = (3, 11)
NEWEST = (3, 14)
RUNNING = tuple(sys.version_info[:2])

if not OLDEST <= RUNNING <= NEWEST:
    sys.stderr.write(
        "AlphaFactory needs Python 3.11 to 3.14, and this is Python "
        + ".".join(str(part) for part in RUNNING)
        + (", which is too old" if RUNNING < OLDEST else ", which is too new")
        + " ("
        + str(sys.executable)
        + ").\nInstall one of them (https://www.python.org/downloads/, or your system's packages) and name it: "
        + ("py -3.13 run.py" if os.name == "nt" else "python3.13 run.py")
        + "".join(" " + argument for argument in sys.argv[1:])
        + "\n"
    )
    sys.exit(1)

PROJECT = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - Python 2.7 has no pathlib
if PROJECT not in sys.path:  # `python -I` and PYTHONSAFEPATH leave the script's folder out.
    sys.path.insert(0, PROJECT)

if __name__ == "__main__":
    from alphafactory.bootstrap import prepare

    status = prepare(PROJECT, sys.argv[1:])
    if status is None:
        from datetime import UTC, datetime

        from alphafactory.cli import main

        status = main(sys.argv[1:], datetime.now(UTC))
    sys.exit(status)
