"""Says who belongs to which universe."""

from alphafactory.job import Job
from alphafactory.pipeline.universes import update_universes

JOB = Job(
    name="universes",
    description="write who belongs to which universe, on which days",
    steps=(("universes", update_universes),),
    after=("quality",),
)
