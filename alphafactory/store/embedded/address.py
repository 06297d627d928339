"""Where a server listens. In: what its lock file says. Out: URLs for libpq, psycopg and the programs of PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

SUPERUSER = "alphafactory"


@dataclass(frozen=True)
class Address:
    """How to reach the embedded server.

    Attributes:
        host: The folder of the Unix socket (an absolute path), or an internet address on Windows.
        port: The TCP port, or the number in the socket's name.
        user: The superuser's name.
        password: None on a private socket, where the folder's mode is the guard.
    """

    host: str
    port: int
    user: str = SUPERUSER
    password: str | None = field(default=None, repr=False)

    def url(self, database: str = "postgres") -> str:
        """Write a `postgresql://` URL of one database, every part percent-encoded."""
        login = quote(self.user, safe="")
        if self.password is not None:
            login += ":" + quote(self.password, safe="")
        name = quote(database, safe="")
        if self.host.startswith("/"):
            return f"postgresql://{login}@/{name}?host={quote(self.host, safe='')}&port={self.port}"
        return f"postgresql://{login}@{self.host}:{self.port}/{name}"
