"""The server is there while somebody uses it: one user, several, none, and one that keeps it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import embedded_cluster
import psycopg
import pytest
from embedded_cluster import Client, answer, eventually, is_gone, open_folder, put_away

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded import Address, EmbeddedServer, lifecycle
from alphafactory.store.embedded.locks import FileLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


template = embedded_cluster.template  # fixtures are found under a module's own names


@pytest.fixture
def server(template: Path) -> Iterator[EmbeddedServer]:
    yield EmbeddedServer(template)
    put_away(template)


def test_the_cluster_is_made_as_we_ask_whatever_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PGDATA": "/nowhere",
        "PGOPTIONS": "-c work_mem=64kB",
        "LC_ALL": "de_DE",
        "TZ": "Asia/Tokyo",
    }.items():
        monkeypatch.setenv(name, value)
    with open_folder() as place, EmbeddedServer(place / "postgres").use() as address:
        monkeypatch.delenv("PGOPTIONS")
        locale = "select concat_ws(' ', datlocprovider, datlocale, pg_encoding_to_char(encoding)) from pg_database"
        assert answer(address, locale) == "b C.UTF-8 UTF8"
        expected = {
            "data_checksums": "on", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
            "timezone": "UTC", "log_timezone": "UTC", "wal_level": "minimal", "jit": "off", "max_connections": "50",
        }  # fmt: skip
        assert {name: answer(address, f"show {name}") for name in expected} == expected
        assert answer(address, "select current_user::text") == "alphafactory"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no private socket")
def test_the_server_listens_on_a_private_socket_alone(server: EmbeddedServer) -> None:
    with server.use() as address:
        assert answer(address, "show listen_addresses") == ""
        folder = server.folder / "socket"
        assert address.host == str(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert folder.stat().st_uid == (server.folder / "data").stat().st_uid
        assert (server.folder / "data").stat().st_mode & 0o777 == 0o700


def test_the_last_user_stops_it(server: EmbeddedServer) -> None:
    with server.use() as first:
        with server.use() as second:
            assert second == first
        assert answer(first) == 1
        assert server.status().running
        assert server.status().in_use
    assert not server.status().running
    assert not server.status().in_use
    assert eventually(lambda: is_gone(server.folder))


def test_another_process_shares_it_and_outlives_the_first(server: EmbeddedServer) -> None:
    with Client(server.folder) as other:
        with server.use() as address:
            pid = server.status().pid
            assert other.url() == address.url()
        assert server.status().pid == pid
        assert answer(address) == 1
        assert other.leave() == ""
    assert not server.status().running


def test_six_processes_at_once_make_one_cluster_and_one_server() -> None:
    with open_folder() as place:
        folder = place / "postgres"
        clients = [Client(folder) for _ in range(6)]
        try:
            urls = [client.url() for client in clients]
            identities = {answer(url, "select pg_postmaster_start_time()::text") for url in urls}
            assert len(identities) == 1
            assert [client.leave() for client in clients] == [""] * 6
        finally:
            for client in clients:
                client.__exit__()
        assert (folder / "server.log").read_text().count("starting PostgreSQL") == 1
        assert not list(folder.glob("data.new-*"))
        assert eventually(lambda: is_gone(folder))


def test_data_outlive_a_stop(server: EmbeddedServer) -> None:
    with server.use() as address, psycopg.connect(address.url()) as connection:
        connection.execute("create table kept_data as select 42 as number")
    with server.use() as address:
        assert answer(address, "select number from kept_data") == 42


def test_a_kept_server_needs_no_users_until_it_is_released(server: EmbeddedServer) -> None:
    address = server.keep()
    with server.use():
        pass
    status = server.status()
    assert (status.running, status.kept, status.in_use) == (True, True, False)
    assert status.address == address
    assert status.version.startswith("18.")
    assert answer(address) == 1
    assert server.release()
    assert not server.status().running
    assert not server.status().kept


def test_a_server_in_use_is_released_by_its_last_user(server: EmbeddedServer) -> None:
    server.keep()
    with server.use() as address:
        assert not server.release()
        assert answer(address) == 1
    assert not server.status().running


def test_looking_at_a_server_that_never_was_changes_nothing(tmp_path: Path) -> None:
    status = EmbeddedServer(tmp_path / "postgres").status()
    assert not status.running
    assert EmbeddedServer(tmp_path / "postgres").release()
    assert list(tmp_path.iterdir()) == []


def test_a_forked_worker_that_ends_takes_no_server_with_it(server: EmbeddedServer) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom alphafactory.store.embedded import EmbeddedServer\n"
        "server = EmbeddedServer(Path(sys.argv[1]))\n"
        "with server.use():\n    child = os.fork()\n    if child == 0:\n        sys.exit(0)\n"
        "    os.waitpid(child, 0)\n    print(server.status().running, server.status().in_use)\n"
    )
    if not hasattr(os, "fork"):
        pytest.skip("this system has no fork")
    done = subprocess.run(
        [sys.executable, "-c", script, server.folder], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["True", "True"]
    assert not server.status().running


def test_client_programs_of_the_wheel_work(server: EmbeddedServer) -> None:
    with server.use() as address:
        asked = [server.binary("psql"), address.url(), "-XAtc", "select 6 * 7"]
        assert subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout.strip() == "42"
        dumped = [server.binary("pg_dump"), "--schema-only", address.url()]
        assert (
            "PostgreSQL database dump"
            in subprocess.run(dumped, capture_output=True, text=True, check=True, timeout=60).stdout
        )
    with pytest.raises(DatabaseError, match=r"no program 'pg_dmup'.*psql"):
        server.binary("pg_dmup")


def test_a_failed_start_says_what_the_log_says_and_can_be_mended(server: EmbeddedServer) -> None:
    overrides = server.folder / "data" / "postgresql.auto.conf"
    before = overrides.read_text()
    overrides.write_text("shared_buffers = 'plenty'\n")
    with pytest.raises(DatabaseError, match=r"did not start.*server\.log.*shared_buffers"), server.use():
        pass
    overrides.write_text(before)
    with server.use() as address:
        assert answer(address) == 1


def test_a_cluster_of_a_version_that_is_not_installed_is_refused_untouched(server: EmbeddedServer) -> None:
    version = server.folder / "data" / "PG_VERSION"
    version.write_text("14\n")
    with pytest.raises(DatabaseError, match=r"made by PostgreSQL 14.*18\."), server.use():
        pass
    version.write_text("18\n")
    with server.use() as address:
        assert answer(address) == 1


def test_a_server_that_cannot_be_seen_is_not_joined_by_a_second(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "REMAINS_SECONDS", 0.2)
    with (
        FileLock(server.folder / "server.lock").acquire(timeout=1),
        pytest.raises(DatabaseError, match=r"cannot be seen from here.*another container"),
        server.use(),
    ):
        pass
    with server.use() as address:
        assert answer(address) == 1


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "postgres").write_text("a file")
    with pytest.raises(DatabaseError, match="cannot be used"), EmbeddedServer(tmp_path / "postgres").use():
        pass


def test_a_large_log_is_set_aside(server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "LOG_LIMIT_BYTES", 10)
    with server.use():
        pass
    assert (server.folder / "server.log.old").stat().st_size > 10


def test_a_copied_folder_is_a_cluster_of_its_own(server: EmbeddedServer) -> None:
    with open_folder() as place:
        copy = place / "copy"
        # Ownership goes along, as with `cp --archive`.
        subprocess.run(["cp", "--archive", server.folder, copy], check=True, timeout=60)
        with server.use() as original, EmbeddedServer(copy).use() as second:
            assert answer(original, "show data_directory") != answer(second, "show data_directory")
        shutil.rmtree(copy)


def test_an_address_is_percent_encoded() -> None:
    socket = Address("/tmp/a b%c@d:e/ü", 5432)
    expected = "postgresql://alphafactory@/my%20data%2Fbase?host=%2Ftmp%2Fa%20b%25c%40d%3Ae%2F%C3%BC&port=5432"
    assert socket.url("my data/base") == expected
    assert Address("127.0.0.1", 5433, password="a@b/c:%").url() == (
        "postgresql://alphafactory:a%40b%2Fc%3A%25@127.0.0.1:5433/postgres"
    )
    assert "a@b" not in repr(Address("127.0.0.1", 5433, password="a@b/c:%"))
