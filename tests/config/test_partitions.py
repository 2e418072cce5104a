"""Partitions in the file: which keys there are, who must write `{partition}`, who may read whom."""

from __future__ import annotations

from pathlib import Path

import pytest

from odibi_dagster.config.partitions import Partitions
from odibi_dagster.config.project import Stored, Upstream
from odibi_dagster.connections.database import TableLocation
from odibi_dagster.core.names import NodeId
from tests.config.project import HEAD, load, nodes, only, place, problem, problems

DAILY = "{daily: {start: 2026-01-01}}"
READ = "read: {connection: lake, format: parquet, path: 'in/{partition}.parquet'}"


def write(path: str, format: str = "parquet") -> str:
    return f"write: {{connection: lake, format: {format}, path: '{path}'}}"


def node(name: str, *keys: str, partitions: str | None = DAILY) -> str:
    said = [f"dagster: {{partitions: {partitions}}}"] if partitions else []
    lines = [f"- name: {name}", *(f"  {key}" for key in (*keys, *said))]
    return "\n".join(lines) + "\n"


ORDERS = node("orders", READ, write("orders/{partition}.parquet"))


@pytest.mark.parametrize(
    ("partitions", "said"),
    [
        ("{}", "one of hourly, daily, weekly, monthly, static; found none of them"),
        ("{daily: {start: 2026-01-01}, static: [a]}", "found daily and static"),
        ("{daily: {}}", "missing key 'start'"),
        ("{daily: {start: 20260101}}", "expected a date such as 2026-01-31, found 20260101"),
        ("{daily: {start: 2026-01-01T06:00}}", "start"),
        ("{daily: {start: 2026-01-02, end: 2026-01-02}}", "is not after start"),
        ("{monthly: {start: 2026-01-15}}", "a month begins on its first day; write 2026-01-01"),
        ("{hourly: {start: '2026-01-01T06:30'}}", "write a full hour of dagster.timezone"),
        ("{hourly: {start: '2026-01-01T06:00Z'}}", "write a full hour of dagster.timezone"),
        ("{static: []}", "static"),
        ("{static: [no]}", "quote it"),
        ("{static: [../up]}", "'../up' cannot be a partition"),
        ("{static: [a--b]}", "'a--b' cannot be a partition"),
        ("{static: ['a b']}", "'a b' cannot be a partition"),
        ("{static: [.a]}", "'.a' cannot be a partition"),
        ("{static: [de, de]}", "'de' is listed twice"),
        ("{static: [de, DE]}", "'DE' differs from 'de' only in case"),
        ("{static: [de, de_error]}", "'de_error' is where the rejected rows of 'de' would go"),
        ("{yearly: {start: 2026-01-01}}", "unknown key 'yearly'"),
    ],
)  # fmt: skip
def test_what_is_refused(tmp_path: Path, partitions: str, said: str) -> None:
    text = node("orders", READ, write("{partition}.parquet"), partitions=partitions)
    found = problems(tmp_path, nodes(text))
    assert any(said in each.message for each in found), [str(each) for each in found]
    assert all(each.line == 11 for each in found)


@pytest.mark.parametrize(
    ("partitions", "keys", "others"),
    [
        (DAILY, ["2026-01-01", "2030-12-31"],
         ["2025-12-31", "2026-1-1", "2026-01-01_error", "2026-01-01-0600", "x"]),
        ("{daily: {start: 2026-01-01, end: 2026-01-03}}", ["2026-01-02"], ["2026-01-03"]),
        ("{hourly: {start: '2026-01-01T06:00'}}", ["2026-01-01-06", "2026-10-25-02+0100"],
         ["2026-01-01-05", "2026-01-01", "2026-01-01-06_error"]),
        ("{monthly: {start: 2026-01-01}}", ["2026-02-01"],
         ["2025-12-01", "2026-02", "2026-02-02"]),
        ("{weekly: {start: 2026-01-05}}", ["2026-01-05", "2026-01-12"],
         ["2026-01-04", "2026-01-13"]),
        ("{static: [de, a-t]}", ["de", "a-t"], ["ch", "DE"]),
    ],
)  # fmt: skip
def test_what_is_a_key(tmp_path: Path, partitions: str, keys: list[str], others: list[str]) -> None:
    found = only(
        tmp_path, node("orders", READ, write("{partition}.parquet"), partitions=partitions)
    ).partitions
    assert isinstance(found, Partitions)
    assert [key for key in (*keys, *others) if found.has(key)] == keys


