"""Comma-separated values, read as pandas reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.errors import DataReadError, SchemaContractError, did_you_mean
from odibi_dagster.formats import types
from odibi_dagster.formats.base import formats
from odibi_dagster.formats.csv_lines import cleaned, columns_of
from odibi_dagster.formats.csv_options import CsvReadOptions, CsvWriteOptions
from odibi_dagster.formats.csv_scan import DIRECT, Dialect, nulled, scan_csv, sink_words
from odibi_dagster.formats.errors import check_names, reading
from odibi_dagster.formats.file_format import FileFormat, FileStaged
from odibi_dagster.formats.fit import in_order
from odibi_dagster.formats.landing import inflated
from odibi_dagster.formats.ledger import batches_in
from odibi_dagster.formats.lines import append_lines, skip_nothing, skip_record
from odibi_dagster.formats.sources import files_of
from odibi_dagster.formats.text import guessed, parsed, spaced

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import TypeAlias

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.formats.base import Staged
    from odibi_dagster.formats.text import ReadAs

    Group: TypeAlias = tuple[tuple[str, ...], list[Path]]


@formats.register("csv")
class Csv(FileFormat):
    """Csv files in UTF-8; they may be compressed with gzip.

    Null is written as an empty field and an empty text as `""`: staged rows tell them apart;
    whoever reads the file later with the default options sees null for both, as in pandas.
    """

    modes = frozenset({"overwrite", "append"})
    read_options = CsvReadOptions
    write_options = CsvWriteOptions
    suffixes = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
    conversions = types.CSV

    def scan(
        self,
        engine: Engine,
        location: Location,
        options: Any = None,
        declared: Mapping[str, DType] | None = None,
    ) -> Frame:
        """See `Format.scan`. Types nobody declared are inferred in a pass over their columns.

        Files with other columns than the first lie below it, with nulls for what they lack.
        """
        options = options or CsvReadOptions()
        with reading(location, self.kind):
            files = [inflated(file) for file in files_of(location, self.suffixes)]
            groups = _groups(files, options)
            for names, _ in groups:
                check_names(names, location)
            try:
                frame = _typed(engine, groups, options, declared or {})
            except SchemaContractError as error:
                msg = f"a row has more fields than there are columns ({error})"
                raise DataReadError(msg) from error
        return _picked(frame, options, location)

    def scan_staged(self, engine: Engine, staged: Staged) -> Frame:
        """See `Format.scan_staged`: with the types that were staged; nothing is inferred."""
        dialect = Dialect(
            sep=staged.options.sep,
            header=staged.options.header,
            nulls=("",) if len(staged.schema) == 1 else (),
        )
        direct = _direct(engine, staged.schema)
        return parsed(
            engine,
            scan_csv(engine, staged.files, dialect, direct),
            {name: dtype for name, dtype in staged.schema.items() if direct[name] != dtype},
        )

    def read_back(
        self,
        engine: Engine,
        location: Location,
        options: Any,
        schema: Callable[[], Mapping[str, DType] | None],
    ) -> Frame:
        """See `Format.read_back`: only an empty field is null, for that is how null is written."""
        options, types = options or CsvWriteOptions(), schema()
        own = CsvReadOptions(
            sep=options.sep,
            header=options.header,
            names=None if options.header or types is None else tuple(types),
            na_values=("",),
            keep_default_na=False,
        )
        return self.scan(engine, location, own, types)

    def sink_words(self, engine: Engine, options: Any, columns: int) -> tuple[str, dict[str, Any]]:
        """See `FileFormat.sink_words`."""
        return "csv", sink_words(engine, options, columns)

    def fit(self, engine: Engine, frame: Frame, location: Location, options: Any) -> Frame:  # noqa: ARG002
        """See `FileFormat.fit`: columns by their names; a file does not say its types."""
        stored = self.conform(frame)
        first = inflated(files_of(location, self.suffixes)[0])
        if not first.stat().st_size:
            return stored
        own = CsvReadOptions(sep=options.sep, header=options.header)
        names = columns_of(cleaned(first, own), own)
        if options.header:
            return in_order(stored, names)
        if len(names) != len(stored.collect_schema()):
            columns = len(stored.collect_schema())
            msg = f"the rows to add have {columns} columns, what is stored has {len(names)}"
            raise SchemaContractError(msg)
        return stored

    def published(self, location: Location, owner: str) -> int | None:
        """See `Format.published`: the ledger beside the file says it."""
        if location.path.is_dir():
            return super().published(location, owner)
        return batches_in(location.path).get(owner)

    def add(self, staged: FileStaged) -> bool:
        """See `FileFormat.add`: behind the lines of a file, or as one more file of a directory."""
        if staged.location.path.is_dir():
            return super().add(staged)
        return append_lines(staged, skip_record if staged.options.header else skip_nothing)


def _groups(files: Sequence[Path], options: CsvReadOptions) -> list[Group]:
    """Files one after the other, as long as they have the same columns."""
    groups: list[Group] = []
    for file in files:
        path = cleaned(file, options)
        names = columns_of(path, options)
        if groups and groups[-1][0] == names:
            groups[-1][1].append(path)
        else:
            groups.append((names, [path]))
    return groups


def _typed(
    engine: Engine, groups: Sequence[Group], options: CsvReadOptions, declared: Mapping[str, DType]
) -> Frame:
    names = tuple(dict.fromkeys(name for group, _ in groups for name in group))
    said = options.types(names) | {n: t for n, t in declared.items() if n in names}
    text = _scan(engine, groups, options, dict.fromkeys(names, nw.String()))
    schema, tested = _schema(engine, groups, text, said, options)
    direct = _direct(engine, schema)
    numbers = [name for name, dtype in direct.items() if dtype != nw.String()]
    special = frozenset(numbers) if options.decimal != "." or options.thousands else frozenset()
    special |= spaced(engine, text, [n for n in numbers if n not in special and n not in tested])
    special |= {name for name, has_spaces in tested.items() if has_spaces and name in numbers}
    special |= options.null_values_of.keys() & direct.keys()
    direct |= dict.fromkeys(special, nw.String())
    rest = {name: dtype for name, dtype in schema.items() if direct[name] != dtype}
    frame = _scan(engine, groups, options, direct)
    digits = [name for name, dtype in rest.items() if dtype.is_numeric()]
    return parsed(engine, _plain(frame, digits, options), rest)


def _schema(
    engine: Engine,
    groups: Sequence[Group],
    text: Frame,
    said: Mapping[str, DType],
    options: CsvReadOptions,
) -> tuple[dict[str, DType], dict[str, bool]]:
    """The type of every column: as said, else as its values allow, else text.

    Columns of which every value was seen come again, with whether any has a space around it.
    """
    names = text.collect_schema().names()
    unsaid = [name for name in names if name not in said]
    schema: dict[str, DType] = {name: said.get(name, nw.String()) for name in names}
    if not options.infer_schema:
        return schema, {}
    seen = text.head(options.infer_schema_length) if options.infer_schema_length else text
    read_as = _read_as(engine, groups, options, names)
    types, spaces = guessed(engine, _plain(seen, unsaid, options), unsaid, read_as)
    whole = () if options.infer_schema_length else unsaid
    return schema | types, {name: name in spaces for name in whole}


def _read_as(
    engine: Engine, groups: Sequence[Group], options: CsvReadOptions, names: Sequence[str]
) -> ReadAs | None:
    """All rows with types that the engine's csv reader gives; None where it reads other values."""
    other = options.decimal != "." or options.thousands or options.null_values_of
    if other or options.infer_schema_length or nw.Int64 not in DIRECT[engine.name]:
        return None
    text: dict[str, DType] = dict.fromkeys(names, nw.String())
    return lambda types: _scan(engine, groups, options, text | dict(types))


