"""The connection to Yahoo: yfinance's client, with its cookies and crumbs, made to time out and to tell errors apart.

Goes in: an address of Yahoo and its parameters. Comes out: the decoded JSON, or one error of `vendor.py`'s tree.

Of yfinance only the client beneath its tables is used. The tables hide what the quality gate must see: they turn a
missing volume into 0, drop duplicated rows, hand a cached answer to a retry, and forget how long Yahoo asked to wait.
"""

from __future__ import annotations

import json
import logging
import threading
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from alphafactory.sources.vendor import GarbageError, RateLimitedError, VendorDownError, VendorError
from alphafactory.sources.yahoo_payloads import refusal, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

_COOKIE_HOST = "fc.yahoo.com"
"""Answers 404 by design; only its cookie is wanted."""

_DATA = "/finance/"
"""Part of the path of every address that has data; the others hand out cookies and crumbs."""

_RENEWABLE = frozenset({401, 403})
"""Statuses after which yfinance rightly asks again with a fresh crumb. All others are Yahoo's last word."""

_OUT_OF_ORDER = 500


class _RefusedError(Exception):
    """An answer after which asking again at once, as yfinance does, would be of no use."""

    def __init__(self, status: int, words: str, retry_after: str | None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.words = words
        self.retry_after = retry_after


class YahooConnection:
    """One client with its own cookies and crumb, shared by all threads; opened with the first request.

    `base_url` is asked instead of Yahoo's hosts, as base_url/<host>/<path>; None means Yahoo itself.
    """

    def __init__(self, base_url: str | None) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._client: Any = None
        self._session: Any = None

    def ask(
        self,
        subject: str,
        address: str,
        parameters: Mapping[str, object],
        timeout: float,
        body: Mapping[str, object] | None = None,
    ) -> object:
        """Return the decoded JSON of an address (posted to if there is a body). `subject` says what is asked for.

        Raises:
            VendorError: Yahoo refused, did not answer within `timeout` seconds, or sent no JSON.
        """
        status, content, retry_after = self._send(subject, address, parameters, timeout, body)
        if not 200 <= status < 300:  # noqa: PLR2004  HTTP's own numbers
            raise refusal(subject, status, content.decode(errors="replace"), retry_after)
        return _decoded(subject, content)

    def _send(
        self,
        subject: str,
        address: str,
        parameters: Mapping[str, object],
        timeout: float,
        body: Mapping[str, object] | None,
    ) -> tuple[int, bytes, str | None]:
        client = self._opened(timeout)
        from curl_cffi.requests.exceptions import RequestException  # noqa: PLC0415  only vendors need it
        from yfinance.exceptions import YFException, YFRateLimitError  # noqa: PLC0415  takes a second to import

        try:
            if body is None:
                answer = client.get(address, params=dict(parameters), timeout=timeout)
            else:
                answer = client.post(address, params=dict(parameters), body=dict(body), timeout=timeout)
        except _RefusedError as refused:
            return refused.status, refused.words.encode(), refused.retry_after
        except YFRateLimitError:
            raise RateLimitedError(f"{subject}: too many requests. Lower sources.yahoo.limits.per_minute.") from None
        except RequestException as error:
            raise VendorDownError(
                f"{subject}: the connection failed ({type(error).__name__}: {_first_sentence(error)}). Try again later."
            ) from None
        except (YFException, TypeError, KeyError, AttributeError) as error:
            # yfinance reads Yahoo's consent pages with no checks, so that a changed page ends in any of these.
            raise GarbageError(
                f"{subject}: yfinance could not renew its cookie ({type(error).__name__}: {_first_sentence(error)}). "
                "Try again later, or update yfinance."
            ) from None
        return answer.status_code, answer.content, answer.headers.get("Retry-After")

    def _opened(self, timeout: float) -> Any:
        with self._lock:
            if self._client is None:
                client_class = _client_class()
                self._session = _session_class()(self._base_url)
                # `YfData(...)` would return the process's one instance, and change the session under other threads.
                self._client = type.__call__(client_class, session=self._session)
            self._session.longest_wait = timeout
            return self._client


def _first_sentence(error: Exception) -> str:
    """Return what an error of curl or yfinance says, without the pages that it recommends to read."""
    return shortened(error).partition(". ")[0].rstrip(" .")


def _decoded(subject: str, content: bytes) -> object:
    """Return the JSON in a body."""
    try:
        payload: object = json.loads(content)
    except (ValueError, RecursionError):
        words = content.decode(errors="replace")
        if "Will be right back" in words:
            raise VendorDownError(f"{subject}: Yahoo says that it will be right back. Try again later.") from None
        raise GarbageError(f"{subject}: the answer is no JSON: {shortened(words)!r}. Try again later.") from None
    return payload


@cache
def _client_class() -> Any:
    """Import yfinance, quietly, without its files of cookies."""
    with warnings.catch_warnings():
        # pandas 4's warnings about yfinance's code, and the filter that yfinance sets at import, end with this block.
        warnings.simplefilter("ignore")
        from yfinance import cache as files  # noqa: PLC0415  takes a second to import
        from yfinance.data import YfData  # noqa: PLC0415  takes a second to import
    # It would keep cookies in an SQLite file: processes of one home folder lock it for each other, and each thread
    # leaves a connection to it open. A cookie lasts as long as our process anyway.
    files._CookieCacheManager._Cookie_cache = files._CookieCacheDummy()  # noqa: SLF001  it has no public switch
    # Its warnings (a cookie that was not had) are followed by an error of ours where they matter.
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    return YfData


@cache
def _session_class() -> Any:
    """Define the session, once: it cannot stand at the top of the module, for curl_cffi is slow to import."""
    from curl_cffi.requests import Session  # noqa: PLC0415  only vendors need it

    class YahooSession(Session[Any]):
        """Looks like a browser, never waits longer than told, and stops yfinance's own repetitions."""

        def __init__(self, base_url: str | None) -> None:
            super().__init__(impersonate="chrome")
            self.longest_wait = 30.0
            self._base_url = base_url

        def request(self, method: Any, url: str, *args: Any, **options: Any) -> Any:
            parts = urlsplit(url)
            # yfinance gives its requests for cookies 30 seconds each, whatever the timeout of ours.
            options["timeout"] = self.longest_wait
            answer = super().request(method, _redirected(url, self._base_url), *args, **options)
            status = answer.status_code
            final = status >= _OUT_OF_ORDER or (status >= 400 and _DATA in parts.path and status not in _RENEWABLE)  # noqa: PLR2004
            if final and parts.hostname != _COOKIE_HOST:
                raise _RefusedError(status, answer.text, answer.headers.get("Retry-After"))
            return answer

    return YahooSession


def _redirected(url: str, base_url: str | None) -> str:
    """Return the address under `base_url` that stands for one of Yahoo's."""
    if base_url is None:
        return url
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host != "yahoo.com" and not host.endswith(".yahoo.com"):
        raise VendorError(f"yahoo: yfinance wanted to ask {host}, which is not Yahoo. It was not asked; report this.")
    query = f"?{parts.query}" if parts.query else ""
    return f"{base_url.rstrip('/')}/{host}{parts.path or '/'}{query}"
