"""A pandera model as rules of ours, and what of it has no translation."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from types import ModuleType
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.pandera_rules import BUILT_IN, CustomCheck, ValueCheck
from odibi_dagster.core.names import slug
from odibi_dagster.errors import listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from pydantic import ValidationInfo

    from odibi_dagster.checks.base import Contract

_CUSTOM = frozenset({"polars"})
"""The engines whose frames pandera's own functions can read."""


@dataclass(frozen=True)
class Model:
    """What a pandera model says, in our words."""

    name: str
    columns: Mapping[str, nw.dtypes.DType | None]
    """Each with its type; None: any."""
    strict: bool
    rules: Sequence[tuple[str, Contract, bool]] = field(repr=False)
    """By a name of their own, and whether the model only warns of them."""
    file: Path | None = None


def load_model(written: Any, info: ValidationInfo) -> Any:
    """The model that `module:Class` names; ValueError with all that has no translation."""
    if isinstance(written, Model):
        return written
    module_name, _, attribute = str(written).partition(":")
    if not isinstance(written, str) or not module_name or not attribute:
        msg = f'{written!r} is no pandera model; write schema: "module:Class"'
        raise ValueError(msg)
    context = info.context or {}
    file = _beside(module_name, context.get("root"))
    module = _module(module_name, file)
    schema = _schema(getattr(module, attribute, None), written)
    engine = context.get("engine", "polars")
    if problems := [*_unsupported(schema), *_custom_on(schema, engine)]:
        msg = f"{written}: {listing(problems, separator='; ')}"
        raise ValueError(msg)
    types = {name: column.dtype for name, column in schema.columns.items()}
    known = nw.Schema.from_polars({n: t.type for n, t in types.items() if t is not None})
    columns = {name: known.get(name) for name in types}
    name = slug(schema.name or attribute)
    return Model(name, columns, bool(schema.strict), [*_rules(schema)], file)


def _beside(name: str, root: Path | None) -> Path | None:
    file = root / f"{name.replace('.', '/')}.py" if root else None
    return file if file and file.exists() else None


def _module(name: str, file: Path | None) -> ModuleType:
    """The module beside odibi.yaml, else one that can be imported."""
    try:
        return _imported(file) if file else importlib.import_module(name)
    except Exception as error:
        msg = f"importing '{name}' failed: {type(error).__name__}: {error}"
        raise ValueError(msg) from error


def _imported(file: Path) -> ModuleType:
    """An edited file is imported anew, and two projects never share one."""
    source = file.read_bytes()
    digest = sha256(str(file).encode() + b"\0" + source).hexdigest()
    name = f"_odibi_pandera_{digest[:16]}"
    if name not in sys.modules:
        module = sys.modules[name] = ModuleType(name)
        module.__file__ = str(file)
        try:
            # not by a loader: its bytecode is that of a file of the same size and second
            exec(compile(source, str(file), "exec"), module.__dict__)  # noqa: S102 the user's own
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def _schema(found: Any, written: str) -> Any:
    """A DataFrameSchema of `pandera.polars`, whichever way it was written."""
    from pandera.polars import DataFrameModel, DataFrameSchema

    if isinstance(found, type) and issubclass(found, DataFrameModel):
        found = found.to_schema()
    if not isinstance(found, DataFrameSchema):
        what = "is not there" if found is None else "is none"
        msg = f"{written} {what}; it must be a model or a DataFrameSchema of pandera.polars"
        raise ValueError(msg)
    return found


def _unsupported(schema: Any) -> Iterator[str]:
    """What would change data, or has no meaning here."""
    for said, what in (
        (schema.coerce, "coerce changes data; cast in a step"),
        (schema.strict == "filter", "strict = 'filter' changes data; write schema_policy"),
        (schema.parsers, "parsers change data; write a step"),
        (schema.drop_invalid_rows, "drop_invalid_rows: write on_fail: quarantine"),
        (schema.add_missing_columns, "add_missing_columns changes data; write schema_policy"),
        (schema.ordered, "ordered: columns are known by name"),
        (schema.dtype, "a dtype for all columns; write it at each column"),
    ):
        if said:
            yield what
    for name, column in schema.columns.items():
        for said, what in (
            (column.coerce, "coerce changes data; cast in a step"),
            (column.regex, "a name by pattern (regex)"),
            (not column.required, "an optional column"),
            (column.default is not None, "a default changes data; write fill_nulls"),
            (column.parsers, "parsers change data; write a step"),
        ):
            if said:
                yield f"column '{name}': {what}"
        for check in column.checks:
            if _is_built_in(check) and check.name not in BUILT_IN:
                yield f"column '{name}': check {check.name}"
            if check.groupby:
                yield f"column '{name}': check {check.name} by groups"


def _custom_on(schema: Any, engine: str) -> Iterator[str]:
    if engine in _CUSTOM:
        return
    for place, checks in _checks(schema):
        for check in checks:
            if not _is_built_in(check):
                yield f"{place}check {check.name} reads Polars frames; write custom_sql"


def _checks(schema: Any) -> Iterator[tuple[str, Any]]:
    yield "", schema.checks
    for name, column in schema.columns.items():
        yield f"column '{name}': ", column.checks


def _is_built_in(check: Any) -> bool:
    from pandera.api.function_dispatch import Dispatcher

    return isinstance(check._check_fn, Dispatcher)


def _rules(schema: Any) -> Iterator[tuple[str, Contract, bool]]:
    not_null, unique = contracts["not_null"], contracts["unique"]
    for name, column in schema.columns.items():
        if not column.nullable:
            yield f"{name}_not_null", not_null(columns=[name]), False
        if column.unique:
            yield f"{name}_unique", unique(columns=[name]), False
        for check in column.checks:
            yield f"{name}_{check.name}", _rule(check, name), bool(check.raise_warning)
    if schema.unique:
        yield f"{'_'.join(schema.unique)}_unique", unique(columns=list(schema.unique)), False
    for check in schema.checks:
        yield str(check.name), _rule(check, None), bool(check.raise_warning)


def _rule(check: Any, column: str | None) -> Contract:
    if column is None or not _is_built_in(check):
        return CustomCheck(column=column, check=check)
    return ValueCheck(
        column=column,
        test=check.name,
        said={k: v for k, v in check.statistics.items() if v is not None},
        null_passes=check.ignore_na,
    )
