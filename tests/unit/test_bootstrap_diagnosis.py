"""What venv, pip and the operating system say, and the sentence a person gets instead."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from alphafactory.bootstrap.diagnosis import explain_os_error, explain_output

PROJECT = Path("/home/somebody/alphafactory")
NO_MATCH = "ERROR: No matching distribution found for numpy==2.4.6"
OUTPUTS = {
    "The package index cannot be reached": f"""
WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3>: Failed to
establish a new connection: [Errno -2] Name or service not known')': /simple/numpy/
{NO_MATCH}""",
    "The proxy refused pip": f"""
WARNING: Retrying (Retry(total=4)) after connection broken by 'ProxyError('Cannot connect to proxy.', OSError('Tunnel
connection failed: 407 Proxy Authentication Required'))': /simple/numpy/
{NO_MATCH}""",
    "certificate is not trusted": f"""
Could not fetch URL https://index/simple/numpy/: There was a problem confirming the ssl certificate:
SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed')) - skipping
{NO_MATCH}""",
    "The disk is full": "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
    "lacks the standard modules venv and ensurepip": """
The virtual environment was not created successfully because ensurepip is not
available.  On Debian/Ubuntu systems, you need to install the python3-venv
package using the following command.""",
    "apt install python3": "/usr/bin/python3: No module named venv",
    "may write": "ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system: 'x'",
    "There is no ready-made package of numpy==2.4.6": f"""
ERROR: Could not find a version that satisfies the requirement numpy==2.4.6 (from versions: 2.4.5)
{NO_MATCH}""",
}


@pytest.mark.parametrize(("sentence", "output"), OUTPUTS.items())
def test_a_known_cause_becomes_a_sentence(sentence: str, output: str) -> None:
    explained = explain_output(output, PROJECT)
    assert explained is not None
    assert sentence in explained
    assert "{" not in explained


def test_an_unknown_cause_is_not_guessed() -> None:
    assert explain_output("Segmentation fault", PROJECT) is None


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EROFS, f"The folder {PROJECT} cannot be written"),
        (errno.EACCES, f"The folder {PROJECT} cannot be written"),
        (errno.EMFILE, "Too many open files"),
    ],
)
def test_an_error_of_the_operating_system_says_what_to_do(number: int, sentence: str) -> None:
    assert sentence in explain_os_error(OSError(number, "Too many open files"), PROJECT)
