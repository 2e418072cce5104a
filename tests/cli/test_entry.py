from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from odibi_dagster import __version__
from odibi_dagster.cli.report import NodeReport, RunReport
from odibi_dagster.core.names import NodeId
from tests.cli.support import Cli, child_environment


def test_a_mistyped_command_names_the_one_that_was_meant(cli: Cli) -> None:
    answer = cli("vaildate", "odibi.yaml")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "error: unknown command 'vaildate'; did you mean 'validate'?\n"


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["show", "-h"], ["--version"]])
def test_help_and_version_answer_on_stdout(cli: Cli, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli(*words)
    assert stop.value.code == 0
    answer = cli.capsys.readouterr()
    assert "examples:" in answer.out or __version__ in answer.out


@pytest.mark.parametrize(
    "words", [["validate"], ["show", "odibi.yaml"], ["ls", "odibi.yaml", "more"], ["run", "--nope"]]
)
def test_arguments_that_make_no_sense_are_2(cli: Cli, words: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli(*words)
    assert stop.value.code == 2


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'dagster', 'polars', 'pyspark', 'rich', 'pydantic', 'narwhals', 'sqlglot'}"
    assert loaded_by(["--help"], heavy) == ""


def test_validate_does_without_dagster_and_spark(cli: Cli) -> None:
    assert loaded_by(["validate", str(cli.root / "odibi.yaml")], "{'dagster', 'pyspark'}") == ""


def loaded_by(words: list[str], modules: str) -> str:
    """Which of the modules a command leaves imported, as it says itself."""
    code = f"""
import io, sys
from odibi_dagster.cli import main
out, sys.stdout = sys.stdout, io.StringIO()
try:
    main({words!r})
except SystemExit:
    pass
print(*sorted({modules} & set(sys.modules)), file=out, end="")
"""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_on_a_terminal_alone(cli: Cli, environment: dict[str, str], coloured: bool) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "odibi_dagster.cli", "validate", "odibi.yaml"],
        cwd=cli.root,
        env=child_environment(TERM="xterm-256color", **environment),
        stdout=theirs,
    )
    assert process.wait(timeout=120) == 0
    os.close(theirs)
    said = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "odibi.yaml: ok" in said
    assert ("\x1b[1;32m" in said) is coloured


@pytest.mark.parametrize(
    ("codes", "gravest"), [([], 0), ([0, 1], 1), ([1, 3], 3), ([3, 2, 1], 2), ([2, 4, 3], 4)]
)
def test_of_several_failures_the_gravest_counts(codes: list[int], gravest: int) -> None:
    ids = [NodeId("p", f"n{number}") for number, _ in enumerate(codes)]
    nodes = {id: NodeReport(id, exit_code=code) for id, code in zip(ids, codes, strict=True)}
    assert RunReport(nodes).exit_code == gravest
