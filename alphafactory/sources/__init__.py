"""Sources: vendors and files in, raw bars, listings and corporate actions out. The only network door.

One file of this folder with a concrete subclass of `base.BulkSource` or `base.VendorSource` is one source; `sources()`
finds them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from alphafactory.registry import discover
from alphafactory.sources.base import BulkSource, Progress, Source, VendorSource

if TYPE_CHECKING:
    from alphafactory.registry import Registry

__all__ = ["BulkSource", "Progress", "Source", "VendorSource", "sources"]


def sources() -> Registry[type[Source]]:
    """Return the known sources: classes that are built with their section of the config, vendors also with a caller."""
    return discover("sources", cast("Any", Source), "alphafactory.sources")
