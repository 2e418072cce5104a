"""Airflow's side of the tests, run by the Python of Airflow's own environment.

    python drive.py edges FILE
    python drive.py run FILE DAG_ID CONF DAY
    python drive.py pod FILE DAG_ID TASK_ID
    python drive.py keys FILE DAG_ID TASK_ID CASES

Answers in JSON, in a last line that begins with RESULT.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import airflow
from airflow.utils.session import create_session

IS_3 = airflow.__version__.startswith("3")

if IS_3:
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.sdk.exceptions import AirflowFailException
else:
    from airflow.exceptions import AirflowFailException
    from airflow.models.dagbag import DagBag
    from airflow.models.dataset import DatasetEvent as AssetEvent
    from airflow.models.dataset import DatasetModel as AssetModel

BUNDLE = "tests"


def bag_of(file):
    bag = DagBag(file) if IS_3 else DagBag(file, include_examples=False)
    if bag.import_errors:
        raise SystemExit(str(bag.import_errors))
    return bag


def edges(file):
    """Every DAG: what each task waits for, and which assets start it."""
    return {
        name: {
            "tasks": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
            "assets": sorted(_uris(dag)),
            "templates": sorted({field for task in dag.tasks for field in task.template_fields}),
            "retries": sorted({task.retries for task in dag.tasks}),
        }
        for name, dag in bag_of(file).dags.items()
    }


def _uris(dag):
    if IS_3:
        return [] if isinstance(dag.schedule, str | None) else [each.uri for each in dag.schedule]
    condition = getattr(dag.timetable, "dataset_condition", None)
    return [] if condition is None else [uri for uri, _ in condition.iter_datasets()]


def run(file, dag_id, conf, day):
    """One run to its end: its state, that of every task, and what the assets were told."""
    bag = bag_of(file)
    dag, when = bag.dags[dag_id], datetime.fromisoformat(day).replace(tzinfo=UTC)
    if IS_3:
        with create_session() as session:
            if session.get(DagBundleModel, BUNDLE) is None:
                session.add(DagBundleModel(name=BUNDLE))
        sync_bag_to_db(bag, BUNDLE, None)
        done = dag.test(logical_date=when, run_conf=json.loads(conf))
    else:
        bag.sync_to_db()
        done = dag.test(execution_date=when, run_conf=json.loads(conf))
    with create_session() as session:
        told = session.query(AssetEvent).filter_by(source_run_id=done.run_id).all()
        of = "asset_id" if IS_3 else "dataset_id"
        return {
            "state": str(done.state),
            "run_id": done.run_id,
            "tasks": {
                task.task_id: [str(task.state), task.try_number]
                for task in done.get_task_instances(session=session)
            },
            "events": {session.get(AssetModel, getattr(e, of)).uri: e.extra for e in told},
        }


def pod(file, dag_id, task_id):
    """The pod of a Kubernetes task as it would be asked for, and what a lost one means."""
    from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

    task, asked = bag_of(file).dags[dag_id].get_task(task_id), {}

    def execute(self, context):
        containers = self.build_pod_request_obj().spec.containers
        (container,) = (each for each in containers if each.name == "base")
        asked.update(container.to_dict(), sidecar=self.do_xcom_push)
        self.seen = {"retryable": False, "message": "not_null broke"}
        raise RuntimeError("the pod failed")

    KubernetesPodOperator.execute = execute
    context = {
        "params": {"partition": "2026-01-01", "full_refresh": True},
        "dag_run": None,
        "run_id": "manual__1",
        "ti": SimpleNamespace(try_number=2),
    }
    try:
        task.execute(context)
    except AirflowFailException as error:
        ended = f"{type(error).__name__}: {error}"
    env = {each["name"]: each["value"] for each in asked["env"] if each["value"]}
    names = ("image", "command", "args", "sidecar")
    return {**{name: asked[name] for name in names}, "env": env, "ended": ended}


def keys(file, dag_id, task_id, cases):
    """The partition of a run that is due then, was fed by these, and has this parameter."""
    task, found = bag_of(file).dags[dag_id].get_task(task_id), []
    for case in json.loads(cases):
        context = {
            "params": {"partition": case.get("param")},
            "dag_run": SimpleNamespace(run_after=datetime.fromisoformat(case["due"])),
            ("triggering_asset_events" if IS_3 else "triggering_dataset_events"): {
                "asset": [SimpleNamespace(extra={"partition": key}) for key in case.get("fed", [])]
            },
        }
        task.partitions = case["partitions"] and tuple(case["partitions"])
        try:
            found.append(task.partition(context))
        except AirflowFailException as error:
            found.append(str(error))
    return found


if __name__ == "__main__":
    answer = {"edges": edges, "run": run, "pod": pod, "keys": keys}[sys.argv[1]](*sys.argv[2:])
    print("RESULT " + json.dumps(answer, default=str))
