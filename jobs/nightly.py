"""The whole night: every step from prices to report."""

from alphafactory.job import Job
from jobs import backtests, download, indicators, quality, report, universes

JOB = Job(
    name="nightly",
    description="the whole night: download, quality, universes, indicators, backtests, report",
    steps=(
        *download.JOB.steps,
        *quality.JOB.steps,
        *universes.JOB.steps,
        *indicators.JOB.steps,
        *backtests.JOB.steps,
        *report.JOB.steps,
    ),
)
