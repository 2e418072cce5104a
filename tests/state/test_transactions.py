"""What remembering costs: transactions of the state's database per run of a node."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
import sqlalchemy as sa

from odibi_dagster.assets.memory import Session
from tests.assets.conftest import shop as shop  # noqa: PLC0414
from tests.assets.support import Shop

NODE = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {mode: stateful, column: id}
        validation:
          tests:
            - {type: range, column: v, min: 0, on_fail: quarantine}
            - {type: volume_drop, on_fail: warn}
            - {type: distribution, column: v, metric: mean, threshold: 10%}
          gate: {require_pass_rate: 0, row_count: {change_threshold: 100%}, on_fail: warn_and_write}
        write: {connection: lake, format: delta, path: out, mode: append}
"""
MOST = 5
NOTHING_NEW = 3


@pytest.fixture
def commits() -> Iterator[list[str]]:
    """Every commit in the state's database, the newest last."""
    seen: list[str] = []

    def count(connection: sa.Connection) -> None:
        if str(connection.engine.url.database).endswith("odibi_state.db"):
            seen.append("commit")

    sa.event.listen(sa.Engine, "commit", count)
    yield seen
    sa.event.remove(sa.Engine, "commit", count)


def _land(shop: Shop, number: int) -> None:
    folder = shop.root / "lake/in"
    folder.mkdir(parents=True, exist_ok=True)
    rows = pl.DataFrame({"id": [2 * number, 2 * number + 1], "v": [1, -1]})
    rows.write_parquet(folder / f"{number}.parquet")


def test_transactions_of_a_run(
    shop: Shop, commits: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.write(NODE)
    _land(shop, 0)
    assert shop.run().ok  # and this one makes the tables

    def cost() -> int:
        commits.clear()
        assert shop.run().ok
        return len(commits)

    _land(shop, 1)
    assert 0 < cost() <= MOST
    assert 0 < cost() <= NOTHING_NEW, "nothing new"

    _land(shop, 2)
    with monkeypatch.context() as killed:
        killed.setattr(Session, "confirm", lambda *_, **__: 1 / 0)
        assert not shop.run().ok
    _land(shop, 3)
    assert 0 < cost() <= MOST, "one batch adopted and one published"
