"""Environments and `${...}`: laid over and replaced after parsing, places kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from odibi_dagster.errors import ConfigError
from tests.config.project import HEAD, READ, load, nodes, only, place, problem, problems, write

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.config.project import Project

A = f"- name: a\n  {READ}\n"
ENVIRONMENTS = """\
vars: {where: dev, rows: 3}
environments:
  prod:
    vars: {where: prod}
    connections: {lake: {base_path: ./prod}}
"""
USES = (
    f"- name: a\n  {READ}\n  description: in ${{vars.where}}\n"
    "  transformer: limit\n  params: {n: '${vars.rows}'}"
)


def described(project: Project) -> str | None:
    return next(iter(project.nodes.values())).config.description


def test_no_environment_is_the_file_as_it_stands(tmp_path: Path) -> None:
    project = load(tmp_path, nodes(USES) + ENVIRONMENTS)
    assert project.env is None
    assert described(project) == "in dev"


def test_an_environment_merges_key_by_key(tmp_path: Path) -> None:
    project = load(tmp_path, nodes(USES) + ENVIRONMENTS, env="prod")
    assert project.env == "prod"
    assert described(project) == "in prod"
    (node,) = project.nodes.values()
    assert node.config.params == {"n": 3}
    assert str(node.sources["df"].location) == str(tmp_path / "prod/in.parquet")


def test_the_variable_chooses_and_the_argument_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODIBI_ENV", "prod")
    assert load(tmp_path, nodes(USES) + ENVIRONMENTS).env == "prod"
    write(tmp_path, "vars: {where: test}", "env.test.yaml")
    assert described(load(tmp_path, nodes(USES) + ENVIRONMENTS, env="test")) == "in test"
    monkeypatch.setenv("ODIBI_ENV", "")
    assert load(tmp_path, nodes(USES) + ENVIRONMENTS).env is None


def test_the_file_beside_comes_last(tmp_path: Path) -> None:
    write(tmp_path, "vars: {where: file}", "env.prod.yaml")
    assert described(load(tmp_path, nodes(USES) + ENVIRONMENTS, env="prod")) == "in file"


def test_problems_name_the_file_beside(tmp_path: Path) -> None:
    write(tmp_path, "# over\nengine: duckdb\n", "env.prod.yaml")
    (found,) = problems(tmp_path, nodes(USES) + ENVIRONMENTS, env="prod")
    assert (found.file, place(found)) == (str(tmp_path / "env.prod.yaml"), "2:9")
    write(tmp_path, "- a\n", "env.prod.yaml")
    with pytest.raises(ConfigError, match="expected a mapping"):
        load(tmp_path, nodes(USES) + ENVIRONMENTS, env="prod")


def test_an_unknown_environment_names_the_known(tmp_path: Path) -> None:
    write(tmp_path, "vars: {}", "env.test.yaml")
    text = nodes(USES) + ENVIRONMENTS
    with pytest.raises(ConfigError, match="unknown environment 'prd'; did you mean 'prod'"):
        load(tmp_path, text, env="prd")
    with pytest.raises(ConfigError, match="choose one of: prod, test"):
        load(tmp_path, text, env="zzz")
    with pytest.raises(ConfigError, match=r"unknown environment '\.\./x'"):
        load(tmp_path, text, env="../x")


def test_an_environment_that_is_not_chosen_is_not_read(tmp_path: Path) -> None:
    text = nodes(A) + "environments: {prod: {vars: {x: '${UNSET_BY_US}'}}}\n"
    assert load(tmp_path, text).env is None
    (found,) = problems(tmp_path, text, env="prod")
    assert "UNSET_BY_US is not set" in found.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("${UNSET_BY_US}", "environment variable UNSET_BY_US is not set", id="E01"),
        pytest.param(
            "${env:UNSET_BY_US}", "environment variable UNSET_BY_US is not set", id="env:"
        ),
        pytest.param("${A:-x}", "malformed substitution", id="E04 default"),
        pytest.param("${a b}", "malformed substitution", id="E04 blank"),
        pytest.param("${  ", "malformed substitution", id="E04 open"),
        pytest.param("${}", "malformed substitution", id="E04 empty"),
        pytest.param("x ${a ${HOME}", "malformed substitution", id="E04 nested"),
        pytest.param("${vars.wher}", "unknown variable vars.wher; did you mean 'where'", id="vars"),
        pytest.param("${vars.where.x}", "unknown variable vars.where.x", id="vars inside a text"),
        pytest.param("${date:today}", "not supported yet: \\${date:today}", id="date"),
    ],
)
def test_what_cannot_be_replaced(tmp_path: Path, text: str, message: str) -> None:
    variables = "vars: {where: dev}\n"
    found = problems(tmp_path, nodes(f"{A}  description: '{text}'") + variables)
    (here,) = (each for each in found if each.node)
    import re

    assert re.search(message, here.message), here
    assert place(here) == "10:22"


def test_replacement_never_makes_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """E03: what a variable holds stays one string, whatever it looks like."""
    monkeypatch.setenv("SNEAKY", "x: 1\nadmin: true\n${vars.where}")
    text = f"{A}  description: ${{SNEAKY}}"
    assert only(tmp_path, text).config.description == "x: 1\nadmin: true\n${vars.where}"


def test_vars_that_go_in_circles(tmp_path: Path) -> None:
    variables = "vars:\n  a: ${vars.b}\n  b: x ${vars.a}\n"
    found = problems(tmp_path, nodes(f"{A}  description: ${{vars.a}}") + variables)
    assert {each.message for each in found} == {
        "vars.a refers to itself",
        "vars.b refers to itself",
    }
    assert {place(each) for each in found} == {"12:6", "13:6"}


def test_values_of_vars_keep_their_type(tmp_path: Path) -> None:
    variables = "vars: {cols: [a, b], one: {two: '${vars.n}'}, n: 7, none: null}\n"
    text = (
        f"{A}  transformer: drop_columns\n  params: {{columns: '${{vars.cols}}'}}\n"
        "  description: ${vars.one.two} of ${vars.n}"
    )
    (node,) = load(tmp_path, nodes(text) + variables).nodes.values()
    assert node.config.params == {"columns": ["a", "b"]}
    assert node.config.description == "7 of 7"


@pytest.mark.parametrize("text", ["$pipeline.node", "^\\d+$", "costs 5$", "$$", "a$b{c}"])
def test_a_dollar_without_a_brace_is_text(tmp_path: Path, text: str) -> None:
    assert only(tmp_path, f"{A}  description: '{text}'").config.description == text


def test_comments_and_keys_are_left_alone(tmp_path: Path) -> None:
    node = only(tmp_path, f"{A}  # ${{UNSET_BY_US}}\n  columns: {{'${{UNSET_BY_US}}': {{}}}}")
    assert set(node.declared) == {"${UNSET_BY_US}"}


def test_messages_hide_what_a_variable_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_WORD", "s3cr3t")
    found = problem(tmp_path, nodes(f"- name: a\n  {READ}\n  transformer: ${{SECRET_WORD}}"))
    assert "s3cr3t" not in str(found)
    assert "'${SECRET_WORD}' is not a registered transform" in found.message
    found = problem(
        tmp_path, HEAD.replace("polars", "${SECRET_WORD}") + f"      - {{name: a, {READ}}}"
    )
    assert "s3cr3t" not in str(found)
