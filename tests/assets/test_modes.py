"""Modes through Dagster: batches add up, rejects follow, and no try adds its rows twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from odibi_dagster.assets.chain import run_key_of
from odibi_dagster.assets.events import DagsterFace
from odibi_dagster.assets.factory import load_odibi_assets
from odibi_dagster.errors import WriteError
from tests.assets.support import Shop, keys

ORDERS = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        validation:
          tests:
            - {{type: range, column: amount, min: 0, on_fail: quarantine}}
        write: {{connection: lake, format: {format}, path: out/orders, mode: {mode}{more}}}
      - name: total
        depends_on: [orders]
        transform: {{steps: ["SELECT COUNT(*) AS n, SUM(amount) AS amount FROM df"]}}
        write: {{connection: lake, format: parquet, path: out/total.parquet}}
"""
FIRST = "id,amount\n1,5.0\n2,-1.0\n"
SECOND = "id,amount\n2,7.0\n3,8.0\n4,-2.0\n"
LAYOUTS = ["parquet", "delta", "csv", "json"]
READ: dict[str, Any] = {
    "parquet": lambda path: pl.read_parquet(path),
    "delta": lambda path: pl.read_delta(str(path)),
    "csv": pl.read_csv,
    "json": pl.read_ndjson,
}


def _write(shop: Shop, format: str, mode: str = "append", more: str = "") -> None:
    shop.write(ORDERS.format(format=format, mode=mode, more=more))
    shop.land("orders.csv", FIRST)


def _stored(shop: Shop, format: str, name: str = "orders") -> list[tuple[int, float]]:
    frame = READ[format](shop.root / "lake/out" / name)
    return sorted(frame.select("id", "amount").rows())


@pytest.mark.parametrize("format", LAYOUTS)
def test_append_adds_a_batch_and_its_rejects(shop: Shop, format: str) -> None:
    _write(shop, format)
    assert shop.run().ok
    shop.land("orders.csv", SECOND)
    run = shop.run()
    assert run.ok
    assert _stored(shop, format) == [(1, 5.0), (2, 7.0), (3, 8.0)]
    assert _stored(shop, format, "orders_error") == [(2, -1.0), (4, -2.0)]
    assert shop.stored("out/total.parquet").row(0) == (3, 20.0)
    metadata = run.metadata("bronze/orders")
    assert (metadata["rows_written"], metadata["quarantined_rows"]) == (2, 1)
    assert metadata.get("dagster/row_count") == (3 if format == "delta" else None)
    assert "adopted" not in metadata


@pytest.mark.parametrize("format", ["parquet", "delta"])
@pytest.mark.parametrize(
    ("mode", "expected"),
    [("append_once", [(1, 5.0), (2, 6.0), (3, 8.0)]), ("upsert", [(1, 5.0), (2, 7.0), (3, 8.0)])],
)
def test_keyed_modes(shop: Shop, format: str, mode: str, expected: list[Any]) -> None:
    _write(shop, format, mode, ", options: {keys: [id]}")
    shop.land("orders.csv", FIRST.replace("-1.0", "6.0"))
    assert shop.run().ok
    shop.land("orders.csv", SECOND)
    assert shop.run().ok
    assert _stored(shop, format) == expected
    assert _stored(shop, format, "orders_error") == [(4, -2.0)]
    assert shop.run().ok
    assert _stored(shop, format) == expected
    # a batch without keys of its own: what was rejected is rejected again
    assert _stored(shop, format, "orders_error") == [(4, -2.0), (4, -2.0)]


