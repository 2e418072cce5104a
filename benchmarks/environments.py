"""The interpreters of the contenders: ours, and an environment for each foreign tool."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.measure import CommandError

HERE = "here"
FOREIGN: Mapping[str, tuple[str, ...]] = {
    "duckdb": ("duckdb==2.0.1",),
    "pandas": ("pandas==3.1.1", "pyarrow==26.0.1"),
    # from dbt-core 1.12 on, a part of it is built from a file that no package index has
    "dbt": ("dbt-duckdb==1.10.1", "dbt-core>=1.11,<1.12"),
    "odibi": ("odibi==3.15.1",),
    "validators": (
        "polars==2.1.0",
        "dagster==1.13.27",
        "pandera==0.35.0",
        "dataframely==3.1.2",
        "pointblank==1.1.1",
    ),
}
"""What each environment holds, besides what these packages need."""
NAMED: Mapping[str, tuple[str, ...]] = {
    HERE: ("polars", "dagster", "dagster-polars", "deltalake"),
    "duckdb": ("duckdb",),
    "pandas": ("pandas", "pyarrow"),
    "dbt": ("dbt-core", "dbt-duckdb", "duckdb"),
    "odibi": ("odibi", "pandas", "pyarrow"),
    "validators": ("polars", "dagster", "pandera", "dataframely", "pointblank"),
}
"""The packages of each environment whose versions the report names."""
TITLES: Mapping[str, str] = {
    HERE: "odibi_dagster, Polars, plain Dagster",
    "duckdb": "DuckDB",
    "pandas": "pandas",
    "dbt": "dbt",
    "odibi": "Odibi",
    "validators": "pandera, dataframely, pointblank",
}
_VERSIONS = """
import sys
from importlib.metadata import version
print("Python " + sys.version.split()[0], *(f"{n} {version(n)}" for n in sys.argv[1:]), sep=", ")
"""


def interpreter(name: str, work: Path) -> Path:
    """The interpreter of an environment, which is made where it is not there or not the same.

    CommandError where it cannot be made.
    """
    if name == HERE:
        return Path(sys.executable)
    folder = work / "env" / name
    stamp = folder / ".installed"
    wanted = "\n".join((sys.version, *FOREIGN[name]))
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        print(f"making the environment {name}: {', '.join(FOREIGN[name])}", flush=True)
        _make(folder, FOREIGN[name])
        stamp.write_text(wanted, encoding="utf-8")
    return folder / "bin" / "python"


def versions(name: str, work: Path) -> str:
    """The interpreter and the packages of an environment, with their versions, in one line."""
    command = [str(interpreter(name, work)), "-c", _VERSIONS, *NAMED[name]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _make(folder: Path, packages: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    uv = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python]
    if subprocess.run([*uv, *packages], check=False).returncode:
        print("uv did not manage; pip takes over", flush=True)
        pip = [python, "-m", "pip", "install", "--quiet"]
        if subprocess.run([*pip, *packages], check=False).returncode:
            msg = f"pip cannot install {', '.join(packages)}; --contenders leaves tools out"
            raise CommandError(msg)
