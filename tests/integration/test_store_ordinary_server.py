"""The same store on an ordinary PostgreSQL 15 over TCP, behind a password that needs percent-encoding."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg
import pytest
from nights import SIMULATED, Cluster, Nights

from alphafactory.config_loading import load_config
from alphafactory.errors import ConfigError, DatabaseError, SchemaError, UsageError
from alphafactory.store import backups, migrating
from alphafactory.store.database import open_database
from alphafactory.store.reader import query

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "p@ss:w/rd%41"
pytestmark = pytest.mark.skipif(not (PROGRAMS / "postgres").exists(), reason="PostgreSQL 15 is not installed here.")


def account() -> str | None:
    """Return the account under which root starts a server, None where nobody is root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def run(*command: object) -> None:
    subprocess.run(
        [str(word) for word in command], check=True, capture_output=True, timeout=60, user=account(), cwd="/"
    )


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a server that asks for a password and keeps nothing when it is gone."""
    folder = Path(tempfile.mkdtemp(prefix="ordinary-"))
    secret = folder / "password"
    secret.write_text(PASSWORD)
    user = account()
    if user is not None:
        for path in (folder, secret):
            shutil.chown(path, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    data = folder / "data"
    options = f"-p {number} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    try:
        run(
            PROGRAMS / "initdb",
            "-D",
            data,
            "-U",
            "owner",
            "--pwfile",
            secret,
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "-N",
        )
        run(PROGRAMS / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield number
        finally:
            run(PROGRAMS / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def url_of(port: int, database: str, password: str = quote(PASSWORD, safe="")) -> str:
    return f"postgresql://owner:{password}@127.0.0.1:{port}/{database}"


@pytest.fixture
def nights(port: int, cluster: Cluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Nights]:
    name = f"test_{abs(hash(request.node.name))}"
    with psycopg.connect(url_of(port, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield Nights(url_of(port, name), tmp_path, cluster.folder / "var", dict(SIMULATED))
        connection.execute(f"DROP DATABASE {name} (FORCE)".encode())


def opened(url: str, folder: Path) -> None:
    with open_database(load_config(folder, {}, overrides={"database.url": url}).config):
        pass


def test_up_down_and_up_again(nights: Nights) -> None:
    with nights.database() as database:
        assert migrating.upgrade(database).state == "current"
        assert migrating.check(database) == []
        assert migrating.downgrade(database, "base").state == "empty"
        assert migrating.upgrade(database).state == "current"
    assert nights.ask("SHOW server_version_num")[0][0].startswith("15")


def test_a_night_gives_what_it_gives_on_the_embedded_server(nights: Nights, simulated: Nights) -> None:
    assert nights.run(date(2024, 6, 14)).outcome == "fine"
    assert simulated.run(date(2024, 6, 14)).outcome == "fine"
    assert nights.tables() == simulated.tables()
    again = nights.run(date(2024, 6, 14))
    assert {step.rows for step in again.steps} == {0}


def test_the_reader_reads_and_changes_nothing(nights: Nights) -> None:
    nights.run(date(2024, 6, 14))
    with nights.database() as database:
        assert query(database, "SELECT session_user::text")[1] == [("alphafactory_reader",)]
        assert query(database, "SELECT count(*) > 100 FROM v_bars")[1] == [(True,)]
        for statement in (
            "DELETE FROM bars",
            "commit; begin read write; DELETE FROM bars",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "SELECT pg_read_file('/etc/passwd')",
            "SET ROLE owner",
        ):
            with pytest.raises(UsageError):
                query(database, statement)


def test_a_backup_comes_back(nights: Nights, tmp_path: Path) -> None:
    nights.run(date(2024, 6, 14))
    before = nights.tables()
    with nights.database() as database:
        backups.backup(database, tmp_path / "backup.dump")
        nights.ask("DELETE FROM trades")
        backups.restore(database, tmp_path / "backup.dump")
    assert nights.tables() == before


def test_somebody_else_s_database_is_refused(nights: Nights) -> None:
    nights.ask("CREATE TABLE customers (id int)")
    with nights.database() as database, pytest.raises(SchemaError, match="nothing was changed"):
        migrating.upgrade(database)
    assert nights.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


@pytest.mark.parametrize("password", [PASSWORD, "p@ss", "p:ss", "p/ss", "a%zz"])
def test_a_raw_password_is_told_how_to_be_written(port: int, tmp_path: Path, password: str) -> None:
    with pytest.raises(ConfigError, match="percent-encoded") as caught:
        opened(url_of(port, "postgres", password), tmp_path)
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://owner:wrong@127.0.0.1:{port}/postgres", "Check user and password"),
        ("postgresql://nobody:wrong@127.0.0.1:{port}/postgres", "Check user and password"),
        ("postgresql://owner:{password}@127.0.0.1:{port}/no_such_base", "Create the database first"),
        ("postgresql://owner:{password}@127.0.0.1:1/postgres", "Is the server running"),
    ],
)
def test_a_refusal_is_one_line_without_the_secret(port: int, tmp_path: Path, url: str, words: str) -> None:
    full = url.format(port=port, password=quote(PASSWORD, safe=""))
    with pytest.raises(DatabaseError, match=words) as caught:
        opened(full, tmp_path)
    said = str(caught.value)
    assert "\n" not in said
    assert "wrong" not in said
    assert PASSWORD not in said
    assert quote(PASSWORD, safe="") not in said
