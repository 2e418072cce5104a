"""Contracts on odd frames, through Dagster: empty, all null, NaN, unicode; first and later runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from tests.assets.support import Run, Shop

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

PROJECT = """
engine: {engine}
pipelines:
  - pipeline: p
    nodes:
      - name: rows
        read: {{connection: lake, format: parquet, path: in.parquet}}
        validation:
          tests:
            - {{type: unique, columns: [größe], on_fail: warn}}
            - {{type: foreign_key, columns: [größe], on_fail: warn, name: known,
                references: {{connection: lake, format: parquet, path: known.parquet}}}}
            - {{type: schema, mode: evolve}}
        write: {{connection: lake, format: {format}, path: out, mode: append}}
"""
NAN = float("nan")
FRAMES: dict[str, tuple[Any, list[Any], list[Any], list[Any], tuple[int, int, int]]] = {
    # type, known keys, first batch, second batch; unique broken in both, unknown in the second
    "empty": (pl.Int64, [1], [], [], (0, 0, 0)),
    "nothing known": (pl.Int64, [], [1], [1, 2], (0, 1, 2)),
    "all null": (pl.Int64, [1], [None, None], [None], (0, 0, 0)),
    "NaN": (pl.Float64, [NAN], [NAN, 1.0], [NAN, -0.0, 0.0], (0, 3, 2)),
    "unicode": (pl.String, ["Zoë", "日本"], ["Zoë"], ["Zoe\u0308", "日本", "Zoë"], (0, 1, 1)),
    "dates": (pl.Date, [], [], [], (0, 0, 0)),
}


def run_with(shop: Shop, dtype: Any, values: list[Any]) -> Run:
    frame = pl.DataFrame({"größe": values}, schema={"größe": dtype})
    frame.write_parquet(shop.root / "lake/in.parquet")
    return shop.run()


@pytest.mark.parametrize("format", ["delta", "parquet"])
@pytest.mark.parametrize("name", FRAMES)
def test_every_verdict_is_that_of_the_rows(
    engine: Engine, shop: Shop, name: str, format: str
) -> None:
    dtype, known, first, second, (before, after, unknown) = FRAMES[name]
    shop.write(PROJECT.format(engine=engine.name, format=format))
    (shop.root / "lake").mkdir()
    pl.DataFrame({"größe": known}, schema={"größe": dtype}).write_parquet(
        shop.root / "lake/known.parquet"
    )

    one, two = run_with(shop, dtype, first), run_with(shop, dtype, second)

    assert one.ok and two.ok, one.failures + two.failures
    assert one.check_metadata("unique_gr_e")["failed_rows"] == before
    assert two.check_metadata("unique_gr_e")["failed_rows"] == after
    assert two.check_metadata("known")["failed_rows"] == unknown
    assert (one.checks["schema"], two.checks["schema"]) == ((True, "ERROR"), (True, "ERROR"))


DRIFT = """
pipelines:
  - pipeline: p
    nodes:
      - name: rows
        read: {connection: lake, format: parquet, path: in.parquet}
        validation: {tests: [{type: schema, mode: compatible}]}
        write: {connection: lake, format: delta, path: out}
"""
BEFORE = {"id": pl.Int32, "x": pl.String}
DRIFTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "dropped": ({"id": pl.Int32}, "column 'x' removed"),
    "added": ({**BEFORE, "new": pl.Date}, None),
    "widened": ({**BEFORE, "id": pl.Int64}, None),
    "narrowed": ({**BEFORE, "id": pl.Int16}, "column 'id' changed Int32 -> Int16"),
    "renamed": ({"id": pl.Int32, "y": pl.String}, "column 'x' removed; was 'x' renamed to 'y'?"),
}


@pytest.mark.parametrize("name", DRIFTS)
def test_a_column_that_drifts_is_told_and_what_readers_need_stays(shop: Shop, name: str) -> None:
    shop.write(DRIFT)
    (shop.root / "lake").mkdir()
    pl.DataFrame(schema=BEFORE).write_parquet(shop.root / "lake/in.parquet")
    assert shop.run().ok
    schema, refused = DRIFTS[name]
    pl.DataFrame(schema=schema).write_parquet(shop.root / "lake/in.parquet")

    run = shop.run()

    assert run.checks == {"schema": (refused is None, "ERROR")}
    stored = pl.read_delta(str(shop.root / "lake/out")).schema
    if refused is None:
        assert run.ok
        assert stored == schema
    else:
        assert refused in run.failures[0]
        assert stored == BEFORE
