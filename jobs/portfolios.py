"""Simulates the portfolios."""

from alphafactory.job import Job
from alphafactory.pipeline.portfolios import run_portfolios

JOB = Job(
    name="portfolios",
    description="simulate every portfolio of the config on which anything changed",
    steps=(("portfolios", run_portfolios),),
    after=("backtests",),
)
