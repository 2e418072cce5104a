"""The wheel builds, holds what it must, and runs in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir"]
    uv = [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir"]
    chosen = command if has("pip") else uv
    subprocess.run([*chosen, str(folder), str(ROOT)], check=True)
    (built,) = folder.glob("*.whl")
    return built


def has(module: str) -> bool:
    return subprocess.run([sys.executable, "-c", f"import {module}"], check=False).returncode == 0


def test_the_wheel_holds_the_package_and_its_licence_only(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    assert "odibi_dagster/py.typed" in names
    assert any(name.startswith("odibi_dagster/cli") for name in names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {"odibi_dagster", next(t for t in tops if t.endswith(".dist-info"))}


def test_the_wheel_runs_where_it_is_installed(wheel: Path, tmp_path: Path):
    """Its dependencies come from this environment; the package itself from the wheel alone."""
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env/bin/python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True)
    (site,) = (tmp_path / "env/lib").glob("python*/site-packages")
    base = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{base}\n", encoding="utf-8")
    command = [str(tmp_path / "env/bin/odibi-dagster"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "validate" in done.stdout
