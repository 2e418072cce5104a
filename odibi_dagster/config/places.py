"""Where a node reads and writes: connections and formats put together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from odibi_dagster.config.later import lookup
from odibi_dagster.config.project import Quarantine, Stored, Target
from odibi_dagster.config.validation import QuarantineConfig
from odibi_dagster.connections.base import Location, Wanted
from odibi_dagster.connections.database import DatabaseConnection, TableLocation
from odibi_dagster.connections.paths import has_glob
from odibi_dagster.core.partition import PLACEHOLDER
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
MERGE = "merge"
"""What Odibi calls an upsert into a database."""
STORAGE_FORMAT = "parquet"
"""What is stored as where the file names no format."""
ERROR_SUFFIX = "_error"
DATABASE_FORMAT = "sql"
"""What is stored in a database."""


def stored(read: ReadConfig, at: Loc, setting: Setting) -> Stored | None:
    """The source that a `read`, or an input written like one, names."""
    wanted = Wanted(read.path, read.table, read.query)
    location = _location(read.connection, wanted, at, setting)
    found = _format(read.format, wanted, location, at, setting)
    if found is None or location is None:
        return None
    options = _options(found.read_options, read.options, at, setting)
    return Stored(location, found, options)


def first_load(site: Site, setting: Setting) -> Stored | None:
    """What `write.first_run_query` says: another query of the database that is read."""
    read, write = site.config.read, site.config.write
    if write is None or write.first_run_query is None or "read" in site.missing:
        return None
    at: Loc = (*site.at, "write", "first_run_query")
    connection = setting.connections.get(read.connection or "") if read else None
    if read is None or (connection is not None and not isinstance(connection, DatabaseConnection)):
        setting.report.error("first_run_query needs a read from a database", at, key=True)
        return None
    if connection is None:
        return None
    try:
        wanted = Wanted(query=write.first_run_query)
        location = connection.resolve(setting.root, wanted, setting.staging)
    except ValueError as error:
        setting.report.error(str(error), at)
        return None
    return Stored(location, formats[DATABASE_FORMAT]())


def target(write: WriteConfig, at: Loc, setting: Setting) -> Target | None:
    """The place that a `write` names."""
    location = _own_place(write.connection, Wanted(write.path, write.table), at, setting)
    found = _writable(write, location, at, setting)
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
    if write.mode not in found.modes:
        # before its options, which are those of another format
        setting.report.error(found.unfit(write.mode, None) or "", (*at, "mode"))
        return None
    options = _options(found.write_options, write.options, at, setting)
    if options is not None:
        options = _check_mode(write, found, options, at, setting)
    if write.merge_schema and write.mode != "overwrite":
        options = _growing(found, options, (*at, "merge_schema"), setting)
    mode = "upsert" if write.mode == MERGE else write.mode
    return Target(location, found, mode, tuple(write.partition_by), options)


def _growing(found: Format, options: Any, at: Loc, setting: Setting) -> Any:
    """The options with which rows that are added may bring columns; reports a format without."""
    if not found.grows:
        able = sorted(each.kind for each in formats.known.values() if each.grows)
        message = (
            f"format {found.kind} cannot add columns to rows that are stored; write format: "
            f"{' or '.join(able)}"
        )
        setting.report.error(message, at)
        return options
    return (options or found.write_options()).model_copy(update={"mergeSchema": True})


def _check_mode(write: WriteConfig, found: Format, options: Any, at: Loc, setting: Setting) -> Any:
    """The options, with the keys of a merge; reports what mode, format and keys do not say."""
    if reason := found.unfit(write.mode, options):
        setting.report.error(reason, (*at, "mode"))
        return options
    if write.merge_keys and write.mode != MERGE:
        message = f"merge_keys has no effect with mode {write.mode}"
        setting.report.warn(message, (*at, "merge_keys"), key=True)
    elif write.merge_keys:
        options = options.model_copy(update={"keys": tuple(write.merge_keys)})
    keys = getattr(options, "keys", ())
    if write.mode in (MERGE, *KEYED) and not keys:
        key = "merge_keys: [order_id]" if write.mode == MERGE else "options: {keys: [order_id]}"
        message = f"mode {write.mode} needs the columns that identify a row; write {key}"
        setting.report.error(message, (*at, "mode"))
    if write.mode not in (MERGE, *KEYED) and keys:
        message = f"options.keys has no effect with mode {write.mode}"
        setting.report.warn(message, (*at, "options", "keys"), key=True)
    return options


def with_policy(site: Site, target: Target | None, setting: Setting) -> Target | None:
    """The target, which takes columns that are new where the policy adds them.

    Reports a policy that has nothing to compare with, or that the layout cannot keep.
    """
    policy, at = site.config.schema_policy, (*site.at, "schema_policy")
    if policy is None or "write" in site.missing:
        return target
    if target is None:
        if not site.config.columns:
            message = "schema_policy compares with columns, or with what is written; write either"
            setting.report.error(message, at, key=True)
        return None
    if policy.new != "add_nullable" or target.mode == "overwrite":
        return target
    options = _growing(target.format, target.options, at, setting)
    return replace(target, options=options)


def own_storage(site: Site, setting: Setting) -> Target:
    """The place of a node that promises something, or is cached, and has no `write`."""
    name = site.id.name if site.partitions is None else f"{site.id.name}/{PLACEHOLDER}"
    path = setting.storage / site.id.pipeline / f"{name}.parquet"
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
    return Quarantine(
        place,
        config.add_columns.stored,
        config.max_rows,
        config.sample_fraction,
        _retention(config, place, at, setting),
    )


def _retention(
    config: QuarantineConfig, place: Target, at: Loc, setting: Setting
) -> timedelta | None:
    """How long broken rows are kept; a default that cannot be kept to means for good."""
    if config.retention_days is None or place.mode == "overwrite":
        return None
    if config.add_columns.rejected_at and place.format.expires:
        return timedelta(days=config.retention_days)
    if "retention_days" in config.model_fields_set:
        message = (
            "retention_days needs _rejected_at; write add_columns: {rejected_at: true}"
            if place.format.expires
            else f"retention_days does not work in {place.format.kind}; write a path for the "
            "quarantine, which makes it parquet, or retention_days: null"
        )
        setting.report.error(message, (*at, "retention_days"))
    return None


def _named_quarantine(
    site: Site, config: QuarantineConfig, at: Loc, setting: Setting
) -> Target | None:
    """A `path` is Parquet and a `table` Delta, or one of a database: whatever the node is."""
    write = site.config.write
    connection = config.connection or (write.connection if write else None)
    if connection is None:
        setting.report.error("missing key 'connection'", at)
        return None
    location = _own_place(connection, Wanted(config.path, config.table), at, setting)
    if location is None:
        return None
    table = DATABASE_FORMAT if isinstance(location, TableLocation) else TABLE_FORMAT
    return Target(location, formats[STORAGE_FORMAT if config.table is None else table]())


def _beside(node: Target) -> Target:
    return replace(node, location=node.location.beside(ERROR_SUFFIX), partition_by=())


def _own_place(name: str, wanted: Wanted, at: Loc, setting: Setting) -> Location | None:
    """A location that is written to: one place, and not the whole connection."""
    location = _location(name, wanted, at, setting)
    if location is None:
        return None
    path = wanted.path
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


def _location(name: str | None, wanted: Wanted, at: Loc, setting: Setting) -> Location | None:
    connection = _connection(name, at, setting)
    said = [key for key in ("path", "table", "query") if getattr(wanted, key) is not None]
    if not said:
        setting.report.error("missing key 'path' (or 'table')", at)
        return None
    if len(said) > 1:
        message = f"write {' or '.join(said)}, not both"
        setting.report.error(message, (*at, said[-1]), key=True)
        return None
    if connection is None:
        return None
    try:
        return connection.resolve(setting.root, wanted, setting.staging)
    except ValueError as error:
        setting.report.error(str(error), (*at, said[0]))
        return None


def _format(
    name: str, wanted: Wanted, location: Location | None, at: Loc, setting: Setting
) -> Format | None:
    place = (*at, "format")
    try:
        found: type[Format] = lookup(formats, name)
    except ValueError as error:
        setting.report.error(str(error), place)
        return None
    if reason := _misplaced(found, wanted, location):
        setting.report.error(reason, place)
        return None
    return found()


def _misplaced(found: type[Format], wanted: Wanted, location: Location | None) -> str | None:
    """Why nothing of that format can lie there, if so. Of an unknown place nothing is said."""
    in_database = isinstance(location, TableLocation)
    if in_database and not found.in_database:
        return f"{found.kind} cannot lie in a database; write format: {DATABASE_FORMAT}"
    if found.in_database and location is not None and not in_database:
        return f"format {found.kind} needs a connection to a database; this one has files"
    is_table = wanted.table is not None and wanted.path is None
    if is_table and not found.in_database and found.kind != TABLE_FORMAT:
        return f"a table is written as {TABLE_FORMAT}; for {found.kind} write path instead of table"
    return None


def _writable(
    write: WriteConfig, location: Location | None, at: Loc, setting: Setting
) -> Format | None:
    found = _format(write.format, Wanted(write.path, write.table), location, at, setting)
    if found is not None and not found.modes:
        setting.report.error(f"format {write.format} can only be read", (*at, "format"))
        return None
    return found


def _options(model: Any, written: dict[str, Any], at: Loc, setting: Setting) -> Any:
    return setting.build(model, written, (*at, "options"))
