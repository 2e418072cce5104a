"""Which text is a time, and which time it is: as Python's own parser says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import narwhals.stable.v2 as nw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odibi_dagster.checks import iso
from odibi_dagster.checks.base import contracts
from odibi_dagster.engines.base import get_engine
from tests.checks.frames import fetched, judged, make

DAYS = [
    f"{year}-{month:02}-{day:02}"
    for year in ("1900", "2000", "2023", "2024", "0004")
    for month in range(14)
    for day in range(33)
]


def _is_a_date(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def test_the_calendar(engine):
    frame = make(engine, {"x": "text"}, [(day,) for day in DAYS])

    found = fetched(engine, frame.select("x", ok=iso.readable(nw.col("x"))))

    assert {row["x"]: row["ok"] for row in found} == {day: _is_a_date(day) for day in DAYS}


@pytest.mark.parametrize(
    "text",
    ["", "2024", "2024-1-1", "2024-01-01T", "2024-01-01T25:00", "2024-01-01T10", "01.02.2024",
     "2024-01-01T10:00+15:00", "2024-01-01T10:60", "2024-01-01Z", " 2024-01-01", "2024-01-01\n"],
)  # fmt: skip
def test_what_is_no_time(text):
    engine = get_engine("polars")
    frame = make(engine, {"x": "text"}, [(text,)])

    assert fetched(engine, frame.select(ok=iso.readable(nw.col("x")))) == [{"ok": False}]


ZONES = st.sampled_from([UTC, *(timezone(timedelta(minutes=m)) for m in (60, -210, 840))])
MOMENTS = st.datetimes(datetime(1890, 1, 1), datetime(2100, 1, 1), timezones=ZONES)
FORMS = st.sampled_from(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M:%S%z", "z"])


def _written(moment: datetime, form: str) -> str:
    if form == "z":
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    return moment.strftime(form)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(MOMENTS, FORMS), min_size=1, max_size=6))
def test_the_newest_of_any_mix_of_zones(values):
    engine = get_engine("polars")
    moments = [moment.replace(microsecond=0) for moment, _ in values]
    texts = [_written(moment, form) for moment, (_, form) in zip(moments, values, strict=True)]
    fresh = contracts["freshness"](column="x", max_age="1h")

    (judgement,) = judged(make(engine, {"x": "text"}, [(text,) for text in texts]), [fresh], engine)

    newest = max(moments).astimezone(UTC)
    assert judgement.metadata()["newest"] == newest.isoformat()


def test_offsets_in_every_spelling(engine):
    texts = ["2024-01-01T00:00-02", "2024-01-01T05:29:30+0330", "2024-01-01 01:58:00.5Z"]
    fresh = contracts["freshness"](column="x", max_age="1h")

    (judgement,) = judged(make(engine, {"x": "text"}, [(text,) for text in texts]), [fresh], engine)

    assert judgement.metadata()["newest"] == "2024-01-01T02:00:00+00:00"
