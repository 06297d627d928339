"""Takes new prices in."""

from alphafactory.job import Job
from alphafactory.pipeline.ingest import download

JOB = Job(
    name="download",
    description="download what is new from the first source that is set up",
    steps=(("download", download),),
    after=(),
)
