"""Backtests every strategy on every symbol."""

from alphafactory.job import Job
from alphafactory.pipeline.backtest import run_backtests

JOB = Job(
    name="backtests",
    description="backtest every strategy on every symbol whose data changed",
    steps=(("backtests", run_backtests),),
    after=("indicators", "audits"),
)
