"""JSON: one object per line, or an array of objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import narwhals.stable.v2 as nw
from pydantic import AliasChoices, Field

from odibi_dagster.core.model import Model
from odibi_dagster.core.types import TypeName
from odibi_dagster.errors import SchemaContractError
from odibi_dagster.formats import types
from odibi_dagster.formats.base import formats
from odibi_dagster.formats.errors import check_names, reading
from odibi_dagster.formats.file_format import FileFormat, FileStaged
from odibi_dagster.formats.json_lines import as_lines, first_character, write_array
from odibi_dagster.formats.json_scan import scan_json, scan_staged_json, sink_words
from odibi_dagster.formats.landing import inflated
from odibi_dagster.formats.ledger import batches_in
from odibi_dagster.formats.lines import append_lines, skip_nothing
from odibi_dagster.formats.sources import files_of
from odibi_dagster.formats.text import parsed
from odibi_dagster.formats.types import as_declared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from odibi_dagster.connections.base import Location
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.formats.base import Published, Staged


class JsonReadOptions(Model):
    """`read.options` of JSON.

    ```yaml
    read: {connection: landing, format: json, path: events.json, options: {lines: true}}
    ```

    Types are inferred over all rows of all files; texts stay texts, dates too. An array is
    rewritten once, object by object, as lines under the system's temporary folder.
    """

    lines: bool | None = Field(default=None, validation_alias=AliasChoices("lines", "json_lines"))
    """true: one object per line; false: one array; without it the file's first character says."""
    orient: Literal["records"] | None = None
    encoding: Literal["utf-8", "utf8", "UTF-8"] = "utf-8"
    dtype: dict[str, TypeName] = Field(default_factory=dict)
    """Types of columns, instead of what is inferred."""
    infer_schema_length: int | None = Field(default=None, ge=1)
    """Infer types from so many rows only; a later row that does not fit is an error."""


class JsonWriteOptions(Model):
    """`write.options` of JSON. Dates, times and decimals are written as text; NaN as null.

    ```yaml
    write: {connection: out, format: json, path: events.json, options: {lines: true}}
    ```
    """

    lines: bool = Field(default=True, validation_alias=AliasChoices("lines", "json_lines"))
    """One object per line; false: one array."""
    orient: Literal["records"] | None = None
    index: Literal[False] = False


@formats.register("json")
class Json(FileFormat):
    """JSON lines, streamed; arrays and gzip files are converted, never held in memory."""

    modes = frozenset({"overwrite", "append"})
    read_options = JsonReadOptions
    write_options = JsonWriteOptions
    suffixes = (".json", ".ndjson", ".jsonl", ".json.gz", ".ndjson.gz", ".jsonl.gz")
    conversions = types.JSON

    def scan(
        self,
        engine: Engine,
        location: Location,
        options: Any = None,
        declared: Mapping[str, DType] | None = None,
    ) -> Frame:
        """See `Format.scan`. Without any row only declared columns are known."""
        options = options or JsonReadOptions()
        said = options.dtype | dict(declared or {})
        with reading(location, self.kind):
            stored = [inflated(file) for file in files_of(location, self.suffixes)]
            files = [as_lines(file, options.lines) for file in stored]
            frame = scan_json(engine, files, options.infer_schema_length, said)
        schema = frame.collect_schema()
        check_names(schema.names(), location)
        texts = {n: t for n, t in said.items() if n in schema and schema[n] == nw.String()}
        return as_declared(parsed(engine, frame, texts), said)

    def scan_staged(self, engine: Engine, staged: Staged) -> Frame:
        """See `Format.scan_staged`: with the types that were staged; nothing is inferred."""
        return scan_staged_json(engine, staged.files, staged.schema, staged.native_schema)

    def read_back(
        self,
        engine: Engine,
        location: Location,
        options: Any,  # noqa: ARG002
        schema: Callable[[], Mapping[str, DType] | None],
    ) -> Frame:
        """See `Format.read_back`: with the types of the node's plan."""
        return self.scan(engine, location, None, schema())

    def sink_words(
        self,
        engine: Engine,
        options: Any,  # noqa: ARG002
        columns: int,  # noqa: ARG002
    ) -> tuple[str, dict[str, Any]]:
        """See `FileFormat.sink_words`."""
        return sink_words(engine)

    def unfit(self, mode: str, options: Any) -> str | None:
        """See `Format.unfit`: an array can only be written as a whole."""
        if mode == "append" and not options.lines:
            return "an array cannot be appended to; write lines (options: {lines: true})"
        return super().unfit(mode, options)

    def fit(self, engine: Engine, frame: Frame, location: Location, options: Any) -> Frame:  # noqa: ARG002
        """See `FileFormat.fit`: each line says its own columns, so any columns fit."""
        first = first_character(inflated(files_of(location, self.suffixes)[0]))
        if first not in (b"{", b""):
            what = "one array" if first == b"[" else "no json"
            msg = f"what is stored is {what}, and lines cannot be added to it; overwrite it once"
            raise SchemaContractError(msg)
        return self.conform(frame)

    def published(self, location: Location, owner: str) -> int | None:
        """See `Format.published`: the ledger beside the file says it."""
        if location.path.is_dir():
            return super().published(location, owner)
        return batches_in(location.path).get(owner)

    def add(self, staged: FileStaged) -> bool:
        """See `FileFormat.add`: behind the lines of a file, or as one more file of a directory."""
        if staged.location.path.is_dir():
            return super().add(staged)
        return append_lines(staged, skip_nothing)

    def publish(self, engine: Engine, staged: Staged) -> Published:
        """See `Format.publish`; an array is made of the staged lines first."""
        if staged.options.lines or not all(file.exists() for file in staged.files):
            return super().publish(engine, staged)
        array = write_array(staged.files, staged.folder / "array.json")
        return super().publish(engine, replace(staged, files=(array,), bytes=array.stat().st_size))
