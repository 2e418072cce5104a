"""Exported DAGs on real Airflow, whose tasks run the real command."""

from __future__ import annotations

import itertools
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl
import pytest

from odibi_dagster.assets.instance import open_instance
from odibi_dagster.assets.partitions import last_ended, windows
from odibi_dagster.cli import main
from tests.cli.support import ROOT

if TYPE_CHECKING:
    from tests.airflow.conftest import Airflow

pytestmark = [pytest.mark.airflow, pytest.mark.timeout(600)]

SHOP = """\
project: shop
engine: polars
connections: {lake: {type: local, base_path: ./lake}}
retry: {max_attempts: 1}
dagster: {airflow: {retry_delay: 1s}}
pipelines:
  - pipeline: bronze
    description: "Bob's \\"raw\\" zone {{ config.__class__ }} {% for %}"
    dagster: {schedule: "0 6 * * *", owners: [team:data]}
    nodes:
      - name: orders
        description: "{{ conf }} /etc/hosts.md"
        read: {connection: lake, format: csv, path: orders.csv}
        validation:
          tests:
            - {type: not_null, columns: [amount], on_fail: warn}
            - {type: range, column: amount, min: 0, on_fail: quarantine}
          quarantine: {connection: lake, path: bad_orders}
        write: {connection: lake, format: delta, path: orders, mode: append}
      - name: import
        read: {connection: lake, format: csv, path: orders.csv}
        validation: {tests: [{type: row_count, min: 100, on_fail: fail}]}
        write: {connection: lake, format: parquet, path: import.parquet}
      - name: after
        depends_on: [import]
        inputs: {o: $bronze.orders}
        transform: {steps: [SELECT count(*) AS n FROM o]}
        write: {connection: lake, format: parquet, path: after.parquet}
  - pipeline: stopped
    nodes:
      - name: halting
        read: {connection: lake, format: csv, path: orders.csv}
        validation: {tests: [{type: row_count, min: 100, on_fail: halt}]}
        write: {connection: lake, format: parquet, path: halting.parquet}
      - name: first
        read: {connection: lake, format: csv, path: orders.csv}
        write: {connection: lake, format: parquet, path: first.parquet}
      - name: second
        depends_on: [first]
        write: {connection: lake, format: parquet, path: second.parquet}
  - pipeline: silver
    nodes:
      - name: doomed
        tags: [deadly]
        inputs: {o: $bronze.orders}
        transform: {steps: [{function: die_once}]}
        write: {connection: lake, format: parquet, path: doomed.parquet}
  - pipeline: days
    dagster: {partitions: {daily: {start: 2025-12-01}}}
    nodes:
      - name: dated
        read: {connection: lake, format: csv, path: orders.csv}
        validation: {tests: [{type: row_count, min: 1}]}
        transform: {steps: ["SELECT *, '{partition}' AS day FROM df"]}
        write: {connection: lake, format: parquet, path: "dated/{partition}.parquet"}
      - name: total
        dagster: {partitions: null}
        depends_on: [dated]
        write: {connection: lake, format: parquet, path: total.parquet}
"""
TRANSFORMS = """\
import os
import signal
from pathlib import Path

from odibi_dagster import transform


@transform
def die_once(context):
    met = Path(__file__).with_name("met")
    if not met.exists():
        met.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return context.df
"""
ORDERS = "id,amount\n1,5\n2,\n3,-4\n4,7\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The project and its exported file, `dags/shop.py`."""
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake/orders.csv").write_text(ORDERS)
    (tmp_path / "odibi.yaml").write_text(SHOP)
    (tmp_path / "transforms.py").write_text(TRANSFORMS)
    assert _export(tmp_path) == 0
    return tmp_path


def _export(folder: Path, *words: str) -> int:
    return main(
        ["export-airflow", str(folder / "odibi.yaml"), "--out", str(folder / "dags"), *words]
    )


_DAYS = itertools.count()


def _run(airflow: Airflow, shop: Path, dag: str, conf: str = "{}", day: str | None = None) -> Any:
    """One run of a DAG, of a day that no other run is of: Airflow would replace that one."""
    day = day or (date(2026, 1, 1) + timedelta(days=next(_DAYS))).isoformat()
    return airflow("run", str(shop / "dags/shop.py"), dag, conf, day, DAGSTER_HOME=str(_home(shop)))


def _home(shop: Path) -> Path:
    home = shop / "home"
    home.mkdir(exist_ok=True)
    return home


