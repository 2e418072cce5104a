"""What footers answer is what a scan would have found, whatever the columns hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odibi_dagster.checks.base import Column, contracts
from odibi_dagster.connections.base import Location
from odibi_dagster.core.facts import Bounds
from odibi_dagster.engines.polars import PolarsEngine
from odibi_dagster.formats.footers import Footers, opened
from tests.checks.frames import NOW, judged
from tests.formats.support import POLARS, format_of, numbered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.checks.base import Contract
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

_INT64 = st.sampled_from([-(2**63), 2**63 - 1, 2**53 + 1, 0]) | st.integers(-3, 3)
LONG = timedelta(days=9999)
_FLOATS = st.sampled_from([float("nan"), float("inf"), -0.0, 0.0, 1.5, -1e308])
_CENTS = st.integers(-(10**10) + 1, 10**10 - 1) | st.integers(-9, 9)
_DATES = st.sampled_from([date(1, 1, 1), date(9999, 12, 31), date(1582, 10, 14)])
_DATES |= st.dates(date(1895, 1, 1), date(2030, 1, 1))
_TIMES = st.sampled_from([datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)])
_TIMES |= st.datetimes(datetime(1895, 1, 1), datetime(2030, 1, 1))
_TEXT = st.text(alphabet="abÿ\U0001f600", max_size=80)
_SECONDS = st.datetimes(datetime(1890, 1, 1), datetime(2040, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)
_NUMBERS = _INT64 | st.sampled_from([0.5, 1e300, -2.5, 2**63])

Values = st.SearchStrategy[Any]
BOTH: dict[str, tuple[Any, Values, Values | None]] = {
    "int": (pl.Int64, _INT64, _NUMBERS),
    "small": (pl.Int16, st.integers(-(2**15), 2**15 - 1), st.integers(-(2**16), 2**16)),
    "float": (pl.Float64, _FLOATS, st.sampled_from([-1, 0, 1.5])),
    "decimal": (
        pl.Decimal(12, 2),
        _CENTS.map(lambda cents: Decimal(cents) / 100),
        st.sampled_from([-1, 0, 0.01, 0.005, "99999999.99"]),
    ),
    "text": (pl.String, _TEXT, _TEXT),
    "bool": (pl.Boolean, st.booleans(), None),
    "date": (pl.Date, _DATES, _SECONDS.map(lambda moment: moment.date())),
    "timestamp": (pl.Datetime("us"), _TIMES, _SECONDS),
    "instant": (pl.Datetime("us", "UTC"), _TIMES, _SECONDS),
    "list": (pl.List(pl.Int64), st.lists(st.none() | st.integers(0, 2), max_size=2), None),
    "struct": (
        pl.Struct({"x": pl.Int64}),
        st.fixed_dictionaries({"x": st.none() | st.integers(0, 2)}),
        None,
    ),
}
"""Of each column: its type, values, and bounds to write in a range."""
POLARS_ONLY: dict[str, tuple[Any, Values, Values | None]] = {
    "byte": (pl.UInt8, st.integers(0, 255), st.integers(-1, 256)),
    "unsigned": (pl.UInt64, st.sampled_from([0, 2**63, 2**64 - 1, 7]), _NUMBERS),
    "u32": (pl.UInt32, st.sampled_from([0, 2**31, 2**32 - 1, 7]), _NUMBERS),
    "huge": (pl.Int128, st.sampled_from([0, 2**100, -(2**100), 7]), _NUMBERS),
    "single": (pl.Float32, _FLOATS, st.sampled_from([-1, 0, 1.5])),
    "wide": (
        pl.Decimal(38, 10),
        st.integers(-(10**27), 10**27).map(lambda number: Decimal(number).scaleb(-10)),
        st.sampled_from([-1, 0, 0.005, "1234567890123456789.5"]),
    ),
    "millis": (pl.Datetime("ms"), _TIMES, _SECONDS),
    "nanos": (pl.Datetime("ns"), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), None),
    "local": (pl.Datetime("us", "Europe/Berlin"), _TIMES, _SECONDS),
    "time": (pl.Time, st.times(), None),
    "duration": (pl.Duration("us"), st.timedeltas(-LONG, LONG), None),
    "binary": (pl.Binary, st.binary(max_size=3), None),
    "category": (pl.Categorical, _TEXT, _TEXT),
    "nothing": (pl.Null, st.none(), None),
}
EVERYWHERE = {"polars": BOTH | POLARS_ONLY, "spark": BOTH}
_TIMELY = ("date", "timestamp", "instant", "millis", "nanos", "local")


@st.composite
def tables(draw: st.DrawFn, kinds: dict[str, tuple[Any, Values, Values | None]]) -> pl.DataFrame:
    """Up to four columns of up to eight rows; some hold nulls only."""
    names = draw(st.lists(st.sampled_from(sorted(kinds)), min_size=1, max_size=4, unique=True))
    height = draw(st.integers(0, 8))
    columns = []
    for name in names:
        dtype, values, _ = kinds[name]
        values = draw(st.sampled_from([values, st.none() | values, st.none()]))
        rows = draw(st.lists(values, min_size=height, max_size=height))
        columns.append(_series(name, rows, dtype))
    return pl.DataFrame(columns)


def _series(name: str, rows: Sequence[Any], dtype: Any) -> pl.Series:
    if getattr(dtype, "time_zone", None):
        naive = pl.Series(name, rows, pl.Datetime(dtype.time_unit))
        return naive.dt.replace_time_zone("UTC").cast(dtype)
    return pl.Series(name, rows, dtype)


@st.composite
def rules(draw: st.DrawFn, frame: pl.DataFrame, kinds: dict[str, Any]) -> list[Contract]:
    """Contracts of every kind that a footer may answer, and some that none can."""
    found = [contracts["row_count"](min=3), contracts["schema"]()]
    found.append(contracts["not_null"](columns=frame.columns))
    for name, dtype in frame.schema.items():
        found.append(contracts["not_null"](columns=[name]))
        if (bounds := kinds[name][2]) is not None:
            found += [contracts["range"](column=name, **{end: draw(bounds)}) for end in ENDS]
        if name in _TIMELY:
            found.append(contracts["freshness"](column=name, max_age="1h"))
        if not dtype.is_nested() and dtype != pl.Null:
            found.append(contracts["unique"](columns=[name]))
        if name in WORDS:
            found.append(contracts["regex_match"](column=name, pattern="[ab]*$"))
        if name in WORDS or dtype == pl.Int64:
            values = draw(st.lists(st.none() | kinds[name][1], min_size=1, max_size=3))
            found.append(contracts["accepted_values"](column=name, values=values))
    return found


ENDS = ("min", "max")
WORDS = ("text", "category")


def _written(frame: pl.DataFrame, folder: Path, parts: int) -> list[Path]:
    """Several files of several row groups; an empty frame is one empty file."""
    step = max(-(-frame.height // parts), 1)
    files = []
    for start in range(0, max(frame.height, 1), step):
        files.append(folder / f"{start}.parquet")
        frame[start : start + step].write_parquet(files[-1], row_group_size=2)
    return files


def _of_polars(engine: Engine, files: list[Path], folder: Path) -> tuple[Frame, Footers | None]:
    del folder
    return engine.scan("parquet", files), opened(files, by_codes=True)


def _of_spark(engine: Engine, files: list[Path], folder: Path) -> tuple[Frame, Any]:
    """Rows that Spark wrote itself."""
    format, source = format_of("parquet"), engine.scan("parquet", files)
    staged = format.stage(engine, source, Location(folder / "out"), batch=numbered("b"))
    return format.scan_staged(engine, staged), format.facts(engine, staged)


WRITERS = {"polars": _of_polars, "spark": _of_spark}
EXAMPLES = {"polars": 100, "spark": 6}


def test_footers_and_a_scan_give_the_same_verdicts(engine: Engine) -> None:
    kinds = EVERYWHERE[engine.name]

    @settings(
        max_examples=EXAMPLES[engine.name],
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.data(), tables(kinds), st.integers(1, 3))
    def check(data: st.DataObject, frame: pl.DataFrame, parts: int) -> None:
        asked = data.draw(rules(frame, kinds))
        declared = {name: Column(nullable=False) for name in frame.columns}
        with TemporaryDirectory() as place:
            files = _written(frame, Path(place), parts)
            rows, facts = WRITERS[engine.name](engine, files, Path(place))
            scanned = judged(rows, asked, engine, declared=declared)
            known = judged(rows, asked, engine, declared=declared, facts=facts)
        for one, other in zip(scanned, known, strict=True):
            assert (one.verdict, one.metadata()) == (other.verdict, other.metadata())

    check()


EXACT = {
    "int": [None, -3, 5],
    "decimal": [Decimal("-0.50"), None, Decimal("12.25")],
    "date": [date(2024, 2, 29), date(1999, 12, 31), None],
    "timestamp": [datetime(2024, 2, 29, 1, 2, 3, 4), None, datetime(1999, 12, 31)],
    "instant": [datetime(2024, 2, 29, 1, tzinfo=UTC), None, datetime(1999, 12, 31, tzinfo=UTC)],
}
COUNTED = {
    "float": [float("nan"), None, 1.0],
    "text": ["a" * 80, None, ""],
    "bool": [True, None, False],
    "old": [date(1582, 10, 14), None, date(2024, 1, 1)],
}


def footers(tmp_path: Path, data: dict[str, list[Any]], **options: Any) -> Footers:
    file = tmp_path / "x.parquet"
    pl.DataFrame(data).write_parquet(file, row_group_size=1, **options)
    found = opened([file, file], folders=["day"])
    assert found is not None
    return found


def test_bounds_are_those_of_all_row_groups_and_files(tmp_path: Path) -> None:
    known = footers(tmp_path, EXACT | COUNTED)
    types = POLARS.wrap(pl.DataFrame(EXACT | COUNTED).lazy()).collect_schema()
    assert known.rows == 6
    assert {name: known.nulls(name) for name in types} == dict.fromkeys(types, 2)
    for name, values in EXACT.items():
        there = [value for value in values if value is not None]
        assert known.bounds(name, types[name]) == Bounds(min(there), max(there))
    assert [known.bounds(name, types[name]) for name in COUNTED] == [None] * len(COUNTED)


def test_a_column_of_nulls_has_no_bounds_and_that_is_known(tmp_path: Path) -> None:
    known = footers(tmp_path, {"x": pl.Series([None, None], dtype=pl.Int64)})
    assert (known.nulls("x"), known.bounds("x", nw.Int64())) == (4, Bounds(None, None))


@pytest.mark.parametrize("column", ["gone", "day", "list", "struct"])
def test_what_footers_do_not_hold_is_not_known(tmp_path: Path, column: str) -> None:
    """`day` is a hive column: a file that holds one of that name is not asked."""
    known = footers(tmp_path, {"day": [1], "list": [[None]], "struct": [{"x": None}]})
    assert (known.nulls(column), known.bounds(column, nw.Int64())) == (None, None)


def test_a_file_without_statistics_or_with_types_unknown_says_nothing(tmp_path: Path) -> None:
    bare = footers(tmp_path, {"x": [1]}, statistics=False)
    assert (bare.rows, bare.nulls("x"), bare.bounds("x", nw.Int64())) == (2, None, None)
    pl.DataFrame({"x": pl.Series([1], dtype=pl.Int128)}).write_parquet(tmp_path / "x.parquet")
    assert opened([tmp_path / "x.parquet"]) is None


def test_no_file_is_no_row() -> None:
    known = opened([])
    assert known is not None
    assert (known.rows, known.nulls("x"), known.bounds("x", nw.Int64())) == (0, 0, (None, None))


class Telling(PolarsEngine):
    """Keeps the plans of what it fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.plans: list[str] = []

    def fetch(self, frame: Frame, limit: int) -> list[dict[str, Any]]:
        self.plans.append(self.explain(frame))
        return super().fetch(frame, limit)


