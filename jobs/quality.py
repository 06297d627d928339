"""Judges the bars."""

from alphafactory.job import Job
from alphafactory.pipeline.gate import check_quality

JOB = Job(
    name="quality",
    description="check every new bar, and keep the bad ones out",
    steps=(("quality", check_quality),),
    after=("download",),
)
