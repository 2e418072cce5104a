"""Tasks of one DAG run are one run: what halts one of them stops all that have not begun."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.support import PROJECT
from tests.cli.test_run_node import TASK

if TYPE_CHECKING:
    from tests.cli.support import Cli

HALTING = PROJECT.replace("row_count, min: 1", "row_count, min: 99, on_fail: halt")


def _task(cli: Cli, monkeypatch: pytest.MonkeyPatch, node: str, **names: str) -> int:
    for name, value in {**TASK, "AIRFLOW_CTX_TASK_ID": node, **names}.items():
        monkeypatch.setenv(name, value)
    return cli("run-node", node).code


def test_no_other_task_of_the_dag_run_starts(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    assert HALTING != PROJECT
    cli.write(HALTING)
    assert _task(cli, monkeypatch, "silver/orders") == 3
    assert _task(cli, monkeypatch, "gold/answers") == 3
    assert not (cli.root / "lake/gold_answers.parquet").exists()
    assert _task(cli, monkeypatch, "gold/answers", AIRFLOW_CTX_DAG_RUN_ID="another") != 3
    # the contract is mended and the task cleared: it, and then the others, begin anew
    cli.write(PROJECT)
    assert _task(cli, monkeypatch, "silver/orders") == 0
    cli.write(HALTING)
    assert _task(cli, monkeypatch, "gold/answers") == 0
