"""Whatever is killed, however hard, the next command works and nothing stays behind. Real processes, real SIGKILL."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import embedded_cluster
import psutil
import psycopg
import pytest
from embedded_cluster import (
    Client,
    answer,
    eventually,
    is_gone,
    open_folder,
    put_away,
    watchdogs,
)

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded import EmbeddedServer, processes
from alphafactory.store.embedded.processes import remains

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

template = embedded_cluster.template  # fixtures are found under a module's own names
quick_initdb = embedded_cluster.quick_initdb

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")


@pytest.fixture
def server(template: Path) -> Iterator[EmbeddedServer]:
    assert eventually(lambda: is_gone(template))
    yield EmbeddedServer(template)
    put_away(template)


def test_a_killed_client_does_not_keep_the_server(server: EmbeddedServer) -> None:
    with Client(server.folder) as client:
        url = client.url()
        assert answer(url) == 1
        client.kill()
    assert eventually(lambda: is_gone(server.folder))
    assert not (server.folder / "data" / "postmaster.pid").exists(), "it was stopped in order"
    with server.use() as address:
        assert answer(address) == 1


def test_a_killed_client_does_not_stop_the_server_of_others(server: EmbeddedServer) -> None:
    with server.use() as address, psycopg.connect(address.url()) as connection:
        with Client(server.folder) as client:
            assert client.url() == address.url()
            client.kill()
        time.sleep(2.5)  # more than two looks of the watchdog
        assert connection.execute("select 1").fetchone() == (1,)
        assert server.status().running


def test_a_kept_server_survives_killed_clients_and_comes_back_kept(server: EmbeddedServer) -> None:
    server.keep()
    with Client(server.folder) as client:
        assert client.url()
        client.kill()
    time.sleep(2.5)
    status = server.status()
    assert status.running
    assert status.pid is not None
    psutil.Process(status.pid).kill()  # as a power cut would
    assert eventually(lambda: not server.status().running)
    with server.use() as address:
        assert answer(address) == 1
    assert server.status().running
    assert server.release()
    assert not server.status().running


def test_a_killed_watchdog_is_replaced_by_the_next_user(server: EmbeddedServer) -> None:
    with Client(server.folder) as first:
        assert first.url()
        assert eventually(lambda: len(watchdogs(server.folder)) == 1)
        watchdogs(server.folder)[0].kill()
        assert eventually(lambda: not watchdogs(server.folder))
        with Client(server.folder) as second:
            assert second.url()
            assert eventually(lambda: len(watchdogs(server.folder)) == 1)
            first.kill()
            second.kill()
    assert eventually(lambda: is_gone(server.folder))
    assert remains(server.folder / "data") == []


def test_a_watchdog_leaves_with_its_server(server: EmbeddedServer) -> None:
    with server.use():
        assert eventually(lambda: len(watchdogs(server.folder)) == 1)
    assert eventually(lambda: not watchdogs(server.folder), seconds=5)


def test_a_killed_postmaster_and_its_busy_children_are_cleared(server: EmbeddedServer) -> None:
    with server.use() as address:
        with psycopg.connect(address.url(), autocommit=True) as connection:
            connection.execute("create table survivor as select generate_series(1, 1000) as number")
        endless = "do $$ begin loop perform 1; end loop; end $$"
        busy = subprocess.Popen(
            [server.binary("psql"), address.url(), "-Xc", endless], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        query = "select count(*) from pg_stat_activity where query like 'do $$%' and state = 'active'"
        assert eventually(lambda: answer(address, query) == 1)
        pid = server.status().pid
        assert pid is not None
        psutil.Process(pid).kill()
        assert eventually(lambda: not server.status().running)
        assert remains(server.folder / "data"), "a busy child outlives its postmaster and holds its memory"
        with server.use() as again:
            assert answer(again, "select count(*) from survivor") == 1000
            assert server.status().pid != pid
        busy.wait(timeout=20)
    assert remains(server.folder / "data") == []


def test_a_stopped_child_of_a_killed_postmaster_is_cleared_too(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "QUIT_SECONDS", 0.5)
    with server.use():
        pid = server.status().pid
        assert pid is not None
        children = psutil.Process(pid).children()
        children[0].suspend()  # deaf to SIGQUIT
        psutil.Process(pid).kill()
        assert eventually(lambda: not server.status().running)
        with server.use() as again:
            assert answer(again) == 1
    assert remains(server.folder / "data") == []


def test_a_user_that_leaves_a_killed_server_clears_its_remains(
    server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "QUIT_SECONDS", 0.5)
    with server.use():
        pid = server.status().pid
        assert pid is not None
        psutil.Process(pid).children()[0].suspend()
        psutil.Process(pid).kill()
        assert eventually(lambda: not server.status().running)
        assert remains(server.folder / "data")
    assert remains(server.folder / "data") == []


@pytest.mark.parametrize("name", ["sleep", "postgres"])
def test_a_stale_pid_file_neither_misleads_nor_harms(server: EmbeddedServer, tmp_path: Path, name: str) -> None:
    data, socket = server.folder / "data", server.folder / "socket"
    program = tmp_path / name
    shutil.copy("/bin/sleep", program)
    # Unrelated, whatever it is called: it works elsewhere, even though it was named our folder.
    unrelated = subprocess.Popen([program, "300"], cwd=tmp_path)
    try:
        lines = [unrelated.pid, data, 1700000000, 5432, socket, "", "  5432001         0", "ready   "]
        stale = "".join(f"{line}\n" for line in lines)
        (data / "postmaster.pid").write_text(stale)
        (socket / ".s.PGSQL.5432.lock").write_text(stale)
        assert not server.status().running
        assert server.release()
        with server.use() as address:
            assert server.status().pid != unrelated.pid
            assert answer(address) == 1
        assert not server.status().running
        assert unrelated.poll() is None, "it was not signalled"
    finally:
        unrelated.kill()
        unrelated.wait()


def test_a_torn_pid_file_is_not_believed(server: EmbeddedServer) -> None:
    for content in ("", "99999999999999999999\n", "-17\n", "no number\n"):
        (server.folder / "data" / "postmaster.pid").write_text(content)
        assert not server.status().running
        with server.use() as address:
            assert answer(address) == 1


def initdb_of(folder: Path) -> psutil.Process | None:
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "initdb" and any(str(folder) in word for word in process.info["cmdline"] or []):
            return process
    return None


def test_a_killed_initdb_leaves_nothing_and_the_next_command_works() -> None:
    with open_folder() as place:
        folder = place / "postgres"
        with Client(folder) as client:
            assert eventually(lambda: initdb_of(folder) is not None)
            assert eventually(lambda: any(folder.glob("data.new-*/base/1")))
            victim = initdb_of(folder)
            assert victim is not None
            victim.kill()
            assert client.url() == ""
            assert "initdb was killed by signal 9" in client.leave()
        assert not (folder / "data").exists()
        with EmbeddedServer(folder).use() as address:
            assert answer(address) == 1
        assert not list(folder.glob("data.new-*"))
        assert eventually(lambda: is_gone(folder))


def test_a_client_killed_during_initdb_leaves_the_next_a_whole_cluster() -> None:
    with open_folder() as place:
        folder = place / "postgres"
        with Client(folder) as client:
            assert eventually(lambda: any(folder.glob("data.new-*/base/1")))
            client.kill()
        assert list(folder.glob("data.new-*")), "initdb is still at it, or left its work"
        assert not (folder / "data").exists()
        with EmbeddedServer(folder).use() as address:
            assert initdb_of(folder) is None, "the orphan was waited for"
            assert answer(address) == 1
        assert not list(folder.glob("data.new-*"))
        assert eventually(lambda: is_gone(folder))


def test_a_client_killed_while_the_server_starts_is_no_obstacle(server: EmbeddedServer) -> None:
    for pause in (0.0, 0.1, 0.2, 0.3, 0.4):
        with Client(server.folder) as client:
            time.sleep(pause)
            client.kill()
        with server.use() as address:
            assert answer(address) == 1
    assert eventually(lambda: is_gone(server.folder))


def test_an_interrupted_client_stops_the_server_in_order(server: EmbeddedServer) -> None:
    with Client(server.folder) as client:
        assert client.url()
        client.process.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in client.leave()
    assert not server.status().running
    assert "database system is shut down" in (server.folder / "server.log").read_text().splitlines()[-1]


@pytest.mark.usefixtures("quick_initdb")
def test_a_removed_data_folder_is_made_anew() -> None:
    with open_folder() as place:
        folder = place / "postgres"
        with EmbeddedServer(folder).use():
            pass
        shutil.rmtree(folder / "data")
        with EmbeddedServer(folder).use() as address:
            assert answer(address) == 1


@pytest.mark.usefixtures("quick_initdb")
def test_a_broken_cluster_is_reported_and_left_alone() -> None:
    with open_folder() as place:
        folder = place / "postgres"
        with EmbeddedServer(folder).use():
            pass
        control = folder / "data" / "global" / "pg_control"
        content = control.read_bytes()
        control.write_bytes(b"")
        with pytest.raises(DatabaseError, match=r"did not start.*pg_control"), EmbeddedServer(folder).use():
            pass
        control.write_bytes(content)
        with EmbeddedServer(folder).use() as address:
            assert answer(address) == 1
