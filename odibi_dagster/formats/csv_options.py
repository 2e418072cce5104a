"""The options of csv: pandas' words, since those are the words that Odibi files use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, field_validator

from odibi_dagster.core.model import Model
from odibi_dagster.core.types import DType, parse_type

NULL_TOKENS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""What pandas reads as null in every column, unless `keep_default_na: false` says otherwise."""

_UTF8 = {"utf8", "utf-8", "utf_8", "utf-8-sig", "utf8-lossy", "ascii", "us-ascii"}


def _one_character(value: str) -> str:
    if len(value) != 1 or not value.isascii():
        msg = f"{value!r} is not one character; write for example ';' or \"\\t\""
        raise ValueError(msg)
    return value


def _utf8(value: str) -> str:
    if value.lower() not in _UTF8:
        msg = f"encoding {value!r} is not supported; convert the file to utf-8"
        raise ValueError(msg)
    return value


def _dtype(value: Any) -> DType:
    if isinstance(value, str):
        return parse_type("string" if value.lower() == "category" else value)
    msg = f"{value!r} is not the name of a type; write for example 'string' or 'int64'"
    raise ValueError(msg)


def _dtypes(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _dtype(dtype) for name, dtype in value.items()}
    return value if value is None else _dtype(value)


def _texts(value: Any) -> Any:
    """One value or a list of them as texts, the way they stand in the file."""
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(item if isinstance(item, str) else str(item) for item in values)


def _null_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _texts(values) for name, values in value.items()}
    return _texts(value) if value is not None else ()


Character = Annotated[str, AfterValidator(_one_character)]


class CsvReadOptions(Model):
    """`read.options` of csv, with pandas' names, meanings and defaults.

    ```yaml
    read:
      connection: landing
      format: csv
      path: orders/*.csv
      options: {sep: ";", decimal: ",", dtype: {zip: string}, na_values: ["-"]}
    ```

    Types are inferred over all rows of all files, as pandas sees them: whole numbers, numbers,
    true/false, else text (dates stay text); a column with nulls keeps its type. `dtype` says a
    type instead. Empty fields and pandas' null tokens (NA, null, NaN, ...) are null.
    """

    sep: Character = Field(
        default=",", validation_alias=AliasChoices("sep", "delimiter", "separator")
    )
    header: bool | int | Literal["infer"] | None = "infer"
    """true, 0 or "infer": the first line has the names; n: line n+1; false or null: none has."""
    names: tuple[str, ...] | None = None
    """Names of all columns: instead of the header's, or where there is no header."""
    dtype: Annotated[DType | Mapping[str, DType] | None, BeforeValidator(_dtypes)] = Field(
        default=None, validation_alias=AliasChoices("dtype", "dtypes", "schema_overrides")
    )
    na_values: Annotated[
        tuple[str, ...] | Mapping[str, tuple[str, ...]], BeforeValidator(_null_values)
    ] = Field(default=(), validation_alias=AliasChoices("na_values", "null_values", "nullValue"))
    keep_default_na: bool = True
    na_filter: bool = True
    skiprows: int = Field(default=0, ge=0, validation_alias=AliasChoices("skiprows", "skip_rows"))
    nrows: int | None = Field(default=None, ge=0, validation_alias=AliasChoices("nrows", "n_rows"))
    """At most so many rows, counted over all files."""
    usecols: tuple[str | int, ...] | None = Field(
        default=None, validation_alias=AliasChoices("usecols", "columns")
    )
    quotechar: Character = Field(
        default='"', validation_alias=AliasChoices("quotechar", "quote_char", "quote")
    )
    decimal: Character = "."
    thousands: Character | None = None
    comment: Character | None = Field(
        default=None, validation_alias=AliasChoices("comment", "comment_prefix")
    )
    """From here to the end of a line nothing is read."""
    encoding: Annotated[str, AfterValidator(_utf8)] = "utf-8"
    parse_dates: bool | tuple[str, ...] = False
    """Columns to read as timestamps."""
    infer_schema_length: int | None = Field(default=None, ge=1)
    """Infer types from so many rows only; a later row that does not fit is an error."""
    infer_schema: bool = Field(
        default=True, validation_alias=AliasChoices("infer_schema", "inferSchema")
    )
    """false: every column is text."""
    index_col: Literal[False] | None = None
    engine: Literal["c", "python", "pyarrow"] | None = None
    """Has no effect: files are read by the project's engine."""
    low_memory: bool | None = None
    """Has no effect: files are streamed."""

    @field_validator("usecols", mode="before")
    @classmethod
    def _columns(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @property
    def null_values(self) -> tuple[str, ...]:
        """What is null in every column."""
        if not self.na_filter:
            return ()
        extra = () if isinstance(self.na_values, Mapping) else self.na_values
        return tuple(dict.fromkeys((*(NULL_TOKENS if self.keep_default_na else ()), *extra)))

    @property
    def null_values_of(self) -> Mapping[str, tuple[str, ...]]:
        """What else is null, column by column."""
        found = self.na_values if isinstance(self.na_values, Mapping) else {}
        return found if self.na_filter else {}

    @property
    def header_line(self) -> int | None:
        """Which line has the names, counted from 0 after `skiprows`; None where none has."""
        if self.header == "infer":
            return None if self.names else 0
        if self.header is None or self.header is False:
            return None
        return 0 if self.header is True else int(self.header)

    def types(self, columns: tuple[str, ...]) -> dict[str, DType]:
        """The types that the options say for these columns."""
        said = dict(self.dtype) if isinstance(self.dtype, Mapping) else {}
        if self.dtype is not None and not isinstance(self.dtype, Mapping):
            said = dict.fromkeys(columns, self.dtype)
        dates = () if isinstance(self.parse_dates, bool) else self.parse_dates
        said |= dict.fromkeys(dates, parse_type("timestamp"))
        return {name: dtype for name, dtype in said.items() if name in columns}


class CsvWriteOptions(Model):
    """`write.options` of csv. Written as UTF-8; null is an empty field, and an empty text `""`.

    ```yaml
    write: {connection: out, format: csv, path: orders.csv, options: {sep: ";"}}
    ```
    """

    sep: Character = Field(
        default=",", validation_alias=AliasChoices("sep", "delimiter", "separator")
    )
    header: bool = Field(default=True, validation_alias=AliasChoices("header", "include_header"))
    index: Literal[False] = False
    """There is no index to write."""
    encoding: Annotated[str, AfterValidator(_utf8)] = "utf-8"