def test_rules_of_a_coded_column_are_filters_of_the_scan(tmp_path: Path) -> None:
    """Polars' reader then judges the dictionary, once for each value; it is not asked for rows."""
    file, engine = tmp_path / "x.parquet", Telling()
    rows = {"word": ["a", "b", None] * 500, "free": [f"n{i}" for i in range(1500)]}
    pl.DataFrame(rows).write_parquet(file)
    facts = opened([file], by_codes=True)
    assert facts is not None
    assert [facts.coded(name) for name in ("word", "free", "gone")] == [True, False, False]
    asked = [
        contracts["regex_match"](column="word", pattern="[b-z]"),
        contracts["accepted_values"](column="word", values=["a"]),
        contracts["regex_match"](column="free", pattern="n"),
        contracts["custom_sql"](condition="word = 'a'"),
    ]
    seen = judged(engine.scan("parquet", [file]), asked, engine, facts=facts)
    assert [one.verdict.failed_rows for one in seen] == [500, 1000, 0, 500]
    plan = engine.plans[0]
    assert plan.count('SELECTION: col("word")') == 2
    assert "CACHE" not in plan


def test_a_plan_does_not_grow_with_contracts_without_end(tmp_path: Path) -> None:
    file, engine = tmp_path / "x.parquet", Telling()
    pl.DataFrame({f"c{i}": ["a", "b"] * 50 for i in range(80)}).write_parquet(file)
    asked = [contracts["accepted_values"](column=f"c{i}", values=["a"]) for i in range(80)]
    facts = opened([file], by_codes=True)
    seen = judged(engine.scan("parquet", [file]), asked, engine, facts=facts)
    assert [one.verdict.failed_rows for one in seen] == [50] * 80
    assert engine.plans[0].count("SELECTION: ") == 50


