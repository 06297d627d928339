"""Stands before everything else: makes `.venv` what the lock files say, with the standard library alone.

In: the project's folder and the command line. Out: the command run again under `.venv`, or one clear sentence.
It imports nothing of AlphaFactory but the errors, and nothing of AlphaFactory imports it: `run.py` alone does.
"""

from alphafactory.bootstrap.command import locks_of, prepare
from alphafactory.bootstrap.environment import Environment, EnvironmentSetupError

__all__ = ["Environment", "EnvironmentSetupError", "locks_of", "prepare"]
