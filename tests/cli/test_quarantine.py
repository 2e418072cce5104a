"""`odibi-dagster quarantine`: what was rejected is shown, and comes back once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from odibi_dagster.assets.run import NodeRun
from odibi_dagster.formats.delta import Delta
from odibi_dagster.formats.parquet import Parquet
from odibi_dagster.formats.sql import Sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.engines.base import Engine
    from tests.cli.support import Answer, Cli

PROJECT = """\
project: shop
engine: {engine}
connections:
  lake: {{type: local, base_path: ./lake}}
  db: {{{db}}}
pipelines:
  - pipeline: p
    nodes:
      - name: orders
        columns: {{mail: {{pii: true}}}}
        read:
          connection: lake
          format: parquet
          path: in.parquet
          incremental: {{mode: stateful, column: id}}
        contracts:
          - {{type: range, column: amount, min: 0, on_fail: quarantine}}
        transform: {{steps: ["SELECT *, amount * 2 AS twice FROM df"]}}
        validation:
          tests:
            - {{type: not_null, columns: [mail], on_fail: quarantine}}
            - {{type: range, column: twice, max: 100, on_fail: quarantine}}
            - {{type: row_count, min: 1}}
        write: {write}
"""
WRITES = {
    "parquet": "{connection: lake, format: parquet, path: out, mode: append}",
    "delta": "{connection: lake, format: delta, path: out, mode: append}",
    "sqlite": "{connection: db, format: sql, table: out, mode: append}",
    "postgres": "{connection: db, format: sql, table: out, mode: append}",
    "mysql": "{connection: db, format: sql, table: out, mode: append}",
    "upsert": "{connection: lake, format: delta, path: out, mode: upsert, options: {keys: [id]}}",
}
FORMATS = {
    "parquet": Parquet,
    "delta": Delta,
    "upsert": Delta,
    **dict.fromkeys(("sqlite", "postgres", "mysql"), Sql),
}
SERVERS = {"postgres": "postgres_url", "mysql": "mariadb_url"}
"""Where the state lies on the same server as the target, by the fixture that starts it."""
INPUT, MAIL, TWICE = "input_range_amount", "not_null_mail", "range_twice"


LAYOUTS = [
    pytest.param(layout, marks=pytest.mark.databases) if layout in SERVERS else layout
    for layout in WRITES
]


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param in SERVERS:
        url = request.getfixturevalue(SERVERS[request.param])
        for name in ("DB", "ODIBI_STATE_URL"):
            monkeypatch.setenv(name, url)
    return str(request.param)


def project(layout: str = "parquet", *, engine: str = "polars", write: str = "") -> str:
    served = layout in SERVERS
    db = f'type: {layout}, url: "${{DB}}"' if served else "type: sqlite, database: lite.db"
    return PROJECT.format(engine=engine, db=db, write=write or WRITES[layout])


def started(
    cli: Cli, layout: str = "parquet", *, engine: str = "polars", starts: Sequence[int] = (1, 11)
) -> Cli:
    """Batches, each with a good row, one that the input rejects and one that a test does."""
    cli.write(project(layout, engine=engine))
    for start in starts:
        cli.land(
            "in",
            id=[start, start + 1, start + 2],
            amount=[5, -7, 9],
            mail=["a@x", "b@x", None],
        )
        done = cli("run", "odibi.yaml")
        assert done.code == 0, done.err
    return cli


def quarantine(cli: Cli, action: str, *words: str) -> Answer:
    return cli("quarantine", action, "odibi.yaml", *words)


def shown(cli: Cli, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        quarantine(cli, "show", "p/orders", "--json", "--limit", "99", *words).out
    )
    return sorted(found, key=lambda row: row["id"])


def published(cli: Cli) -> list[tuple[int, int]]:
    rows = json.loads(cli("show", "odibi.yaml", "p/orders", "--format", "json", "--all").out)
    return sorted((row["id"], row["twice"]) for row in rows)


def corrected(cli: Cli, **changes: Any) -> str:
    """A file with the rejected rows as somebody has corrected them."""
    rows = pl.DataFrame(shown(cli, "--reveal"), infer_schema_length=None)
    rows.with_columns(**changes).write_parquet(cli.root / "corrected.parquet")
    return str(cli.root / "corrected.parquet")


GOOD = {"amount": pl.col("amount").abs(), "mail": pl.lit("c@x"), "twice": pl.col("amount") * 2}


def test_list_says_where_and_how_many(cli: Cli) -> None:
    started(cli)
    (row,) = json.loads(quarantine(cli, "list", "--json").out)
    assert (row["node"], row["rows"], row["batches"]) == ("p/orders", 4, 2)
    assert "out_error" in row["place"]
    assert row["newest"].endswith("+00:00")
    assert "p/orders" in quarantine(cli, "list").out


def test_list_before_anything_was_rejected(cli: Cli) -> None:
    cli.write(project())
    (row,) = json.loads(quarantine(cli, "list", "--json").out)
    assert row["rows"] == 0
    done = quarantine(cli, "show", "p/orders")
    assert (done.code, done.out.strip()) == (0, "nothing of p/orders was rejected yet")
    assert json.loads(quarantine(cli, "show", "p/orders", "--json").out) == []


def test_show_masks_what_nobody_may_see(cli: Cli) -> None:
    started(cli)
    assert [row["mail"] for row in shown(cli)] == ["[masked]", None, "[masked]", None]
    assert [row["mail"] for row in shown(cli, "--reveal")] == ["b@x", None, "b@x", None]


def test_show_by_test_and_batch(cli: Cli) -> None:
    started(cli)
    assert [row["id"] for row in shown(cli, "--test", INPUT)] == [2, 12]
    (first, second) = sorted({row["_source_batch_id"] for row in shown(cli)})
    assert [row["id"] for row in shown(cli, "--batch", second)] == [12, 13]
    assert [row["id"] for row in shown(cli, "--batch", first, "--test", MAIL)] == [3]
    assert shown(cli, "--test", "range_amount") == []


def test_corrected_rows_are_published_once(cli: Cli, layout: str) -> None:
    """Those of the input went through the steps: 7 * 2 is 14."""
    started(cli, layout)
    file = corrected(cli, **GOOD)
    done = quarantine(cli, "replay", "p/orders", "--from", file, "--yes")
    assert done.code == 0, done.err
    expected = [(1, 10), (2, 14), (3, 18), (11, 10), (12, 14), (13, 18)]
    assert published(cli) == expected
    assert shown(cli) == []
    again = quarantine(cli, "replay", "p/orders", "--from", file, "--yes")
    assert again.code == 0
    assert again.out.count("replayed, published before") == 2
    assert published(cli) == expected
    cli.land("in", id=[21], amount=[1], mail=["d@x"])
    assert cli("run", "odibi.yaml").code == 0
    assert published(cli) == [*expected, (21, 2)]


@pytest.mark.parametrize("layout", ["parquet", "delta"])
def test_corrected_rows_of_each_engine(cli: Cli, layout: str, engine: Engine) -> None:
    started(cli, layout, engine=engine.name)
    file = corrected(cli, **GOOD)
    assert quarantine(cli, "replay", "p/orders", "--yes").code == 3
    done = quarantine(cli, "replay", "p/orders", "--from", file, "--yes")
    assert done.code == 0, done.err
    expected = [(1, 10), (2, 14), (3, 18), (11, 10), (12, 14), (13, 18)]
    assert published(cli) == expected
    assert shown(cli) == []
    again = quarantine(cli, "replay", "p/orders", "--from", file, "--yes")
    assert again.out.count("replayed, published before") == 2
    assert published(cli) == expected


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_killed_replay_is_finished_by_the_next(
    cli: Cli, layout: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(cli, layout)
    file = corrected(cli, **GOOD)
    withdraw = FORMATS[layout].withdraw

    def killed(*args: Any) -> None:
        if where == "after":
            withdraw(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(FORMATS[layout], "withdraw", killed)
        assert quarantine(cli, "replay", "p/orders", "--from", file, "--yes").code == 130
    assert published(cli) == [(1, 10), (2, 14), (3, 18), (11, 10)]
    cli.land("in", id=[21], amount=[1], mail=["d@x"])
    assert cli("run", "odibi.yaml").code == 0
    rest = corrected(cli) if where == "before" else corrected(cli, **GOOD)
    first = shown(cli)[0]["_source_batch_id"]
    done = quarantine(cli, "replay", "p/orders", "--from", rest, "--yes", "--batch", first)
    assert done.code == 0, done.err
    assert ("published before" in done.out) == (where == "before")
    if where == "before":
        assert published(cli) == [(1, 10), (2, 14), (3, 18), (11, 10), (21, 2)]
    else:
        assert published(cli)[3:] == [(11, 10), (12, 14), (13, 18), (21, 2)]


def test_a_replay_killed_between_two_batches_is_finished_by_the_same_command(
    cli: Cli, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(cli, layout)
    words = ("replay", "p/orders", "--from", corrected(cli, **GOOD), "--yes")
    withdraw = FORMATS[layout].withdraw

    def killed(*args: Any) -> None:
        withdraw(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(FORMATS[layout], "withdraw", killed)
        assert quarantine(cli, *words).code == 130
    assert len(published(cli)) == 4
    done = quarantine(cli, *words)
    assert done.code == 0, done.err
    assert published(cli) == [(1, 10), (2, 14), (3, 18), (11, 10), (12, 14), (13, 18)]
    assert shown(cli) == []


def test_a_batch_that_never_was_changes_nothing(cli: Cli) -> None:
    started(cli)
    before = published(cli), shown(cli)
    file = corrected(cli, **GOOD)
    own = pl.read_parquet(file)
    for batch, code in ((pl.lit("zz"), "no batch 'zz'"), (pl.lit(None, pl.String), "have no _so")):
        pl.concat([own, own.head(1).with_columns(_source_batch_id=batch)]).write_parquet(file)
        done = quarantine(cli, "replay", "p/orders", "--from", file, "--yes")
        assert done.code == 2
        assert code in done.err
        assert (published(cli), shown(cli)) == before


def test_what_is_still_broken_changes_nothing(cli: Cli, layout: str) -> None:
    started(cli, layout)
    before = published(cli), shown(cli)
    done = quarantine(cli, "replay", "p/orders", "--yes")
    assert done.code == 3
    assert f"nothing was replayed; {INPUT}: 1 of 1 row broken: 0 <= amount" in done.err
    half = corrected(cli, amount=pl.col("amount").abs())
    done = quarantine(cli, "replay", "p/orders", "--yes", "--from", half)
    assert f"{MAIL}: 1 of 2 rows broken" in done.err
    assert (published(cli), shown(cli)) == before


def test_rows_corrected_in_their_place(cli: Cli) -> None:
    started(cli)
    for path in (cli.root / "lake" / "out_error").glob("*.parquet"):
        pl.read_parquet(path).with_columns(**GOOD).write_parquet(path)
    done = quarantine(cli, "replay", "p/orders", "--yes")
    assert done.code == 0, done.err
    assert published(cli) == [(1, 10), (2, 14), (3, 18), (11, 10), (12, 14), (13, 18)]


def test_one_batch_from_a_file_that_says_nothing_of_batches(cli: Cli) -> None:
    started(cli)
    second = shown(cli)[-1]["_source_batch_id"]
    file = cli.root / "own.csv"
    file.write_text(f"id,amount,mail,_failed_tests\n12,4,z@x,{INPUT}\n")
    words = ("replay", "p/orders", "--yes", "--from", str(file))
    assert "add _source_batch_id, or --batch ID" in quarantine(cli, *words).err
    done = quarantine(cli, *words, "--batch", second)
    assert done.code == 0, done.err
    assert published(cli) == [(1, 10), (11, 10), (12, 8)]
    assert [row["id"] for row in shown(cli)] == [2, 3]


def test_of_a_node_with_privacy_a_file_brings_input_rows(cli: Cli) -> None:
    text = project()
    cli.write(text.replace("        write:", "        privacy: {method: redact}\n        write:"))
    cli.land("in", id=[1, 2, 3], amount=[5, -7, 9], mail=["a@x", "b@x", None])
    assert cli("run", "odibi.yaml").code == 0
    pl.DataFrame({"id": [2, 3], "amount": [7, 9], "mail": ["b@x", "c@x"]}).write_csv(
        cli.root / "own.csv"
    )
    words = ("replay", "p/orders", "--yes", "--from", str(cli.root / "own.csv"))
    done = quarantine(cli, *words)
    assert done.code == 0, done.err
    assert published(cli) == [(1, 10), (2, 14), (3, 18)]
    stored = pl.read_parquet(cli.root / "lake" / "out" / "*.parquet")
    assert set(stored["mail"]) == {"[REDACTED]"}


def test_rows_go_into_a_csv_file_as_well(cli: Cli) -> None:
    text = project(write="{connection: lake, format: csv, path: out.csv, mode: append}")
    place = "          quarantine: {connection: lake, path: bad}\n        write:"
    cli.write(text.replace("        write:", place))
    cli.land("in", id=[1, 2, 3], amount=[5, -7, 9], mail=["a@x", "b@x", None])
    assert cli("run", "odibi.yaml").code == 0
    done = quarantine(cli, "replay", "p/orders", "--from", corrected(cli, **GOOD), "--yes")
    assert done.code == 0, done.err
    assert published(cli) == [(1, 10), (2, 14), (3, 18)]


def test_a_column_that_is_missing_is_named(cli: Cli) -> None:
    started(cli)
    first = shown(cli)[0]["_source_batch_id"]
    (cli.root / "own.csv").write_text(f"id,mail,_failed_tests\n2,z@x,{INPUT}\n")
    words = ("replay", "p/orders", "--yes", "--batch", first)
    done = quarantine(cli, *words, "--from", str(cli.root / "own.csv"))
    assert done.code == 4
    assert "the rows to replay lack amount; found: id, mail" in done.err


def test_an_unfinished_full_refresh_comes_first(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is going to replace the target, and the rows with it."""
    started(cli)
    file = corrected(cli, **GOOD)

    def fails(*_: Any) -> None:
        msg = "the disk is gone"
        raise OSError(msg)

    with monkeypatch.context() as broken:
        broken.setattr(NodeRun, "_publish", fails)
        assert cli("run", "odibi.yaml", "--full-refresh").code != 0
    before = published(cli)
    done = quarantine(cli, "replay", "p/orders", "--from", file, "--yes")
    assert done.code == 4
    assert "a full refresh was begun and not finished; run the node first" in done.err
    assert published(cli) == before


