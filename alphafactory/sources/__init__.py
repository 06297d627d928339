"""Sources: vendors and files in, raw bars, listings and corporate actions out. The only network door.

One file of this folder with a concrete subclass of `base.Source` is one source; `sources()` finds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from alphafactory.registry import discover
from alphafactory.sources.base import Progress, Source

if TYPE_CHECKING:
    from alphafactory.registry import Registry

__all__ = ["Progress", "Source", "sources"]


def sources() -> Registry[type[Source]]:
    """Return the known sources, as classes that are built with their section of the config."""
    return discover("sources", cast("Any", Source), "alphafactory.sources")
