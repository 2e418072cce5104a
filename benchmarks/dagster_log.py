"""What Dagster's own log says of the last run, in the words of `contenders.report`.

    python -m benchmarks.dagster_log HOME

Read after the measured process has ended, so that reading costs the measurement nothing. Prints
one JSON object: seconds per node, and the values of its checks.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import dagster as dg

_VALUES = ("newest", "observed")
"""Metadata of a check that hold its value, the first one that is there."""


def last_run(instance: dg.DagsterInstance) -> dict[str, Any]:
    """Seconds by node (`pipeline/node`), and check values by node and check."""
    run = instance.get_runs(limit=1)[0]
    started: dict[str, float] = {}
    seconds: dict[str, float] = {}
    checks: dict[str, dict[str, Any]] = {}
    for entry in instance.all_logs(run.run_id):
        event, step = entry.dagster_event, entry.step_key
        if event is None or step is None:
            continue
        if event.event_type is dg.DagsterEventType.STEP_START:
            started[step] = entry.timestamp
        elif event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            node = "/".join(step.split("__")[-2:])
            seconds[node] = seconds.get(node, 0.0) + entry.timestamp - started[step]
        elif event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            seen = event.asset_check_evaluation_data
            node = "/".join(seen.asset_key.path)
            checks.setdefault(node, {})[seen.check_name] = _value(seen.metadata)
    return {"seconds": seconds, "checks": checks}


def _value(metadata: Any) -> Any:
    for name in _VALUES:
        if name in metadata:
            value = metadata[name].value
            return value.split("+")[0] if isinstance(value, str) else value
    return None


if __name__ == "__main__":
    print(json.dumps(last_run(dg.DagsterInstance.from_config(sys.argv[1]))))
