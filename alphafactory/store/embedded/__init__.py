"""An embedded PostgreSQL. In: a folder of the project. Out: the address of a running server, for as long as it is used.

1. A user takes a shared lock, and starts the server if it is not running (making the cluster first if there is none).
2. Whoever leaves last stops it. A watchdog does so when the last was killed.
3. `keep` holds it up without users until `release`.

Users are counted by locks that the operating system frees, and a process is proven to be this server before it is
signalled.
"""

from alphafactory.store.embedded.address import SUPERUSER, Address
from alphafactory.store.embedded.server import EmbeddedServer, Status

__all__ = ["SUPERUSER", "Address", "EmbeddedServer", "Status"]