@pytest.mark.parametrize("format", LAYOUTS)
def test_a_retried_step_adds_nothing_twice(
    shop: Shop, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows and rejects were published, and the event got lost: Dagster runs the step again."""
    _write(shop, format)
    _lose_the_first_event(monkeypatch)
    definitions = dg.Definitions(
        assets=shop.assets(),
        jobs=[
            dg.define_asset_job(
                "all",
                selection=keys("bronze/orders", "bronze/orders__quarantine"),
                op_retry_policy=dg.RetryPolicy(max_retries=1),
            )
        ],
    )
    job = definitions.resolve_job_def("all")
    result = job.execute_in_process(instance=shop.instance, raise_on_error=False)
    assert result.success
    assert any(event.is_step_up_for_retry for event in result.all_events)
    assert _stored(shop, format) == [(1, 5.0)]
    assert _stored(shop, format, "orders_error") == [(2, -1.0)]
    (event,) = (
        e for e in result.get_asset_materialization_events()
        if e.asset_key and e.asset_key.path[-1] == "orders"
    )  # fmt: skip
    assert event.step_materialization_data.materialization.metadata["adopted"].value is True


def _lose_the_first_event(monkeypatch: pytest.MonkeyPatch) -> None:
    published, lost = DagsterFace.published, iter([True])

    def losing(self: DagsterFace, outcome: Any) -> Iterator[Any]:
        if next(lost, False):
            raise WriteError("the connection to the database was lost")
        yield from published(self, outcome)

    monkeypatch.setattr(DagsterFace, "published", losing)


def job_of(config: str) -> dg.JobDefinition:
    """Loaded anew by every run, as a code location is."""
    definitions = dg.Definitions(
        assets=load_odibi_assets(config),
        jobs=[dg.define_asset_job("again", selection="*")],
        executor=dg.in_process_executor,
    )
    return definitions.resolve_job_def("again")


@pytest.mark.parametrize("format", LAYOUTS)
def test_a_run_that_repeats_a_failed_one_adds_nothing_twice(
    tmp_path: Path, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "home").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "home")) as instance:
        shop = Shop(tmp_path, instance)
        _write(shop, format)
        job = dg.build_reconstructable_job(__name__, "job_of", (str(shop.config),))
        with monkeypatch.context() as patch:
            _lose_the_first_event(patch)
            failed = dg.execute_job(job, instance)
        assert not failed.success
        assert _stored(shop, format) == [(1, 5.0)]

        again = dg.ReexecutionOptions.from_failure(failed.run_id, instance)
        second = dg.execute_job(job, instance, reexecution_options=again)
        assert second.success
        assert _stored(shop, format) == [(1, 5.0)]
        assert _stored(shop, format, "orders_error") == [(2, -1.0)]

        anew = dg.ReexecutionOptions(parent_run_id=second.run_id)
        assert dg.execute_job(job, instance, reexecution_options=anew).success
        assert _stored(shop, format) == [(1, 5.0), (1, 5.0)]


def test_the_batch_is_the_first_of_the_runs_that_did_not_succeed() -> None:
    """One that was killed is still said to be running."""
    with dg.DagsterInstance.ephemeral() as instance:

        def run(parent: dg.DagsterRun | None, status: dg.DagsterRunStatus) -> dg.DagsterRun:
            return instance.add_run(
                dg.DagsterRun(
                    "job",
                    status=status,
                    parent_run_id=parent.run_id if parent else None,
                    root_run_id=(parent.root_run_id or parent.run_id) if parent else None,
                )
            )

        status = dg.DagsterRunStatus
        good = run(None, status.SUCCESS)
        failed = run(good, status.FAILURE)
        canceled = run(failed, status.CANCELED)
        killed = run(canceled, status.STARTED)
        last = run(killed, status.STARTED)
        names = {run_key_of(each, instance) for each in (failed, canceled, killed, last)}
        assert len(names) == 1
        assert names.pop().startswith(failed.run_id.replace("-", "")[:16])
        assert run_key_of(good, instance) != run_key_of(failed, instance)


@pytest.mark.parametrize("format", LAYOUTS)
def test_nodes_of_two_projects_add_to_one_table_in_one_run(shop: Shop, format: str) -> None:
    _write(shop, format)
    shop.extra = shop.assets(key_prefix="twin")
    run = shop.run(keys("bronze/orders", "twin/bronze/orders"))
    assert run.ok, run.failures
    assert _stored(shop, format) == [(1, 5.0), (1, 5.0)]


@pytest.mark.parametrize("format", ["parquet", "delta"])
def test_columns_that_were_only_guessed_fit_while_they_are_empty(shop: Shop, format: str) -> None:
    """A csv file without rows, or without a value in a column, says nothing of its types."""
    _write(shop, format)
    assert shop.run().ok
    for text in ("id,amount\n", "id,amount\n7,\n"):
        shop.land("orders.csv", text)
        assert shop.run(keys("bronze/orders", "bronze/orders__quarantine")).ok
    assert _stored(shop, format) == [(1, 5.0), (7, None)]
    shop.land("orders.csv", "id,amount\n8,many\n")
    assert "column 'amount' is String and stored as Float64" in " ".join(shop.run().failures)


REJECTS = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        contracts:
          - {{type: not_null, columns: [id], on_fail: quarantine}}
        transform: {{steps: [{{function: cast_columns, params: {{casts: {{amount: float}}}}}}]}}
        validation:
          tests:
            - {{type: range, column: amount, min: 0, on_fail: quarantine}}
        write: {{connection: lake, format: {format}, path: out/orders, mode: append}}
"""


@pytest.mark.parametrize("format", LAYOUTS)
def test_rejects_whose_guessed_types_change_are_added(shop: Shop, format: str) -> None:
    """Whole numbers at first, so that rejects before and after the cast differ: text is stored."""
    shop.write(REJECTS.format(format=format))
    for text in ("id,amount\n1,5\n2,-6\n,7\n", "id,amount\n3,5.5\n,8.5\n", "id,amount\n4,1\n"):
        shop.land("orders.csv", text)
        run = shop.run()
        assert run.ok, run.failures
    assert _stored(shop, format) == [(1, 5.0), (3, 5.5), (4, 1.0)]
    rejects = READ[format](shop.root / "lake/out/orders_error")
    assert sorted(map(float, rejects["amount"])) == [-6.0, 7.0, 8.5]


SCHEMA = """
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read: {{connection: lake, format: csv, path: orders.csv}}
        transform:
          steps: ["SELECT id, CAST(day AS DATE) AS day, CAST(id AS VARCHAR) AS text FROM df"]
        validation: {{tests: [{{type: schema}}]}}
        write: {{connection: lake, format: {format}, path: out, mode: {mode}, options: {options}}}
"""


@pytest.mark.parametrize("mode", ["append", "overwrite"])
@pytest.mark.parametrize(
    ("format", "options"),
    [("parquet", "{}"), ("delta", "{}"), ("csv", "{}"), ("csv", "{sep: ';'}"), ("json", "{}")],
)
def test_a_second_batch_has_the_schema_of_the_first(
    shop: Shop, format: str, options: str, mode: str
) -> None:
    """A csv file does not say that a column holds dates, or that digits are text."""
    shop.write(SCHEMA.format(format=format, options=options, mode=mode))
    for _ in range(2):
        shop.land("orders.csv", "id,day\n1,2024-01-01\n")
        run = shop.run()
        assert run.checks == {"schema": (True, "ERROR")}, run.failures
        assert run.ok


def test_metadata_columns(shop: Shop) -> None:
    shop.write(
        """
        pipelines:
          - pipeline: bronze
            nodes:
              - name: orders
                read: {connection: lake, format: csv, path: "or*.csv"}
                write:
                  connection: lake
                  format: csv
                  path: out/orders.csv
                  mode: append
                  add_metadata: {source_connection: true, source_table: true}
              - name: copy
                depends_on: [orders]
                transform: {steps: [SELECT * FROM df]}
                write: {connection: lake, format: parquet, path: out/copy, add_metadata: true}
              - name: plain
                read: {connection: lake, format: csv, path: orders.csv}
                write: {connection: lake, format: parquet, path: out/plain, add_metadata: false}
        """
    )
    shop.land("orders.csv", FIRST)
    before = datetime.now(UTC).replace(tzinfo=None)
    assert shop.run().ok
    orders = pl.read_csv(shop.root / "lake/out/orders.csv", try_parse_dates=True)
    assert orders.columns == [
        "id", "amount", "_extracted_at", "_source_file", "_source_connection",
    ]  # fmt: skip
    assert orders.select("_source_file", "_source_connection").unique().rows() == [
        ("or*.csv", "lake")
    ]
    assert orders["_extracted_at"].n_unique() == 1
    copy = shop.stored("out/copy")
    assert copy.schema["_extracted_at"] == pl.Datetime("us")
    assert before <= copy["_extracted_at"][0] <= datetime.now(UTC).replace(tzinfo=None)
    assert copy.columns == orders.columns
    assert shop.stored("out/plain").columns == ["id", "amount"]
