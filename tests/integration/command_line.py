"""A project's command line as a user runs it: `run.py` in a process of its own, on a database of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN = Path(__file__).parents[2] / "run.py"
SECONDS = 120
SMALL_MARKET = {
    "ALPHAFACTORY__SOURCES__ORDER": '["synthetic"]',
    "ALPHAFACTORY__SOURCES__SYNTHETIC__SYMBOLS": "3",
    "ALPHAFACTORY__SOURCES__SYNTHETIC__YEARS": "1",
    "ALPHAFACTORY__COMPUTE__BACKEND": "sequential",
    "ALPHAFACTORY__BACKTEST__STRATEGIES": '["sma_crossover", "buy_and_hold"]',
    "ALPHAFACTORY__AUDIT__SYMBOLS": "1",
}


@dataclass(frozen=True)
class CommandLine:
    """Runs commands on the database and the report folder below `folder`."""

    folder: Path
    settings: dict[str, str]

    def environment(self, **more: str) -> dict[str, str]:
        kept = {n: v for n, v in os.environ.items() if not n.startswith("ALPHAFACTORY__") and n != "DATABASE_URL"}
        places = {"PATHS__VAR": "var", "PATHS__STRATEGIES": "strategies", "REPORTS__DIR": "reports"}
        ours = {f"ALPHAFACTORY__{key}": str(self.folder / name) for key, name in places.items()}
        return kept | ours | self.settings | more

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(RUN), *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command, cwd=self.folder, env=self.environment(**more), **pipes)  # type: ignore[call-overload]

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        with self.start(*words, **more) as process:
            try:
                out, err = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def value(self, *words: str, **more: str) -> Any:
        """Return the JSON value of a command that has to end well."""
        done = self.run(*words, "--json", **more)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
