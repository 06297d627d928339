"""Run the benchmarks, each in a process of its own, and print one table: `python benchmarks/run_all.py [NAME …]`.

Ends with 1 if any failed or disagreed with its peer, with 2 for an unknown name, else with 0; one that cannot run on
this machine says why and counts as neither. Times are printed, never judged: `MISSED` is for people.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from measuring import SKIPPED, Row, table

FOLDER = Path(__file__).parent
NAMES = (
    "indicators", "features", "quality", "backtest", "kernel", "sweep", "rules", "load", "intraday", "panel",
    "portfolio", "portfolio_peers", "night",
)  # fmt: skip


def run_one(name: str) -> tuple[list[Row], int]:
    """Return a benchmark's rows and its exit status; what it says on stderr goes through."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        return [], done.returncode
    return [Row(**fields) for fields in json.loads(done.stdout)], 0


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        sys.stderr.write(f"There is no benchmark '{unknown[0]}'. Known: {', '.join(NAMES)}.\n")
        return 2
    rows: list[Row] = []
    failed: list[str] = []
    for name in names or NAMES:
        sys.stderr.write(f"{name} ...\n")
        found, status = run_one(name)
        rows += found
        if status not in (0, SKIPPED):
            failed.append(name)
    if rows:
        print(table(rows))
    if failed:
        sys.stderr.write(f"Failed: {', '.join(failed)}.\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
