"""`odibi-dagster quarantine list` and `show`: nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.cli.report import gravest
from odibi_dagster.errors import OdibiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import narwhals.stable.v2 as nw

    from odibi_dagster.cli.quarantine_rows import Quarantines
    from odibi_dagster.config.project import Node

BATCH, REJECTED_AT, TESTS = "_source_batch_id", "_rejected_at", "_failed_tests"
_NAMES = ("node", "partition", "rows", "batches", "newest", "place")


def list_all(quarantines: Quarantines) -> int:
    """One line for each node that sets rows aside, or for each of its partitions that did.

    Of one that cannot be read it says why, and the exit code is that of the gravest of these.
    """
    codes: list[int] = []
    lines = [line for node in quarantines.nodes for line in _lines(quarantines, node, codes)]
    names = [n for n in _NAMES if n != "partition" or any(line["partition"] for line in lines)]
    if codes and quarantines.args.json:  # a cell of a table holds no sentence
        names.append("error")
    quarantines.print(names, [{name: line.get(name) for name in names} for line in lines])
    return gravest(codes)


def _lines(quarantines: Quarantines, node: Node, codes: list[int]) -> list[dict[str, Any]]:
    """Those of one node; `codes` gets the exit code of what cannot be read."""
    try:
        return [_line(quarantines, part, codes) for part in quarantines.parts(node)]
    except OdibiError as error:  # nobody knows which partitions there are
        return [_unread(quarantines, node, error, codes)]


def _line(quarantines: Quarantines, node: Node, codes: list[int]) -> dict[str, Any]:
    try:
        return _summary(quarantines, node)
    except OdibiError as error:
        return _unread(quarantines, node, error, codes)


def _unread(
    quarantines: Quarantines, node: Node, error: OdibiError, codes: list[int]
) -> dict[str, Any]:
    quarantines.terminal.error(f"{node.id}: {error}")
    codes.append(error.exit_code)
    return {**_known(node), "error": str(error)}


def show(quarantines: Quarantines) -> int:
    """Rows of one node, with what each broke."""
    import narwhals.stable.v2 as nw

    from odibi_dagster.cli.rows import masked

    args, node = quarantines.args, quarantines.node
    frame = quarantines.rows(node)
    if frame is None:
        if args.json:
            quarantines.print((), ())
        else:
            quarantines.terminal.line(f"nothing of {node.id} was rejected yet")
        return 0
    names = frame.collect_schema().names()
    for value, column in ((args.batch, BATCH), (args.test, TESTS)):
        if value is not None:
            require(names, column, node)
    if args.batch is not None:
        frame = frame.filter(nw.col(BATCH) == args.batch)
    if args.test is not None:
        tests = nw.concat_str(nw.lit(","), nw.col(TESTS), nw.lit(","))
        frame = frame.filter(tests.str.contains(f",{args.test},", literal=True))
    hidden = frozenset() if args.reveal else hidden_of(node, names)
    rows = quarantines.planner.engine.fetch(frame, args.limit)
    (shown,) = masked([rows], hidden)
    quarantines.print(names, shown)
    return 0


def hidden_of(node: Node, columns: list[str]) -> frozenset[str]:
    """Columns that are not shown: of rows as they came in, and as they were to be published.

    What `privacy` has anonymised is stored so, and shown.
    """
    hidden = node.hidden(columns)
    return hidden if node.config.privacy else hidden | node.hidden(columns, raw=True)


def require(columns: list[str], column: str, node: Node) -> None:
    """ConfigError where the rejected rows lack one of our columns."""
    from odibi_dagster.errors import ConfigError

    if column not in columns:
        key = column.removeprefix("_")
        msg = f"the quarantine of {node.id} has no {column}; write add_columns: {{{key}: true}}"
        raise ConfigError(msg)


def _summary(quarantines: Quarantines, node: Node) -> dict[str, Any]:
    frame = quarantines.rows(node)
    if frame is None:
        return {**_known(node), "rows": 0, "batches": 0}
    measured = frame.select(**_measures(frame.collect_schema()))
    (row,) = quarantines.planner.engine.fetch(measured, 1)
    return {**_known(node), **row}


def _known(node: Node) -> dict[str, Any]:
    assert node.quarantine is not None  # noqa: S101  (it is one of those that have one)
    place = str(node.quarantine.target.location)
    return {"node": str(node.id), "partition": node.partition, "place": place}


def _measures(schema: Mapping[str, nw.dtypes.DType]) -> dict[str, nw.Expr]:
    import narwhals.stable.v2 as nw

    measures = {"rows": nw.len()}
    if BATCH in schema:
        measures["batches"] = nw.col(BATCH).n_unique()
    if REJECTED_AT in schema:
        measures["newest"] = nw.col(REJECTED_AT).max()
    return measures
