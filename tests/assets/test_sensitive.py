"""What a project calls sensitive is in no check's metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
import polars as pl

from odibi_dagster.assets.factory import load_odibi_assets

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
project: demo
connections:
  lake: {type: local, base_path: .}
pipelines:
  - pipeline: p
    nodes:
      - name: people
        columns: {mail: {pii: true}}
        sensitive: [phone]
        read: {connection: lake, format: parquet, path: in.parquet}
        validation:
          tests: [{type: range, column: age, max: 100, on_fail: warn}]
"""


def test_sensitive_columns_are_masked_among_the_broken_rows(tmp_path: Path) -> None:
    people = {"age": [200], "mail": ["me@example.com"], "phone": ["555-0199"], "city": ["Oslo"]}
    pl.DataFrame(people).write_parquet(tmp_path / "in.parquet")
    file = tmp_path / "odibi.yaml"
    file.write_text(TEXT)
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(load_odibi_assets(file), instance=instance)
    (check,) = result.get_asset_check_evaluations()
    shown = str(check.metadata["broken_rows"].value)
    assert "Oslo" in shown
    assert "200" in shown
    assert "me@example.com" not in shown
    assert "555-0199" not in shown
