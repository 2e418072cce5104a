"""Nodes with partitions, run through Dagster: each part is judged, stored and remembered alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest

from odibi_dagster.assets.definitions import build_odibi_definitions
from odibi_dagster.assets.partitions import partitions_def
from odibi_dagster.assets.state_url import VARIABLE
from odibi_dagster.config.load import load_project
from odibi_dagster.core.names import NodeId
from odibi_dagster.io_managers.polars import PolarsIOManager
from odibi_dagster.state.admin import Admin
from odibi_dagster.state.store import Store
from tests.assets.databases import Database
from tests.assets.support import Run, Shop, keys, rows

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

DAYS = ("2026-01-01", "2026-01-02")
ORDERS = """\
pipelines:
  - pipeline: silver
    dagster: {partitions: {daily: {start: 2026-01-01}}}
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: "landing/{partition}.csv"}
        validation:
          tests:
            - {type: row_count, min: 1}
            - {type: range, column: amount, max: 100, on_fail: quarantine}
        write: {connection: lake, format: parquet, path: "orders/{partition}.parquet"}
      - name: dated
        depends_on: [orders]
        transform: {steps: ["SELECT *, CAST('{partition}' AS DATE) AS day FROM df"]}
      - name: copies
        depends_on: [dated]
        write: {connection: lake, format: FORMAT, path: "copies/{partition}"}
  - pipeline: gold
    nodes:
      - name: per_day
        inputs: {c: $silver.copies}
        transform:
          steps: ["SELECT day, count(*) AS n, sum(amount) AS total FROM c GROUP BY day"]
        write: {connection: lake, format: parquet, path: per_day.parquet}