def test_a_pipeline_says_it_for_its_nodes_and_a_node_for_itself(tmp_path: Path) -> None:
    text = (
        ORDERS.replace(f"  dagster: {{partitions: {DAILY}}}\n", "")
        + node("view", "depends_on: [orders]", partitions=None)
        + node("none", "depends_on: [orders]", write("all.parquet"), partitions="null")
    )
    body = nodes(text).replace(
        "  - pipeline: p\n", f"  - pipeline: p\n    dagster: {{partitions: {DAILY}}}\n"
    )
    found = {each.id.name: each.partitions for each in load(tmp_path, body).nodes.values()}
    assert found["orders"] == found["view"] != None  # noqa: E711
    assert found["none"] is None


def test_one_partition_of_a_project(tmp_path: Path) -> None:
    """Every place, text and table of a node, and of those it reads, is that of the key."""
    text = nodes(
        ORDERS.replace(
            "  write:",
            "  validation: {tests: [{type: custom_sql, name: 'of_{partition}', "
            "condition: \"day = '{partition}'\", on_fail: quarantine}]}\n  write:",
        )
        + node(
            "copy",
            "inputs: {o: $p.orders, t: {connection: db, format: sql, "
            "query: \"SELECT 1 AS a WHERE '{partition}' > '2'\"}}",
            "transform: {steps: [\"SELECT *, '{partition}' AS day FROM o\"]}",
            "write: {connection: db, format: sql, table: 'copy_{partition}'}",
        )
    ).replace("pipelines:", "  db: {type: sqlite, path: shop.db}\npipelines:")
    project = load(tmp_path, text)
    day = project.at("2026-01-02")
    orders, copy = (day.nodes[NodeId("p", name)] for name in ("orders", "copy"))
    lake = tmp_path / "lake"
    assert orders.partition == "2026-01-02"
    source = orders.sources["df"]
    assert isinstance(source, Stored)
    assert source.location.path == lake / "in/2026-01-02.parquet"
    assert orders.target is not None
    assert orders.target.location.path == lake / "orders/2026-01-02.parquet"
    assert orders.quarantine is not None
    assert orders.quarantine.target.location.path == lake / "orders/2026-01-02_error.parquet"
    (contract,) = orders.tests
    assert contract.check_name == project.nodes[orders.id].tests[0].check_name
    assert getattr(contract, "condition").text == "day = '2026-01-02'"  # noqa: B009
    assert copy.sources["o"] == Upstream(orders.id)
    (step,) = copy.steps
    assert "'2026-01-02' AS day" in getattr(step, "query").tree.sql()  # noqa: B009
    table, query = copy.target, copy.sources["t"]
    assert table is not None
    assert isinstance(query, Stored)
    assert isinstance(table.location, TableLocation)
    assert isinstance(query.location, TableLocation)
    assert table.location.name == "copy_2026-01-02"
    assert query.location.query == "SELECT 1 AS a WHERE '2026-01-02' > '2'"
    other = project.at("2026-01-03").nodes[copy.id].sources["t"]
    assert isinstance(other, Stored)
    assert other.location.path != query.location.path, "rows on their way stay apart"
    assert project.nodes[orders.id].partition is None


def test_a_node_without_place_gets_one_for_each(tmp_path: Path) -> None:
    found = only(tmp_path, node("orders", READ, "cache: true"))
    assert found.target is not None
    assert found.target.location.path.parts[-2:] == ("orders", "{partition}.parquet")


def test_partitions_would_replace_each_other(tmp_path: Path) -> None:
    text = node("orders", READ, write("orders.parquet"))
    found = problem(tmp_path, nodes(text))
    assert "write {partition} in its place, such as path: orders/{partition}.parquet" in str(found)
    assert place(found) == "10:16"
    table = text.replace(
        write("orders.parquet"), "write: {connection: db, format: sql, table: orders}"
    )
    body = nodes(table).replace("pipelines:", "  db: {type: sqlite, path: shop.db}\npipelines:")
    assert "such as table: orders_{partition}" in str(problem(tmp_path, body))


def test_rejected_rows_would_replace_each_other(tmp_path: Path) -> None:
    text = node(
        "orders", READ, write("orders/{partition}.parquet"),
        "validation:",
        "  tests: [{type: not_null, columns: [id], on_fail: quarantine}]",
        "  quarantine: {connection: lake, path: rejected.parquet}",
    )  # fmt: skip
    found = problem(tmp_path, nodes(text))
    assert "path: rejected/{partition}.parquet" in str(found)
    assert found.line == 13


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ([READ, write("a.parquet")], 9),
        ([READ.replace("{partition}", "x"), write("{partition}.parquet")], 10),
        ([READ.replace("{partition}", "x"), "transform: {steps: [\"SELECT '{partition}' AS a\"]}"],
         10),
    ],
)  # fmt: skip
def test_a_node_without_partitions_has_no_key(tmp_path: Path, keys: list[str], line: int) -> None:
    found = problem(tmp_path, nodes(node("orders", *keys, partitions=None)))
    assert "{partition} in a node without partitions; write dagster: {partitions:" in str(found)
    assert found.line == line