def test_it_is_noted_who_did_it(cli: Cli) -> None:
    started(cli)
    quarantine(cli, "replay", "p/orders", "--from", corrected(cli, **GOOD), "--yes")
    assert "2 rows published" in cli("state", "show", "odibi.yaml", "p/orders").out


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("mode: append", "mode: overwrite", "every run replaces it and judges all rows anew"),
        ("format: parquet, path: out", "format: csv, path: out.csv", "a quarantine in csv"),
        (
            "        write:",
            "          quarantine: {add_columns: {failed_tests: false}}\n        write:",
            "write add_columns: {failed_tests: true}",
        ),
        (
            "        write:",
            "        privacy: {method: hash}\n        write:",
            "were anonymised before they were set aside",
        ),
    ],
)
def test_what_cannot_be_replayed_says_why(cli: Cli, old: str, new: str, expected: str) -> None:
    text = project()
    started(cli)
    cli.write(text.replace(old, new))
    done = quarantine(cli, "replay", "p/orders", "--yes")
    assert done.code == 2
    assert expected in done.err


def test_it_is_asked_for_first(cli: Cli) -> None:
    started(cli)
    done = quarantine(cli, "replay", "p/orders", "--from", corrected(cli, **GOOD))
    assert done.code == 2
    assert "nobody is there to ask whether to replay 2 batches of p/orders; --yes" in done.err
    assert "has no quarantine" not in done.err


def test_a_node_that_is_not_there(cli: Cli) -> None:
    started(cli)
    assert "no node 'p/oders'; did you mean 'p/orders'?" in quarantine(cli, "show", "p/oders").err
