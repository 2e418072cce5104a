"""Whatever the rows and the tests: a row passes the gate that breaks none of them."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.gate import Gate
from odibi_dagster.checks.gate_config import ACTIONS, GateConfig
from odibi_dagster.checks.split import split
from odibi_dagster.engines.base import get_engine
from tests.checks.frames import NOW, fetched, judged, make

if TYPE_CHECKING:
    from collections.abc import Callable

Row = tuple[int | None, float | None, str | None]
TYPES = {"k": "int", "x": "float", "t": "text"}
ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(0, 4),
        st.none() | st.sampled_from([-1.0, 0.0, 2.0, 9.0, math.nan]),
        st.none() | st.sampled_from(["a", "日本", ""]),
    ),
    max_size=12,
)


def _twice(row: Row, rows: list[Row]) -> bool:
    return row[0] is not None and Counter(each[0] for each in rows)[row[0]] > 1


BREAKS: dict[str, tuple[dict[str, Any], Callable[[Row, list[Row]], bool]]] = {
    "not_null": ({"columns": ["x"]}, lambda row, _: row[1] is None),
    "range": (
        {"column": "x", "min": 0, "max": 5},
        lambda row, _: row[1] is not None and not 0 <= row[1] <= 5,
    ),
    "unique": ({"columns": ["k"]}, _twice),
    "accepted_values": (
        {"column": "t", "values": ["a", ""]},
        lambda row, _: row[2] not in ("a", ""),
    ),
    "custom_sql": ({"condition": "k <> 3"}, lambda row, _: row[0] == 3),
}


@given(
    rows=ROWS,
    kinds=st.lists(st.sampled_from(sorted(BREAKS)), unique=True),
    action=st.sampled_from(["warn", "quarantine"]),
)
@settings(max_examples=150, deadline=None)
def test_rows_that_pass_all_tests(rows: list[Row], kinds: list[str], action: str) -> None:
    engine = get_engine("polars")
    rules = tuple(
        contracts[kind].model_validate(
            {**BREAKS[kind][0], "on_fail": action}, context={"dialect": "duckdb"}
        )
        for kind in kinds
    )
    config = GateConfig.model_validate({"require_pass_rate": 1, "on_fail": "write_valid_only"})
    gate = Gate(config=config, rules=rules, on_fail=ACTIONS["write_valid_only"])
    frame = make(engine, TYPES, rows)
    good = [row for row in rows if not any(BREAKS[kind][1](row, rows) for kind in kinds)]

    found = judged(frame, [*rules, gate], engine)
    valid, broken = split(frame, found, engine, add_columns=[], batch="1", at=NOW, node="n")

    assert found[-1].verdict.failed_rows == len(rows) - len(good)
    assert found[-1].passed is (len(good) == len(rows))
    kept = [tuple(row.values()) for row in fetched(engine, valid)]
    assert sorted(map(repr, kept)) == sorted(map(repr, good))
    assert len(fetched(engine, broken)) == len(rows) - len(good)
