from __future__ import annotations

import subprocess
import sys

import polars as pl

from tests.cli.support import Cli, child_environment


def test_what_init_writes_validates_and_runs(cli: Cli) -> None:
    answer = cli("init", "fresh")
    assert answer.code == 0
    assert "odibi-dagster run fresh/odibi.yaml" in answer.out
    written = {
        path.relative_to(cli.root / "fresh").as_posix()
        for path in (cli.root / "fresh").rglob("*.*")
    }
    assert written == {
        "README.md",
        "data/orders.csv",
        "definitions.py",
        "odibi.yaml",
        "transforms.py",
        "workspace.yaml",
    }
    assert cli("validate", "fresh/odibi.yaml", "--strict").code == 0
    answer = cli("run", "fresh/odibi.yaml")
    assert (answer.code, answer.err) == (0, "")
    assert "3 nodes: 3 ok" in answer.out
    home = cli.root / "fresh/.dagster_home"
    assert f"UI:   cd {cli.root}/fresh && DAGSTER_HOME={home} dagster dev\n" in answer.out
    revenue = pl.read_parquet(cli.root / "fresh/data/lake/revenue.parquet")
    assert revenue.rows() == [("IT", 2, 138.0), ("FR", 2, 47.75), ("DE", 1, 19.8)]
    rejected = pl.read_parquet(cli.root / "fresh/data/lake/orders_rejected.parquet")
    assert rejected["order_id"].to_list() == [3]


def test_its_definitions_load_in_dagster(cli: Cli) -> None:
    cli("init", "fresh")
    code = "import definitions as d; print(len(list(d.defs.resolve_all_asset_specs())))"
    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cli.root / "fresh",
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert loaded.stdout == "4\n", loaded.stderr


def test_a_project_is_never_replaced(cli: Cli) -> None:
    answer = cli("init", ".")
    assert answer.code == 2
    assert "has odibi.yaml, transforms.py already" in answer.err
    assert not (cli.root / "README.md").exists()
    answer = cli("init", "odibi.yaml")
    assert (answer.code, answer.err) == (2, "error: odibi.yaml is a file; name a folder\n")
