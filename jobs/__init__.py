"""The jobs: one file, one job. A file dropped here is found; `schedule.jobs` in the config says when it runs."""
