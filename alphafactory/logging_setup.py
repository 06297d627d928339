"""Where the program's own log goes: a file, never the terminal. In: the folder of logs. Out: tracebacks and warnings.

What a person should know is said by the command line; this is what a developer needs afterwards.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from alphafactory.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


FILE = "alphafactory.log"
LARGEST, KEPT = 5_000_000, 3
"""Bytes of one file, and how many older ones are kept."""


class MaskingFormatter(logging.Formatter):
    """Writes a record, traceback included, with the secrets hidden."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s")
        self.mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the masked text."""
        return self.mask(super().format(record))


@contextmanager
def log_to(folder: Path, mask: Callable[[str], str]) -> Iterator[Path]:
    """Send warnings and errors to a file of `folder` while the context lasts; yield the file.

    Raises:
        ConfigError: The folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"The folder of logs {folder} cannot be made ({error.strerror}). Set paths.var to a folder you may write."
        ) from error
    file = folder / FILE
    handler = RotatingFileHandler(file, maxBytes=LARGEST, backupCount=KEPT, delay=True, encoding="utf-8")
    handler.setLevel(logging.WARNING)
    handler.setFormatter(MaskingFormatter(mask))
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        yield file
    finally:
        logger.removeHandler(handler)
        handler.close()
