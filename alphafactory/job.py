"""What a job is, and where jobs are found.

Goes in: the files of the top-level folder `jobs/`. Comes out: a registry of jobs, each with the name by which it
is run or scheduled and the steps that it consists of. A file that is dropped there is a job tonight.
"""

from __future__ import annotations

import graphlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from alphafactory.errors import PluginError
from alphafactory.registry import discover

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alphafactory.registry import Registry

Step: TypeAlias = Callable[..., Any]
"""A step of the pipeline; `pipeline.running.run_job` says what it is called with and what it returns."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something that runs at night: a name, one line on what it does, and its steps in order, each with its name.

    `after` names jobs that go first where several are due at the same time.
    """

    name: str
    description: str
    steps: tuple[tuple[str, Step], ...]
    after: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a job without steps, or with one step twice: steps are recorded by name."""
        names = [name for name, _ in self.steps]
        if not names or len(set(names)) != len(names):
            raise PluginError(f"the job '{self.name}' needs steps, each under a name of its own, not {names}")


def discover_jobs() -> Registry[Job]:
    """Return every job; a file that cannot be used is in the registry's `broken`, with its path, line and reason."""
    return discover("jobs", Job, "jobs")


def in_order(jobs: Iterable[Job]) -> list[Job]:
    """Return jobs so that each stands behind those it comes after, and by name otherwise.

    Raises:
        PluginError: Jobs wait for each other in a circle.
    """
    by_name = {job.name: job for job in sorted(jobs, key=lambda job: job.name)}
    graph = {job.name: [name for name in job.after if name in by_name] for job in by_name.values()}
    try:
        return [by_name[name] for name in graphlib.TopologicalSorter(graph).static_order()]
    except graphlib.CycleError as error:
        circle = " after ".join(error.args[1])
        raise PluginError(f"jobs wait for each other: {circle}. Remove one `after` of them.") from None
