from __future__ import annotations

import csv
import datetime as dt
import doctest
import io
import json
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from odibi_dagster.cli import rows
from odibi_dagster.engines.base import Engine
from tests.cli.support import PROJECT, Cli

VALUES = """\
project: shop
engine: polars
connections: {lake: {type: local, base_path: ./lake}}
pipelines:
  - pipeline: p
    nodes:
      - name: kinds
        read: {connection: lake, format: parquet, path: kinds.parquet}
"""


@pytest.fixture
def stored(cli: Cli) -> Cli:
    """What a run would have stored, without the run."""
    cli.land("silver_orders", id=[1, 3], customer=["a", "c"], amount=[10, 300])
    cli.land("rejected", id=[2], customer=[None], amount=[20], _failed_tests=["not_null"])
    return cli


@pytest.fixture
def kinds(cli: Cli) -> Cli:
    """One column of every kind, in a view."""
    moment = dt.datetime(2013, 1, 31, 5, 17, 0, 250_000)
    frame = pl.DataFrame(
        {
            "large": [2**63 - 1, None],
            "price": [Decimal("1.50"), None],
            "share": [float("nan"), float("inf")],
            "day": [dt.date(2013, 1, 31), None],
            "at": [moment, None],
            "zoned": [moment.replace(tzinfo=dt.UTC), None],
            "clock": [dt.time(5, 17), None],
            "lasted": [dt.timedelta(hours=1.5), dt.timedelta(seconds=-0.25)],
            "raw": [b"\x00\xff", None],
            "flag": [True, None],
            "text": ['say "hi",\nthen\x1b[31m go', ""],
            "tags": [["a", "b"], None],
            "place": [{"lat": 1.5, "name": "Ü"}, None],
        }
    )
    (cli.root / "lake").mkdir(exist_ok=True)
    frame.write_parquet(cli.root / "lake" / "kinds.parquet")
    cli.write(VALUES)
    return cli


def test_json_is_an_array_of_rows_and_nothing_else(stored: Cli) -> None:
    answer = stored("show", "odibi.yaml", "silver/orders", "--format", "json")
    assert (answer.code, answer.err) == (0, "")
    assert json.loads(answer.out) == [
        {"id": 1, "customer": "a", "amount": 10},
        {"id": 3, "customer": "c", "amount": 300},
    ]


def test_a_view_is_computed_and_a_quarantine_read(stored: Cli) -> None:
    answer = stored("show", "odibi.yaml", "gold/large", "--format", "json", "--all")
    assert [row["id"] for row in json.loads(answer.out)] == [1, 3]
    answer = stored("show", "odibi.yaml", "silver/orders__quarantine", "--format", "json")
    assert json.loads(answer.out)[0]["_failed_tests"] == "not_null"


def test_json_keeps_every_digit_and_has_null_for_what_it_cannot_say(kinds: Cli) -> None:
    answer = kinds("show", "odibi.yaml", "p/kinds", "--format", "json")
    first, second = json.loads(answer.out)
    assert first == {
        "large": 9223372036854775807,
        "price": "1.50",
        "share": None,
        "day": "2013-01-31",
        "at": "2013-01-31T05:17:00.250000",
        "zoned": "2013-01-31T05:17:00.250000+00:00",
        "clock": "05:17:00",
        "lasted": "PT5400S",
        "raw": "AP8=",
        "flag": True,
        "text": 'say "hi",\nthen\x1b[31m go',
        "tags": ["a", "b"],
        "place": {"lat": 1.5, "name": "Ü"},
    }
    assert second["lasted"] == "-PT0.25S"
    assert {name for name, value in second.items() if value is not None} == {"lasted", "text"}


def test_csv_reads_back_as_it_was(kinds: Cli) -> None:
    answer = kinds("show", "odibi.yaml", "p/kinds", "--format", "csv", "--all")
    first, second = csv.DictReader(io.StringIO(answer.out))
    assert first["text"] == 'say "hi",\nthen\x1b[31m go'
    assert first["share"] == "NaN"
    assert second["share"] == "inf"
    assert json.loads(first["place"]) == {"lat": 1.5, "name": "Ü"}
    back = pl.read_csv(io.StringIO(answer.out), columns=["large", "text", "flag"])
    assert back["large"].to_list() == [9223372036854775807, None]
    assert back["text"].to_list()[1] == ""
    assert back["flag"].to_list() == [True, None]


def test_the_examples_of_the_writers_hold() -> None:
    assert doctest.testmod(rows).failed == 0
    assert doctest.testmod(rows).attempted >= 3


