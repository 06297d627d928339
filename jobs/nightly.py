"""The whole night: every step from prices to report."""

from alphafactory.job import Job
from jobs import backtests, download, indicators, quality, report

JOB = Job(
    name="nightly",
    description="the whole night: download, quality, indicators, backtests, report",
    steps=(
        *download.JOB.steps,
        *quality.JOB.steps,
        *indicators.JOB.steps,
        *backtests.JOB.steps,
        *report.JOB.steps,
    ),
)
