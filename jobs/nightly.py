"""The whole night: every step from prices to report."""

from alphafactory.job import Job
from jobs import audits, backtests, download, indicators, portfolios, quality, report, universes

JOB = Job(
    name="nightly",
    description="the whole night: download, quality, universes, indicators, audits, backtests, portfolios, report",
    steps=(
        *download.JOB.steps,
        *quality.JOB.steps,
        *universes.JOB.steps,
        *indicators.JOB.steps,
        *audits.JOB.steps,
        *backtests.JOB.steps,
        *portfolios.JOB.steps,
        *report.JOB.steps,
    ),
)
