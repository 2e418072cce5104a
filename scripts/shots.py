#!/usr/bin/env python3
"""Take the pictures of docs/images from the real UI, with headless Chromium.

    python scripts/shots.py              docs/images
    python scripts/shots.py --to FOLDER  another folder

Works on a copy of the example project with a Dagster home of its own, so nothing of yours changes:
runs it twice as it is, takes the graph, a node and two of its checks, runs it again with the
damaged weather file and takes the check that broke.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHROMIUMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
)
PATIENCE = 240.0
"""Seconds to wait for a page, or for Dagster to start."""


@dataclass(frozen=True)
class Shot:
    """One picture: where in the UI, how large, and the texts that say it is all there."""

    name: str
    path: str
    shows: tuple[str, ...]
    width: int = 1600
    height: int = 900
    expands: str = ""
    """For a graph: its panels are folded away, its groups unfolded until this text is there."""


BEFORE = (
    Shot(
        "asset-graph",
        "/asset-groups",
        ("bronze", "silver", "gold"),
        2400,
        1760,
        expands="delays_by_weather",
    ),
    Shot("node", "/assets/silver/flights", ("Latest materialization",), 1500, 1000),
    Shot(
        "warned-check",
        "/assets/silver/flights?view=checks&checkDetail=dest_is_registered",
        ("dest_is_registered", "broken_rows"),
        1500,
        800,
    ),
    Shot(
        "quarantined-check",
        "/assets/silver/flights?view=checks&checkDetail=not_null_tailnum",
        ("not_null_tailnum", "quarantined"),
        1500,
        800,
    ),
)
AFTER = (
    Shot(
        "failed-check",
        "/assets/bronze/weather?view=checks&checkDetail=temp_is_Fahrenheit",
        ("temp_is_Fahrenheit", "Failed"),
        1500,
        800,
    ),
)


@dataclass
class Page:
    """A page of a running Chromium, driven over its debugging protocol."""

    socket: ClientConnection
    sent: int = field(default=0)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer; events in between are dropped."""
        self.sent += 1
        self.socket.send(json.dumps({"id": self.sent, "method": method, "params": params}))
        while True:
            answer = json.loads(self.socket.recv(timeout=PATIENCE))
            if answer.get("id") == self.sent:
                if "error" in answer:
                    raise SystemExit(f"Chromium refused {method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def evaluate(self, script: str) -> Any:
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        return answer["result"].get("value")

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while text not in (self.evaluate("document.body.innerText") or ""):
            if time.monotonic() > deadline:
                raise SystemExit(f"the page never showed {text!r}")
            time.sleep(0.3)

    def expand(self, text: str) -> None:
        """Fold the panels away, unfold every group (Alt+E); the graph then fits itself."""
        self.evaluate(
            "[...document.querySelectorAll('button')].filter(button =>"
            " button.innerText.trim() === 'Hide navigation'"
            " || button.querySelector('[aria-label=panel_show_right]'))"
            ".forEach(button => button.click())"
        )
        time.sleep(1)
        for kind in ("rawKeyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                modifiers=1,
                code="KeyE",
                key="e",
                windowsVirtualKeyCode=69,
            )
        self.wait_for(text)

    def take(self, shot: Shot, url: str, file: Path) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=shot.width,
            height=shot.height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.call("Page.navigate", url=url + shot.path)
        for text in shot.shows:
            self.wait_for(text)
        if shot.expands:
            self.expand(shot.expands)
        time.sleep(4)  # the graph lays itself out, counts arrive one query later
        picture = self.call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(picture))
        print(f"{file.name}: {file.stat().st_size // 1024} KB")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], log: Path, **options: Any) -> Iterator[None]:
    """A program in its own process group, ended with everything that it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True, **options
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def wait_for_url(url: str, log: Path) -> bytes:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body
        except OSError:
            if time.monotonic() > deadline:
                raise SystemExit(f"{url} never answered:\n{log.read_text()[-2000:]}") from None
            time.sleep(0.5)


def chromium() -> str:
    for name in CHROMIUMS:
        if found := shutil.which(name):
            return found
    raise SystemExit("no Chromium here; scripts/system-packages says how to get it")


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Page]:
    port, log = free_port(), folder / "chromium.log"
    profile = [f"--user-data-dir={folder / 'profile'}", f"--remote-debugging-port={port}"]
    with running([chromium(), *FLAGS, *profile, "about:blank"], log):
        targets = json.loads(wait_for_url(f"http://127.0.0.1:{port}/json", log))
        page = next(target for target in targets if target["type"] == "page")
        with connect(page["webSocketDebuggerUrl"], max_size=None) as socket_:
            yield Page(socket_)


@contextlib.contextmanager
def dagster_dev(project: Path, home: Path) -> Iterator[str]:
    """A running `dagster dev` on the project; gives its address."""
    port, log = free_port(), home.parent / "dagster.log"
    command = [str(BIN / "dagster"), "dev", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, log, cwd=project, env=environment(home)):
        wait_for_url(f"http://127.0.0.1:{port}/server_info", log)
        yield f"http://127.0.0.1:{port}"


def environment(home: Path, **more: str) -> dict[str, str]:
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "DAGSTER_HOME": str(home), **more}


def materialize(project: Path, home: Path, expected: int, **env: str) -> None:
    command = [str(BIN / "odibi-dagster"), "run", str(project / "odibi.yaml")]
    done = subprocess.run(
        command, env=environment(home, **env), capture_output=True, text=True, check=False
    )
    if done.returncode != expected:
        raise SystemExit(f"odibi-dagster run ended with {done.returncode}:\n{done.stderr}")


def copy_example(folder: Path) -> tuple[Path, Path]:
    """The example without what it made, and a home for Dagster."""
    project, home = folder / "example_project", folder / "home"
    made = shutil.ignore_patterns("lake", "full", ".dagster_home", "__pycache__")
    shutil.copytree(ROOT / "example_project", project, ignore=made)
    home.mkdir()
    shutil.copy(project / "dagster.yaml", home)
    return project, home


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "images")
    target: Path = parser.parse_args().to
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project, home = copy_example(folder)
        for _ in range(2):
            materialize(project, home, expected=0)
        with dagster_dev(project, home) as url, browser(folder) as page:
            for shot in BEFORE:
                page.take(shot, url, target / f"{shot.name}.png")
            materialize(project, home, expected=3, ODIBI_ENV="broken")
            for shot in AFTER:
                page.take(shot, url, target / f"{shot.name}.png")


if __name__ == "__main__":
    main()
