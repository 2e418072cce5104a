"""What becomes of a batch: how it is read, times how it is written. One row of the table each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from odibi_dagster.config.load import load_project
from tests.assets.databases import Database
from tests.assets.support import Shop

NODE = """
  out: {{type: sqlite, database: shop.db}}
engine: polars
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {{mode: {how}}}
        write: {{connection: {connection}, format: {format}, {place}: orders, mode: {mode}}}
"""
KEYS = ", options: {keys: [id]}"
STATEFUL, ROLLING = "stateful, column: at", "rolling_window, column: at, lookback: 3"
LAGGING = "stateful, column: at, watermark_lag: 3d"
TABLE = [
    # how, mode, rows after the second run, what validate says
    (STATEFUL, "append", [1, 2, 3], ""),
    (STATEFUL, "overwrite", [3], "stateful with mode overwrite keeps the latest batch only"),
    (STATEFUL, "append_once" + KEYS, [1, 2, 3], ""),
    (STATEFUL, "upsert" + KEYS, [1, 2, 3], ""),
    (STATEFUL, "merge, merge_keys: [id]", [1, 2, 3], ""),
    (LAGGING, "append", [1, 2, 2, 3], "watermark_lag reads rows again, and mode append adds them"),
    (LAGGING, "append_once" + KEYS, [1, 2, 3], ""),
    (LAGGING, "upsert" + KEYS, [1, 2, 3], ""),
    (LAGGING, "merge, merge_keys: [id]", [1, 2, 3], ""),
    (ROLLING, "append", [1, 2, 2, 3], "rolling_window reads rows again, and mode append adds them"),
    (ROLLING, "overwrite", [2, 3], "rolling_window with mode overwrite replaces the table by the"),
    (ROLLING, "append_once" + KEYS, [1, 2, 3], ""),
    (ROLLING, "upsert" + KEYS, [1, 2, 3], ""),
    (ROLLING, "merge, merge_keys: [id]", [1, 2, 3], ""),
]


def write(shop: Shop, format: str, how: str, mode: str) -> None:
    place = "table" if format == "sql" else "path"
    connection = "out" if format == "sql" else "lake"
    text = NODE.format(format=format, how=how, mode=mode, place=place, connection=connection)
    shop.write(text.lstrip("\n"))


def land(shop: Shop, **days_ago: float) -> None:
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).replace(tzinfo=None)
    at = [now - timedelta(days=days) for days in days_ago.values()]
    rows = pl.DataFrame({"id": [int(name[1:]) for name in days_ago], "at": at})
    rows.write_parquet(folder / f"{len(list(folder.iterdir()))}.parquet")


def stored(shop: Shop, format: str) -> list[int]:
    if format == "sql":
        db = Database(f"sqlite:///{shop.root / 'shop.db'}", "sqlite", "")
        return [row[0] for row in db.rows(columns="id")]
    path = shop.root / "lake/orders"
    frame = pl.read_delta(str(path)) if format == "delta" else pl.read_parquet(path)
    return sorted(frame["id"])


@pytest.mark.parametrize(
    ("format", "how", "mode", "expected", "warning"),
    [
        (format, *case)
        for format in ("delta", "parquet", "sql")
        for case in TABLE
        if format == "sql" or "merge" not in case[1]  # it is what an upsert into a database is
    ],
)
def test_what_becomes_of_a_batch(
    shop: Shop, format: str, how: str, mode: str, expected: list[int], warning: str
) -> None:
    """The first run reads everything: a row of long ago and one of yesterday; then one arrives."""
    write(shop, format, how, mode)
    said = " ".join(str(each) for each in load_project(shop.config).warnings)
    assert (warning in said) if warning else not said
    land(shop, _1=30, _2=1)
    assert shop.run().ok
    assert stored(shop, format) == [1, 2]
    land(shop, _3=0)
    run = shop.run()
    assert run.ok, run.failures
    assert stored(shop, format) == expected


@pytest.mark.parametrize("mode", ["append", "overwrite", "upsert" + KEYS])
def test_a_full_refresh_is_one_publish(shop: Shop, mode: str) -> None:
    """It replaces the table by everything that is there now, and then the mark."""
    from deltalake import DeltaTable

    write(shop, "delta", STATEFUL, mode)
    land(shop, _1=3, _2=2)
    land(shop, _3=1)
    assert shop.run().ok
    before = DeltaTable(str(shop.root / "lake/orders")).version()
    (shop.root / "lake/in/1.parquet").unlink()
    run = shop.run(tags={"odibi/full_refresh": "true"})
    assert run.ok, run.failures
    assert DeltaTable(str(shop.root / "lake/orders")).version() == before + 1
    assert stored(shop, "delta") == [1, 2]
    land(shop, _4=1.5)
    assert shop.run().ok
    assert stored(shop, "delta") == ([4] if mode == "overwrite" else [1, 2, 4])


def test_a_node_that_keeps_a_mark_has_a_pool_of_its_own(shop: Shop) -> None:
    """Runs of one node queue up politely where pools have a limit; the lease does not need it."""
    for mode in ("append", "overwrite"):
        write(shop, "delta", STATEFUL, mode)
        assert [pool(asset) for asset in shop.assets()] == [{"shop__bronze__orders"}]
    text = shop.config.read_text().replace(
        "          incremental: {mode: stateful, column: at}\n", ""
    )
    shop.config.write_text(text)
    assert [pool(asset) for asset in shop.assets()] == [set()]


def pool(asset: Any) -> set[str]:
    return set(asset.op.pools)
