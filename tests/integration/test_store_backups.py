"""A backup brings every row back, whatever happened in between."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from alphafactory.errors import DatabaseError
from alphafactory.store import backups, migrating
from alphafactory.store.database import Database
from alphafactory.store.embedded import EmbeddedServer
from alphafactory.store.reader import query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nights import Cluster, Nights


@pytest.fixture
def database(simulated: Nights, cluster: Cluster) -> Iterator[Database]:
    """A database with a night in it, that knows its server's own programs."""
    simulated.run(date(2024, 6, 14))
    with simulated.database() as opened:
        server = EmbeddedServer(cluster.folder / "postgres")
        yield Database(opened.url, opened.engine, opened.reader_url, server)


def test_restore_brings_back_what_was_backed_up(database: Database, simulated: Nights, tmp_path: Path) -> None:
    before = simulated.tables()
    query(database, "SELECT 1")
    file = tmp_path / "deep" / "backup.dump"
    backups.backup(database, file)
    simulated.ask(
        "DELETE FROM trades; UPDATE bars SET close = close + 1; DROP TABLE dividends CASCADE; CREATE TABLE x ()"
    )
    backups.restore(database, file)
    simulated.ask("DROP TABLE x")
    assert simulated.tables() == before
    assert migrating.check(database) == []
    assert query(database, "SELECT count(*) FROM v_trades")[1][0][0] == len(before["trades"])
    assert simulated.run(date(2024, 6, 14)).outcome == "fine"
    assert simulated.tables() == before
    assert [path.name for path in file.parent.iterdir()] == ["backup.dump"]


def test_a_failed_restore_changes_nothing(database: Database, simulated: Nights, tmp_path: Path) -> None:
    before = simulated.tables()
    file = tmp_path / "backup.dump"
    backups.backup(database, file)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(DatabaseError, match="pg_restore failed"):
        backups.restore(database, file)
    assert simulated.tables() == before
    with pytest.raises(DatabaseError, match="There is no backup"):
        backups.restore(database, tmp_path / "none.dump")


def test_a_backup_that_cannot_be_written_is_said(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError, match="cannot be written"):
        backups.backup(database, tmp_path / "file" / "backup.dump")
