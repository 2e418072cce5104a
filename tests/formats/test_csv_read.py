"""Csv is read as pandas reads it."""

from __future__ import annotations

import gzip
from datetime import date, datetime
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import pytest
from pydantic import ValidationError

from odibi_dagster.engines.base import Engine
from odibi_dagster.errors import DataReadError, SchemaContractError
from odibi_dagster.formats import text as columns_of_text
from odibi_dagster.formats.csv_options import NULL_TOKENS, CsvReadOptions
from tests.formats.support import POLARS, read, rows_of

# Texts of the files, options, rows as pandas gives them; but NaN is null, whole numbers stay so.
SAME: list[tuple[str, tuple[str, ...], dict[str, Any], list[tuple[Any, ...]]]] = [
    ("types", ("a,b,c,d\n1,True,007,2024-01-01\n2.5,FALSE,1,\n",), {},
     [(1.0, True, 7, "2024-01-01"), (2.5, False, 1, None)]),
    ("spaces around numbers", ("a,b\n 1, 2\n2 ,+3\n",), {}, [(1, 2), (2, 3)]),
    ("tabs around numbers", ("a,b\n\t1, 2\n2\t,\t3 \n",), {}, [(1, 2), (2, 3)]),
    ("too large for 64 bits", ("a,b\n99999999999999999999,1e5\n2,inf\n",), {},
     [("99999999999999999999", 1e5), ("2", float("inf"))]),
    ("mixed with a boolean", ("a,b\nTrue,x\n1,y\n",), {}, [("True", "x"), ("1", "y")]),
    ("blank lines are no rows", ("\na,b\n1,2\n\n3,4\n,\n\n",), {}, [(1, 2), (3, 4), (None, None)]),
    ("blank lines in quotes", ('a,b\n"x\n\ny",2\n',), {}, [("x\n\ny", 2)]),
    ("windows", ("a\r\n1\r\n\r\n2\r\n",), {}, [(1,), (2,)]),
    ("byte order mark", ("\ufeffa,b\n1,2\n",), {}, [(1, 2)]),
    ("header only", ("a,b\n",), {}, []),
    ("null tokens, quoted too", ('a,b\nNA,x\n1,""\nnull,"n/a"\n',), {},
     [(None, "x"), (1, None), (None, None)]),
    ("no default tokens", ("a,b\nNA,x\n1,y\n",), {"keep_default_na": False},
     [("NA", "x"), ("1", "y")]),
    ("tokens of one column", ("a,b\n-,x\n1,-\n",), {"na_values": {"a": ["-"]}},
     [(None, "x"), (1, "-")]),
    ("a number as token", ("a\n-9\n1\n",), {"na_values": -9}, [(None,), (1,)]),
    ("other column order", ("a,b\n1,2\n", "b,a\nx,1.5\n"), {}, [(1.0, "2"), (1.5, "x")]),
    ("one type for all files", ("a,b\n1,2\n", "a,b\n1.5,x\n"), {}, [(1.0, "2"), (1.5, "x")]),
    ("other columns", ("a\n1\n", "a,c\n2,z\n"), {}, [(1, None), (2, "z")]),
    ("names without header", ("1;x\n2;y\n",), {"sep": ";", "header": None, "names": ["p", "q"]},
     [(1, "x"), (2, "y")]),
    ("names alone", ("1,x\n",), {"names": ["p", "q"]}, [(1, "x")]),
    ("names for the header", ("A,B\n2,y\n",), {"header": 0, "names": ["p", "q"]}, [(2, "y")]),
    ("header of Spark", ("a\n1\n",), {"header": True}, [(1,)]),
    ("header in line 2", ("junk\na,b\n1,2\n",), {"header": 1}, [(1, 2)]),
    ("skipped lines", ("junk\nmore\na,b\n1,2\n",), {"skiprows": 2}, [(1, 2)]),
    ("german numbers", ('a;b\n"1.234,5";x\n2,25;y\n',),
     {"sep": ";", "decimal": ",", "thousands": "."}, [(1234.5, "x"), (2.25, "y")]),
    ("comments", ('# top\na,b # c\n1,"x#" # y\n#z\n2,w\n',), {"comment": "#"},
     [(1, "x#"), (2, "w")]),
    ("columns and rows", ("a,b,c\n1,2,3\n4,5,6\n",), {"usecols": ["c", 0], "nrows": 1}, [(1, 3)]),
    ("said types", ("a,b\n007,2024-01-01\n",), {"dtype": {"a": "str"}, "parse_dates": ["b"]},
     [("007", datetime(2024, 1, 1))]),
    ("no inference", ("a\n1\n",), {"inferSchema": False}, [("1",)]),
    ("other quotes", ("a,b\n'x,y',2\n",), {"quotechar": "'"}, [("x,y", 2)]),
]  # fmt: skip


