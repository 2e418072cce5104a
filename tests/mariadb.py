"""A MariaDB server for tests, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin"


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    if found is None:
        message = f"{name} is not here; scripts/system-packages installs it"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return found


@contextmanager
def mariadb() -> Iterator[str]:
    """The URL of a server that root may use without a password."""
    programs = [_program(name) for name in ("mariadbd", "mariadb-install-db", "mariadb-admin")]
    # below the system's own folder: the server runs as a user who may not enter root's
    with tempfile.TemporaryDirectory(prefix="mariadb-") as name:
        folder = Path(name)
        user = ["--user=mysql"] if os.getuid() == 0 else []
        if user:
            shutil.chown(folder, "mysql")
        with running(folder, user, *programs) as url:
            yield url


@contextmanager
def running(folder: Path, user: list[str], server: str, install: str, admin: str) -> Iterator[str]:
    data, sock, port = folder / "data", folder / "socket", free_port()
    subprocess.run(
        [install, "--no-defaults", f"--datadir={data}", *user, "--skip-test-db",
         "--auth-root-authentication-method=normal"],
        check=True, capture_output=True,
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server, "--no-defaults", f"--datadir={data}", f"--socket={sock}", f"--port={port}",
             *user, "--bind-address=127.0.0.1", "--innodb-buffer-pool-size=64M",
             "--skip-name-resolve", "--max-connections=400", "--character-set-server=utf8mb4",
             # in a cache, a thread can sleep through its wake-up (glibc bug 25847)
             "--thread-cache-size=0",
             # the server itself is not killed in these tests
             "--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync",
             f"--pid-file={folder / 'pid'}"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        wait = [admin, "--no-defaults", f"--socket={sock}", "--user=root", "--wait=60", "ping"]
        subprocess.run(wait, check=True, capture_output=True)
        # with TLS, the driver reads all certificates of the system for each connection
        yield f"mysql+pymysql://root@127.0.0.1:{port}/?ssl_disabled=true"
    finally:
        process.terminate()
        process.wait(60)


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
