"""Windows: cursors of every type on both engines, and what no cursor can be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from odibi_dagster.config.incremental import Incremental
from odibi_dagster.connections.base import Location
from odibi_dagster.engines.base import Engine, get_engine
from odibi_dagster.errors import CursorError, OdibiError, SchemaContractError
from odibi_dagster.formats.base import formats
from odibi_dagster.plan.window import Cursor, Seen

NOW = datetime(2024, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
MICRO = datetime(2024, 1, 3, 4, 5, 6, 789_012)
ZONED = MICRO.replace(tzinfo=UTC)


def cursor(engine: Engine, tmp_path: Path, values: list[Any], **said: Any) -> Cursor:
    """The cursor of a Parquet file with these values in `at` (and `id` beside them)."""
    frame = pl.DataFrame({"at": values, "id": range(len(values)), **said.pop("more", {})})
    frame.write_parquet(tmp_path / "in.parquet")
    scanned = formats["parquet"]().scan(engine, Location(tmp_path / "in.parquet"))
    timezone = said.pop("timezone", "UTC")
    return Cursor(engine, scanned, Incremental(**{"column": "at", **said}), timezone)


def ids(engine: Engine, cursor: Cursor, lower: Any, upper: Any, **more: bool) -> list[int]:
    return sorted(row["id"] for row in engine.fetch(cursor.rows(lower, upper, **more), 100))


TYPES = [
    pytest.param([1, 2, 3, None], 1, 3, id="int"),
    pytest.param([1.5, 2.5, 3.5, None], 1.5, 3.5, id="float"),
    pytest.param(
        [Decimal("1.10"), Decimal("2.20"), Decimal("3.30"), None],
        Decimal("1.10"), Decimal("3.30"), id="decimal",
    ),
    pytest.param(
        [date(2024, 1, 1), date(2024, 1, 2), date(2024, 1, 3), None],
        date(2024, 1, 1), date(2024, 1, 3), id="date",
    ),
    pytest.param(
        [datetime(2024, 1, 1), datetime(2024, 1, 2), MICRO, None],
        datetime(2024, 1, 1), MICRO, id="timestamp",
    ),
    pytest.param(
        [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC), ZONED, None],
        datetime(2024, 1, 1, tzinfo=UTC), ZONED, id="zoned",
    ),
    pytest.param(
        ["2024-01-01", "2024-01-02 00:00:00", "2024-01-03T04:05:06.789012", None],
        datetime(2024, 1, 1), MICRO, id="text",
    ),
    pytest.param(
        ["2024-01-01T00:00+00:00", "2024-01-02 00:00:00Z", "2024-01-03T04:05:06.789012Z", None],
        datetime(2024, 1, 1), MICRO, id="text with zones",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("values", "lower", "upper"), TYPES)
def test_only_what_lies_above_the_mark(
    engine: Engine, tmp_path: Path, values: list[Any], lower: Any, upper: Any
) -> None:
    found = cursor(engine, tmp_path, values, mode="stateful")
    assert found.look(lower, NOW, DAY) == Seen(upper, 2, 1)
    assert ids(engine, found, lower, upper) == [1, 2]
    assert found.look(None, NOW, DAY) == Seen(upper, 4, 1)
    assert ids(engine, found, None, upper, nulls=True) == [0, 1, 2, 3]
    assert ids(engine, found, None, None) == ids(engine, found, None, upper) == [0, 1, 2]
    assert found.look(upper, NOW, DAY) == Seen(None, 0, 1)
    assert ids(engine, found, upper, None) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [("oracle", "03-JAN-24"), ("us", "01/03/2024"), ("eu", "03/01/2024"), ("%Y%m%d", "20240103")],
)
def test_text_in_other_formats(engine: Engine, tmp_path: Path, name: str, text: str) -> None:
    found = cursor(engine, tmp_path, [text, None], mode="stateful", date_format=name)
    assert found.look(None, NOW, DAY) == Seen(datetime(2024, 1, 3), 2, 1)


def test_a_fallback_is_read_where_the_cursor_is_null(engine: Engine, tmp_path: Path) -> None:
    values = [datetime(2024, 1, 1), None, None]
    more = {"created": ["2023-01-01", "2024-01-05", None]}
    found = cursor(engine, tmp_path, values, mode="stateful", fallback_column="created", more=more)
    assert found.look(datetime(2024, 1, 2), NOW, DAY) == Seen(datetime(2024, 1, 5), 1, 1)
    assert ids(engine, found, datetime(2024, 1, 2), None) == [1]


BAD = [
    pytest.param(
        ["x", "2024-01-01", "y"], "2 values are no time in the format ISO 8601", id="text"
    ),
    pytest.param(
        ["2024-01-01 12:00:00", "2024-01-01", "2024-01-01T12:00:00Z"],
        "1 values name a zone and 2 do not",
        id="text with a zone and without",
    ),
    pytest.param(
        ["2024-03-31T01:30:00+01:00", "2024-03-31T03:30:00+02:00"],
        r"they name several \(\+01:00 and \+02:00\)",
        id="text of several zones",
    ),
    pytest.param([1.0, float("nan")], "is not finite in 1 rows", id="nan"),
    pytest.param([1.0, float("inf")], "is not finite in 1 rows", id="inf"),
    pytest.param([datetime(9999, 1, 1)], "beyond now .* in 1 rows.*max_future", id="year 9999"),
    pytest.param([date(2024, 6, 3)], "beyond now", id="in two days"),
]


@pytest.mark.parametrize("lower", [False, True], ids=["first", "later"])
@pytest.mark.parametrize(("values", "words"), BAD)
def test_what_no_mark_can_be(
    engine: Engine, tmp_path: Path, values: list[Any], words: str, lower: bool
) -> None:
    found = cursor(engine, tmp_path, values, mode="stateful")
    marks = {str: datetime(2020, 1, 1), float: 0.5, datetime: datetime(2020, 1, 1)}
    mark = marks.get(type(values[0]), date(2020, 1, 1)) if lower else None
    with pytest.raises(CursorError, match=words):
        found.look(mark, NOW, DAY)


def test_a_far_future_is_allowed_when_somebody_says_so(engine: Engine, tmp_path: Path) -> None:
    found = cursor(engine, tmp_path, [datetime(2200, 1, 1)], mode="stateful")
    assert found.look(None, NOW, timedelta(days=100_000)).upper == datetime(2200, 1, 1)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"column": "att"}, "no column 'att'; did you mean 'at'"),
        ({"column": "ok"}, "'ok' is Boolean; a cursor is a number or a time"),
    ],
)
def test_columns_that_are_no_cursor(
    engine: Engine, tmp_path: Path, said: dict[str, str], words: str
) -> None:
    with pytest.raises(SchemaContractError, match=words):
        cursor(engine, tmp_path, [1], more={"ok": [True]}, **said)


def test_lag_and_rolling_window(engine: Engine, tmp_path: Path) -> None:
    times = cursor(engine, tmp_path, [datetime(2024, 5, 31, 12)], mode="stateful")
    assert times.before(datetime(2024, 1, 2), timedelta(hours=6)) == datetime(2024, 1, 1, 18)
    assert times.since(NOW, DAY) == datetime(2024, 5, 31)
    days = cursor(engine, tmp_path, [date(2024, 5, 31)], mode="stateful")
    assert days.before(date(2024, 1, 3), timedelta(hours=25)) == date(2024, 1, 1)
    numbers = cursor(engine, tmp_path, [1], mode="stateful")
    for wrong in (lambda: numbers.before(1, DAY), lambda: numbers.since(NOW, DAY)):
        with pytest.raises(OdibiError, match="time"):
            wrong()


def test_a_time_without_zone_is_in_the_projects_zone(engine: Engine, tmp_path: Path) -> None:
    found = cursor(
        engine, tmp_path, [datetime(2024, 6, 1)], mode="stateful", timezone="Europe/Berlin"
    )
    assert found.since(NOW, DAY) == datetime(2024, 5, 31, 2)
    assert found.fitted(datetime(2024, 6, 1, tzinfo=UTC)) == datetime(2024, 6, 1, 2)


def test_a_mark_of_another_kind_does_not_fit(engine: Engine, tmp_path: Path) -> None:
    found = cursor(engine, tmp_path, [datetime(2024, 6, 1)], mode="stateful")
    assert found.fitted(date(2024, 1, 1)) == datetime(2024, 1, 1)
    assert found.fitted(5) is None
    assert cursor(engine, tmp_path, [5], mode="stateful").fitted(date(2024, 1, 1)) is None


@pytest.mark.parametrize("column", ["id", "at"])
def test_nothing_new_is_seen_in_the_footers_alone(tmp_path: Path, column: str) -> None:
    """The pages of every column are destroyed: whoever looked at them would fail."""
    engine, path = get_engine("polars"), tmp_path / "in.parquet"
    rows = 200_000
    frame = pl.DataFrame({"id": range(rows)}).with_columns(
        at=pl.lit(datetime(2024, 1, 1)) + pl.duration(seconds="id"), text=pl.col("id").cast(str)
    )
    frame.write_parquet(path, row_group_size=50_000)
    content = bytearray(path.read_bytes())
    footer = int.from_bytes(content[-8:-4], "little") + 8
    assert footer < 0.05 * len(content)
    content[4:-footer] = b"\xff" * (len(content) - footer - 4)
    path.write_bytes(content)
    scanned = formats["parquet"]().scan(engine, Location(path))
    found = Cursor(engine, scanned, Incremental(mode="stateful", column=column))
    mark = rows if column == "id" else datetime(2024, 6, 1)
    assert found.look(mark, NOW, DAY) == Seen(None, 0, 0)
    assert engine.fetch(found.rows(mark, None), 9) == []
    with pytest.raises(OdibiError):
        found.look(rows - 2 if column == "id" else datetime(2024, 1, 2), NOW, DAY)