def put(folder: Path, *texts: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"{number}.csv").write_text(text, encoding="utf-8", newline="")
    return folder / "*.csv"


@pytest.mark.parametrize(
    ("texts", "options", "rows"), [c[1:] for c in SAME], ids=[c[0] for c in SAME]
)
def test_rows_as_pandas_reads_them(
    engine: Engine, tmp_path: Path, texts: tuple[str, ...], options: dict[str, Any], rows: Any
) -> None:
    found = rows_of(engine, read("csv", put(tmp_path / "dé [1]", *texts), engine=engine, **options))
    # Spark reads the larger file first.
    found, rows = sorted(found, key=str), sorted(rows, key=str)
    assert found == rows
    assert [[type(v) for v in row] for row in found] == [[type(v) for v in row] for row in rows]


@pytest.mark.parametrize("token", NULL_TOKENS)
def test_every_default_token_is_null(tmp_path: Path, token: str) -> None:
    path = put(tmp_path, f"a,b\n{token},x\n1,y\n")
    assert rows_of(POLARS, read("csv", path)) == [(None, "x"), (1, "y")]


def test_a_short_row_ends_in_nulls(tmp_path: Path) -> None:
    path = put(tmp_path, "a,b\n1\n2,3\n4\n")
    assert rows_of(POLARS, read("csv", path)) == [(1, None), (2, 3), (4, None)]


@pytest.mark.spark
def test_a_short_row_is_an_error_on_spark(_spark: Engine, tmp_path: Path) -> None:
    with pytest.raises(DataReadError, match=r"MALFORMED|FAILED_READ_FILE"):
        read("csv", put(tmp_path, "a,b\n1\n2,3\n"), engine=_spark)


def test_inference_sees_the_last_row(tmp_path: Path) -> None:
    path = put(tmp_path, "a\n" + "1\n" * 20_000 + "x\n")
    assert read("csv", path).collect_schema()["a"] == nw.String()


@pytest.mark.parametrize(
    ("first", "last", "dtype"),
    [
        ("1", "1.5", nw.Float64()),
        ("1", "99999999999999999999", nw.String()),
        ("1.5", "x", nw.String()),
        ("true", "1", nw.String()),
        ("NA", "7", nw.Int64()),
        ("NA", "x", nw.String()),
        ("NA", "NA", nw.String()),
        ("1", " 2 ", nw.Int64()),
        ("1", "\t2", nw.Int64()),
        ("1.5", "99999999999999999999", nw.String()),
        ("1.5", "1e300", nw.Float64()),
        ("1.5", "inf", nw.Float64()),
        ("true", "TRUE", nw.Boolean()),
        ("true", "t", nw.String()),
    ],
)
def test_a_late_value_counts(tmp_path: Path, first: str, last: str, dtype: nw.dtypes.DType) -> None:
    path = put(tmp_path, "a,b\n" + f"{first},x\n" * 5_000 + f"{last},x\n")
    frame = read("csv", path)
    assert frame.collect_schema()["a"] == dtype
    assert len(rows_of(POLARS, frame)) == 5_001


