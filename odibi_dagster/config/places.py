"""Where a node reads and writes: connections and formats put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from odibi_dagster.config.later import lookup
from odibi_dagster.config.project import Quarantine, Stored, Target
from odibi_dagster.config.validation import QuarantineConfig
from odibi_dagster.connections.base import Location
from odibi_dagster.connections.paths import has_glob
from odibi_dagster.errors import did_you_mean
from odibi_dagster.formats.base import KEYED, formats

if TYPE_CHECKING:
    from odibi_dagster.config.report import Loc
    from odibi_dagster.config.site import Setting, Site
    from odibi_dagster.config.storage import ReadConfig, WriteConfig
    from odibi_dagster.connections.base import Connection
    from odibi_dagster.formats.base import Format

TABLE_FORMAT = "delta"
"""What a `table` of a folder is."""
STORAGE_FORMAT = "parquet"
"""What is stored as where the file names no format."""
ERROR_SUFFIX = "_error"
_COMPRESSED = (".gz", ".zst", ".bz2", ".xz", ".lz4")


def stored(read: ReadConfig, at: Loc, setting: Setting) -> Stored | None:
    """The source that a `read`, or an input written like one, names."""
    location = _location(read.connection, read.path, read.table, at, setting)
    found = _format(read.format, _is_table(read), at, setting)
    if found is None or location is None:
        return None
    options = _options(found.read_options, read.options, at, setting)
    return Stored(location, found, options)


def target(write: WriteConfig, at: Loc, setting: Setting) -> Target | None:
    """The place that a `write` names."""
    location = _own_place(write.connection, write.path, write.table, at, setting)
    found = _writable(write, at, setting)
    if found is None or location is None:
        return None
    if write.partition_by and not found.partitions:
        message = f"format {write.format} cannot be written with partition_by; write parquet"
        setting.report.error(message, (*at, "partition_by"))
    elif write.partition_by and not found.atomic_partitions:
        message = (
            f"{write.format} with partition_by is published file by file: for a moment readers "
            "may see old and new files together; format: delta is published as a whole"
        )
        setting.report.warn(message, (*at, "partition_by"))
    options = _options(found.write_options, write.options, at, setting)
    if options is not None:
        _check_mode(write, found, options, at, setting)
    return Target(location, found, write.mode, tuple(write.partition_by), options)


def _check_mode(write: WriteConfig, found: Format, options: Any, at: Loc, setting: Setting) -> None:
    """Report what mode, format and keys do not say together."""
    if reason := found.unfit(write.mode, options):
        setting.report.error(reason, (*at, "mode"))
        return
    keys = getattr(options, "keys", ())
    if write.mode in KEYED and not keys:
        message = (
            f"mode {write.mode} needs the columns that identify a row; write "
            "options: {keys: [order_id]}"
        )
        setting.report.error(message, (*at, "mode"))
    if write.mode not in KEYED and keys:
        message = f"options.keys has no effect with mode {write.mode}"
        setting.report.warn(message, (*at, "options", "keys"), key=True)


def own_storage(site: Site, setting: Setting) -> Target:
    """The place of a node that promises something, or is cached, and has no `write`."""
    path = setting.storage / site.id.pipeline / f"{site.id.name}.parquet"
    return Target(Location(path), formats[STORAGE_FORMAT]())


def quarantine(site: Site, node: Target, setting: Setting) -> Quarantine | None:
    """Where a node's broken rows go: the place it names, else beside its target."""
    validation = site.config.validation
    config = (validation.quarantine if validation else None) or QuarantineConfig()
    at = (*site.at, "validation", "quarantine")
    if config.path is None and config.table is None:
        if config.connection is not None:
            setting.report.error("quarantine needs path or table beside its connection", at)
        place: Target | None = _beside(node)
    else:
        place = _named_quarantine(site, config, at, setting)
    if place is None:
        return None
    # what a mode leaves of the node's rows it leaves of the rejected ones too
    place = replace(place, mode="overwrite" if node.mode == "overwrite" else "append")
    return Quarantine(place, config.add_columns.stored, config.max_rows, config.sample_fraction)


def _named_quarantine(
    site: Site, config: QuarantineConfig, at: Loc, setting: Setting
) -> Target | None:
    """A `table` is Delta and a `path` Parquet, whatever the node itself is written as."""
    write = site.config.write
    connection = config.connection or (write.connection if write else None)
    if connection is None:
        setting.report.error("missing key 'connection'", at)
        return None
    location = _own_place(connection, config.path, config.table, at, setting)
    if location is None:
        return None
    return Target(location, formats[STORAGE_FORMAT if config.table is None else TABLE_FORMAT]())


def _beside(node: Target) -> Target:
    path = node.location.path
    suffix = path.suffix
    if suffix in _COMPRESSED:
        suffix = "".join(path.suffixes[-2:])
    name = path.name.removesuffix(suffix) + ERROR_SUFFIX + suffix
    return replace(node, location=Location(path.with_name(name)), partition_by=())


def _own_place(
    name: str, path: str | None, table: str | None, at: Loc, setting: Setting
) -> Location | None:
    """A location that is written to: one place, and not the whole connection."""
    location = _location(name, path, table, at, setting)
    if location is None:
        return None
    at_key = (*at, "path" if path is not None else "table")
    if path is not None and has_glob(_relative(path)):
        setting.report.error(f"cannot write to the pattern {path!r}; name one place", at_key)
        return None
    if path is not None and not _relative(path).parts:
        setting.report.error("cannot write to the connection's base path; name a place", at_key)
        return None
    return location


def _relative(path: str) -> PurePosixPath:
    return PurePosixPath(path)


def _connection(name: str | None, at: Loc, setting: Setting) -> Connection | None:
    if name is None:
        setting.report.error("missing key 'connection'", at)
        return None
    if name not in setting.connections:
        known = setting.connections
        hint = did_you_mean(name, known) if known else "the file has no connections"
        setting.report.error(f"unknown connection '{name[:60]}'; {hint}", (*at, "connection"))
    return setting.connections.get(name)


def _location(
    name: str | None, path: str | None, table: str | None, at: Loc, setting: Setting
) -> Location | None:
    connection = _connection(name, at, setting)
    if path is None and table is None:
        setting.report.error("missing key 'path' (or 'table')", at)
        return None
    if path is not None and table is not None:
        setting.report.error("write path or table, not both", (*at, "table"), key=True)
        return None
    if connection is None:
        return None
    try:
        return connection.resolve(setting.root, path=path, table=table)
    except ValueError as error:
        setting.report.error(str(error), (*at, "path" if path is not None else "table"))
        return None


def _is_table(config: ReadConfig | WriteConfig) -> bool:
    return config.table is not None and config.path is None


def _format(name: str, is_table: bool, at: Loc, setting: Setting) -> Format | None:
    place = (*at, "format")
    try:
        found: type[Format] = lookup(formats, name)
    except ValueError as error:
        setting.report.error(str(error), place)
        return None
    if is_table and name != TABLE_FORMAT:
        message = f"a table is written as {TABLE_FORMAT}; for {name} write path instead of table"
        setting.report.error(message, place)
        return None
    return found()


def _writable(write: WriteConfig, at: Loc, setting: Setting) -> Format | None:
    found = _format(write.format, _is_table(write), at, setting)
    if found is not None and not found.modes:
        setting.report.error(f"format {write.format} can only be read", (*at, "format"))
        return None
    return found


def _options(model: Any, written: dict[str, Any], at: Loc, setting: Setting) -> Any:
    return setting.build(model, written, (*at, "options"))