"""


def write(shop: Shop, engine: str = "polars", format: str = "parquet") -> None:
    shop.write(f"engine: {engine}\n" + ORDERS.replace("FORMAT", format))


def land(shop: Shop, day: str, *amounts: int) -> None:
    lines = [f"{number},{amount}" for number, amount in enumerate(amounts, 1)]
    shop.land(f"landing/{day}.csv", "\n".join(["id,amount", *lines, ""]))


def run(shop: Shop, day: str, selection: Any = None, **tags: str) -> Run:
    return shop.run(selection, tags={"dagster/partition": day, **tags})


def bytes_of(shop: Shop, name: str) -> dict[str, bytes]:
    root = shop.root / "lake"
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.glob(name))}


@pytest.mark.parametrize("format", ["parquet", "csv", "json", "delta"])
def test_two_partitions_do_not_touch_one_another(shop: Shop, engine: Engine, format: str) -> None:
    """Also on Spark; the node without partitions reads what is stored of all of them."""
    write(shop, engine.name, format)
    land(shop, DAYS[0], 1, 2, 500)
    land(shop, DAYS[1], 7)
    for day in DAYS:
        done = run(shop, day)
        assert done.ok, done.failures
    assert rows(shop.stored("orders/2026-01-01.parquet")) == [
        {"id": 1, "amount": 1}, {"id": 2, "amount": 2},
    ]  # fmt: skip
    assert shop.stored("orders/2026-01-01_error.parquet")["amount"].to_list() == [500]
    assert shop.stored("orders/2026-01-02_error.parquet").height == 0
    found = rows(shop.stored("per_day.parquet"), by=["day"])
    assert [(str(row["day"]), row["n"], row["total"]) for row in found] == [
        ("2026-01-01", 2, 3), ("2026-01-02", 1, 7),
    ]  # fmt: skip
    before = bytes_of(shop, "orders/2026-01-02*")
    land(shop, DAYS[0], 9)
    assert run(shop, DAYS[0]).ok
    assert shop.stored("orders/2026-01-01.parquet")["amount"].to_list() == [9]
    assert shop.stored("orders/2026-01-01_error.parquet").height == 0, "replaced with its table"
    assert bytes_of(shop, "orders/2026-01-02*") == before
    found = rows(shop.stored("per_day.parquet"), by=["day"])
    assert [row["total"] for row in found] == [9, 7]
    assert shop.leftovers() == []


def test_events_say_their_partition(shop: Shop) -> None:
    write(shop)
    land(shop, DAYS[1], 1, 500)
    done = run(shop, DAYS[1])
    told = {
        "/".join(e.asset_key.path): e.partition
        for e in done.result.get_asset_materialization_events()
        if e.asset_key
    }
    assert told == {
        "silver/orders": DAYS[1], "silver/orders__quarantine": DAYS[1], "silver/dated": DAYS[1],
        "silver/copies": DAYS[1], "gold/per_day": None,
    }  # fmt: skip
    judged = {e.check_name: e.partition for e in done.result.get_asset_check_evaluations()}
    assert judged == {"row_count": DAYS[1], "range_amount": DAYS[1]}
    assert done.metadata("silver/orders")["dagster/uri"].endswith("orders/2026-01-02.parquet")
    stored = shop.instance.get_latest_asset_check_evaluation_record(
        dg.AssetCheckKey(dg.AssetKey(["silver", "orders"]), "row_count")
    )
    assert stored is not None
    assert stored.partition == DAYS[1]


def test_a_broken_partition_keeps_its_old_rows_and_the_others(shop: Shop) -> None:
    write(shop)
    for day in DAYS:
        land(shop, day, 5)
        assert run(shop, day).ok
    before = bytes_of(shop, "orders/*")
    land(shop, DAYS[0])
    done = run(shop, DAYS[0])
    assert not done.ok
    assert done.checks["row_count"] == (False, "ERROR")
    assert bytes_of(shop, "orders/*") == before


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"dagster/partition": "2025-12-31"},
        {"dagster/asset_partition_range_start": DAYS[0],
         "dagster/asset_partition_range_end": DAYS[1]},
    ],
)  # fmt: skip
def test_a_run_is_of_one_partition(shop: Shop, tags: dict[str, str]) -> None:
    write(shop)
    for day in DAYS:
        land(shop, day, 5)
    done = shop.run(keys("silver/orders"), tags=tags)
    assert not done.ok
    said = "launch one run for each" if len(tags) == 2 else "choose one"
    assert any(said in failure for failure in done.failures), done.failures
    assert not (shop.root / "lake/orders").exists()


def test_a_tag_that_is_no_key_becomes_no_path(shop: Shop) -> None:
    shop.write("""\
    pipelines:
      - pipeline: silver
        nodes:
          - name: orders
            dagster: {partitions: {static: [de]}}
            read: {connection: lake, format: csv, path: "landing/{partition}.csv"}
            write: {connection: lake, format: parquet, path: "o/{partition}.parquet"}
    """)
    land(shop, "../up", 1)
    assert not run(shop, "../up").ok
    assert not (shop.root / "lake/up.parquet").exists()


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.databases)]
)
def test_marks_and_batches_are_of_a_partition(
    shop: Shop, database: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{shop.root}/state.db"
    if database == "postgres":
        url = request.getfixturevalue("postgres_url")
    monkeypatch.setenv(VARIABLE, url)
    shop.write("""\
    pipelines:
      - pipeline: silver
        nodes:
          - name: orders
            dagster: {partitions: {static: [de, at]}}
            read:
              connection: lake
              format: csv
              path: "landing/{partition}.csv"
              incremental: {mode: stateful, column: id}
            write: {connection: lake, format: parquet, path: "o/{partition}", mode: append}
    """)
    land(shop, "de", 1, 2)
    land(shop, "at", 5)
    for key in ("de", "at", "de"):
        assert run(shop, key).ok
    land(shop, "at", 5, 6)
    assert run(shop, "at").ok
    assert shop.stored("o/de").height == 2
    assert sorted(shop.stored("o/at")["amount"]) == [5, 6]
    found = {row.identity.partition: row for row in Admin(Store(url), "shop", "me").rows()}
    assert {key: (row.mark, row.batch) for key, row in found.items()} == {
        "at": (2, 2), "de": (2, 1),
    }  # fmt: skip
    assert found["at"].name == "shop/silver/orders (partition at)"


def test_checks_alone_judge_one_partition(shop: Shop) -> None:
    write(shop)
    for day in DAYS:
        land(shop, day, 5)
        assert run(shop, day).ok
    (shop.root / "lake/orders/2026-01-01.parquet").unlink()
    only = dg.AssetSelection.checks_for_assets(dg.AssetKey(["silver", "orders"]))
    assert not run(shop, DAYS[0], only).ok
    done = run(shop, DAYS[1], only)
    assert done.ok
    assert {e.partition for e in done.result.get_asset_check_evaluations()} == {DAYS[1]}


def test_a_column_of_another_type_in_one_partition_is_told(shop: Shop) -> None:
    write(shop)
    for day in DAYS:
        land(shop, day, 5)
        assert run(shop, day).ok
    pl.DataFrame({"id": ["a"], "amount": [1], "day": [None]}).write_parquet(
        shop.root / "lake/copies/2026-01-03"
    )
    done = run(shop, DAYS[0], keys("gold/per_day"))
    assert not done.ok
    assert "column 'id' is Int64 in partition 2026-01-01 and String in 2026-01-03" in str(
        done.failures
    )


def test_what_is_no_partition_is_not_read(shop: Shop) -> None:
    """Beside the partitions lie rejected rows and other files."""
    shop.write("""\
    pipelines:
      - pipeline: silver
        nodes:
          - name: orders
            dagster: {partitions: {daily: {start: 2026-01-01}}}
            read: {connection: lake, format: csv, path: "landing/{partition}.csv"}
            validation: {tests: [{type: range, column: amount, max: 9, on_fail: quarantine}]}
            write: {connection: lake, format: parquet, path: "{partition}.parquet"}
      - pipeline: gold
        nodes:
          - name: all
            inputs: {o: $silver.orders}
            write: {connection: lake, format: parquet, path: all.parquet}
    """)
    land(shop, DAYS[0], 1, 50)
    assert run(shop, DAYS[0]).ok
    (shop.root / "lake/2025-12-31.parquet").write_text("older than any partition")
    assert shop.run(keys("gold/all")).ok
    assert shop.stored("all.parquet")["amount"].to_list() == [1]


def python_assets() -> list[dg.AssetsDefinition]:
    daily = dg.DailyPartitionsDefinition(start_date="2026-01-01")

    @dg.asset(ins={"o": dg.AssetIn(["silver", "dated"])}, partitions_def=daily)
    def same_day(context, o: pl.LazyFrame) -> None:
        context.add_output_metadata({"rows": str(o.collect().rows())})

    @dg.asset(ins={"o": dg.AssetIn(["silver", "orders"])})
    def every_day(context, o: pl.DataFrame) -> None:
        context.add_output_metadata({"amounts": str(sorted(o["amount"]))})

    @dg.asset(ins={"o": dg.AssetIn(["silver", "dated"])})
    def of_views(context, o: pl.DataFrame) -> None:
        pass

    return [same_day, every_day, of_views]


def test_python_assets_read_their_partition_or_all(shop: Shop) -> None:
    """Partitions that are not stored are left out."""
    write(shop)
    shop.extra = python_assets()
    for number, day in enumerate(DAYS):
        land(shop, day, 5 + number)
        assert run(shop, day, keys("silver/orders", "silver/dated")).ok
    done = run(shop, DAYS[0], keys("same_day"))
    assert done.ok, done.failures
    assert done.metadata("same_day")["rows"] == "[(1, 5, datetime.date(2026, 1, 1))]"
    done = shop.run(keys("every_day"))
    assert done.ok, done.failures
    assert done.metadata("every_day") == {"amounts": "[5, 6]"}
    assert "a view with partitions" in str(shop.run(keys("of_views")).failures)


def test_an_asset_of_python_is_read_and_stored_by_partition(shop: Shop) -> None:
    static = dg.StaticPartitionsDefinition(["de", "at"])

    @dg.asset(partitions_def=static, io_manager_key="frames")
    def raw(context) -> pl.DataFrame:
        return pl.DataFrame({"land": [context.partition_key]})

    manager = dg.IOManagerDefinition.hardcoded_io_manager(PolarsIOManager(shop.root / "py"))

    @dg.asset(ins={"v": dg.AssetIn(["silver", "view"])}, partitions_def=static)
    def reader(context, v: pl.DataFrame) -> None:
        assert v["land"].to_list() == [context.partition_key]

    shop.extra = dg.with_resources([raw, reader], {"frames": manager})
    shop.write("""\
    pipelines:
      - pipeline: silver
        dagster: {partitions: {static: [de, at]}}
        nodes:
          - name: lands
            inputs: {r: {asset: raw}}
            write: {connection: lake, format: parquet, path: "lands/{partition}.parquet"}
          - name: view
            inputs: {r: {asset: raw}}
      - pipeline: gold
        nodes:
          - name: all
            inputs: {r: {asset: raw}}
            write: {connection: lake, format: parquet, path: all.parquet}
    """)
    for key in ("de", "at"):
        done = run(shop, key, keys("raw", "silver/lands", "silver/view", "reader"))
        assert done.ok, done.failures
    assert [shop.stored(f"lands/{key}.parquet")["land"][0] for key in ("de", "at")] == ["de", "at"]
    assert sorted(p.name for p in (shop.root / "py/raw").iterdir()) == ["at.parquet", "de.parquet"]
    refused = run(shop, "de", keys("gold/all")).failures
    assert "raw has partitions; give node gold/all the same ones" in str(refused)


def test_a_schedule_asks_for_the_last_partition_that_ended(shop: Shop) -> None:
    head = '{schedule: "0 6 * * *", partitions: '
    shop.write(ORDERS.replace("FORMAT", "csv").replace("{partitions: ", head))
    defs = build_odibi_definitions(shop.config)
    schedule = defs.resolve_schedule_def("shop_silver_schedule")
    with dg.DagsterInstance.ephemeral() as instance:
        for due, wanted in (
            (datetime(2026, 1, 3, 6, tzinfo=UTC), ["2026-01-02"]),
            (datetime(2026, 1, 1, 6, tzinfo=UTC), []),
        ):
            context = dg.build_schedule_context(
                instance, scheduled_execution_time=due, repository_def=defs.get_repository_def()
            )
            asked = schedule.evaluate_tick(context).run_requests or []
            assert [each.tags["dagster/partition"] for each in asked] == wanted


def test_a_schedule_asks_for_each_key_of_a_list(shop: Shop) -> None:
    partitions = "{static: [de, at]}"
    text = ORDERS.replace("FORMAT", "csv").replace("{daily: {start: 2026-01-01}}", partitions)
    shop.write(text.replace("{partitions: ", '{schedule: "0 6 * * *", partitions: '))
    defs = build_odibi_definitions(shop.config)
    schedule = defs.resolve_schedule_def("shop_silver_schedule")
    with dg.DagsterInstance.ephemeral() as instance:
        due = datetime(2026, 1, 3, 6, tzinfo=UTC)
        context = dg.build_schedule_context(
            instance, scheduled_execution_time=due, repository_def=defs.get_repository_def()
        )
        asked = schedule.evaluate_tick(context).run_requests or []
        assert [each.tags["dagster/partition"] for each in asked] == ["de", "at"]


HISTORY = """\
pipelines:
  - pipeline: silver
    dagster: {partitions: PARTITIONS}
    nodes:
      - name: orders
        read: {connection: lake, format: csv, path: "landing/{partition}.csv"}
        validation:
          tests:
            - {type: distribution, column: amount, metric: mean, threshold: 10%, compare: COMPARE}
        write: {connection: lake, format: parquet, path: "orders/{partition}.parquet"}