def test_rows_like_the_first_are_not_read_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: list[str] = []
    probe = columns_of_text._PROBE["polars"]

    def seen(native: Any, columns: Any) -> Any:
        if "SLICE" not in native.explain():
            whole.extend(columns)
        return probe(native, columns)

    monkeypatch.setitem(columns_of_text._PROBE, "polars", seen)
    rows = "1,1.5,true,x,NA\n" * 5_000
    frame = read("csv", put(tmp_path / "like", "i,f,b,t,n\n" + rows))
    assert whole == []
    types = [nw.Int64(), nw.Float64(), nw.Boolean(), nw.String(), nw.String()]
    assert list(frame.collect_schema().values()) == types
    read("csv", put(tmp_path / "one null", "i,f,b,t,n\n" + rows + "1,1.5,true,x,7\n"))
    assert whole == ["n"]


def test_bounded_inference_fails_where_it_was_wrong(engine: Engine, tmp_path: Path) -> None:
    frame = read("csv", put(tmp_path, "a\n1\nx\n"), engine=engine, infer_schema_length=1)
    assert frame.collect_schema()["a"] == nw.Int64()
    with pytest.raises(DataReadError, match="x"):
        engine.fetch(frame, 10)


def test_declared_types_win(engine: Engine, tmp_path: Path) -> None:
    declared = {"id": nw.String(), "d": nw.Date(), "n": nw.Decimal(10, 2), "ok": nw.Boolean()}
    path = put(tmp_path, "id,d,n,ok\n007,2024-01-31,1.50,TRUE\n")
    frame = read("csv", path, engine=engine, declared=declared)
    assert {n: t for n, t in frame.collect_schema().items() if n in declared} == declared
    (row,) = rows_of(engine, frame)
    assert row[:2] == ("007", date(2024, 1, 31))
    assert (str(row[2]), row[3]) == ("1.50", True)


def test_many_columns_and_odd_names(tmp_path: Path) -> None:
    names = ["__index__", "é ü", "a.b", *(f"c{i}" for i in range(2000))]
    frame = read("csv", put(tmp_path, ",".join(names) + "\n" + ",".join("1" * len(names)) + "\n"))
    assert frame.collect_schema().names() == names
    assert rows_of(POLARS, frame) == [(1,) * len(names)]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("a,a\n1,2\n", SchemaContractError, "duplicate column 'a'"),
        ("a,\n1,2\n", SchemaContractError, "column 2 has no name"),
        ("", DataReadError, "0.csv is not a readable csv file: it is empty"),
        ("a,b\n1,2,3\n", DataReadError, "more fields"),
        ("a,b\n1,2\n1,2,3\n", DataReadError, "is not a readable csv file: found more fields"),
    ],
)
def test_what_cannot_be_read(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        read("csv", put(tmp_path, text))


def test_other_encodings_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes("é\n1\n".encode("latin-1"))
    with pytest.raises(DataReadError, match="not a readable csv file in utf-8"):
        read("csv", tmp_path / "x.csv")


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataReadError, match=r"nope.csv does not exist"):
        read("csv", tmp_path / "nope.csv")
    with pytest.raises(DataReadError, match=r"\*.csv matches no file"):
        read("csv", tmp_path / "*.csv")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seperator": ";"}, "seperator"),
        ({"sep": ";;"}, "not one character"),
        ({"encoding": "latin-1"}, "convert the file to utf-8"),
        ({"dtype": {"a": "strng"}}, "did you mean 'string'"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CsvReadOptions.model_validate(options)


def test_a_scan_stays_on_its_files(tmp_path: Path) -> None:
    frame = read("csv", put(tmp_path, "a\n1\n"))
    (tmp_path / "9.csv").write_text("a\n2\n")
    assert rows_of(POLARS, frame) == [(1,)]


def test_gzip_is_read_as_pandas_reads_it(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    for number in (1, 2):
        text = f"a,b\n{number},x\n"
        (tmp_path / "d" / f"{number}.csv.gz").write_bytes(gzip.compress(text.encode()))
    for path in ("d", "d/*.csv.gz"):
        assert sorted(rows_of(engine, read("csv", tmp_path / path, engine=engine))) == [
            (1, "x"),
            (2, "x"),
        ]
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes((tmp_path / "d/1.csv.gz").read_bytes()[:-9])
    with pytest.raises(DataReadError, match=r"cut\.csv\.gz is not a readable gzip file"):
        read("csv", cut, engine=engine)
