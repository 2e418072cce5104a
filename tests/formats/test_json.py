"""JSON lines and arrays, read and written."""

from __future__ import annotations

import gzip
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pytest

from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import DataReadError, SchemaContractError
from odibi_dagster.formats import landing
from tests.formats.support import (
    POLARS,
    format_of,
    frame_of,
    hidden,
    numbered,
    read,
    rows_of,
    write,
)


def put(folder: Path, *texts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.json").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("texts", "rows"),
    [
        (('{"a":1,"b":"é"}\n{"a":2,"b":null}\n',), [(1, "é"), (2, None)]),
        ((' [{"a":1,"b":"x"},{"a":2.5,"b":null}]',), [(1.0, "x"), (2.5, None)]),
        (('{"a":1}\n', '[{"a":1.5,"c":"x"}]'), [(1.0, None), (1.5, "x")]),
        (('{"a":1}\n', '{"a":"x"}\n'), [("1",), ("x",)]),
        (('{"a":{"b":[1,2]}}\n',), [({"b": [1, 2]},)]),
    ],
)
def test_lines_and_arrays(
    engine: Engine, tmp_path: Path, texts: tuple[str, ...], rows: Any
) -> None:
    found = rows_of(engine, read("json", put(tmp_path / "é [1]", *texts), engine=engine))
    assert sorted(found, key=str) == sorted(rows, key=str)


def test_an_array_is_converted_once_and_again_when_it_changes(tmp_path: Path) -> None:
    folder = put(tmp_path, '[{"a":1}]')
    before = read("json", folder)
    count = len(list(landing._folder().iterdir()))
    read("json", folder)
    assert len(list(landing._folder().iterdir())) == count
    put(tmp_path, '[{"a":1},{"a":22}]')
    assert rows_of(POLARS, read("json", folder)) == [(1,), (22,)]
    assert rows_of(POLARS, before) == [(1,)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no row"),
        ("[1, 2]", "1 is no object"),
        ('[{"a":1},', "is not a readable json file"),
        ('{"a":1\n', "is not a readable json file"),
    ],
)
def test_what_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataReadError, match=message):
        read("json", put(tmp_path, text) / "0.json")


@pytest.mark.parametrize("text", ['{"a": [5, [1]]}', '{"a": [{"x": 5}, {"x": [1]}]}'])
def test_a_list_of_values_and_lists_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(SchemaContractError, match="unexpected value"):
        rows_of(POLARS, read("json", put(tmp_path, text) / "0.json"))


def test_without_rows_declared_columns_are_known(engine: Engine, tmp_path: Path) -> None:
    declared = {"a": nw.Int64(), "d": nw.Date()}
    frame = read("json", put(tmp_path, "[]"), engine=engine, declared=declared)
    assert dict(frame.collect_schema()) == declared
    assert rows_of(engine, frame) == []


def test_declared_types_are_parsed(engine: Engine, tmp_path: Path) -> None:
    path = put(tmp_path, '{"d":"2024-01-31","n":1}\n')
    declared = {"d": nw.Date(), "n": nw.Float64()}
    assert rows_of(engine, read("json", path, engine=engine, declared=declared)) == [
        (date(2024, 1, 31), 1.0)
    ]


ROWS = {
    "s": ["x", None, "", "é\n"],
    "i": [1, None, 3, 4],
    "f": [1.5, None, 2.0, 0.1],
    "b": [True, False, None, True],
    "d": [date(2020, 1, 1), None, None, None],
    "t": [datetime(2020, 1, 1, 1, 1, 1, 5), datetime(2020, 1, 1), None, None],
}
MORE = {
    "z": [datetime(2020, 1, 1, 1, 1, 1, 5, tzinfo=UTC), None, None, None],
    "de": [Decimal("1.50"), None, None, None],
    "ti": [time(1, 2, 3, 4), None, None, None],
    "l": [[1, 2], [], None, [None]],
    "st": [{"a": 1, "b": "x"}, None, {"a": None, "b": None}, {"a": 2, "b": "y"}],
}


def test_staged_rows_come_back_as_they_were(engine: Engine, tmp_path: Path) -> None:
    frame = frame_of(engine, ROWS)
    json = format_of("json")
    staged = json.stage(engine, frame, Location(tmp_path / "x.json"), batch=numbered("b"))
    assert staged.rows == 4
    found = rows_of(engine, json.scan_staged(engine, staged))
    assert sorted(found, key=str) == sorted(zip(*ROWS.values(), strict=True), key=str)
    json.discard(staged)
    assert hidden(tmp_path) == []


def test_more_types_on_polars(tmp_path: Path) -> None:
    frame = pl.DataFrame(MORE)
    json = format_of("json")
    staged = json.stage(
        POLARS, POLARS.wrap(frame), Location(tmp_path / "x.json"), batch=numbered("b")
    )
    assert json.scan_staged(POLARS, staged).collect().to_native().equals(frame)


@pytest.mark.parametrize("lines", [True, False])
def test_written_lines_and_arrays_are_read_again(tmp_path: Path, lines: bool) -> None:
    path = tmp_path / "out.json"
    frame = pl.DataFrame({"a": [1, None], "s": ["é", "x"]})
    write("json", path, POLARS.wrap(frame), lines=lines)
    assert path.read_text(encoding="utf-8").startswith("{" if lines else "[")
    assert read("json", path).collect().to_native().equals(frame)


def test_bytes_have_no_place_in_json(tmp_path: Path) -> None:
    with pytest.raises(SchemaContractError, match="column 'x': type Binary cannot be written"):
        write("json", tmp_path / "x.json", POLARS.wrap(pl.DataFrame({"x": [b"1"]})))


def test_fractions_are_not_cut_to_declared_integers(engine: Engine, tmp_path: Path) -> None:
    path = put(tmp_path, '{"a": 1.5}\n{"a": 2}\n')
    with pytest.raises(SchemaContractError, match="'a' is declared as Int64 and holds fractions"):
        read("json", path, engine=engine, declared={"a": nw.Int64()})


def test_what_a_broken_array_lacks_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataReadError, match=r"premature EOF$"):
        read("json", put(tmp_path, '[{"a": 1},'))


def test_gzip_is_read(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "in.json.gz"
    path.write_bytes(gzip.compress(b'[{"a": 1}, {"a": 2}]'))
    assert sorted(rows_of(engine, read("json", path, engine=engine))) == [(1,), (2,)]
