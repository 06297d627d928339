"""Computes the indicators."""

from alphafactory.job import Job
from alphafactory.pipeline.enrich import compute_indicators

JOB = Job(
    name="indicators",
    description="compute the indicators of every changed symbol",
    steps=(("indicators", compute_indicators),),
    after=("quality",),
)
