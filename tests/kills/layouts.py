"""Each layout of a target: how odibi.yaml names it, and how it is read without the library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa

LAKE = "{type: local, base_path: ./lake}"


def connection_of(state_url: str) -> tuple[str, str]:
    """Where SQL targets lie, as odibi.yaml and as SQLAlchemy name it: beside the state."""
    match sa.make_url(state_url).get_backend_name():
        case "sqlite":
            file = str(Path(sa.make_url(state_url).database or "").with_name("shop.db"))
            return f"{{type: sqlite, database: {file}}}", f"sqlite:///{file}"
        case "postgresql":
            return f'{{type: postgres, url: "{state_url}"}}', state_url
        case _:
            return f'{{type: mysql, url: "{state_url}"}}', state_url


@dataclass(frozen=True)
class Layout:
    """One way to store a table."""

    write: str
    """What stands in `write:` of odibi.yaml, but the mode."""
    inside: str
    """A function of the library that publishing calls between what is staged and visible."""
    end: bool
    """Whether that moment is the end of the function, or its beginning."""
    read: Callable[[Path, str, str], pl.DataFrame]
    """The rows of a target in this folder or that database, by the name of the target."""
    locks: bool = True
    """Whether one who sleeps at that moment keeps others from publishing."""


def _folder(reader: Callable[[Path], pl.DataFrame]) -> Callable[[Path, str, str], pl.DataFrame]:
    def read(lake: Path, _: str, name: str) -> pl.DataFrame:
        path = lake / name
        return reader(path) if path.exists() else pl.DataFrame({"id": []})

    return read


def _table(_: Path, url: str, name: str) -> pl.DataFrame:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table(name):
            return pl.DataFrame({"id": []})
        ids = connection.execute(sa.text(f"SELECT id FROM {name}")).scalars().all()
        return pl.DataFrame({"id": ids})


LAYOUTS = {
    "delta": Layout(
        "connection: lake, format: delta, path: orders",
        "odibi_dagster.formats.delta:commit",
        end=False,
        read=_folder(lambda path: pl.read_delta(str(path))),
        locks=False,
    ),
    "growing delta": Layout(
        "connection: lake, format: delta, path: orders",
        # the commit is there, and not yet brought to the disk
        "odibi_dagster.formats.delta_commit:_sync_new",
        end=False,
        read=_folder(lambda path: pl.read_delta(str(path))),
        locks=False,
    ),
    "parquet": Layout(
        "connection: lake, format: parquet, path: orders",
        "odibi_dagster.formats.batches:_final_names",
        end=True,
        read=_folder(lambda path: pl.read_parquet(sorted(path.glob("*.parquet")) or path)),
    ),
    "csv": Layout(
        "connection: lake, format: csv, path: orders",
        "odibi_dagster.formats.ledger:announce",
        end=True,
        read=_folder(pl.read_csv),
    ),
    "sql": Layout(
        "connection: shop, format: sql, table: orders",
        "odibi_dagster.formats.database.published:record",
        end=False,
        read=_table,
    ),
}
