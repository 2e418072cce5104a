"""Text keys out of a small joined table are numbered on the way, and nobody sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

from odibi_dagster.engines.polars import PolarsEngine
from odibi_dagster.engines.sql.query import Query
from tests.sql.rows import same

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = PolarsEngine()
ORDERS = {
    "id": list(range(64)),
    "product": [n % 6 if n % 9 else None for n in range(64)],
    "buyer": [f"b{n % 3}" for n in range(64)],
    "channel": [["web", "", None, "straße"][n % 4] for n in range(64)],
}
PRODUCTS = {
    "pid": [0, 1, 2, 3, 4],
    "category": ["tea", "", None, "tea", "naïve→x"],
    "maker": ["m", "m", "n", None, "m"],
}
BUYERS = {"buyer": ["b0", "b1"], "segment": ["m", "n"], "pid": [1, 2]}
FROM = "FROM orders o JOIN products p ON o.product = p.pid"
CODED = {
    "one key": f"SELECT p.category, count(*) n {FROM} GROUP BY 1",
    "two keys": f"SELECT p.category, p.maker, sum(o.id) s {FROM} GROUP BY 1, 2",
    "two tables": (
        f"SELECT category, segment, min(o.id) s {FROM} LEFT JOIN buyers b ON b.buyer = o.buyer "
        "GROUP BY category, segment"
    ),
    "nulls of a left join": (
        "SELECT p.category, count(*) n FROM orders o LEFT JOIN products p ON o.product = p.pid "
        "GROUP BY 1"
    ),
    "through a subquery": (
        f"SELECT c, count(*) n FROM (SELECT p.category AS c, o.id {FROM}) x WHERE id > 9 GROUP BY c"
    ),
    "a subquery for a table": (
        "SELECT p.c, count(*) n FROM orders o JOIN (SELECT pid, upper(category) c FROM products) p "
        "ON o.product = p.pid GROUP BY 1"
    ),
    "beside a key of the large table": (
        f"SELECT o.channel, p.maker, count(*) n {FROM} GROUP BY 1, 2"
    ),
    "having, and an order": (
        f"SELECT p.category c, count(*) n {FROM} GROUP BY 1 HAVING category <> 'tea' ORDER BY c"
    ),
    "read once it is grouped": (
        "SELECT upper(category) u, n "
        f"FROM (SELECT p.category, count(*) n {FROM} GROUP BY 1) y"
    ),
    "distinct": f"SELECT count(DISTINCT o.channel) n, p.maker {FROM} GROUP BY p.maker",
}  # fmt: skip
PLAIN = {
    "a text of the large table": f"SELECT o.channel, count(*) n {FROM} GROUP BY 1",
    "a number": f"SELECT p.pid, count(*) n {FROM} GROUP BY 1",
    "an expression": f"SELECT upper(p.category) c, count(*) n {FROM} GROUP BY 1",
    "read by an aggregate": f"SELECT p.category, max(p.category) m {FROM} GROUP BY 1",
    "read by an aggregate's condition": (
        f"SELECT p.category, count(*) FILTER (WHERE p.category = 'tea') n {FROM} GROUP BY 1"
    ),
    "read by another key": f"SELECT p.category, upper(p.category) u {FROM} GROUP BY 1, 2",
    "read beside it, in a subquery": (
        f"SELECT c, u, count(*) n FROM (SELECT p.category AS c, upper(p.category) AS u {FROM}) x "
        "GROUP BY c, u"
    ),
    "read by a condition": (
        f"SELECT p.category, count(*) n {FROM} WHERE p.category > 'a' OR o.id = 1 GROUP BY 1"
    ),
    "read by a join": (
        f"SELECT p.maker, count(*) n {FROM} JOIN buyers b ON b.segment = p.maker GROUP BY 1"
    ),
    "the tables are about as large": (
        "SELECT q.channel, count(*) n FROM orders o JOIN orders q ON q.id = o.id GROUP BY 1"
    ),
    "a condition beside equal values": (
        "SELECT p.maker, count(*) n FROM orders o LEFT JOIN products p "
        "ON o.product = p.pid AND o.id > p.pid * 9 GROUP BY 1"
    ),
    "a full join": (
        "SELECT p.maker, count(*) n FROM orders o FULL JOIN products p ON o.product = p.pid "
        "GROUP BY 1"
    ),
    "used twice": (
        f"WITH j AS (SELECT p.category c, o.id {FROM}) "
        "SELECT a.c, count(*) n FROM j a JOIN j b ON a.id = b.id GROUP BY 1"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coded")
    for name, rows in (("orders", ORDERS), ("products", PRODUCTS), ("buyers", BUYERS)):
        pl.DataFrame(rows).write_parquet(folder / f"{name}.parquet")
    return folder


def planned(sql: str, frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    wrapped = {name: ENGINE.wrap(frame) for name, frame in frames.items()}
    native: pl.LazyFrame = ENGINE.sql(Query.parse(sql), wrapped).to_native()
    return native


@pytest.mark.parametrize("sql", [*CODED.values(), *PLAIN.values()], ids=[*CODED, *PLAIN])
def test_codes_or_not_the_rows_are_the_same(stored: Path, sql: str) -> None:
    files = {path.stem: pl.scan_parquet(path) for path in stored.iterdir()}
    held = {name: frame.collect().lazy() for name, frame in files.items()}
    from_files, plain = planned(sql, files), planned(sql, held)
    assert "Categorical" not in plain.explain()
    assert ("Categorical" in from_files.explain()) == (sql in CODED.values())
    assert from_files.collect_schema() == plain.collect_schema()
    found = from_files.collect(engine="streaming")
    assert same(found.rows()) == same(plain.collect().rows())
    assert found.height > 1


def test_a_plan_says_the_same_each_time(stored: Path) -> None:
    files = {path.stem: pl.scan_parquet(path) for path in stored.iterdir()}
    sql = CODED["two keys"]
    assert planned(sql, files).explain() == planned(sql, files).explain()
