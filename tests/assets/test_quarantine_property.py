"""Whatever the rows and the rules: published + broken = judged, and each broken row says why."""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.assets.support import Shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Row = tuple[int | None, float | None, str | None]

SCHEMA = {"id": pl.Int64, "amount": pl.Float64, "name": pl.String}
RULES: dict[str, tuple[str, Callable[[Row], bool]]] = {
    "there": ("{type: not_null, columns: [name, id]", lambda r: r[2] is None or r[0] is None),
    "small": (
        "{type: range, column: amount, min: 0, max: 50",
        lambda r: r[1] is not None and not 0 <= r[1] <= 50,
    ),
    "known": (
        "{type: accepted_values, column: name, values: [a, b, ä]",
        lambda r: r[2] not in "abä" if r[2] else True,
    ),
    "lower": (
        "{type: regex_match, column: name, pattern: '^[a-z]*$'",
        lambda r: r[2] is not None and not all("a" <= c <= "z" for c in r[2]),
    ),
    "cheap": (
        "{type: custom_sql, condition: amount < id",
        lambda r: r[0] is not None and r[1] is not None and not r[1] < r[0],
    ),
}
"""What is written, and who breaks it: told a second time, in Python."""

rows = st.lists(
    st.tuples(
        st.none() | st.integers(-3, 60),
        st.none() | st.sampled_from([-1.0, 0.0, 7.5, 50.0, 51.0, math.nan]),
        st.none() | st.sampled_from(["a", "b", "ä", "B", "", "zz"]),
    ),
    max_size=12,
)
names = st.lists(st.sampled_from(sorted(RULES)), unique=True, max_size=4)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def broken_by(row: Row, before: Sequence[str], after: Sequence[str]) -> set[str]:
    """A row that the input's contracts reject never reaches the tests."""
    return {f"input_{name}" for name in before if RULES[name][1](row)} or {
        name for name in after if RULES[name][1](row)
    }


def project(engine: str, mode: str, before: Iterable[str], after: Iterable[str]) -> str:
    said, tests = (
        ", ".join(f"{RULES[n][0]}, name: {n}, on_fail: quarantine}}" for n in chosen)
        for chosen in (before, after)
    )
    return f"""
engine: {engine}
dagster: {{sql_dialect: duckdb}}
pipelines:
  - pipeline: p
    nodes:
      - name: orders
        read: {{connection: lake, format: parquet, path: in.parquet}}
        contracts: [{said}]
        validation: {{tests: [{tests}]}}
        write: {{connection: lake, format: parquet, path: out, mode: {mode}}}
"""


def check(
    instance: dg.DagsterInstance,
    engine: str,
    mode: str,
    batches: Sequence[list[Row]],
    before: list[str],
    after: list[str],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shop = Shop(Path(folder), instance)
        (shop.root / "lake").mkdir()
        shop.write(project(engine, mode, before, after))
        for batch in batches:
            source = pl.DataFrame(batch, schema=SCHEMA, orient="row")
            source.write_parquet(shop.root / "lake" / "in.parquet")
            run = shop.run()
            assert run.ok, run.failures
        judged = [row for batch in batches for row in batch] if mode == "append" else batches[-1]
        wrong = {told(row): broken_by(row, before, after) for row in judged}
        published = Counter(told(row) for row in stored(shop, "out", list(SCHEMA)))
        rejected = stored(shop, "out_error", [*SCHEMA, "_failed_tests"])
        assert published + Counter(told(row[:3]) for row in rejected) == Counter(map(told, judged))
        assert all(not wrong[row] for row in published)
        for *row, failed in rejected:
            assert set(failed.split(",")) == wrong[told(row)]
            assert len(failed.split(",")) == len(set(failed.split(",")))


def told(row: Sequence[Any]) -> str:
    """A row as something that equals itself, NaN or not."""
    return repr(tuple(row))


def stored(shop: Shop, name: str, columns: list[str]) -> list[tuple[Any, ...]]:
    path = shop.root / "lake" / name
    if not path.exists():
        return []
    return pl.read_parquet(path if path.is_file() else path / "*.parquet").select(columns).rows()


@pytest.mark.parametrize("mode", ["overwrite", "append"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(batches=st.lists(rows, min_size=1, max_size=2), before=names, after=names)
def test_every_row_is_in_one_place(
    instance: dg.DagsterInstance,
    mode: str,
    batches: list[list[Row]],
    before: list[str],
    after: list[str],
) -> None:
    check(instance, "polars", mode, batches, before, after)


@pytest.mark.spark
@pytest.mark.parametrize("mode", ["overwrite", "append"])
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(batches=st.lists(rows, min_size=1, max_size=2), before=names, after=names)
def test_every_row_is_in_one_place_on_spark(
    _spark: Any,
    instance: dg.DagsterInstance,
    mode: str,
    batches: list[list[Row]],
    before: list[str],
    after: list[str],
) -> None:
    check(instance, "spark", mode, batches, before, after)


@settings(max_examples=10, deadline=None)
@given(batch=rows, after=st.permutations(sorted(RULES)))
def test_the_order_of_rules_does_not_matter(
    instance: dg.DagsterInstance, batch: list[Row], after: list[str]
) -> None:
    check(instance, "polars", "overwrite", [batch], [], after)
