"""What a source is: something that delivers bars, listings and corporate actions up to a given day.

A source is one file in this folder with one concrete subclass of `Source`. It is built from its section of the config
and is the only kind of code that reads foreign files or speaks to a network.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.domain.market import Delivery

Progress = Callable[[str, int, int], None]
"""Called with what is being fetched, how many are done, how many there are."""


class Source(ABC):
    """Delivers a market's data.

    Subclasses set `name`, `description` and, where the prices are made up, `simulated`. They take their settings as the
    only argument.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    simulated: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, settings: Any) -> None:
        """Keep the settings; nothing is read or asked before `fetch`."""

    @abstractmethod
    def check_available(self) -> None:
        """Return if the source is set up.

        Raises:
            SourceUnavailableError: It is not (no path, no key); the message says how to set it up.
            SourceError: It is set up wrongly, for example with a path that does not exist.
        """

    @abstractmethod
    def stamp(self, as_of: date) -> str | None:
        """Return, cheaply, a text that is equal only if `fetch(as_of)` delivers the same; None if unknown."""

    @abstractmethod
    def fetch(self, as_of: date, tickers: Sequence[str] | None = None, progress: Progress | None = None) -> Delivery:
        """Deliver what is known on `as_of` of the given tickers, or of all.

        Bars come as the source has them: faulty ones too, for judging is the quality gate's work. What cannot be a bar
        at all is a `RejectedRow`. A ticker that the source does not have is simply absent.

        Raises:
            SourceError: Nothing usable could be delivered; the message says what, where and what to do.
        """
