"""Writes the report."""

from alphafactory.job import Job
from alphafactory.pipeline.report import write_reports

JOB = Job(
    name="report",
    description="write the HTML report from the tables",
    steps=(("report", write_reports),),
    after=("backtests", "portfolios"),
)
