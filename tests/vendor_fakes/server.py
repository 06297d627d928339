"""An HTTP server on loopback that answers as told, records what it was asked, and can be made to fail.

A fault stands in a queue and is served, instead of the true answer, to the next request that it applies to.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Request:
    """What was asked; header names are in small letters."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What is answered. `hang` waits first; `cut` sends only that part of the body and closes the connection."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: float = 0.0
    cut: float | None = None

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


HTML = Reply("<!DOCTYPE html><html><body>We will be right back.</body></html>", headers={"Content-Type": "text/html"})
TRUNCATED = Reply('{"results": [{"v": 1, "o": 1', headers={"Content-Type": "application/json"})

App = Callable[[Request], Reply]
Applies = Callable[[Request], bool]


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client that was killed be gone; any other fault is one of this server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class LoopbackServer:
    """Serves `app` on a free port of 127.0.0.1 while the context is open."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.requests: list[Request] = []
        self._faults: deque[tuple[Reply, Applies]] = deque()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail(self, reply: Reply, times: int = 1, applies: Applies = lambda _: True) -> None:
        """Serve this reply to the next `times` requests that it applies to."""
        with self._lock:
            self._faults.extend([(reply, applies)] * times)

    def mend(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _reply_to(self, request: Request) -> Reply:
        with self._lock:
            self.requests.append(request)
            for place, (reply, applies) in enumerate(self._faults):
                if applies(request):
                    del self._faults[place]
                    return reply
        return self.app(request)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # header and body go out in two writes, which Nagle would delay

            def log_message(self, *_: object) -> None:
                pass

            def _serve(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                parts = urlsplit(self.path)
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, parts.path, query, headers, self.rfile.read(length) if length else b"")
                reply = server._reply_to(request)
                if reply.hang:
                    time.sleep(reply.hang)
                try:
                    self._send(reply)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def _send(self, reply: Reply) -> None:
                content = reply.content
                kind = "text/plain" if isinstance(reply.body, bytes | str) else "application/json"
                self.send_response(reply.status)
                for name, value in {"Content-Type": kind, **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content if reply.cut is None else content[: int(len(content) * reply.cut)])
                if reply.cut is not None:
                    self.close_connection = True

            do_GET = do_POST = _serve  # noqa: N815  the library's names

        return Handler
