"""Whole nights by the command line on the real prices: the first, an unchanged one, and one with a new session.

1. The file without its newest session is loaded into an empty embedded database: the cold night.
2. The same again: the unchanged night.
3. The whole file: one new session for every symbol.

They run in a temporary folder, first with two strategies, for which the targets were set, then in another with all that
ship, whose backtests are ten times as many. While they run, the memory of each of their processes is watched, the
server's too.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measuring
import psutil
import yaml
from measuring import AS_OF, PRICES, PROJECT, SYMBOLS, NightFailedError, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

FEW = ["sma_crossover", "buy_and_hold"]
TARGETS = {"cold": 20.0, "unchanged": 3.0, "one new session": 6.0}
STEP_TARGETS = {"indicators": 6.0, "backtests": 5.0}
MEMORY_TARGET = 1536.0
LONGEST = 600.0
MEGABYTE = 1 << 20


class MemoryWatch(threading.Thread):
    """Notes the largest resident size of any process whose command line names the folder, or that descends from one."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._folder = str(folder)
        self._ended = threading.Event()

    def run(self) -> None:
        """Look ten times a second until told to end."""
        while not self._ended.wait(0.1):
            self.peak = max([self.peak, *(_resident(process) for process in self._processes())])

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self.join()

    def _processes(self) -> set[psutil.Process]:
        found: set[psutil.Process] = set()
        for process in psutil.process_iter(["cmdline"]):
            if any(self._folder in word for word in process.info["cmdline"] or ()):
                found.add(process)
        for process in list(found):
            try:
                found.update(process.children(recursive=True))
            except psutil.Error:
                continue  # it ended while we looked
        return found


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def without_newest_session(source: Path, target: Path) -> None:
    """Copy the prices without the rows of the newest session."""
    newest = f",{AS_OF.isoformat()},"
    with (
        gzip.open(source, "rt", encoding="utf-8") as lines,
        gzip.open(target, "wt", encoding="utf-8", compresslevel=1) as kept,
    ):
        kept.writelines(line for line in lines if newest not in line)


def write_config(folder: Path, prices: Path, symbols: Path, strategies: str | list[str]) -> Path:
    """Write a config for a night of these strategies inside `folder` alone."""
    config = {
        "database": {"url": "embedded"},
        "paths": {"var": str(folder / "var")},
        "reports": {"dir": str(folder / "reports")},
        "backtest": {"strategies": strategies},
        "sources": {"order": ["csv"], "csv": {"path": str(prices), "symbols_path": str(symbols)}},
    }
    path = folder / "night.yaml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


def night(config: Path) -> tuple[float, dict[str, Any]]:
    """Run one night and return its seconds, start-up included, and what it says of itself."""
    command = [sys.executable, str(PROJECT / "run.py"), "nightly", "--json", "--config", str(config)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST, check=False)
    seconds = time.perf_counter() - start
    if done.returncode != 0:
        raise NightFailedError(f"the night ended with {done.returncode}: {done.stderr.strip()[-500:]}")
    said: dict[str, Any] = json.loads(done.stdout)
    if said["outcome"] != "fine":
        raise NightFailedError(f"the night was {said['outcome']}: {said['steps']}")
    return seconds, said


def rows_of(
    claim: str, night_result: tuple[float, dict[str, Any]], target: float | None, step_targets: dict[str, float]
) -> Iterator[Row]:
    """Yield a row for the night, start-up included, and one for each of its steps."""
    seconds, said = night_result
    yield Row(claim, seconds, target=target)
    for step in said["steps"]:
        yield Row(f"  {step['name']}", step["seconds"], target=step_targets.get(step["name"]))


def run() -> Iterator[Row]:
    """Run the three nights of two strategies, then those of all."""
    yield from nights("two strategies", FEW, TARGETS, STEP_TARGETS)
    yield from nights("all strategies", "all", {}, {})


def nights(
    which: str, strategies: str | list[str], targets: dict[str, float], step_targets: dict[str, float]
) -> Iterator[Row]:
    """Run the three nights in a folder of their own."""
    source = measuring.prices_folder()
    with tempfile.TemporaryDirectory(prefix="alphafactory-bench-") as name:
        folder = Path(name)
        prices = folder / PRICES
        without_newest_session(source / PRICES, prices)
        config = write_config(folder, prices, source / SYMBOLS, strategies)
        watch = MemoryWatch(folder)
        watch.start()
        yield from rows_of(f"{which}: cold, with report", night(config), targets.get("cold"), step_targets)
        yield from rows_of(f"{which}: unchanged", night(config), targets.get("unchanged"), {})
        prices.write_bytes((source / PRICES).read_bytes())
        yield from rows_of(f"{which}: one new session", night(config), targets.get("one new session"), {})
        watch.end()
        yield Row("largest process of these nights", watch.peak / MEGABYTE, "MB", target=MEMORY_TARGET)


if __name__ == "__main__":
    measuring.finish(run)