def _direct(engine: Engine, schema: Mapping[str, DType]) -> dict[str, DType]:
    """The types that the engine's csv reader is asked for."""
    direct = DIRECT[engine.name]
    return {n: t if isinstance(t, direct) else nw.String() for n, t in schema.items()}


def _scan(
    engine: Engine, groups: Sequence[Group], options: CsvReadOptions, schema: Mapping[str, DType]
) -> Frame:
    nulls = options.null_values
    dialect = Dialect(
        sep=options.sep,
        quote=options.quotechar,
        header=options.header_line is not None,
        nulls=nulls,
        empty_is_null="" in nulls,
    )
    frames = [
        scan_csv(engine, files, dialect, {name: schema[name] for name in names})
        for names, files in groups
    ]
    frame = frames[0] if len(frames) == 1 else nw.concat(frames, how="diagonal")
    return nulled(frame, {n: v for n, v in options.null_values_of.items() if n in schema})


def _plain(frame: Frame, columns: Sequence[str], options: CsvReadOptions) -> Frame:
    """The frame with the numbers in these text columns written as 1234.5."""
    replaced = []
    for name in columns:
        text = nw.col(name)
        if options.thousands:
            text = text.str.replace_all(options.thousands, "", literal=True)
        if options.decimal != ".":
            text = text.str.replace_all(options.decimal, ".", literal=True)
        replaced.append(text)
    needed = options.thousands or options.decimal != "."
    return frame.with_columns(*replaced) if replaced and needed else frame


def _picked(frame: Frame, options: CsvReadOptions, location: Location) -> Frame:
    """The columns and rows that `usecols` and `nrows` ask for, columns in the file's order."""
    frame = frame if options.nrows is None else frame.head(options.nrows)
    if options.usecols is None:
        return frame
    names = frame.collect_schema().names()
    for column in options.usecols:
        if column not in names and not (isinstance(column, int) and 0 <= column < len(names)):
            hint = did_you_mean(str(column), names)
            msg = f"{location}: usecols names '{column}', which is no column; {hint}"
            raise SchemaContractError(msg)
    wanted = {names[column] if isinstance(column, int) else column for column in options.usecols}
    return frame.select(*(name for name in names if name in wanted))
