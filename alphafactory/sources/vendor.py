"""How a vendor is asked: within its limits, patiently, and with every refusal told apart.

Goes in: a request (any callable that takes a timeout), the vendor's limits, a monotonic clock and a sleep. Comes out:
the answer, or one error of the tree below. The steps of `VendorCaller.call`:

1. Take a place in the vendor's budget: wait for the minute, refuse when the day's budget is spent.
2. Send the request with the timeout.
3. A passing trouble (rate limit, outage, timeout, garbled body) is tried again after the wait that the vendor asked
   for, or after a random wait that doubles its bound with each try. Any other refusal is final at once.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar

from alphafactory.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from alphafactory.config_sources import VendorLimits

T = TypeVar("T")

_MINUTE = 60.0


def storable(words: str) -> str:
    """Return foreign words without what PostgreSQL refuses in texts: NUL, and halves of characters."""
    return words.encode("utf-8", "replace").decode().replace("\0", "")


class VendorError(SourceError):
    """A vendor did not give what was asked for. The message must never hold a key."""


class PassingError(VendorError):
    """A trouble that may be over soon; the request is tried again."""


class RateLimitedError(PassingError):
    """Too many requests. `retry_after` is the wait in seconds that the vendor asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class VendorDownError(PassingError):
    """The vendor is out of order, cut the connection, or did not answer in time."""


class GarbageError(PassingError):
    """The answer is not what the vendor's interface promises: HTML, half a body, wrong types."""


class EmptyAnswerError(VendorError):
    """The vendor knows the symbol, but sent no row where the calendar has sessions."""


class QuotaSpentError(VendorError):
    """The plan's budget for today is spent: this vendor is done for the night."""


class BadKeyError(VendorError):
    """The key is missing or wrong: this vendor is done for the night."""


class NotEntitledError(VendorError):
    """The plan does not include this data; other requests may still succeed."""


class UnknownSymbolError(VendorError):
    """The vendor does not know the symbol, or no longer."""


class DelistedError(UnknownSymbolError):
    """The vendor says that the symbol has ceased to trade."""


class NotOfferedError(VendorError):
    """The vendor has nothing of that kind."""


def classify_status(status: int, subject: str, retry_after: str | None = None) -> VendorError | None:
    """Return the error that an HTTP status means, or None for success. `subject` says who was asked for what."""
    if 200 <= status < 300:  # noqa: PLR2004  HTTP's own numbers, here and below
        return None
    if status == 429:  # noqa: PLR2004
        seconds = float(retry_after) if retry_after is not None and retry_after.strip().isdecimal() else None
        return RateLimitedError(f"{subject}: too many requests (HTTP 429). Lower per_minute in the config.", seconds)
    if status >= 500:  # noqa: PLR2004
        return VendorDownError(f"{subject}: the vendor is out of order (HTTP {status}). Try again later.")
    kind, words = _REFUSALS.get(status, (VendorError, "refused. The request is at fault; report it"))
    return kind(f"{subject}: {words} (HTTP {status}).")


_REFUSALS: dict[int, tuple[type[VendorError], str]] = {
    401: (BadKeyError, "the key was refused. Correct it in .env"),
    402: (NotEntitledError, "the plan does not include it"),
    403: (NotEntitledError, "the plan does not include it"),
    404: (UnknownSymbolError, "not known to the vendor. Check the ticker"),
    410: (UnknownSymbolError, "not known to the vendor. Check the ticker"),
}


class Budget(Protocol):
    """What may still be asked of a vendor. The pipeline's keeps it in a table, so that a restart does not forget it."""

    def take(self, limits: VendorLimits) -> float:
        """Take a place for one request and return 0, or return the seconds after which to try again.

        Raises:
            QuotaSpentError: The day's budget is spent.
        """

    def exhaust(self) -> None:
        """Note that the vendor itself says that the day's budget is spent."""


class LocalBudget:
    """A budget of this process alone. `clock` is monotonic, in seconds."""

    def __init__(self, vendor: str, spent_today: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self.vendor = vendor
        self.spent = spent_today
        self._clock = clock
        self._exhausted = False
        self._sent: deque[float] = deque()
        self._lock = threading.Lock()

    def take(self, limits: VendorLimits) -> float:
        """Take a place; see `Budget.take`."""
        with self._lock:
            if self._exhausted or (limits.per_day is not None and self.spent >= limits.per_day):
                raise quota_spent(self.vendor, limits)
            now = self._clock()
            while self._sent and self._sent[0] <= now - _MINUTE:
                self._sent.popleft()
            if len(self._sent) >= limits.per_minute:
                return self._sent[0] + _MINUTE - now
            self._sent.append(now)
            self.spent += 1
            return 0.0

    def exhaust(self) -> None:
        """Refuse every later request; see `Budget.exhaust`."""
        self._exhausted = True


def quota_spent(vendor: str, limits: VendorLimits) -> QuotaSpentError:
    """Return the error of a spent daily budget."""
    budget = "" if limits.per_day is None else f" of {limits.per_day} requests"
    return QuotaSpentError(
        f"{vendor}: the daily budget{budget} is spent. It is left out until tomorrow; "
        f"raise sources.{vendor}.limits.per_day if the plan allows more."
    )


class VendorCaller:
    """One per vendor, shared by all threads that ask it.

    `secret` is hidden in every error's words, for vendors repeat the key in theirs. `sleep` is the clock's; tests hand
    in their own.
    """

    def __init__(
        self,
        vendor: str,
        limits: VendorLimits,
        budget: Budget,
        *,
        seed: int,
        secret: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.vendor = vendor
        self.limits = limits
        self.budget = budget
        self._secret = secret
        self._sleep = sleep
        self._random = random.Random(seed)  # noqa: S311  spreads retries in time; nothing secret hangs on it
        self._lock = threading.Lock()

    def call(self, request: Callable[[float], T]) -> T:
        """Send `request(timeout)` within the limits and return its answer.

        Raises:
            VendorError: The request was refused for good, or still failed at the last attempt. No key is in its words.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415  only vendors need it

        retrying = Retrying(
            stop=stop_after_attempt(self.limits.attempts),
            wait=self._wait_after,
            retry=retry_if_exception(self._may_try_again),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            answer: T = retrying(self._send, request)
        except QuotaSpentError:
            self.budget.exhaust()
            raise
        return answer

    def redact(self, words: str) -> str:
        """Return the words without the key."""
        return words.replace(self._secret, "***") if self._secret else words

    def _send(self, request: Callable[[float], T]) -> T:
        while wait := self.budget.take(self.limits):
            self._sleep(wait)
        try:
            return request(self.limits.timeout)
        except VendorError as error:
            error.args = tuple(storable(self.redact(arg)) if isinstance(arg, str) else arg for arg in error.args)
            # A library's error beneath it may hold the key in an address; nobody gets to see it.
            error.__cause__ = error.__context__ = None
            raise error from None

    def _may_try_again(self, error: BaseException) -> bool:
        asked = error.retry_after if isinstance(error, RateLimitedError) else None
        return isinstance(error, PassingError) and (asked is None or asked <= self.limits.longest_wait)

    def _wait_after(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after if isinstance(error, RateLimitedError) else None
        bound = min(self.limits.first_wait * 2.0**state.attempt_number, self.limits.longest_wait)
        with self._lock:
            jitter = self._random.random()
        return bound * (0.5 + 0.5 * jitter) if asked is None else asked + self.limits.first_wait * jitter