def test_the_exact_edges(airflow: Airflow, shop: Path) -> None:
    assert airflow("edges", str(shop / "dags/shop.py")) == {
        "shop__bronze": {
            "tasks": {"orders": [], "import": [], "after": ["import", "orders"]},
            "assets": [],
            "templates": [],
            "retries": [1],
        },
        "shop__stopped": {
            "tasks": {"halting": [], "first": [], "second": ["first"]},
            "assets": [],
            "templates": [],
            "retries": [1],
        },
        "shop__silver": {
            "tasks": {"doomed": []},
            "assets": ["odibi://shop/bronze/orders"],
            "templates": [],
            "retries": [1],
        },
        "shop__days": {
            "tasks": {"dated": [], "total": ["dated"]},
            "assets": [],
            "templates": [],
            "retries": [1],
        },
    }


def test_the_example_in_one_dag(airflow: Airflow, tmp_path: Path) -> None:
    example = ROOT / "example_project/odibi.yaml"
    out = tmp_path / "flights.py"
    assert main(["export-airflow", str(example), "--layout", "one-dag", "--out", str(out)]) == 0
    (dag,) = airflow("edges", str(out)).values()
    assert dag["tasks"]["gold.worst_routes"] == ["gold.flights_named"]
    flights = dag["tasks"]["silver.flights"]
    assert flights == ["bronze.airlines", "silver.flight_times", "silver.weather"]


def test_what_becomes_of_a_node_becomes_of_its_task(airflow: Airflow, shop: Path) -> None:
    """A warning and a quarantine succeed; a broken contract fails without another try."""
    done = _run(airflow, shop, "shop__bronze")
    assert done["state"] == "failed"
    assert done["tasks"] == {
        "orders": ["success", 1],
        "import": ["failed", 1],
        "after": ["upstream_failed", 0],
    }
    stored, rejected = "odibi://shop/bronze/orders", "odibi://shop/bronze/orders__quarantine"
    assert set(done["events"]) == {stored, rejected}
    told = done["events"][stored]
    assert (told["rows"], told["quarantined_rows"]) == (3, 1)
    assert told["warnings"] == "not_null_amount, range_amount"
    assert done["events"][rejected]["dagster_run_id"] == told["dagster_run_id"]
    with open_instance(_home(shop), ours=False) as instance:
        run = instance.get_run_by_id(told["dagster_run_id"])
        assert run is not None
        assert run.tags["airflow/dag_run_id"] == done["run_id"]
        assert run.tags["airflow/task_id"] == "orders"
        checks = instance.get_records_for_run(
            run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        )
    assert len(checks.records) == 2


def test_a_killed_node_is_tried_again(airflow: Airflow, shop: Path) -> None:
    _run(airflow, shop, "shop__bronze")
    done = _run(airflow, shop, "shop__silver")
    assert (done["state"], done["tasks"]["doomed"][0]) == ("success", "success")
    assert done["tasks"]["doomed"][1] > 1
    assert pl.read_parquet(shop / "lake/doomed.parquet").height == 3


def test_parameters_of_a_run(airflow: Airflow, shop: Path) -> None:
    _run(airflow, shop, "shop__bronze")
    _run(airflow, shop, "shop__bronze", '{"full_refresh": true}')
    assert pl.read_delta(str(shop / "lake/orders")).height == 3, "replaced, not added to"


