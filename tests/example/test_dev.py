"""A real `dagster dev`, and the pictures that are taken from it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.example.conftest import copy_example

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
ASSETS = "{ assetNodes { id assetKey { path } } }"


@contextmanager
def dagster_dev(folder: Path, home: Path | None) -> Iterator[str]:
    """`dagster dev` as a newcomer types it, on a free port; gives the address of its GraphQL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    env.pop("DAGSTER_HOME", None)
    if home is not None:
        env["DAGSTER_HOME"] = str(home)
    command = [str(BIN / "dagster"), "dev", "--host", "127.0.0.1", "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def ask(url: str, query: str) -> Any:
    """The answer of the server, which may take a while to start."""
    body = json.dumps({"query": query}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 200
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                data = json.load(answer)["data"]
                if data["assetNodes"]:
                    return data
        except OSError:
            pass  # not up yet; the deadline decides
        if time.monotonic() > deadline:
            pytest.fail(f"{url} never answered")
        time.sleep(0.5)


def keys(data: Any) -> set[str]:
    return {"/".join(node["assetKey"]["path"]) for node in data["assetNodes"]}


def test_bare_dagster_dev_in_the_example_folder(tmp_path: Path):
    example = copy_example(tmp_path)
    with dagster_dev(example, home=None) as url:
        found = keys(ask(url, ASSETS))
    assert {"bronze/flights", "silver/flights__quarantine", "gold/flights_named"} <= found


def test_dagster_dev_at_the_root_of_the_repository(tmp_path: Path):
    with dagster_dev(ROOT, home=tmp_path) as url:
        assert "gold/worst_routes" in keys(ask(url, ASSETS))


def test_the_pictures_can_be_taken_again(tmp_path: Path):
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        pytest.skip("no Chromium here")
    script = [sys.executable, str(ROOT / "scripts/shots.py"), "--to", str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    sizes = {file.name: file.stat().st_size for file in tmp_path.glob("*.png")}
    checks = {f"{outcome}-check.png" for outcome in ("failed", "warned", "quarantined")}
    assert sizes.keys() == {"asset-graph.png", "node.png", *checks}
    assert min(sizes.values()) > 30_000, "a blank page is smaller"