"""


@pytest.mark.parametrize("compare", ["last", "avg:2"])
def test_the_first_run_of_a_day_is_compared_with_the_days_before(shop: Shop, compare: str) -> None:
    days = [f"2026-01-0{number}" for number in (1, 2, 3)]
    text = HISTORY.replace("PARTITIONS", "{daily: {start: 2026-01-01}}")
    shop.write(text.replace("COMPARE", compare))
    told = []
    for day, amount in zip([*days, days[2]], (100, 104, 300, 300), strict=True):
        land(shop, day, amount)
        done = run(shop, day)
        said = done.check_metadata("distribution_amount")
        told.append(
            (done.checks["distribution_amount"][0], said["baseline"], said.get("baseline_of"))
        )
    assert told[0][:2] == (True, "none")
    assert told[1][:2] == (True, 100.0)
    assert str(told[1][2]).startswith("partition 2026-01-01, published ")
    wanted = "partition 2026-01-02, " if compare == "last" else (
        "average of 2 partitions, 2026-01-01 to 2026-01-02, the last "
    )  # fmt: skip
    assert told[2][:2] == (False, 104.0 if compare == "last" else 102.0)
    assert str(told[2][2]).startswith(wanted)
    assert told[3][:2] == (True, 300.0), "a run again is compared with the run before"
    assert str(told[3][2]).startswith("batch 1, ")


def test_countries_are_not_compared(shop: Shop) -> None:
    text = HISTORY.replace("PARTITIONS", "{static: [de, at]}")
    shop.write(text.replace("COMPARE", "last"))
    for key, amount in (("de", 100), ("at", 3)):
        land(shop, key, amount)
        done = run(shop, key)
        assert done.check_metadata("distribution_amount")["baseline"] == "none"


TABLES = """\
project: shop
engine: {engine}
connections:
  db: {{{connection}}}
  lake: {{type: local, base_path: ./lake}}
