"""Measured runs become ratios, verdicts and a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.__main__ import main
from benchmarks.goals import GOALS
from benchmarks.model import Contender, Goal
from benchmarks.page import page, verdicts
from benchmarks.results import Result, Run, judged, load
from benchmarks.runner import Bench

if TYPE_CHECKING:
    from pathlib import Path

GOAL = GOALS["medallion"]


def run(contender: str, repeat: int, wall: float) -> Run:
    return Run(contender, repeat, {"wall": wall, "cpu": 2 * wall, "memory": 1e9})


@pytest.fixture
def result() -> Result:
    runs = [
        run(name, repeat, wall)
        for repeat, walls in enumerate([(11, 10), (12, 10), (30, 20)])
        for name, wall in zip(("ours", "polars"), walls, strict=True)
    ]
    return Result(
        "medallion",
        10_000_000,
        "2026-01-31",
        "a machine",
        {"here": "polars 9"},
        [*runs, run("duckdb", 0, 5)],
    )


def test_ratios_are_taken_turn_by_turn(result: Result):
    found = judged(result, GOAL.claims[0])
    assert found is not None
    assert (found.median, found.least, found.most) == (1.2, 1.1, 1.5)


def test_a_claim_about_what_did_not_run_is_not_judged(result: Result):
    result.runs = result.of("ours")
    assert judged(result, GOAL.claims[0]) is None


def test_the_page_says_what_was_met_and_what_was_not(result: Result, tmp_path: Path):
    result.save(tmp_path)
    text = page(tmp_path)
    assert "wall time of the whole process | 1.20 (1.10 to 1.50) | at most 1.25 | met |" in text
    assert "| DuckDB by hand * | 5.0 | 10.0 | 954 | 0.50 | 0.50 | 1.00 |" in text
    assert "2026-01-31: a machine." in text
    assert "- odibi_dagster, Polars, plain Dagster: polars 9" in text

    result.runs.append(run("ours", 1, 99))
    result.differences = ["gold/daily_sales, rows: ours 1, polars 2"]
    result.save(tmp_path)
    text = page(tmp_path)
    assert "**missed**" in text
    assert "- gold/daily_sales, rows: ours 1, polars 2" in text


def test_a_result_is_read_as_it_was_kept(result: Result, tmp_path: Path):
    result.save(tmp_path)
    assert load(tmp_path, "medallion") == result
    assert load(tmp_path, "gold") is None


def test_differences_are_said_in_the_terminal(result: Result):
    result.differences = ["a, rows: ours 1, polars 2"]
    assert list(verdicts(GOAL, result))[-2:] == [
        "  RESULTS DIFFER",
        "    a, rows: ours 1, polars 2",
    ]


def test_every_goal_has_its_base_and_the_contenders_it_speaks_of():
    for goal in GOALS.values():
        names = {contender.name for contender in goal.contenders}
        claimed = {name for claim in goal.claims for name in (claim.of, claim.to or claim.of)}
        assert {goal.base, *claimed} <= names


def test_one_goal_runs_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = ["--only", "rowwise", "--contenders", "sink,sink_4x", "--rows", "500", "--repeats", "1"]
    written = tmp_path / "page.md"
    code = main([*words, "--work", str(tmp_path / "work"), "--write", str(written)])

    assert code == 0, capsys.readouterr().out
    assert "| bare sink in Polars |" in written.read_text(encoding="utf-8")
    stored = tmp_path / "work/out/sink/priced.parquet"
    assert stored.exists()


def test_what_is_measured_keeps_its_bytecode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    code = (
        "import json, os, pathlib, sys; said = {'figures': {'off': sys.dont_write_bytecode}}; "
        "pathlib.Path(os.environ['BENCH_REPORT']).write_text(json.dumps(said))"
    )
    contender = Contender("python", "Python", ("-c", code), kind=None)
    goal = Goal("bytecode", "", "", contenders=(contender,), claims=(), base="python")
    (run,) = Bench(tmp_path, 1).run(goal, 1).runs
    assert run.figures["off"] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--only", "gould"], "there is no goal gould; there are medallion"),
        (["--only", "gold", "--contenders", "us"], "there is no contender us; there are ours"),
    ],
)
def test_an_unknown_name_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
