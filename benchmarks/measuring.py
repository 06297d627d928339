"""What every benchmark shares: a row of the table, the clock, the real prices, and the table itself.

A benchmark is a file with a function `run` that yields a `Row` for each claim. `finish(run)` makes it a script: it
prints the table, or JSON with `--json`, and ends with 0, with 1 where it failed or results disagree, with 77 where it
cannot run on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

PROJECT = Path(__file__).resolve().parents[1]
if str(PROJECT) not in sys.path:
    sys.path.insert(0, str(PROJECT))

import numpy as np  # noqa: E402  the project's own path comes first

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from alphafactory.config_sources import CsvSettings
    from alphafactory.domain.bars import Bars
    from alphafactory.domain.market import Delivery

SKIPPED = 77
PRICES = "sp500_daily_2015_2020.csv.gz"
SYMBOLS = "sp500_symbols.csv"
AS_OF = date(2020, 1, 10)
"""The newest session of the prices, by which a night on them is dated."""


class CannotRunError(Exception):
    """Something that the benchmark needs is not on this machine."""


class DisagreementError(Exception):
    """Two programs gave different results, so that their times do not compare."""


class NightFailedError(Exception):
    """A command that was measured did not end well."""


@dataclass(frozen=True, slots=True)
class Row:
    """One claim: what was measured, the most it should be, and what a named peer needed in the same run."""

    claim: str
    measured: float
    unit: str = "s"
    target: float | None = None
    peer: str = ""
    peer_measured: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the peer's amount is ours: above 1 the peer needs more."""
        return None if self.peer_measured is None else self.peer_measured / self.measured


def prices_folder() -> Path:
    """Return the folder of the real prices.

    Raises:
        CannotRunError: It is not there.
    """
    folder = Path(os.environ.get("ALPHAFACTORY_BENCH_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / PRICES).is_file():
        raise CannotRunError(
            f"The prices {PRICES} are not in {folder}. Name their folder in the variable ALPHAFACTORY_BENCH_DATA."
        )
    return folder


def csv_settings(folder: Path) -> CsvSettings:
    """Return the section `sources.csv` that reads the real prices."""
    from alphafactory.config_sources import CsvSettings  # noqa: PLC0415  pydantic is not needed for the table alone

    return CsvSettings(path=folder / PRICES, symbols_path=folder / SYMBOLS)


def read_prices() -> Delivery:
    """Read the real prices by the project's own source."""
    from alphafactory.sources.csv_files import CsvSource  # noqa: PLC0415  as above

    return CsvSource(csv_settings(prices_folder())).fetch(AS_OF)


def bars_by_symbol(delivery: Delivery) -> dict[str, Bars]:
    """Return each symbol's bars; the file is split-adjusted and its dividends are left out, as peers know none."""
    from alphafactory.domain.bars import BAR_FIELDS, Bars  # noqa: PLC0415  as above

    batch = delivery.bars.ordered()
    starts = batch.starts()
    found = {}
    for code, ticker in enumerate(batch.tickers):
        rows = slice(int(starts[code]), int(starts[code + 1]))
        columns = [np.ascontiguousarray(getattr(batch, name)[rows]) for name in BAR_FIELDS]
        length = rows.stop - rows.start
        found[ticker] = Bars(batch.sessions[rows], *columns, split_factor=np.ones(length), dividends=np.zeros(length))
    return found


def seconds(work: Callable[[], object], repeats: int = 1) -> float:
    """Return the shortest of `repeats` runs: what disturbs a run only ever lengthens it."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def demand_equal(what: str, ours: object, theirs: object, tolerance: float) -> None:
    """Raise `DisagreementError` unless both agree, NaN with NaN, to `tolerance` relative to the largest value."""
    mine, other = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if mine.shape != other.shape:
        raise DisagreementError(f"{what}: shapes {mine.shape} and {other.shape} differ.")
    if not np.array_equal(np.isnan(mine), np.isnan(other)):
        raise DisagreementError(f"{what}: values are missing in different places.")
    scale = max(1.0, float(np.nanmax(np.abs(other), initial=0.0)))
    error = float(np.nanmax(np.abs(mine - other), initial=0.0)) / scale
    if error > tolerance:
        raise DisagreementError(f"{what}: results differ by {error:.1e}, more than {tolerance:.0e}.")


def table(rows: Sequence[Row]) -> str:
    """Return the rows as text in columns."""
    head = ("claim", "measured", "target", "", "peer", "peer needs", "ratio")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    met = "" if row.target is None else "met" if row.measured <= row.target else "MISSED"
    return (
        row.claim,
        _amount(row.measured, row.unit),
        "" if row.target is None else f"<= {_amount(row.target, row.unit)}",
        met,
        row.peer,
        "" if row.peer_measured is None else _amount(row.peer_measured, row.unit),
        "" if row.ratio is None else f"{row.ratio:.2f}x",
    )


def _amount(value: float, unit: str) -> str:
    return f"{value:.0f} {unit}" if value >= 100.0 else f"{value:.3g} {unit}"


def finish(run: Callable[[], Iterable[Row]]) -> None:
    """Run a benchmark as a script and leave the interpreter with its status."""
    parser = argparse.ArgumentParser(description=(sys.modules[run.__module__].__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the rows as one JSON value")
    as_json = parser.parse_args().json
    try:
        rows = list(run())
    except CannotRunError as error:
        sys.stderr.write(f"skipped: {error}\n")
        sys.exit(SKIPPED)
    except (DisagreementError, NightFailedError) as error:
        sys.stderr.write(f"failed: {error}\n")
        sys.exit(1)
    print(json.dumps([asdict(row) for row in rows]) if as_json else table(rows))