pipelines:
  - pipeline: silver
    dagster: {{partitions: {{static: [p1, p2]}}}}
    nodes:
      - name: orders
        read:
          connection: db
          format: sql
          query: "SELECT id, v FROM source WHERE CONCAT('p', id) = '{{partition}}' OR id > 9"
          incremental: {{mode: stateful, column: id}}
        validation: {{tests: [{{type: range, column: v, min: 0, on_fail: quarantine}}]}}
        write: {{connection: db, format: sql, table: "orders_{{partition}}", mode: append}}
  - pipeline: gold
    nodes:
      - name: all
        inputs: {{o: $silver.orders}}
        write: {{connection: lake, format: parquet, path: all.parquet}}
"""


def test_tables_of_a_database(db: Database, shop: Shop, engine: Engine) -> None:
    """The key is a text in the query, and a part of the name of a table."""
    text = TABLES.format(engine=engine.name, connection=db.connection)
    if db.kind == "sqlite":  # before 3.44 it has no CONCAT
        text = text.replace("CONCAT('p', id)", "'p' || id")
    shop.config.write_text(text, encoding="utf-8")
    db.run("INSERT INTO source (id, v) VALUES (1, 5), (2, 7)")
    for key in ("p1", "p2", "p2"):
        done = run(shop, key)
        assert done.ok, done.failures
    assert (db.rows("orders_p1"), db.rows("orders_p2")) == ([(1, 5)], [(2, 7)])
    db.run("INSERT INTO source (id, v) VALUES (10, 9), (11, -1)")
    assert run(shop, "p1").ok
    assert (db.rows("orders_p1"), db.rows("orders_p2")) == ([(1, 5), (10, 9)], [(2, 7)])
    assert db.rows("orders_p1_error") == [(11, -1)]
    assert sorted(shop.stored("all.parquet")["id"]) == [1, 2, 10]


@pytest.mark.parametrize(
    ("partitions", "first", "count"),
    [
        ({"hourly": {"start": "2025-10-25T00:00", "end": "2025-10-27T00:00"}}, "2025-10-25-00", 49),
        ({"hourly": {"start": "2025-03-30T00:00", "end": "2025-03-31T00:00"}}, "2025-03-30-00", 23),
        ({"daily": {"start": "2026-02-27", "end": "2026-03-02"}}, "2026-02-27", 3),
        ({"weekly": {"start": "2026-01-07", "end": "2026-01-28"}}, "2026-01-07", 3),
        ({"monthly": {"start": "2026-01-01", "end": "2026-04-01"}}, "2026-01-01", 3),
        ({"static": ["b", "a"]}, "b", 2),
    ],
)
def test_dagster_has_the_same_keys(
    shop: Shop, partitions: dict[str, Any], first: str, count: int
) -> None:
    """In a zone with summer time: an hour that comes twice has two keys, a skipped one has none."""
    said = f"dagster: {{timezone: Europe/Berlin}}\n{ORDERS.replace('FORMAT', 'csv')}"
    shop.write(said.replace("{daily: {start: 2026-01-01}}", str(partitions)))
    project = load_project(shop.config)
    node = project.nodes[NodeId("silver", "orders")]
    defined = partitions_def(project, node)
    assert defined is not None
    found = defined.get_partition_keys()
    assert (found[0], len(set(found))) == (first, count)
    assert node.partitions is not None
    assert all(map(node.partitions.has, found))
    assert all(re.fullmatch(r"[A-Za-z0-9_+-]+", key) for key in found)
