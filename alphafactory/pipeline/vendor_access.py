"""Opens the configured sources: each built with its settings, vendors with a caller whose budget a table keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alphafactory.errors import ConfigError, SourceUnavailableError, UnknownNameError
from alphafactory.sources import BulkSource, Source, VendorSource, sources
from alphafactory.sources.vendor import VendorCaller, quota_spent
from alphafactory.store import vendors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from alphafactory.config_sources import VendorLimits
    from alphafactory.pipeline.workspace import Workspace
    from alphafactory.store.database import Database


@dataclass(frozen=True, slots=True)
class StoredBudget:
    """A vendor's budget of one day, kept in a table: all threads, processes and restarts share it."""

    database: Database
    vendor: str
    day: date

    def take(self, limits: VendorLimits) -> float:
        """Take a place; see `sources.vendor.Budget`."""
        with self.database.begin() as connection:
            place = vendors.take_place(connection, self.vendor, self.day, limits.per_minute, limits.per_day)
        if place.spent:
            raise quota_spent(self.vendor, limits)
        return place.wait

    def exhaust(self) -> None:
        """Note that the vendor says that its quota is spent."""
        with self.database.begin() as connection:
            vendors.exhaust_budget(connection, self.vendor, self.day)

    @property
    def spent(self) -> int:
        """How many requests have been sent today."""
        with self.database.begin() as connection:
            return vendors.read_spent(connection, self.vendor, self.day)


@dataclass(frozen=True, slots=True)
class Opened:
    """The sources that are set up, in order, and for each other one why it is skipped."""

    sources: tuple[Source, ...]
    skipped: dict[str, str]

    @property
    def bulk(self) -> list[BulkSource]:
        """Those that hand over a whole market at once."""
        return [source for source in self.sources if isinstance(source, BulkSource)]

    @property
    def vendors(self) -> list[VendorSource]:
        """Those that are asked for what is missing."""
        return [source for source in self.sources if isinstance(source, VendorSource)]


def open_sources(workspace: Workspace, names: Sequence[str] | None = None) -> Opened:
    """Build the sources of these names, by default of the configured chain; one that is not set up is skipped."""
    opened: list[Source] = []
    skipped: dict[str, str] = {}
    for name in workspace.config.sources.chain if names is None else names:
        source = build_source(workspace, name)
        try:
            source.check_available()
        except SourceUnavailableError as error:
            skipped[name] = str(error)
        else:
            opened.append(source)
    return Opened(tuple(opened), skipped)


def build_source(workspace: Workspace, name: str, *, attempts: int | None = None) -> Source:
    """Build one source, whose requests are tried so many times; raise `ConfigError` for a name that none has."""
    registry = sources()
    if name not in registry.plugins:
        raise ConfigError(f"sources.order: {UnknownNameError('source', name, registry.plugins)}")
    plugin: Any = registry.get(name)
    settings = getattr(workspace.config.sources, name)
    if not issubclass(plugin, VendorSource):
        bulk: Source = plugin(settings)
        return bulk
    key = getattr(settings, "api_key", None)
    caller = VendorCaller(
        name,
        settings.limits if attempts is None else settings.limits.model_copy(update={"attempts": attempts}),
        StoredBudget(workspace.database, name, workspace.now.date()),
        seed=workspace.as_of.toordinal(),
        secret=key.get_secret_value() if key is not None else None,
    )
    vendor: Source = plugin(settings, caller)
    return vendor


def requests_today(workspace: Workspace, vendor: str) -> int:
    """Return how many requests a vendor has been sent on the night's day."""
    return StoredBudget(workspace.database, vendor, workspace.now.date()).spent
