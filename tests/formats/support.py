"""Small words for the tests of formats."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl

from odibi_dagster.connections.base import Location
from odibi_dagster.core.batch import Batch
from odibi_dagster.core.frame import Frame
from odibi_dagster.engines.base import Engine, get_engine
from odibi_dagster.formats.base import Format, Published, formats

POLARS = get_engine("polars")


def format_of(kind: str) -> Format:
    return formats[kind]()


def frame_of(engine: Engine, data: dict[str, list[Any]]) -> Frame:
    """The rows of `data` on any engine."""
    if engine.name == "polars":
        return engine.wrap(pl.DataFrame(data))
    rows = list(zip(*data.values(), strict=True))
    return engine.wrap(engine.session.createDataFrame(rows, list(data)).coalesce(1))


def rows_of(engine: Engine, frame: Frame) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in engine.fetch(frame, 10_000)]


_OTHERS = count(1)


def numbered(name: str | None = None) -> Batch:
    """The batch with the number in its name (`b2`); without a name, one of another owner."""
    return Batch(f"other{next(_OTHERS)}", 1) if name is None else Batch("tests", int(name[1:] or 1))


def write(
    kind: str,
    path: Path,
    frame: Frame,
    *,
    engine: Engine = POLARS,
    batch: str | None = None,
    mode: str = "overwrite",
    partition_by: tuple[str, ...] = (),
    **options: Any,
) -> Published:
    """Stage and publish; without a name of its own every write is another batch."""
    format = format_of(kind)
    staged = format.stage(
        engine,
        frame,
        Location(path),
        batch=numbered(batch),
        mode=mode,
        partition_by=partition_by,
        options=format.write_options.model_validate(options),
    )
    format.vet(engine, staged)
    return format.publish(engine, staged)


def read(
    kind: str,
    path: Path,
    *,
    engine: Engine = POLARS,
    declared: dict[str, nw.dtypes.DType] | None = None,
    **options: Any,
) -> Frame:
    format = format_of(kind)
    return format.scan(
        engine, Location(path), format.read_options.model_validate(options), declared
    )


def hidden(folder: Path) -> list[str]:
    """What staging left behind."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]
