"""Whether a symbol trades no more, as the night sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.symbols import SymbolRow


def is_delisted(row: SymbolRow, workspace: Workspace) -> bool:
    """Whether a symbol has ceased to trade by the night's date."""
    return row.listing.delisted is not None and row.listing.delisted <= workspace.as_of
