"""Tables reduced to numbers that do not depend on the order of rows, to be compared.

    python -m benchmarks.digest FOLDER NAME=FILE ...

Prints one JSON object: by table the rows, and by column nulls and a sum: of floats the sum itself,
because two tools that add in another order differ in the last digits; of all else the sum of
hashes, where another value is another number. `exact` is the sum over whole rows without floats,
so that values also belong together.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import polars as pl

_KEPT = 2**32
"""Sums of so much of a hash do not overflow 64 bits below four thousand million rows."""


def digest(file: Path) -> dict[str, Any]:
    """Rows, for each column `[nulls, sum]`, and the sum over rows."""
    frame = _scan(file)
    columns = frame.collect_schema()
    plain = frame.select(_plain(name, dtype) for name, dtype in sorted(columns.items()))
    exact = [name for name, dtype in plain.collect_schema().items() if not dtype.is_float()]
    numbers = plain.select(
        pl.len().alias("rows"),
        _hashes(pl.struct(exact)).alias("exact"),
        *(pl.col(name).null_count().alias(f"{name}/nulls") for name in columns),
        # a null has a hash too, and nulls are counted
        *(_hashes(pl.col(name).drop_nulls()).alias(f"{name}/sum") for name in exact),
        *(pl.col(n).sum().alias(f"{n}/sum") for n in columns if n not in exact),
    )
    seen = numbers.collect(engine="streaming").row(0, named=True)
    sums = {name: [seen[f"{name}/nulls"], seen[f"{name}/sum"]] for name in columns}
    return {"rows": seen["rows"], "exact": seen["exact"], "columns": sums}


def _scan(file: Path) -> pl.LazyFrame:
    if (file / "_delta_log").is_dir():
        return pl.scan_delta(str(file))
    return pl.scan_parquet(file, glob=False) if file.is_file() else pl.scan_parquet(file)


def _hashes(values: pl.Expr) -> pl.Expr:
    return (values.hash() % _KEPT).sum()


def _plain(name: str, dtype: pl.DataType) -> pl.Expr:
    """One type for all that tools choose differently for the same values."""
    column = pl.col(name)
    if dtype.is_float() or dtype.is_decimal():
        return column.cast(pl.Float64)
    if dtype.is_integer() or dtype == pl.Boolean:
        return column.cast(pl.Int64)
    if dtype.is_temporal():
        return column.cast(pl.Datetime("us"))
    return column.cast(pl.String)


def main(folder: str, *tables: str) -> None:
    """Print the digests of these tables."""
    named = (table.split("=", 1) for table in tables)
    print(json.dumps({name: digest(Path(folder, file)) for name, file in named}))


if __name__ == "__main__":
    main(*sys.argv[1:])
