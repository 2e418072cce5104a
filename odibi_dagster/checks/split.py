"""Part the rows that keep every quarantining rule from those that break one."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import RowContract, Shape
from odibi_dagster.checks.observe import with_conditions
from odibi_dagster.checks.tables import Tables
from odibi_dagster.errors import SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from odibi_dagster.checks.judge import Judgement
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

QUARANTINE_COLUMNS = (
    "_rejection_reason",
    "_rejected_at",
    "_source_batch_id",
    "_failed_tests",
    "_original_node",
)
"""What can be said about each broken row, in the order it is stored."""
MASKED = "[masked]"
_FLAG = "__odibi_broken_"
_INDEX = "__odibi_index"
_MILLION = 1_000_000
_COLUMNS, _TEXT = 40, 1_000
"""How many columns, and characters of a text, are shown of a broken row."""


def split(
    frame: Frame,
    judgements: Sequence[Judgement],
    engine: Engine,
    *,
    add_columns: Collection[str],
    batch: str,
    at: datetime,
    node: str,
    prefix: str = "",
    tables: Tables | None = None,
) -> tuple[Frame, Frame]:
    """The valid rows, and the broken ones with the rules that each of them broke.

    Only rules that quarantine take part: broken, `on_fail: quarantine`, within the threshold. Every
    row of `frame` is in exactly one of the two. Without such a rule the second frame has no rows
    and the same columns. `prefix` leads the name of every rule, as it leads those of the checks;
    `tables` are those that the rules were judged against.
    SchemaContractError where the frame has a column of the same name as one of `add_columns`.
    """
    columns = frame.collect_schema().names()
    added = [name for name in QUARANTINE_COLUMNS if name in add_columns]
    _refuse_clash(columns, added)
    rules = [judgement.contract for judgement in judgements if judgement.quarantines]
    rows = [rule for rule in rules if isinstance(rule, RowContract)]
    flagged, flags = _flagged(frame, rows, engine, tables)
    names = [prefix + rule.check_name for rule in rows]
    said = {
        "_rejection_reason": nw.concat_str(nw.lit("Failed: "), _broken_names(flags, names, ", ")),
        "_rejected_at": nw.lit(rejected_at(at)),
        "_source_batch_id": nw.lit(batch),
        "_failed_tests": _broken_names(flags, names, ","),
        "_original_node": nw.lit(node),
    }
    valid, broken = _parted(flagged, flags)
    told = broken.with_columns(**{name: said[name] for name in added}) if added else broken
    return valid.select(*columns), told.select(*columns, *added)


def broken_rows(
    frame: Frame,
    judgement: Judgement,
    engine: Engine,
    limit: int = 5,
    mask: Collection[str] = (),
    tables: Tables | None = None,
) -> list[dict[str, Any]]:
    """At most `limit` rows that break a rule, as plain values; `mask`ed columns are not shown.

    Of a wide frame 40 columns are shown, those the rule names among them, and of a text what a
    reader takes in. Empty for a contract about the frame as a whole, and for one that was kept or
    not evaluated. Reads the data again: call it only for what was broken.
    """
    rule = judgement.contract
    if not isinstance(rule, RowContract) or not judgement.verdict.failed_rows:
        return []
    schema = frame.collect_schema()
    reads = rule.reads(Shape(schema))
    shown = set(list(dict.fromkeys([*reads, *schema]))[:_COLUMNS])
    # planned with the columns that matter: of 2,000 each look takes its time, rule by rule
    narrow = frame.select(name for name in schema if name in shown or name in reads)
    shape = Shape(narrow.collect_schema(), tables=tables or Tables())
    flagged, flags = _flagged(rule.around(narrow, engine, shape, limit), [rule], engine, tables)
    columns = [_brief(name, dtype) for name, dtype in schema.items() if name in shown]
    rows = engine.fetch(flagged.filter(nw.col(flags[0])).select(*columns), limit)
    return [{name: _shown(name, value, mask) for name, value in row.items()} for row in rows]


def _brief(name: str, dtype: nw.dtypes.DType) -> nw.Expr:
    """The column; of a text only the beginning, which is then all that leaves the engine."""
    return nw.col(name).str.slice(0, _TEXT) if dtype == nw.String() else nw.col(name)


def rejected_at(moment: datetime) -> str:
    """A moment as `_rejected_at` says it: of two such texts the lesser one is the earlier."""
    return moment.astimezone(UTC).isoformat()


def how_many(frame: Frame, engine: Engine) -> int:
    """The rows of a frame, counted by a query of its own."""
    return int(engine.fetch(frame.select(nw.len()), 1)[0]["len"])


def limit_broken(
    frame: Frame, max_rows: int | None = None, sample_fraction: float | None = None
) -> Frame:
    """At most `max_rows` broken rows out of a sample of them; the same rows for the same data.

    The sample takes rows at even distances in the order of their values (nested columns do not
    take part in the order) and rounds up, so that any broken row leaves at least one behind.
    """
    if max_rows is None and sample_fraction is None:
        return frame
    schema = frame.collect_schema()
    order = [name for name, dtype in schema.items() if not dtype.is_nested()]
    indexed = frame.with_row_index(_INDEX, order_by=order)
    if sample_fraction is not None:
        step = round(sample_fraction * _MILLION)
        place = nw.col(_INDEX).cast(nw.Int64()) * step
        # row i stays where the running total i * fraction passes a whole number
        indexed = indexed.filter(place // _MILLION != (place - step) // _MILLION)
    if max_rows is not None:
        indexed = indexed.sort(_INDEX).head(max_rows)
    return indexed.select(*schema.names())


def _refuse_clash(columns: Sequence[str], added: Sequence[str]) -> None:
    if clash := [name for name in added if name in columns]:
        names = ", ".join(f"'{name}'" for name in clash)
        msg = (
            f"the rows already have a column {names}, which the quarantine would overwrite; rename "
            "it in a step, or switch it off in quarantine.add_columns"
        )
        raise SchemaContractError(msg)


def _flagged(
    frame: Frame, rules: Sequence[RowContract], engine: Engine, tables: Tables | None
) -> tuple[Frame, list[str]]:
    """The frame with one boolean column per rule: true where the row breaks it, never null."""
    shape = Shape(frame.collect_schema(), tables=tables or Tables())
    flags = {f"{_FLAG}{place}": rule.broken(shape) for place, rule in enumerate(rules)}
    prepared = with_conditions(frame, rules, engine)
    for rule in rules:
        prepared = rule.marked(prepared, engine, shape)
    return (prepared.with_columns(**flags) if flags else prepared), list(flags)


def _parted(frame: Frame, flags: Sequence[str]) -> tuple[Frame, Frame]:
    if not flags:
        return frame, frame.head(0)
    broken = nw.any_horizontal(*map(nw.col, flags), ignore_nulls=False)
    return frame.filter(~broken), frame.filter(broken)


def _broken_names(flags: Sequence[str], names: Sequence[str], separator: str) -> nw.Expr:
    if not flags:
        return nw.lit("")
    named = [
        nw.when(nw.col(flag)).then(nw.lit(name)) for flag, name in zip(flags, names, strict=True)
    ]
    return nw.concat_str(*named, separator=separator, ignore_nulls=True)


def _shown(name: str, value: Any, mask: Collection[str]) -> Any:
    if name in mask:
        return MASKED
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return str(value)
    if value is None or isinstance(value, (int, float, bool)):
        return value
    return str(value)[:_TEXT]
