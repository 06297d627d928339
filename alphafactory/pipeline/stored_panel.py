"""The panel that indicators and backtests read, from disk where its data are unchanged, else from the tables.

1. Versions, then fingerprints of the wanted symbols are taken.
2. What no file holds is read in one snapshot of the tables, in which the versions must still be the same.
3. If somebody writes in between, again; if it does not settle, the snapshot is used and kept nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from alphafactory.pipeline.panel import data_fingerprints, read_panel
from alphafactory.pipeline.panel_cache import PanelCache
from alphafactory.pipeline.workspace import code_version
from alphafactory.store.versions import read_versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from alphafactory.domain.bars import BarPanel
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.symbols import SymbolRow

WORTH_KEEPING = 20
"""A panel of fewer symbols is read from the tables: it takes milliseconds, and would push a large one out."""
_ATTEMPTS = 3


def open_panel(workspace: Workspace, chosen: Sequence[SymbolRow]) -> BarPanel:
    """Return the clean, split-adjusted bars of the symbols, in their order, as known at the night."""
    if len(chosen) < WORTH_KEEPING:
        with workspace.database.begin() as connection:
            return read_panel(connection, chosen, workspace.cutoff)
    cache = PanelCache(workspace.config.paths.var / "cache" / "panels", code_version())
    ids = [row.id for row in chosen]
    for _ in range(_ATTEMPTS):
        with workspace.database.begin() as connection:
            versions = read_versions(connection, ids)
            prints = data_fingerprints(connection, ids, workspace.cutoff)
        with workspace.database.snapshot() as connection:
            if read_versions(connection, ids) == versions:
                return cache.open(chosen, prints, lambda rows: read_panel(connection, rows, workspace.cutoff)).panel
    with workspace.database.begin() as connection:
        return read_panel(connection, chosen, workspace.cutoff)
