"""The tree keeps its own rules: sizes, names, nothing of one machine, exact locks, migrations without gaps."""

from __future__ import annotations

import functools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[2]
LOCKS = {"base.lock": "dependencies", "test.lock": "test", "crypto.lock": "crypto"}

MOST_LINES = 400
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}

OF_ONE_MACHINE = re.compile(r"(?<![\w.}])/(?:root|home/\w+|Users/\w+|work)/[\w.]|\b[A-Z]:\\Users\\\w")
A_REGISTRY = re.compile(
    r"--(?:extra-)?index-url[ =]|PIP_(?:EXTRA_)?INDEX_URL=|pythonhosted\.org|https?://[\w.-]+\.[a-z]{2,}[^\s\"']*/simple\b"
)
A_SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_\w{30,}|\bxox[bpars]-\w{10,}|\bsk-\w{32,}"
    r"|(?i:api_?key|token|secret)[\"']?\s*[:=]\s*[\"']?[A-Za-z0-9_-]{24,}"
)
PINNED = re.compile(r"^([a-z0-9][a-z0-9.-]*)==(\S+)(?: ; (.+))?$")


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every file that is in the repository or would be added to it."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is not a git checkout, so nobody can say which files belong to the project")
    return tuple(PROJECT / name for name in sorted(set(listed.stdout.split("\0"))) if (PROJECT / name).is_file())


def text_of(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8")


def shown(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def places(pattern: re.Pattern[str]) -> list[str]:
    """Return file:line of every match; this file holds the patterns themselves."""
    return [
        f"{shown(path)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        if path != Path(__file__)
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_python_file_has_lost_its_subject() -> None:
    # A migration is written by Alembic from the models and never edited afterwards; its length says nothing.
    files = [path for path in tracked() if path.suffix == ".py" and "migrations" not in path.parts]
    assert len(files) > 50
    lengths = {shown(path): len(text_of(path).splitlines()) for path in files}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_every_name_says_something() -> None:
    words = {shown(path): set(re.split(r"[/_.\-]", shown(path).lower())) for path in tracked()}
    assert {name for name, parts in words.items() if parts & EMPTY_NAMES} == set()


def test_nothing_names_a_machine() -> None:
    # The tests of the diagnosis need a home, and name one that is nobody's.
    assert [place for place in places(OF_ONE_MACHINE) if "/home/somebody/" not in place] == []


@pytest.mark.parametrize(
    "text", ["cd /work/" + "main", "'/home/" + "ann/data.csv'", "C:\\Users\\" + "ann", "/root/" + "x"]
)
def test_a_machine_is_seen(text: str) -> None:
    assert OF_ONE_MACHINE.search(text)


def test_nothing_names_a_registry() -> None:
    assert places(A_REGISTRY) == []


@pytest.mark.parametrize(
    "text", ["pip install --index-url" + " http://x", "https://mirror.example.com:8080/root/" + "simple/numpy/"]
)
def test_a_registry_is_seen(text: str) -> None:
    assert A_REGISTRY.search(text)


def test_nothing_holds_a_secret() -> None:
    assert places(A_SECRET) == []


@pytest.mark.parametrize(
    "text", ["AKIA" + "A" * 16, 'api_key = "' + "a1" * 16 + '"', "-----BEGIN RSA " + "PRIVATE KEY"]
)
def test_a_secret_is_seen(text: str) -> None:
    assert A_SECRET.search(text)


def read_lock(name: str) -> dict[str, list[tuple[str, str]]]:
    """Return for each package its (version, marker) lines."""
    packages: dict[str, list[tuple[str, str]]] = {}
    for line in (PROJECT / "requirements" / name).read_text(encoding="utf-8").splitlines():
        match = PINNED.match(line)
        assert match, f"requirements/{name}: '{line}' is not NAME==VERSION"
        packages.setdefault(canonicalize_name(match[1]), []).append((match[2], match[3] or ""))
    return packages


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_a_lock_pins_every_package_once(name: str) -> None:
    for package, pins in read_lock(name).items():
        # Two pins of one package must be for different machines or interpreters.
        markers = [marker for _, marker in pins]
        assert len(set(markers)) == len(markers), f"{name}: {package} is pinned more than once"
        assert len(pins) == 1 or all(markers), f"{name}: {package} is pinned with and without a marker"


@pytest.mark.parametrize("name", sorted(LOCKS))
def test_a_lock_holds_what_the_project_requires(name: str) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = project["dependencies"] if name == "base.lock" else project["optional-dependencies"][LOCKS[name]]
    packages = read_lock(name)
    for requirement in map(Requirement, listed):
        pins = packages.get(canonicalize_name(requirement.name), [])
        assert pins, f"{name} lacks {requirement.name}"
        assert all(version in requirement.specifier for version, _ in pins), f"{name}: {requirement} against {pins}"


@pytest.mark.parametrize("name", ["test.lock", "crypto.lock"])
def test_locks_agree_with_one_another(name: str) -> None:
    base, other = read_lock("base.lock"), read_lock(name)
    different = {
        package: (base[package], other[package]) for package in base.keys() & other if base[package] != other[package]
    }
    assert different == {}, "two environments would compute with different versions"


def test_migrations_count_up_without_a_gap() -> None:
    files = sorted((PROJECT / "migrations" / "versions").glob("*.py"))
    numbers = [path.name.split("_", 1)[0] for path in files]
    assert numbers == [f"{n:04d}" for n in range(1, len(files) + 1)]
    assert numbers


def test_each_migration_follows_the_one_before() -> None:
    before = "None"
    for path in sorted((PROJECT / "migrations" / "versions").glob("*.py")):
        text = text_of(path)
        revision = re.search(r'^revision(?:: str)? = "(\w+)"', text, re.MULTILINE)
        follows = re.search(r'^down_revision(?:: [^=]+)? = "?(\w+)"?', text, re.MULTILINE)
        assert revision, path.name
        assert follows, path.name
        assert revision[1] == path.name.split("_", 1)[0]
        assert follows[1] == before
        before = revision[1]
