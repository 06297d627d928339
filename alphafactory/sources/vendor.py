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
from typing import TYPE_CHECKING, TypeVar

from alphafactory.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

    from alphafactory.config_sources import VendorLimits

T = TypeVar("T")

_MINUTE = 60.0
_FIRST_WAIT = 1.0


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


class QuotaSpentError(VendorError):
    """The plan's budget for today is spent: this vendor is done for the night."""


class NotEntitledError(VendorError):
    """The key is wrong, or the plan does not include this data."""


class UnknownSymbolError(VendorError):
    """The vendor does not know the symbol, or no longer."""


def classify_status(status: int, subject: str, retry_after: str | None = None) -> VendorError | None:
    """Return the error that an HTTP status means, or None for success. `subject` says who was asked for what."""
    if 200 <= status < 300:  # noqa: PLR2004  HTTP's own numbers, here and below
        return None
    if status in {401, 402, 403}:
        return NotEntitledError(f"{subject}: refused (HTTP {status}). Check the key and what the plan includes.")
    if status in {404, 410}:
        return UnknownSymbolError(f"{subject}: not known to the vendor (HTTP {status}). Check the ticker.")
    if status == 429:  # noqa: PLR2004
        seconds = float(retry_after) if retry_after is not None and retry_after.strip().isdigit() else None
        return RateLimitedError(f"{subject}: too many requests (HTTP 429). Lower per_minute in the config.", seconds)
    if status >= 500:  # noqa: PLR2004
        return VendorDownError(f"{subject}: the vendor is out of order (HTTP {status}). Try again later.")
    return VendorError(f"{subject}: refused (HTTP {status}). The request is at fault; report it with this message.")


class VendorCaller:
    """One per vendor, shared by all threads that ask it.

    `spent_today` is what earlier runs of the day have used of the daily budget; `spent` is what is used by now, for the
    caller to store. `clock` and `sleep` are the monotonic clock and its sleep; tests hand in their own.
    """

    def __init__(
        self,
        vendor: str,
        limits: VendorLimits,
        *,
        seed: int,
        spent_today: int = 0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.vendor = vendor
        self.limits = limits
        self.spent = spent_today
        self._clock = clock
        self._sleep = sleep
        self._random = random.Random(seed)  # noqa: S311  spreads retries in time; nothing secret hangs on it
        self._sent: deque[float] = deque(maxlen=limits.per_minute)
        self._lock = threading.Lock()

    def call(self, request: Callable[[float], T]) -> T:
        """Send `request(timeout)` within the limits and return its answer.

        Raises:
            VendorError: The request was refused for good, or still failed at the last attempt.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt  # noqa: PLC0415  only vendors need it

        retrying = Retrying(
            stop=stop_after_attempt(self.limits.attempts),
            wait=self._wait_after,
            retry=retry_if_exception(self._may_try_again),
            sleep=self._sleep,
            reraise=True,
        )
        answer: T = retrying(self._send, request)
        return answer

    def _send(self, request: Callable[[float], T]) -> T:
        self._take_place()
        return request(self.limits.timeout)

    def _take_place(self) -> None:
        """Wait until a request is allowed. The lock is held while waiting, so that threads pass in turn."""
        with self._lock:
            if self.limits.per_day is not None and self.spent >= self.limits.per_day:
                raise QuotaSpentError(
                    f"{self.vendor}: the daily budget of {self.limits.per_day} requests is spent. "
                    "It is left out until tomorrow; raise per_day if the plan allows more."
                )
            if len(self._sent) == self.limits.per_minute:
                wait = self._sent[0] + _MINUTE - self._clock()
                if wait > 0:
                    self._sleep(wait)
            self._sent.append(self._clock())
            self.spent += 1

    def _may_try_again(self, error: BaseException) -> bool:
        asked = error.retry_after if isinstance(error, RateLimitedError) else None
        return isinstance(error, PassingError) and (asked is None or asked <= self.limits.longest_wait)

    def _wait_after(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after if isinstance(error, RateLimitedError) else None
        bound = min(_FIRST_WAIT * 2.0**state.attempt_number, self.limits.longest_wait)
        with self._lock:
            jitter = self._random.random()
        return bound * (0.5 + 0.5 * jitter) if asked is None else asked + _FIRST_WAIT * jitter
