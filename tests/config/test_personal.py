"""Personal data is declared once, and followed by name to whatever is made of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from odibi_dagster.core.names import NodeId
from tests.config.project import load, nodes, only, problems

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.config.project import Node

PII_AGE = "columns: {age: {pii: true}}"
PEOPLE = """
- name: people
  read: {connection: lake, format: parquet, path: people.parquet}
  columns: {mail: {pii: true}}
  write: {connection: lake, format: parquet, path: people_once.parquet}
"""
SHOWN = ["id", "mail", "contact", "city"]


def below(folder: Path, text: str) -> Node:
    """The last node of a project in which others come first."""
    return load(folder, nodes(PEOPLE + text)).nodes[NodeId("p", "below")]


def hidden(node: Node) -> set[str]:
    return set(node.hidden(SHOWN))


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("SELECT id, mail AS contact, city FROM df", {"contact"}),
        ("{function: rename_columns, params: {mapping: {mail: contact}}}", {"contact"}),
        (
            "{function: rename_columns, params: {mapping: {mail: contact, city: mail}}}",
            {"contact"},
        ),
        (
            "{function: derive_columns, params: {derivations: {city: UPPER(Mail)}}}",
            {"mail", "city"},
        ),
        ("{function: derive_columns, params: {derivations: {mail: id * 2}}}", set()),
        (
            "{function: case_when, params: {output_col: contact, cases: "
            "[{condition: id > 1, value: mail}]}}",
            {"mail", "contact"},
        ),
        ("{function: drop_columns, params: {columns: [mail]}}", set()),
        ("{function: select_columns, params: {columns: [id, mail]}}", {"mail"}),
        ("{function: fill_nulls, params: {values: {mail: none}}}", {"mail"}),
        (
            "{function: aggregate, params: {group_by: [city], aggregations: {mail: max}}}",
            {"mail"},
        ),
        ("{function: limit, params: {n: 3}}", {"mail"}),
    ],
)
def test_it_is_inherited_through_steps(tmp_path: Path, step: str, expected: set[str]) -> None:
    node = below(
        tmp_path,
        f"- {{name: below, depends_on: [people], transform: {{steps: ['{step}']}}}}"
        if step.startswith("SELECT")
        else f"- {{name: below, depends_on: [people], transform: {{steps: [{step}]}}}}",
    )
    assert hidden(node) == expected


def test_it_is_inherited_through_views_and_joins(tmp_path: Path) -> None:
    node = below(
        tmp_path,
        """
- name: renamed
  depends_on: [people]
  transform: {steps: ["SELECT id, mail AS contact FROM df"]}
- name: below
  read: {connection: lake, format: parquet, path: orders.parquet}
  inputs: {r: $p.renamed}
  transform: {steps: [{function: join, params: {right_dataset: r, on: id}}]}
""",
    )
    assert hidden(node) == {"contact"}


def test_a_joined_column_whose_name_is_taken_keeps_it_too(tmp_path: Path) -> None:
    node = below(
        tmp_path,
        """
- name: below
  inputs:
    orders: {connection: lake, format: parquet, path: orders.parquet}
    people: $p.people
  transform: {steps: [{function: join, params: {right_dataset: people, on: id}}]}
""",
    )
    assert node.hidden(["mail_people", "id"]) == {"mail_people"}


def test_it_is_inherited_by_whoever_reads_the_place(tmp_path: Path) -> None:
    node = below(
        tmp_path,
        """
- name: below
  read: {connection: lake, format: parquet, path: "people_*.parquet"}
""",
    )
    assert hidden(node) == {"mail"}


def test_a_function_may_put_it_anywhere(tmp_path: Path) -> None:
    (tmp_path / "transforms.py").write_text(
        "from odibi_dagster import transform\n\n\n@transform('mix')\ndef mix(context, current):\n"
        "    return current\n"
    )
    node = below(
        tmp_path,
        "- {name: below, depends_on: [people], transform: {steps: [{function: mix}]}, "
        "privacy: {method: redact, declassify: [id]}}",
    )
    assert node.personal.after.within(SHOWN) == {"mail", "contact", "city"}


def test_what_is_anonymised_is_not_inherited(tmp_path: Path) -> None:
    text = PEOPLE + "  privacy: {method: hash}\n- {name: below, depends_on: [people]}\n"
    project = load(tmp_path, nodes(text))
    assert hidden(project.nodes[NodeId("p", "below")]) == set()
    assert project.nodes[NodeId("p", "people")].personal.after.holds("mail")


def test_declassified_is_over_for_those_below_too(tmp_path: Path) -> None:
    node = below(
        tmp_path,
        """
- {name: middle, depends_on: [people], privacy: {method: hash, declassify: [mail]}}
- {name: below, depends_on: [middle]}
""",
    )
    assert hidden(node) == set()
    assert not node.discreet


def test_sensitive_columns_are_hidden_where_they_are_said(tmp_path: Path) -> None:
    node = only(
        tmp_path, "- {name: a, sensitive: [city], read: {connection: lake, format: csv, path: a}}"
    )
    assert hidden(node) == {"city"}
    assert node.discreet


def test_the_mark_is_no_place_for_it(tmp_path: Path) -> None:
    text = """
- name: a
  read: {connection: lake, format: csv, path: a, incremental: {mode: stateful, column: mail}}
  columns: {mail: {pii: true}}
  write: {connection: lake, format: parquet, path: b, mode: append}
"""
    (problem,) = problems(tmp_path, nodes(text))
    assert "cursor 'mail' is personal or sensitive" in problem.message


@pytest.mark.parametrize("said", ["sensitive: [age]", "sensitive: true", PII_AGE])
@pytest.mark.parametrize("metric", ["max", "psi", "quantile, quantile: 0.5"])
def test_nor_is_what_contracts_remember(tmp_path: Path, said: str, metric: str) -> None:
    text = f"""
- name: a
  read: {{connection: lake, format: csv, path: a}}
  {said}
  validation:
    tests: [{{type: distribution, column: age, metric: {metric}, threshold: ">1"}}]
  write: {{connection: lake, format: parquet, path: b}}
"""
    (problem,) = problems(tmp_path, nodes(text))
    assert "'distribution' would keep values of it in the state" in problem.message
    assert load(tmp_path, nodes(text.replace(metric, "mean"))).nodes


def test_pii_and_declassified_is_refused(tmp_path: Path) -> None:
    text = PEOPLE + "  privacy: {method: hash, declassify: [mail]}\n"
    (problem,) = problems(tmp_path, nodes(text))
    assert "column 'mail' is declassified, and its pii is true" in problem.message


def test_an_unknown_method_lists_the_others(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, nodes(PEOPLE + "  privacy: {method: hsah}\n"))
    assert "hash, mask, redact; did you mean 'hash'?" in problem.message


def test_privacy_without_pii_is_a_warning(tmp_path: Path) -> None:
    text = "- {name: a, read: {connection: lake, format: csv, path: a}, privacy: {method: hash}}"
    (warning,) = load(tmp_path, nodes(text)).warnings
    assert "privacy is never used" in warning.message


def test_the_salt_stays_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SALT", "grain-of-salt")
    text = nodes(PEOPLE + "  privacy: {method: hash, salt: '${SALT}'}\n")
    node = load(tmp_path, text).nodes[NodeId("p", "people")]
    assert "grain" not in repr(node)
    monkeypatch.setenv("SALT", "another")
    again = load(tmp_path, text).nodes[NodeId("p", "people")]
    assert again.config.privacy is not None
    assert again.config.privacy.salt is not None
    assert again.config.privacy.salt.reveal() == "another"
    assert again.digest == node.digest
