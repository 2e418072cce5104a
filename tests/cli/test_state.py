"""`odibi-dagster state`: what is remembered is shown, and mended on somebody's word alone."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest

from odibi_dagster.assets.state_url import open_store
from odibi_dagster.state.identity import Identity
from odibi_dagster.state.records import Facts, Intent
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
        validation:
          tests: [{type: not_null, columns: [customer], on_fail: quarantine}]
        write: {connection: lake, format: delta, path: bronze_orders, mode: append}
"""
ORDERS = "bronze/orders"


@pytest.fixture
def shop(cli: Cli) -> Cli:
    """A project whose node has run once."""
    cli.write(PROJECT)
    assert cli("run", "odibi.yaml").code == 0
    return cli


def more(shop: Cli, *ids: int) -> None:
    """Rows that arrive, and the run that takes them."""
    shop.land("orders", id=list(ids), customer=["x"] * len(ids), amount=[1] * len(ids))
    done = shop("run", "odibi.yaml")
    assert done.code == 0, done.err


def state(shop: Cli, action: str, *words: str) -> Answer:
    return shop("state", action, "odibi.yaml", *words)


def ids(shop: Cli) -> list[int]:
    return sorted(pl.read_delta(str(shop.root / "lake/bronze_orders"))["id"].to_list())


def database(shop: Cli) -> Path:
    return shop.root / ".dagster_home/storage/odibi_state.db"


def test_list_names_every_mark(shop: Cli) -> None:
    answer = state(shop, "list")
    head, line = answer.out.splitlines()
    assert head.split() == ["node", "mark", "batch", "last", "change"]
    assert line.split()[:3] == [ORDERS, "3", "1"]


def test_list_and_history_name_a_node_alike(shop: Cli) -> None:
    """Of two with one name, which lie under asset keys of their own."""
    store = open_store(f"sqlite:///{database(shop)}")
    lease = store.acquire(Identity("shop", "bronze", "orders", key_prefix="eu"), "run")
    store.confirm(lease, Intent(1, "run"), Facts(rows=7))
    for action in ("list", "history"):
        lines = state(shop, action).out.splitlines()[1:]
        assert {line.split()[0] for line in lines} == {ORDERS, f"eu/{ORDERS}"}


def test_what_is_no_longer_in_the_file_is_listed_and_kept(shop: Cli) -> None:
    shop.write(PROJECT.replace("name: orders", "name: sales"))
    assert "no node of the file" in state(shop, "list").out
    assert state(shop, "list").out == state(shop, "list").out
    repaired = state(shop, "repair", ORDERS, "--yes")
    assert repaired.code == 4
    assert "state rename" in repaired.err
    assert state(shop, "forget", ORDERS, "--yes").code == 0
    assert state(shop, "list").out == "nothing is remembered yet\n"
    assert ids(shop) == [1, 3], "its data stays"


def test_show_says_what_was_tried(shop: Cli) -> None:
    (shop.root / "lake/orders.parquet").unlink()
    assert shop("run", "odibi.yaml").code != 0
    answer = state(shop, "show", ORDERS)
    assert re.search(r"^mark +3$", answer.out, re.MULTILINE)
    assert re.search(r"^held by +nobody$", answer.out, re.MULTILINE)
    said = [line.split()[2] for line in answer.out.splitlines() if line.startswith("20")]
    assert said == ["failed", "published"]


def test_history_has_the_figures_of_each_batch(shop: Cli) -> None:
    more(shop, 4, 5)
    head, last, first = state(shop, "history", ORDERS).out.splitlines()
    assert head.split() == ["node", "batch", "published", "rows", "quarantined", "bytes",
                            "seconds", "up", "to"]  # fmt: skip
    for line, expected in ((last, ["2", "0", "5"]), (first, ["2", "1", "3"])):
        _, _, _, _, rows, quarantined, size, seconds, upto = line.split()
        assert [rows, quarantined, upto] == expected
        assert int(size.replace(",", "")) > 0
        assert float(seconds) >= 0
    assert len(state(shop, "history", "--limit", "1").out.splitlines()) == 2


def test_nothing_is_changed_without_a_yes(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = (
        ("reset", ORDERS), ("repair", ORDERS), ("rename", ORDERS, "bronze/sales"),
        ("forget", ORDERS), ("prune",),
    )  # fmt: skip
    before = state(shop, "show", ORDERS).out
    for change in changes:
        unasked = state(shop, *change)
        assert (unasked.code, "--yes" in unasked.err) == (2, True), change
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys.stdin, "readline", lambda: "no\n", raising=False)
    for change in changes:
        refused = state(shop, *change)
        assert refused.code == 1, change
        assert "? [y/N]" in refused.out
    assert state(shop, "show", ORDERS).out == before
    monkeypatch.setattr(sys.stdin, "readline", lambda: "y\n", raising=False)
    assert state(shop, "forget", ORDERS).code == 0


