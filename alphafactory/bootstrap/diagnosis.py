"""Turns the output of venv and pip, or an error of the operating system, into one sentence with a way out.

In: the text that a failed step printed. Out: what happened and what to do. The order of the table matters: pip ends
nearly every failure with "No matching distribution found", so the causes behind it are looked for first.
"""

from __future__ import annotations

import errno
import platform
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NO_SPACE = "The disk is full. Free some space (about 2 GB are needed) and run the command again."
NOT_WRITABLE = "The folder {project} cannot be written. Put the project where you may write, or change its rights."
NO_VENV = (
    "This Python lacks the standard modules venv and ensurepip. On Debian and Ubuntu: "
    "apt install python{version}-venv. Elsewhere install Python from https://www.python.org/downloads/."
)
CERTIFICATE = (
    "The package index's certificate is not trusted. Behind a company proxy, point PIP_CERT (or pip's setting "
    "global.cert) to the company's certificate file and run the command again."
)
PROXY = "The proxy refused pip. Check HTTPS_PROXY (or pip's setting global.proxy) and run the command again."
NO_NETWORK = (
    "The package index cannot be reached. Check the network (behind a proxy set HTTPS_PROXY; for a mirror set "
    "PIP_INDEX_URL) and run the command again."
)
LOGIN = "The package index asks for a login. Check the user and password in pip's settings and run the command again."
HASH = "A downloaded package is damaged: its hash differs. Run the command again; if it persists, run pip cache purge."
NO_WHEEL = (
    "There is no ready-made package of {package} for this machine (Python {version}, {platform}), and building one "
    "would take a compiler; or the package index in use lacks it. Use a 64-bit CPython 3.11 to 3.14 on Linux (glibc), "
    "macOS (Apple silicon) or Windows."
)

UNREACHABLE = (
    r"NewConnectionError|Failed to establish a new connection|Temporary failure in name resolution|"
    r"Name or service not known|nodename nor servname|getaddrinfo failed|ConnectTimeoutError|ReadTimeoutError|"
    r"Read timed out|Connection (?:refused|reset|aborted|timed out)|Network is unreachable|IncompleteRead|"
    r"Could not fetch URL|5\d\d Server Error"
)
CAUSES = (
    (r"No space left on device|not enough space on the disk|Errno 28|WinError 112|Disk quota exceeded", NO_SPACE),
    (r"Read-only file system|Permission denied|Errno 13|Errno 30|WinError 5\b", NOT_WRITABLE),
    (r"ensurepip is not\s+available|No module named '?(?:venv|ensurepip)", NO_VENV),
    (r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError|certificate verify failed", CERTIFICATE),
    (r"ProxyError|Cannot connect to proxy|Tunnel connection failed", PROXY),
    (r"401 Client Error|403 Client Error|401 Error|403 Error", LOGIN),
    (UNREACHABLE, NO_NETWORK),
    (r"DO NOT MATCH THE HASHES|Hash mismatch", HASH),
    (r"No matching distribution found for (?P<package>[^\s;(]+)", NO_WHEEL),
)


def explain_output(output: str, project: Path) -> str | None:
    """Return the sentence for the first known cause in `output`, or None where none is known."""
    for pattern, sentence in CAUSES:
        found = re.search(pattern, output, flags=re.IGNORECASE)
        if found:
            return sentence.format(
                package=found.groupdict().get("package"),
                platform=f"{platform.system()} {platform.machine()}",
                project=project,
                version=f"{sys.version_info.major}.{sys.version_info.minor}",
            )
    return None


def explain_os_error(error: OSError, project: Path) -> str:
    """Return the sentence for an error of the operating system."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NO_SPACE
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return NOT_WRITABLE.format(project=project)
    return f"The environment {project / '.venv'} could not be prepared: {error}. Mend that and run the command again."
