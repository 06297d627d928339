"""Audits the strategies."""

from alphafactory.job import Job
from alphafactory.pipeline.audits import run_audits

JOB = Job(
    name="audits",
    description="prove of every new or changed strategy that it does not peek",
    steps=(("audits", run_audits),),
    after=("quality",),
)
