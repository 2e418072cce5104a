"""Every refusal names the commands that mend it: each of them is typed, and mends it."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from odibi_dagster.assets.state_url import open_store
from odibi_dagster.state.identity import Identity
from tests.cli.support import Answer, Cli

PROJECT = """\
project: shop
engine: polars
connections: {lake: {type: local, base_path: ./lake}}
pipelines:
  - pipeline: bronze
    nodes:
      - name: orders
        read:
          connection: lake
          format: parquet
          path: orders.parquet
          incremental: {mode: stateful, column: id}
        write: {connection: lake, format: delta, path: stored, mode: append}
environments: {prod: {}}
"""
ORDERS = "bronze/orders"
COMMAND = re.compile(r"'(odibi-dagster [^']+)'")
ANEW = f"run CONFIG {ORDERS} --full-refresh"
REPAIR = f"state repair CONFIG {ORDERS}"


@pytest.fixture
def shop(cli: Cli) -> Cli:
    """A project whose node has run twice, with the state and the table after the first run."""
    cli.write(PROJECT)
    take(cli, 1)
    copy_database(database(cli), cli.root / "old.db")
    shutil.copytree(cli.root / "lake/stored", cli.root / "old")
    take(cli, 1, 2)
    return cli


def land(shop: Cli, *ids: int) -> None:
    shop.land("orders", id=ids, at=[f"2024-01-0{number}" for number in ids])


def take(shop: Cli, *ids: int) -> None:
    land(shop, *ids)
    done = shop("run", "odibi.yaml")
    assert done.code == 0, done.err


def database(shop: Cli) -> Path:
    return shop.root / ".dagster_home/storage/odibi_state.db"


def copy_database(source: Path, copy: Path) -> None:
    with sqlite3.connect(source) as old, sqlite3.connect(copy) as new:
        old.backup(new)
    old.close()
    new.close()


def ids(shop: Cli, name: str = "stored") -> list[int]:
    table = shop.root / "lake" / name
    return sorted(pl.read_delta(str(table))["id"].to_list()) if table.exists() else []


def named(answer: Answer) -> list[str]:
    """The command lines of a refusal, without their first word; the next steps are not of it."""
    said = answer.err + answer.out.partition("Next: ")[0]
    return [line.removeprefix("odibi-dagster ") for line in dict.fromkeys(COMMAND.findall(said))]


def typed(shop: Cli, line: str) -> Answer:
    """A command as a reader types it: with the words that it leaves open."""
    line = line.replace("CONFIG", "odibi.yaml").replace("MARK", "2024-01-02")
    words = shlex.split(line.replace("PIPELINE/NODE", "bronze/sales"))
    return shop(*words, *(["--yes"] if words[0] == "state" else []))


def table_restored(shop: Cli) -> None:
    shutil.rmtree(shop.root / "lake/stored")
    shutil.copytree(shop.root / "old", shop.root / "lake/stored")


def table_gone(shop: Cli) -> None:
    shutil.rmtree(shop.root / "lake/stored")


def state_restored(shop: Cli) -> None:
    copy_database(shop.root / "old.db", database(shop))


def state_lost(shop: Cli) -> None:
    assert shop("state", "forget", "odibi.yaml", ORDERS, "--yes").code == 0


def table_moved(shop: Cli) -> None:
    """The rows moved along."""
    (shop.root / "lake/stored").rename(shop.root / "lake/moved")
    shop.write(PROJECT.replace("stored", "moved"))


def table_named_anew(shop: Cli) -> None:
    """The rows stayed where they were."""
    shop.write(PROJECT.replace("stored", "moved"))


def node_renamed(shop: Cli) -> None:
    shop.write(PROJECT.replace("name: orders", "name: sales"))


def cursor_changed(shop: Cli) -> None:
    shop.write(PROJECT.replace("column: id", "column: at"))


ACCIDENTS: dict[Callable[[Cli], None], list[str]] = {
    table_restored: [REPAIR, ANEW],
    table_gone: [f"state reset CONFIG {ORDERS}", ANEW],
    state_restored: [REPAIR, ANEW],
    state_lost: [REPAIR, ANEW],
    table_moved: [REPAIR, ANEW],
    table_named_anew: [REPAIR, ANEW],
    node_renamed: [
        f"state rename CONFIG {ORDERS} bronze/sales",
        "state repair CONFIG bronze/sales",
        "run CONFIG bronze/sales --full-refresh",
    ],
    cursor_changed: [f"state reset CONFIG {ORDERS} --to MARK", ANEW],
}


@pytest.mark.parametrize(
    ("accident", "number"),
    [
        pytest.param(accident, number, id=f"{accident.__name__}-{command.split(' CONFIG')[0]}")
        for accident, commands in ACCIDENTS.items()
        for number, command in enumerate(commands)
    ],
)
def test_a_refused_run_names_what_mends_it(
    shop: Cli, accident: Callable[[Cli], None], number: int
) -> None:
    """T02, T03."""
    accident(shop)
    place = "moved" if accident in (table_moved, table_named_anew) else "stored"
    land(shop, 1, 2, 3)
    before = ids(shop, place)
    refused = shop("run", "odibi.yaml")
    assert refused.code == 4
    assert named(refused) == ACCIDENTS[accident]
    assert ids(shop, place) == before, "nothing was written"
    done = typed(shop, named(refused)[number])
    assert done.code == 0, done.err
    assert shop("run", "odibi.yaml").code == 0
    assert ids(shop, place) == [1, 2, 3]


@pytest.mark.parametrize("number", [0, 1])
def test_a_repair_that_cannot_see_what_was_read_says_what_can_be_done(
    shop: Cli, number: int
) -> None:
    """No batch is remembered, and the target has not the column."""
    state_lost(shop)
    text = PROJECT.replace("column: id", "column: at")
    shop.write(text.replace("        write:", "        transform: {steps: [{function: drop_columns,"
                            " params: {columns: [at]}}]}\n        write:"))  # fmt: skip
    shutil.rmtree(shop.root / "lake/stored")
    take(shop, 1, 2)
    state_lost(shop)
    land(shop, 1, 2, 3)
    assert named(shop("run", "odibi.yaml"))[0] == REPAIR
    refused = typed(shop, REPAIR)
    assert refused.code == 4
    assert named(refused) == [ANEW, f"state reset CONFIG {ORDERS} --to MARK"]
    assert typed(shop, named(refused)[number]).code == 0
    assert shop("run", "odibi.yaml").code == 0
    assert ids(shop) == [1, 2, 3]


def test_a_table_without_rows_is_filled_by_a_full_refresh(shop: Cli) -> None:
    """As somebody makes it before the first run: there is nothing that a repair could go by."""
    state_lost(shop)
    empty = pl.read_delta(str(shop.root / "lake/stored")).clear()
    shutil.rmtree(shop.root / "lake/stored")
    empty.write_delta(str(shop.root / "lake/stored"))
    assert shop("run", "odibi.yaml").code == 4
    refused = typed(shop, REPAIR)
    assert named(refused)[0] == ANEW
    assert typed(shop, ANEW).code == 0
    assert ids(shop) == [1, 2]


@pytest.mark.parametrize("command", ["rename", "forget"])
def test_a_state_without_a_node_is_named_or_removed(shop: Cli, command: str) -> None:
    node_renamed(shop)
    refused = shop("state", "repair", "odibi.yaml", ORDERS, "--yes")
    lines = {line.split()[1]: line for line in named(refused)}
    assert list(lines) == ["rename", "forget"]
    assert typed(shop, lines[command]).code == 0
    assert f"nothing is remembered of '{ORDERS}'" in typed(shop, f"state show CONFIG {ORDERS}").err


def test_a_node_is_not_renamed_onto_another_one(shop: Cli) -> None:
    rename = f"state rename CONFIG {ORDERS} bronze/sales"
    shop.write(PROJECT.replace("name: orders", "name: sales").replace("stored", "sold"))
    take(shop, 1)
    refused = typed(shop, rename)
    assert (refused.code, named(refused)) == (4, ["state forget CONFIG bronze/sales"])
    assert typed(shop, named(refused)[0]).code == 0
    assert typed(shop, rename).code == 0


def test_a_node_that_was_refused_under_its_new_name_is_renamed(shop: Cli) -> None:
    """By then it has a row that remembers nothing."""
    node_renamed(shop)
    assert shop("run", "odibi.yaml").code == 4
    assert typed(shop, f"state rename CONFIG {ORDERS} bronze/sales").code == 0
    assert len(typed(shop, "state list CONFIG").out.splitlines()) == 2
    take(shop, 1, 2, 3)
    assert ids(shop) == [1, 2, 3]


def test_a_rename_to_a_node_with_a_state_key_goes_to_the_key(shop: Cli) -> None:
    text = PROJECT.replace("name: orders", "name: sales")
    shop.write(text.replace("column: id", "column: id, state_key: inbox"))
    assert typed(shop, f"state rename CONFIG {ORDERS} bronze/sales").code == 0
    take(shop, 1, 2, 3)
    assert ids(shop) == [1, 2, 3]


def test_a_held_node_names_the_command_that_shows_its_holder(shop: Cli) -> None:
    store = open_store(f"sqlite:///{database(shop)}")
    lease = store.acquire(Identity("shop", "bronze", "orders"), "run-17")
    refused = typed(shop, REPAIR)
    assert (refused.code, named(refused)) == (1, [f"state show CONFIG {ORDERS}"])
    assert re.search(r"held by +run-17", typed(shop, named(refused)[0]).out)
    store.release(lease)


def test_the_commands_are_for_the_environment_of_the_run(shop: Cli) -> None:
    (shop.root / "lake/stored").rename(shop.root / "elsewhere")
    assert shop("run", "odibi.yaml", "--env", "prod").code == 0
    shutil.rmtree(shop.root / "lake/stored")
    refused = shop("run", "odibi.yaml", "--env", "prod")
    assert named(refused) == [
        f"state reset CONFIG {ORDERS} --env prod",
        f"run CONFIG {ORDERS} --full-refresh --env prod",
    ]
    assert typed(shop, named(refused)[0]).code == 0
    assert shop("run", "odibi.yaml", "--env", "prod").code == 0
    assert ids(shop) == [1, 2]


def test_a_state_that_does_not_answer_says_how_to_ask_it(shop: Cli) -> None:
    """And the run that it stopped goes on when it does."""
    land(shop, 1, 2, 3)
    copy_database(database(shop), shop.root / "good.db")
    put(shop, b"this is no database" * 99)
    refused = elsewhere(shop, "run", "odibi.yaml")
    assert refused.code == 1
    assert named(refused) == ["state list CONFIG"]
    assert elsewhere(shop, "state", "list", "odibi.yaml").code == 1

    put(shop, (shop.root / "good.db").read_bytes())
    answer = elsewhere(shop, "state", "list", "odibi.yaml")
    assert (answer.code, "bronze/orders" in answer.out) == (0, True)
    assert elsewhere(shop, "run", "odibi.yaml").code == 0
    assert ids(shop) == [1, 2, 3]


def put(shop: Cli, content: bytes) -> None:
    for file in database(shop).parent.glob("odibi_state.db*"):
        file.unlink()
    database(shop).write_bytes(content)


def elsewhere(shop: Cli, *words: str) -> Answer:
    """In a process of its own: this one holds the state open."""
    process = shop.start(*words)
    out, err = process.communicate(timeout=120)
    return Answer(process.returncode, out, err)
