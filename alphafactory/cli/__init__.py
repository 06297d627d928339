"""The command line: one file a command group. In: words and the present moment. Out: an exit status.

The only room that knows Typer and Rich.
"""

from alphafactory.cli.application import main

__all__ = ["main"]
