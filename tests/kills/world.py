"""The real thing beside the model: a node's files, its target, its state, and what befalls them."""

from __future__ import annotations

import contextlib
import io
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from deltalake import DeltaTable

from odibi_dagster.cli import main
from tests.kills.field import Field, Life
from tests.kills.model import LAG, Row
from tests.kills.nursery import Nursery

START = datetime(2024, 1, 1)
PROJECT = """\
project: shop
dagster: {{state_url: "sqlite:///state.db"}}
connections:
  lake: {lake}
  shop: {shop}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: in
          incremental: {{mode: stateful, column: at LAG}}
        write: {{{write}, mode: MODE}}
"""


class World:
    """A node on disk. What is saved may be restored."""

    def __init__(self, root: Path, format: str, mode: str, nursery: Nursery) -> None:
        self.root, self.format = root, format
        once = mode == "append_once"
        text = PROJECT.replace(" LAG", f", watermark_lag: {LAG}s" if once else "")
        text = text.replace("MODE", mode + (", options: {{keys: [id]}}" if once else ""))
        self._field = Field(root, format, f"sqlite:///{root}/state.db", nursery, project=text)
        self._lake, self._state = root / "lake", root / "state.db"
        self._shop = root / "shop.db"

    def land(self, first: int, rows: list[Row]) -> None:
        """A file of rows in the source."""
        schema = {"id": pl.Int64, "at": pl.Datetime("us")}
        moments = [(key, START + timedelta(seconds=at)) for key, at in rows]
        frame = pl.DataFrame(moments, schema=schema, orient="row")
        frame.write_parquet(self._lake / f"in/{first:06}.parquet")

    def call_it(self, name: str) -> None:
        """The node has another name in odibi.yaml."""
        text = (self.root / "odibi.yaml").read_text().replace("name: orders", f"name: {name}")
        self._field.config = f"odibi-{name}.yaml"
        (self.root / self._field.config).write_text(text)

    def rename_state(self, old: str, new: str) -> tuple[int, str]:
        """As somebody types it; the exit code, and what was said."""
        words = [f"bronze/{old}", f"bronze/{new}", "--yes"]
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            code = main(["state", "rename", str(self.root / self._field.config), *words])
        return code, said.getvalue()

    def life(self, *, full: bool = False, fuse: str = "") -> Life:
        """A process that runs the node; it dies at the fuse."""
        return self._field.life(full_refresh=full, fuses={fuse: "kill"} if fuse else {})

    def stored(self) -> list[Row]:
        """The rows of the target, in order."""
        frame = self._table() if self.format == "sql" else self._field.stored()
        if frame.is_empty():
            return []
        if frame["at"].dtype == pl.String:
            frame = frame.with_columns(pl.col("at").str.to_datetime(time_unit="us"))
        cursors = [(at - START) // timedelta(seconds=1) for at in frame["at"]]
        return sorted(zip(frame["id"], cursors, strict=True))

    def _table(self) -> pl.DataFrame:
        with self._opened() as connection:
            if not sa.inspect(connection).has_table("orders"):
                return pl.DataFrame()
            return pl.read_database("SELECT id, at FROM orders", connection)

    def delete_target(self) -> None:
        """The table, and what lies hidden beside it."""
        for path in self._lake.glob("*orders*"):
            _remove(path)
        with self._opened() as connection, connection.begin():
            connection.execute(sa.text("DROP TABLE IF EXISTS orders"))

    def save_state(self) -> None:
        _copy_database(self._state, self.root / "saved.db")

    def restore_state(self) -> None:
        _copy_database(self.root / "saved.db", self._state)

    def save_target(self) -> None:
        _copy_targets(self._lake, self.root / "saved")
        _copy_database(self._shop, self.root / "saved-shop.db")

    def restore_target(self) -> None:
        _copy_targets(self.root / "saved", self._lake)
        _copy_database(self.root / "saved-shop.db", self._shop)

    def tidy(self) -> None:
        """What keeps a Delta table small: nothing but its newest version is left."""
        table = DeltaTable(str(self._lake / "orders"))
        table.vacuum(0, dry_run=False, enforce_retention_duration=False)
        table.create_checkpoint()
        table.cleanup_metadata()

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(f"sqlite:///{self._shop}", poolclass=sa.NullPool)
        with engine.connect() as connection:
            yield connection


def _copy_database(source: Path, copy: Path) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(copy) as new:
        old.backup(new)
    old.close()
    new.close()


def _copy_targets(source: Path, copy: Path) -> None:
    copy.mkdir(exist_ok=True)
    for path in copy.glob("*orders*"):
        _remove(path)
    for path in source.glob("*orders*"):
        put = shutil.copytree if path.is_dir() else shutil.copy2
        put(path, copy / path.name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
