from __future__ import annotations

import gc
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


COLLECTING = """
import gc
from pathlib import Path

from odibi_dagster import transform

Path("loading").write_text(str(gc.isenabled()))


@transform
def above(context, limit: int):
    Path("running").write_text(str(gc.isenabled()))
    return context.df
"""


def test_a_process_collects_garbage_while_it_runs_nodes_and_not_while_it_loads(cli: Cli) -> None:
    (cli.root / "transforms.py").write_text(COLLECTING, encoding="utf-8")
    _, errors = cli.start("run", "odibi.yaml").communicate(timeout=120)
    assert ((cli.root / "loading").read_text(), (cli.root / "running").read_text()) == (
        "False",
        "True",
    ), errors


def test_the_command_called_as_a_function_leaves_the_collector_alone(cli: Cli) -> None:
    frozen = gc.get_freeze_count()
    assert cli("run", "odibi.yaml").code == 0
    assert (gc.isenabled(), gc.get_freeze_count()) == (True, frozen)


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
