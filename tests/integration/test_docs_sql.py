"""Every SQL statement that the README and docs/ show runs, as the reader, on the tables of a small simulated night."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from alphafactory.config_loading import load_config
from alphafactory.errors import UsageError
from alphafactory.pipeline.running import run_job
from alphafactory.pipeline.workspace import open_workspace
from alphafactory.store.reader import query
from jobs import nightly

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alphafactory.pipeline.workspace import Workspace

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r'python run\.py sql "([^"…]+)"')
AS_OF = date(2024, 6, 28)


def statements() -> list[str]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [*BLOCK.findall(text), *COMMAND.findall(text)]
    return list(dict.fromkeys(statement.strip().rstrip(";") for statement in found))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The tables after one night on a simulated market with faults planted."""
    folder = tmp_path_factory.mktemp("night")
    overrides = {
        "sources.order": ["synthetic"],
        "sources.synthetic.symbols": 6,
        "sources.synthetic.years": 2,
        "sources.synthetic.faults": 3,
        "compute.backend": "sequential",
        "paths.var": folder / "var",
        "reports.dir": folder / "reports",
    }
    loaded = load_config(folder, {}, overrides=overrides)
    with open_workspace(loaded, AS_OF, datetime(2024, 6, 29, tzinfo=UTC)) as opened:
        result = run_job(opened, nightly.JOB.name, nightly.JOB.steps)
        assert result is not None
        assert result.outcome == "fine", result.steps
        yield opened


@pytest.mark.parametrize("statement", statements())
def test_a_statement_that_is_shown_runs(workspace: Workspace, statement: str) -> None:
    columns, _ = query(workspace.database, statement)
    assert columns


@pytest.mark.parametrize("view", ["v_best_by_sector", "v_trades", "v_quarantined", "v_bars", "performance_snapshots"])
def test_a_view_has_something_to_show(workspace: Workspace, view: str) -> None:
    _, rows = query(workspace.database, f"SELECT * FROM {view} LIMIT 1")
    assert len(rows) == 1


def test_every_view_is_described(workspace: Workspace) -> None:
    _, rows = query(workspace.database, "SELECT viewname FROM pg_views WHERE schemaname = 'public'")
    text = (PROJECT / "docs" / "sql.md").read_text(encoding="utf-8")
    assert [view for (view,) in rows if f"`{view}`" not in text] == []


def test_every_table_is_described(workspace: Workspace) -> None:
    _, rows = query(
        workspace.database,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition",
    )
    text = (PROJECT / "docs" / "sql.md").read_text(encoding="utf-8")
    own_business = {"alembic_version", "series_states", "source_states"}
    assert [table for (table,) in rows if table not in own_business and f"`{table}`" not in text] == []


def test_a_wrong_statement_is_refused(workspace: Workspace) -> None:
    with pytest.raises(UsageError, match="no_such_view"):
        query(workspace.database, "SELECT * FROM no_such_view")