@pytest.mark.parametrize(
    ("change", "note"),
    [
        (("reset", ORDERS), "reset"),
        (("reset", ORDERS, "--to", "2"), "reset"),
        (("repair", ORDERS), "repair"),
        (("rename", ORDERS, "bronze/sales"), "rename"),
        (("prune", "--older-than", "0s", "--keep", "1"), "prune"),
    ],
)
def test_every_change_leaves_a_note_of_who_made_it(
    shop: Cli, change: tuple[str, ...], note: str
) -> None:
    more(shop, 4)
    more(shop, 5)
    done = state(shop, *change, "--yes")
    assert done.code == 0, done.err
    name = "bronze/sales" if note == "rename" else ORDERS
    last = next(line for line in state(shop, "show", name).out.splitlines() if line[:2] == "20")
    assert last.split()[2] == note
    assert "cli:" in last


def test_a_node_that_is_forgotten_leaves_a_note(shop: Cli) -> None:
    assert state(shop, "forget", ORDERS, "--yes").code == 0
    shutil.rmtree(shop.root / "lake/bronze_orders")
    more(shop, 1)
    assert " forget " in state(shop, "show", ORDERS).out


def test_a_mark_is_set_and_what_lies_above_it_is_read_again(shop: Cli) -> None:
    assert state(shop, "reset", ORDERS, "--to", "2", "--yes").code == 0
    more(shop, 1, 2, 3)
    assert ids(shop) == [1, 3, 3]


@pytest.mark.parametrize("mark", ["nan", "inf", "yesterday", "2024-13-01"])
def test_what_is_no_mark_is_refused(shop: Cli, mark: str) -> None:
    answer = state(shop, "reset", ORDERS, "--to", mark, "--yes")
    assert (answer.code, "is no mark; write a number" in answer.err) == (2, True)


def test_a_renamed_node_carries_on(shop: Cli) -> None:
    shop.write(PROJECT.replace("name: orders", "name: sales"))
    assert state(shop, "rename", ORDERS, "bronze/sales", "--yes").code == 0
    more(shop, 3, 4)
    assert ids(shop) == [1, 3, 4]
    same = state(shop, "rename", "bronze/sales", "bronze/sales", "--yes")
    assert (same.code, "has that name already" in same.err) == (2, True)


def test_prune_never_forgets_the_newest(shop: Cli) -> None:
    for number in (4, 5, 6):
        more(shop, number)
    assert "0 batches forgotten" in state(shop, "prune", "--yes").out, "400 days, 50 batches"
    assert "3 batches" in state(shop, "prune", "--older-than", "0s", "--keep", "1", "--yes").out
    (line,) = state(shop, "history").out.splitlines()[1:]
    assert line.split()[1] == "4"
    with pytest.raises(SystemExit):
        state(shop, "prune", "--keep", "0", "--yes")


def test_a_state_key_and_the_nodes_name_both_name_it(shop: Cli) -> None:
    """A refusal names the node, which is what `run` takes."""
    assert state(shop, "forget", ORDERS, "--yes").code == 0
    shop.write(PROJECT.replace("column: id", "column: id, state_key: inbox"))
    shutil.rmtree(shop.root / "lake/bronze_orders")
    more(shop, 1)
    for name in (ORDERS, "bronze/inbox"):
        assert "shop/bronze/inbox" in state(shop, "show", name).out
    shutil.rmtree(shop.root / "lake/bronze_orders")
    refused = shop("run", "odibi.yaml")
    assert f"run CONFIG {ORDERS} --full-refresh" in refused.out + refused.err
    assert state(shop, "repair", ORDERS, "--yes").code == 0
    assert shop("run", "odibi.yaml", ORDERS, "--full-refresh").code == 0


def test_rejects_after_a_reset_are_a_batch_of_their_own(shop: Cli) -> None:
    """Numbers begin anew for none of state, target and quarantine: it would hold them already."""
    shutil.rmtree(shop.root / "lake/bronze_orders")
    assert state(shop, "forget", ORDERS, "--yes").code == 0
    shop.land("orders", id=[7, 8], customer=[None, "x"], amount=[1, 1])
    assert shop("run", "odibi.yaml").code == 0
    rejected = pl.read_delta(str(shop.root / "lake/bronze_orders_error"))
    assert sorted(rejected["id"]) == [2, 7]


def test_a_held_node_is_not_changed_under_its_run(shop: Cli) -> None:
    store = open_store(f"sqlite:///{database(shop)}")
    lease = store.acquire(Identity("shop", "bronze", "orders"), "run-17")
    assert "held by run run-17" in state(shop, "list").out
    for action in ("reset", "repair", "forget"):
        answer = state(shop, action, ORDERS, "--yes")
        assert (answer.code, "is being materialized by run run-17" in answer.err) == (1, True)
    store.release(lease)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("show",), "state show takes a PIPELINE/NODE"),
        (("show", "bronze/ordres"), "did you mean 'bronze/orders'?"),
        (("rename", ORDERS), "takes the old and the new PIPELINE/NODE"),
        (("prune", "--older-than", "soon", "--yes"), "soon"),
    ],
)
def test_words_that_make_no_sense(shop: Cli, words: tuple[str, ...], says: str) -> None:
    answer = state(shop, *words)
    assert answer.code == 2
    assert says in answer.err


def test_a_user_without_a_name_may_change_it(shop: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs under a number."""

    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert state(shop, "reset", ORDERS, "--yes").code == 0
    assert "cli:uid" in state(shop, "show", ORDERS).out
