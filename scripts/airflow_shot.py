#!/usr/bin/env python3
"""Take the picture of docs/airflow.md: the example on a real Airflow, run by its REST interface.

    python scripts/airflow_shot.py              docs/images
    python scripts/airflow_shot.py --to FOLDER  another folder

Exports a copy of the example project, starts `airflow standalone` on it (with the environment that
`make test` makes, .venv-airflow-3), triggers the first pipeline over REST, waits until the assets
have started the others and all are done, and takes the grid of one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from shots import BIN, PATIENCE, ROOT, Shot, browser, copy_example, free_port, running

AIRFLOW = ROOT / ".venv-airflow-3/bin"
DAGS = ("flights__bronze", "flights__silver", "flights__gold")
GRID = Shot("airflow-grid", "/dags/flights__silver", ("flights_once", "weather"), 1500, 900)


class Api:
    """Airflow's REST interface, of a server where everybody is an administrator."""

    def __init__(self, url: str, log: Path) -> None:
        self.url, self.log, self.token = url, log, ""

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        """One answer; the server may take a while to start, and to find a DAG."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._ask(method, path, body)
            except OSError as error:
                if time.monotonic() > deadline:
                    tail = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
                    raise SystemExit(f"{method} {path}: {error}\n{tail}") from None
                time.sleep(1)

    def _ask(self, method: str, path: str, body: Any) -> Any:
        if not self.token and path != "/auth/token":
            self.token = self._ask("GET", "/auth/token", None)["access_token"]
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


def export(project: Path, dags: Path) -> None:
    """The example's pipelines as DAGs."""
    words = ["export-airflow", str(project / "odibi.yaml"), "--out", str(dags)]
    subprocess.run([BIN / "odibi-dagster", *words], check=True)


def environment(folder: Path, home: Path, port: int) -> dict[str, str]:
    """Of an Airflow that nobody else sees."""
    return {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "PATH": f"{AIRFLOW}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "ODIBI_DAGSTER": str(BIN / "odibi-dagster"),
        "DAGSTER_HOME": str(home),
    }


def run_all(ask: Api) -> None:
    """Trigger the first DAG; the assets of its nodes start the second, and so on."""
    for dag in DAGS:
        ask("PATCH", f"/api/v2/dags/{dag}", {"is_paused": False})
    ask("POST", f"/api/v2/dags/{DAGS[0]}/dagRuns", {"logical_date": None})
    deadline = time.monotonic() + 2 * PATIENCE
    for dag in DAGS:
        while True:
            runs = ask("GET", f"/api/v2/dags/{dag}/dagRuns")["dag_runs"]
            states = {run["state"] for run in runs}
            if states and not states & {"queued", "running"}:
                print(f"{dag}: {', '.join(sorted(states))}")
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"{dag} did not come to an end: {states or 'it never began'}")
            time.sleep(2)


def main() -> None:
    """The picture, in `docs/images` or where `--to` says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    target: Path = parser.parse_args().to
    if not (AIRFLOW / "airflow").exists():
        sys.exit(f"no Airflow at {AIRFLOW.parent}; `make test ONLY=airflow` makes it")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        project, home = copy_example(folder)
        export(project, folder / "airflow/dags")
        log, url = folder / "airflow.log", f"http://127.0.0.1:{port}"
        command = [str(AIRFLOW / "airflow"), "standalone"]
        with running(command, log, env=environment(folder, home, port)), browser(folder) as page:
            run_all(Api(url, log))
            page.take(GRID, url, target / f"{GRID.name}.png")


if __name__ == "__main__":
    main()
