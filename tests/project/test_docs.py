"""What the documents say is true: links resolve, YAML loads, Python runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")], key=lambda path: str(path.relative_to(ROOT))
)


def blocks(document: Path, language: str) -> list[str]:
    text = document.read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def code(document: str, language: str, holding: str) -> str:
    """The one block of a document that holds this text."""
    (found,) = [block for block in blocks(ROOT / document, language) if holding in block]
    return found


def run(*command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own, with warnings as errors from our own code."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env={**os.environ, "DAGSTER_HOME": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_resolve(document: Path):
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    local = [link.split("#")[0] for link in links if "://" not in link]
    assert [link for link in local if link and not (document.parent / link).exists()] == []


def shop(folder: Path) -> None:
    """The README's project, with an order that is fine, one that is not, and one too large."""
    (folder / "data").mkdir()
    orders = "order_id,amount\n1,10\n2,-1\n3,20000\n"
    (folder / "data/orders.csv").write_text(orders, encoding="utf-8")
    (folder / "odibi.yaml").write_text(code("README.md", "yaml", "shop"), encoding="utf-8")


EVERYTHING = """
assert defs.resolve_implicit_global_asset_job_def().execute_in_process().success
"""


def snippets() -> list[str]:
    return blocks(ROOT / "README.md", "python")


@pytest.mark.parametrize("number", range(len(snippets())))
def test_python_of_the_readme_runs(number: int, tmp_path: Path):
    shop(tmp_path)
    script = tmp_path / "definitions.py"
    everything = (
        "\nassert defs.resolve_implicit_global_asset_job_def().execute_in_process().success\n"
    )
    script.write_text(snippets()[number] + everything, encoding="utf-8")
    done = run(str(script), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_the_readme_project_does_what_its_contracts_say(tmp_path: Path):
    import polars as pl

    shop(tmp_path)
    start = "from odibi_dagster.cli import main; main()"
    done = run("-c", start, "run", "odibi.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    data = tmp_path / "data"
    assert pl.read_parquet(data / "orders.parquet").rows() == [(1, 10)]
    assert pl.read_parquet(data / "orders_rejected.parquet")["order_id"].to_list() == [3]


def yaml_blocks() -> list[tuple[str, str]]:
    # a key alone, and a contract alone: see test_fates and test_contract_pages
    documents = [d for d in DOCUMENTS if d.name != "keys.md" and d.parent.name != "contracts"]
    return [
        (f"{path.name}-{number}", block)
        for path in documents
        for number, block in enumerate(blocks(path, "yaml"))
    ]


@pytest.mark.parametrize("block", [b for _, b in yaml_blocks()], ids=[n for n, _ in yaml_blocks()])
def test_yaml_of_the_documents_loads(block: str, tmp_path: Path):
    from odibi_dagster.config.load import load_project

    file = tmp_path / "odibi.yaml"
    file.write_text(block, encoding="utf-8")
    assert load_project(file).nodes


HOUSE = """
from importlib import import_module
from pathlib import Path
for package in ("transforms", "checks", "formats", "engines"):
    folder = Path(__file__).parent / "odibi_dagster" / package
    import_module(f"odibi_dagster.{package}").__path__.append(str(folder))
"""


def test_the_examples_of_contributing_work_as_single_files(tmp_path: Path):
    """Each block lands in the file that its first line names, and its tests pass."""
    files = {}
    for block in blocks(ROOT / "CONTRIBUTING.md", "python"):
        if match := re.match(r"# (\S+\.py)\n", block):
            files[match[1]] = block
    assert len(files) == 8
    for name, block in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block, encoding="utf-8")
    (tmp_path / "conftest.py").write_text(HOUSE, encoding="utf-8")
    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