def test_a_table_cannot_move_the_cursor(kinds: Cli) -> None:
    answer = kinds("show", "odibi.yaml", "p/kinds")
    assert "\x1b" not in answer.out
    assert "then\\x1b[31m go" in answer.out
    assert len(answer.out.splitlines()) == 4


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_no_rows_still_have_a_shape(cli: Cli, format: str) -> None:
    cli.land("silver_orders", id=[], customer=[])
    for amount in (["--all"], ["--limit", "0"]):
        answer = cli("show", "odibi.yaml", "silver/orders", "--format", format, *amount)
        expected = {"csv": "id,customer\n", "json": "[]\n", "table": "id  customer\n--  --------\n"}
        assert answer.out == expected[format]


def test_the_limit_and_how_many_more(cli: Cli) -> None:
    cli.land("silver_orders", id=list(range(1500)), customer=["x"] * 1500)
    answer = cli("show", "odibi.yaml", "silver/orders")
    assert len(answer.out.splitlines()) == 22
    assert "1,480 more of 1,500 rows" in answer.err
    assert (
        len(json.loads(cli("show", "odibi.yaml", "silver/orders", "--all", "--format", "json").out))
        == 1500
    )
    assert len(cli("show", "odibi.yaml", "silver/orders", "--limit", "3").out.splitlines()) == 5


def test_a_limit_is_a_number_of_rows(cli: Cli, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli("show", "odibi.yaml", "silver/orders", "--limit", "-1")
    assert "'-1' is no number of rows; write 0 or more, or --all" in capsys.readouterr().err


def test_the_plan_of_a_stored_node_is_that_of_its_steps(stored: Cli) -> None:
    stored.land("orders", **stored.ORDERS)
    answer = stored("show", "odibi.yaml", "silver/orders", "--plan")
    assert "orders.parquet" in answer.out
    assert "silver_orders" not in answer.out
    answer = stored("show", "odibi.yaml", "gold/answers", "--plan")
    assert "silver_orders.parquet" in answer.out


@pytest.mark.parametrize(
    ("node", "code", "message"),
    [
        ("silver/ordres", 2, "no node 'silver/ordres'; did you mean 'silver/orders'?"),
        ("gold/answers__quarantine", 4, "gold/answers has no quarantine"),
        ("gold/answers", 4, "is not stored yet"),
        ("silver/orders__quarantine", 4, "rejected.parquet"),
    ],
)
def test_what_is_not_there_is_named(cli: Cli, node: str, code: int, message: str) -> None:
    answer = cli("show", "odibi.yaml", node)
    assert answer.code == code
    assert answer.out == ""
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_a_node_name_that_is_unique_needs_no_pipeline(stored: Cli) -> None:
    assert stored("show", "odibi.yaml", "orders", "--limit", "1").code == 0
    stored.write(PROJECT.replace("name: large", "name: orders").replace("[large]", "[orders]"))
    answer = stored("show", "odibi.yaml", "orders")
    assert "'orders' could be silver/orders or gold/orders" in answer.err


def test_a_reader_that_leaves_is_no_error(cli: Cli) -> None:
    cli.land("silver_orders", id=list(range(200_000)), customer=["x" * 20] * 200_000)
    with cli.start("show", "odibi.yaml", "silver/orders", "--all", "--format", "csv") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "id,customer\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=60) == 0


def test_batches_hold_every_row_once(engine: Engine, tmp_path: Path) -> None:
    pl.DataFrame({"n": range(25)}).write_parquet(tmp_path / "n.parquet")
    frame = engine.scan("parquet", [tmp_path / "n.parquet"])
    batches = list(engine.fetch_batches(frame, 10))
    assert max(map(len, batches)) <= 10
    assert sorted(row["n"] for batch in batches for row in batch) == list(range(25))


def test_personal_and_sensitive_columns_are_masked(stored: Cli) -> None:
    """A null is still one, and whoever asks for the values gets them."""
    stored.write(PROJECT.replace("- name: orders", "- name: orders\n        sensitive: [customer]"))
    answer = stored("show", "odibi.yaml", "silver/orders", "--format", "json")
    assert [row["customer"] for row in json.loads(answer.out)] == ["[masked]", "[masked]"]
    assert "masked: customer; --reveal shows them" in answer.err
    rejected = stored("show", "odibi.yaml", "silver/orders__quarantine", "--format", "json")
    assert json.loads(rejected.out)[0]["customer"] is None
    revealed = stored("show", "odibi.yaml", "silver/orders", "--format", "json", "--reveal")
    assert [row["customer"] for row in json.loads(revealed.out)] == ["a", "c"]
    assert "masked" not in revealed.err