def test_only_columns_that_footers_leave_open_are_read(tmp_path: Path) -> None:
    """The pages of every other column are destroyed: whoever looked at them would fail."""
    file = tmp_path / "x.parquet"
    rows = [{"id": i, "at": NOW, "price": i / 3, "name": f"n{i}"} for i in range(500)]
    pl.DataFrame(rows).write_parquet(file, row_group_size=100)
    _destroy(file, {"id", "at", "name"})
    known = [
        contracts["not_null"](columns=["id", "at", "name", "price"]),
        contracts["range"](column="id", min=0, max=499),
        contracts["freshness"](column="at", max_age="1h"),
        contracts["row_count"](min=500),
    ]
    price = contracts["range"](column="price", min=0)
    frame, facts = POLARS.scan("parquet", [file]), opened([file])
    assert all(j.passed for j in judged(frame, [*known, price], POLARS, facts=facts))
    assert any(j.verdict.error for j in judged(frame, [*known, price], POLARS))
    outside = contracts["range"](column="id", min=1)
    assert judged(frame, [outside], POLARS, facts=facts)[0].verdict.error


def _destroy(file: Path, columns: set[str]) -> None:
    footer, content = pq.read_metadata(file), bytearray(file.read_bytes())
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            if chunk.path_in_schema in columns:
                start = chunk.dictionary_page_offset or chunk.data_page_offset
                content[start : start + chunk.total_compressed_size] = (
                    b"\xff" * chunk.total_compressed_size
                )
    file.write_bytes(content)
