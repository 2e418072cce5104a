"""Whatever is done to a file: a project comes out, or a ConfigError. Nothing else, ever."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_dagster.config.load import load_project
from odibi_dagster.errors import ConfigError

VALID = """\
project: demo
engine: polars
vars: {where: lake, cols: [a, b]}
environments: {prod: {vars: {where: prod}}}
story: {connection: lake, path: s}
connections:
  lake: {type: local, base_path: "./${vars.where}"}
dagster: {owners: [team:data], timezone: UTC, tags: {a: b}}
pipelines:
  - pipeline: p
    dagster: {schedule: "@daily", freshness: 6h}
    nodes:
      - name: a
        read: {connection: lake, format: parquet, path: in/*.parquet, options: {}}
        columns: {x: {type: int, nullable: false}}
        contracts: [{type: row_count, min: 1}]
        validation:
          mode: warn
          tests: [{type: not_null, columns: [x], on_fail: quarantine, threshold: 5%}]
          quarantine: {connection: lake, path: q, add_columns: {rejected_at: false}}
        write: {connection: lake, format: parquet, path: out, partition_by: [x]}
      - name: b
        inputs: {x: $p.a, y: {asset: team/raw}}
        depends_on: [a]
        transformer: deduplicate
        params: {keys: [x], order_by: x}
        transform:
          steps:
            - SELECT * FROM df JOIN y USING (x)
            - {function: drop_columns, params: {columns: "${vars.cols}"}}
"""
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(allow_nan=True),
    st.dates(),
    st.text(max_size=8),
    st.sampled_from(
        ["$p.a", "${vars.x}", "${HOME}", "../x", "df", "a", "SELECT", "*", "\0", "[x]"]
    ),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        inner = [each for key, child in value.items() for each in places(child, (*path, key))]
    elif isinstance(value, list):
        inner = [each for i, child in enumerate(value) for each in places(child, (*path, i))]
    return [*([path] if path else []), *inner]


def mutated(data: st.DataObject, project: Any) -> None:
    *block, last = data.draw(st.sampled_from(places(project)))
    inside = project
    for part in block:
        inside = inside[part]
    how = data.draw(st.sampled_from(["replace", "drop", "rename", "double"]))
    if how == "drop" or (how == "rename" and isinstance(inside, list)):
        del inside[last]
    elif how == "rename":
        inside[data.draw(st.text(min_size=1, max_size=5))] = inside.pop(last)
    elif how == "double" and isinstance(inside, list):
        inside.append(copy.deepcopy(inside[last]))
    else:
        inside[last] = data.draw(JUNK)


def outcome(content: bytes) -> ConfigError | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "odibi.yaml"
        file.write_bytes(content)
        try:
            load_project(file)
        except ConfigError as error:
            return error
    return None


def test_the_file_is_right() -> None:
    assert outcome(VALID.encode()) is None


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_values(data: st.DataObject) -> None:
    project = yaml.safe_load(VALID)
    for _ in range(data.draw(st.integers(1, 3))):
        mutated(data, project)
    error = outcome(yaml.safe_dump(project, allow_unicode=True).encode())
    if error is not None:
        assert error.problems
        assert all(each.message for each in error.problems)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_text(data: st.DataObject) -> None:
    content = bytearray(VALID.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(
            st.one_of(
                st.binary(max_size=2),
                st.sampled_from(
                    [b"\n", b"\t", b": ", b"- ", b"{", b"]", b"'", b"&a ", b"*a", b"#"]
                ),
            )
        )
    error = outcome(bytes(content))
    assert error is None or error.problems
