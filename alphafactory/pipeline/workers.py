"""Spreads simulations over joblib workers where that pays. A worker gets arrays and names, never the database."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from alphafactory.pipeline.simulating import work
from alphafactory.simulation import configure_cache, warm_up

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.config import ComputeConfig
    from alphafactory.domain.progress import Progress
    from alphafactory.pipeline.simulating import Finished, SymbolWork, Terms

_BARS_A_SECOND = 1_500_000
"""What one process simulates and measures in a second, roughly; it only decides whether workers pay."""
_WORKER_START_SECONDS = 2.5
_CHUNKS_A_WORKER = 4


def run_work(loads: Sequence[SymbolWork], terms: Terms, compute: ComputeConfig, progress: Progress) -> list[Finished]:
    """Do all tasks, in the order of the symbols whatever the number of workers."""
    workers = worker_count(loads, compute)
    chunks = _chunks(loads, 25 if workers == 1 else max(1, len(loads) // (workers * _CHUNKS_A_WORKER)))
    finished: list[Finished] = []
    for number, done in enumerate(_results(chunks, terms, compute, workers), start=1):
        finished.extend(done)
        progress.advance(number, len(chunks), "backtests")
    return finished


def worker_count(loads: Sequence[SymbolWork], compute: ComputeConfig) -> int:
    """Return the configured number of workers; 0 means as many as pay, given what starting one costs."""
    if compute.backend == "sequential" or len(loads) <= 1:
        return 1
    if compute.workers:
        return min(compute.workers, len(loads))
    seconds = sum(len(load.symbol.bars) * len(load.tasks) for load in loads) / _BARS_A_SECOND
    cores = os.cpu_count() or 1
    return min(cores, len(loads)) if seconds * (1 - 1 / cores) > _WORKER_START_SECONDS else 1


def _results(
    chunks: Sequence[Sequence[SymbolWork]], terms: Terms, compute: ComputeConfig, workers: int
) -> list[list[Finished]]:
    if workers == 1:
        return [work(chunk, terms) for chunk in chunks]
    from joblib import Parallel, delayed  # noqa: PLC0415  (loaded only when workers pay)

    # Compiled once here, the simulator is loaded by every worker; else each of them would compile it.
    if not any(configure_cache(Path(terms.cache_folder)).rglob("*.nbi")):
        warm_up()
    parallel = Parallel(n_jobs=workers, backend=compute.backend)
    results: list[list[Finished]] = parallel(delayed(work)(chunk, terms) for chunk in chunks)
    return results


def _chunks(loads: Sequence[SymbolWork], size: int) -> list[Sequence[SymbolWork]]:
    return [loads[start : start + size] for start in range(0, len(loads), size)]