def test_a_key_in_a_query_is_a_text(tmp_path: Path) -> None:
    def query(text: str) -> str:
        read = f'read: {{connection: db, format: sql, query: "{text}"}}'
        body = nodes(node("orders", read, write("{partition}.parquet")))
        return body.replace("pipelines:", "  db: {type: sqlite, path: shop.db}\npipelines:")

    found = problem(tmp_path, query("SELECT * FROM t WHERE day = {partition}"))
    assert "{partition} is a text to a database; write '{partition}'" in str(found)
    load(tmp_path, query("SELECT * FROM t WHERE day = '{partition}'"))
    load(tmp_path, query("SELECT * FROM t_{partition}"))
    load(tmp_path, query("SELECT * FROM t WHERE name LIKE 'day {partition} %'"))


def other(text: str) -> str:
    """Another pipeline."""
    lines = text.strip("\n").split("\n")
    return "  - pipeline: q\n    nodes:\n" + "".join(f"      {line}\n" for line in lines)


def test_other_partitions_are_never_read(tmp_path: Path) -> None:
    """Also not through a view."""
    monthly = "{monthly: {start: 2026-01-01}}"
    view = node("view", "inputs: {o: $p.orders}", partitions=None)
    for upstream in ("$p.orders", "$q.view"):
        late = node(
            "late", f"inputs: {{o: {upstream}}}", write("l/{partition}"), partitions=monthly
        )
        text = nodes(ORDERS) + other(view + late)
        found = problem(tmp_path, text)
        assert (
            "reads node 'orders', which has partitions daily from 2026-01-01, and this node has "
            "monthly from 2026-01-01" in str(found)
        )


def test_a_view_with_partitions_is_never_one_table(tmp_path: Path) -> None:
    view = node("view", "depends_on: [orders]")
    text = nodes(ORDERS + view) + other(
        node("all", "inputs: {o: $p.view}", write("all.parquet"), partitions=None)
    )
    assert "reads node 'view', a view with partitions" in str(problem(tmp_path, text))


def test_tables_of_a_database_are_not_listed(tmp_path: Path) -> None:
    stored = "write: {connection: db, format: sql, table: 'o_{partition}'}"
    for partitions, refused in ((DAILY, True), ("{static: [de, at]}", False)):
        text = nodes(node("orders", READ, stored, partitions=partitions)) + other(
            node("all", "inputs: {o: $p.orders}", write("all.parquet"), partitions=None)
        )
        text = text.replace("pipelines:", "  db: {type: sqlite, path: shop.db}\npipelines:")
        if refused:
            assert "tables of a database that cannot be listed" in str(problem(tmp_path, text))
        else:
            load(tmp_path, text)


def test_a_pipeline_has_one_kind_of_partitions(tmp_path: Path) -> None:
    text = ORDERS + node("b", READ, write("b/{partition}"), partitions="{static: [de]}")
    found = problem(tmp_path, nodes(text))
    assert "one run has one key: move it to another pipeline" in str(found)
    assert found.line == HEAD.count("\n") + 8


def test_the_same_rows_in_each_are_told(tmp_path: Path) -> None:
    read = READ.replace("{partition}", "x")
    project = load(tmp_path, nodes(node("orders", read, write("orders/{partition}.parquet"))))
    (warning,) = project.warnings
    assert "every partition will hold the same rows" in warning.message
    assert not load(tmp_path, nodes(ORDERS)).warnings


def test_a_place_that_is_a_partition_of_another_node(tmp_path: Path) -> None:
    def fixed(name: str) -> str:
        return node("b", READ.replace("{partition}", "x"), write(name), partitions=None)

    found = problem(tmp_path, nodes(ORDERS + fixed("orders/2026-03-01.parquet")))
    assert "both write" in str(found)
    assert "which is partition 2026-03-01 of it" in str(found)
    assert found.line == 14
    load(tmp_path, nodes(ORDERS + fixed("orders/2025-03-01.parquet")))
    load(tmp_path, nodes(ORDERS + fixed("orders/2026-03-01.csv")))
