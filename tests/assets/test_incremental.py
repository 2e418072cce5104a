"""Incremental nodes: the cases of real files, run after run, on both engines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from odibi_dagster.engines.base import Engine
from tests.assets.support import Shop

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name for path in CASES.glob("inc_*"))
DOCUMENTED = {("inc_key_collision", 2, "pa.ing")}
"""Where Odibi loses a row: marks of two pipelines are apart."""


def _rows(frame: pl.DataFrame) -> list[str]:
    return sorted(json.dumps(row, default=str, sort_keys=True) for row in frame.to_dicts())


@pytest.mark.parametrize("case", NAMES)
def test_every_run_stores_the_rows_it_must(case: str, shop: Shop, engine: Engine) -> None:
    folder = CASES / case
    for number, step in enumerate(json.loads((folder / "steps.json").read_text()), 1):
        project = yaml.safe_load((folder / "config" / step["config"]).read_text())
        project["engine"] = engine.name
        shop.config.write_text(yaml.safe_dump(project))
        shutil.copytree(folder / step["overlay"], shop.root, dirs_exist_ok=True)
        run = shop.run()
        assert run.ok == ((case, number) != ("inc_fail_no_advance", 2)), run.failures
        for expected in (folder / f"expected/run{number}/targets").glob("*.parquet"):
            pipeline, node = expected.stem.split(".")
            found = _stored(shop, project, pipeline, node)
            wanted = pl.read_parquet(expected)
            if (case, number, expected.stem) in DOCUMENTED:
                assert set(found["id"]) - set(wanted["id"]) == {3}
            else:
                assert _rows(found) == _rows(wanted), f"{expected.stem}, run {number}"


def _stored(shop: Shop, project: dict[str, Any], pipeline: str, node: str) -> pl.DataFrame:
    (nodes,) = (p["nodes"] for p in project["pipelines"] if p["pipeline"] == pipeline)
    (write,) = (n["write"] for n in nodes if n["name"] == node)
    path = shop.root / "data" / write["path"]
    return pl.read_parquet([*path.rglob("*.parquet")] if path.is_dir() else path)


NODE = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {{mode: stateful, column: id{more}}}
        validation:
          tests: [{{type: range, column: v, min: 0, on_fail: quarantine}}]
        write: {{connection: lake, format: {format}, path: out/orders, mode: {mode}{options}}}
"""


def _write(shop: Shop, format: str = "parquet", mode: str = "append", more: str = "") -> None:
    options = ", options: {keys: [id]}" if mode in ("upsert", "append_once") else ""
    shop.write(NODE.format(format=format, mode=mode, more=more, options=options))


def _land(shop: Shop, name: str, ids: list[int | None], v: list[int] | None = None) -> None:
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame(
        {"id": ids, "v": v or [1] * len(ids)}, schema={"id": pl.Int64, "v": pl.Int64}
    )
    frame.write_parquet(folder / f"{name}.parquet")


READ: dict[str, Any] = {
    "parquet": lambda path: pl.read_parquet(path),
    "delta": lambda path: pl.read_delta(str(path)),
    "csv": pl.read_csv,
    "json": pl.read_ndjson,
}


def _ids(shop: Shop, format: str = "parquet", name: str = "orders") -> list[int]:
    return sorted(READ[format](shop.root / "lake/out" / name)["id"].to_list())


@pytest.mark.parametrize("format", ["parquet", "delta", "csv", "json"])
def test_only_what_is_new(shop: Shop, format: str) -> None:
    _write(shop, format)
    _land(shop, "a", [1, 2, 3], [1, -1, 1])
    first = shop.run()
    assert first.ok, first.failures
    assert first.metadata("bronze/orders")["mark_after"] == "3"
    _land(shop, "b", [4, None, 2, 5], [1, 1, 1, -1])
    run = shop.run()
    assert _ids(shop, format) == [1, 3, 4]
    assert _ids(shop, format, "orders_error") == [2, 5]
    metadata = run.metadata("bronze/orders")
    assert (metadata["mark_before"], metadata["mark_after"]) == ("3", "5")
    assert (metadata["null_cursors"], metadata["rows_written"]) == (1, 1)


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert", "append_once"])
@pytest.mark.parametrize("format", ["parquet", "delta"])
def test_nothing_new_changes_nothing(shop: Shop, format: str, mode: str) -> None:
    _write(shop, format, mode)
    _land(shop, "a", [1, 2, 3])
    assert shop.run().ok
    out = shop.root / "lake/out"
    before = {(path, path.stat().st_mtime_ns) for path in out.rglob("*")}
    run = shop.run()
    assert run.ok
    assert run.metadata("bronze/orders").get("rows_written", 0) == 0
    assert {(path, path.stat().st_mtime_ns) for path in out.rglob("*")} == before
    assert _ids(shop, format) == [1, 2, 3]


def test_overwrite_keeps_the_latest_batch(shop: Shop) -> None:
    _write(shop, mode="overwrite")
    _land(shop, "a", [1, 2])
    assert shop.run().ok
    _land(shop, "b", [3])
    assert shop.run().ok
    assert _ids(shop) == [3]


@pytest.mark.parametrize("mode", ["append_once", "upsert"])
def test_late_rows_within_the_lag_are_taken_once(shop: Shop, mode: str) -> None:
    _write(shop, "delta", mode, more=", watermark_lag: 2d")
    text = shop.config.read_text().replace("column: id", "column: day").replace("[id]", "[n]")
    shop.config.write_text(text)
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True)
    for number, days in enumerate((["2024-01-05", "2024-01-03"], ["2024-01-04", "2024-01-01"])):
        frame = pl.DataFrame({"n": [number * 2, number * 2 + 1], "day": days, "v": [1, 1]})
        frame.write_parquet(folder / f"{number}.parquet")
        assert shop.run().ok
    stored = pl.read_delta(str(shop.root / "lake/out/orders"))
    assert sorted(stored["n"]) == [0, 1, 2], "01-04 is within two days, 01-01 is not"


def test_rows_without_a_cursor_are_read_once(shop: Shop) -> None:
    """The first batch leaves no mark, and is not read again for that."""
    _write(shop)
    _land(shop, "a", [None, None])
    for _ in range(2):
        assert shop.run().ok
    assert READ["parquet"](shop.root / "lake/out/orders").height == 2
    _land(shop, "b", [1])
    for _ in range(2):
        assert shop.run().ok
    assert READ["parquet"](shop.root / "lake/out/orders").height == 3