def test_the_partition_of_a_run(airflow: Airflow, shop: Path) -> None:
    """The parameter's, else the last day that had ended; a node without partitions gets none."""
    done = _run(airflow, shop, "shop__days", '{"partition": "2025-12-24"}')
    assert done["state"] == "success", done
    told = done["events"]["odibi://shop/days/dated"]
    assert told["partition"] == "2025-12-24"
    assert "partition" not in done["events"]["odibi://shop/days/total"]
    due = date(2025, 12, 11) if airflow.version == "2" else date(2025, 12, 12)
    assert _run(airflow, shop, "shop__days", day=due.isoformat())["state"] == "success"
    before = (due - timedelta(days=1)).isoformat()
    with open_instance(_home(shop), ours=False) as instance:
        key = dg.AssetKey(["days", "dated"])
        assert instance.get_materialized_partitions(key) == {"2025-12-24", before}
        judged = instance.get_records_for_run(
            told["dagster_run_id"], of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
    (event,) = [record.event_log_entry.dagster_event for record in judged]
    assert event is not None
    assert event.asset_check_evaluation_data.partition == "2025-12-24"
    days = pl.read_parquet(shop / "lake/total.parquet")["day"].unique().sort()
    assert days.to_list() == [before, "2025-12-24"]
    refused = _run(airflow, shop, "shop__days", '{"partition": "24.12.2025"}')
    assert refused["tasks"]["dated"] == ["failed", 1]


ZONE = "Europe/Berlin"
DUE = [
    "2025-10-26T00:30", "2025-10-26T01:00", "2025-10-26T01:30", "2025-10-26T02:10",
    "2025-03-30T01:05", "2025-03-30T02:05", "2026-01-01T00:00",
]  # fmt: skip
"""Also when summer time begins, and when an hour comes twice."""


def test_airflow_and_dagster_mean_the_same_partition(airflow: Airflow, shop: Path) -> None:
    file = shop / "odibi.yaml"
    file.write_text(SHOP.replace("dagster: {airflow", f"dagster: {{timezone: {ZONE}, airflow", 1))
    assert _export(shop) == 0
    starts = {"hourly": 1, "daily": 1, "weekly": 2, "monthly": 1}
    cases, wanted = [], []
    for (unit, start), due in itertools.product(starts.items(), DUE):
        begin = date(2025, 1, start)
        weekday = begin.isoweekday() if unit == "weekly" else 0
        cases.append({"due": f"{due}+00:00", "partitions": [unit, weekday]})
        moment = datetime.fromisoformat(f"{due}+00:00")
        wanted.append(last_ended(windows(unit, begin, None, ZONE), moment))
    days = {"due": "2026-01-09T06:00+00:00", "partitions": ["daily", 0]}
    cases += [
        {**days, "fed": ["2026-01-01", "2026-01-01"]},
        {**days, "fed": ["2026-01-01"], "param": "2026-01-02"},
        {**days, "fed": ["2026-01-01", "2026-01-02"]},
        {**days, "partitions": ["static", 0]},
        {**days, "partitions": ["none", 0], "param": "2026-01-02"},
        # in a project without any, the node itself refuses it
        {**days, "partitions": None, "param": "2026-01-02"},
    ]
    wanted += [
        "2026-01-01",
        "2026-01-02",
        "assets of partitions ['2026-01-01', '2026-01-02'] started this run: choose one",
        None,
        None,
        "2026-01-02",
    ]
    words = (str(shop / "dags/shop.py"), "shop__days", "dated", json.dumps(cases))
    assert airflow("keys", *words) == wanted


def test_a_contract_that_halts_stops_the_dag_run(airflow: Airflow, shop: Path) -> None:
    """Also what does not wait for it: `second` comes after `halting` in time alone."""
    done = _run(airflow, shop, "shop__stopped")
    assert done["state"] == "failed"
    assert done["tasks"]["halting"] == ["failed", 1]
    assert done["tasks"]["second"][0] in ("failed", "upstream_failed")
    assert not (shop / "lake/second.parquet").exists()


def test_groups_of_tags(airflow: Airflow, shop: Path) -> None:
    assert _export(shop, "--layout", "one-dag", "--group-by", "tag") == 0
    (dag,) = airflow("edges", str(shop / "dags/shop.py")).values()
    assert dag["tasks"]["tag-deadly.silver__doomed"] == ["bronze__orders"]


CLUSTER = """\
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
contexts: [{name: none, context: {cluster: none, user: nobody}}]
current-context: none
"""
"""One that nobody asks: the pod is only made up."""


def test_a_pod_for_each_node(airflow: Airflow, shop: Path) -> None:
    """What Kubernetes would be asked for, and how a pod that failed for good ends its task."""
    assert _export(shop, "--runner", "kubernetes", "--image", "shop:7") == 0
    (shop / "kube").write_text(CLUSTER)
    told = airflow(
        "pod", str(shop / "dags/shop.py"), "shop__days", "dated", KUBECONFIG=str(shop / "kube")
    )
    assert told == {
        "image": "shop:7",
        "command": ["odibi-dagster"],
        "args": [
            "run-node", "days/dated", "--config", "odibi.yaml",
            "--result-file", "/airflow/xcom/return.json",
            "--partition=2026-01-01", "--full-refresh",
        ],
        "sidecar": True,
        "env": {
            "AIRFLOW_CTX_DAG_ID": "shop__days",
            "AIRFLOW_CTX_DAG_RUN_ID": "manual__1",
            "AIRFLOW_CTX_TASK_ID": "dated",
            "AIRFLOW_CTX_TRY_NUMBER": "2",
        },
        "ended": "AirflowFailException: not_null broke",
    }  # fmt: skip
