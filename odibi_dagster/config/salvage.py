"""Read the blocks of a file even when some are wrong, so that the rest is checked as well."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from odibi_dagster.config.explain import report_all
from odibi_dagster.config.models import ProjectConfig

if TYPE_CHECKING:
    from odibi_dagster.config.report import Loc, Report

Damage = dict[tuple[int, int], set[str]]
"""By pipeline and node (positions in the file): the keys that had to be left out."""

_ROUNDS = 5
_STANDIN = "_unreadable_{}"


def read_blocks(plain: dict[str, Any], report: Report) -> tuple[ProjectConfig | None, Damage]:
    """The project's blocks; what was wrong is reported, and left out of them.

    None where so much is wrong that nothing can be said about the rest.
    """
    damage: Damage = defaultdict(set)
    for _ in range(_ROUNDS):
        try:
            return ProjectConfig.model_validate(plain), damage
        except ValidationError as error:
            report_all(error, ProjectConfig, (), report)
            for detail in error.errors(include_url=False, include_input=False):
                _leave_out(plain, detail["loc"], detail["type"], damage)
    return None, damage


def _leave_out(plain: dict[str, Any], loc: Loc, kind: str, damage: Damage) -> None:
    if kind == "extra_forbidden":
        _drop_key(plain, loc)
        return
    match loc:
        case ("pipelines", int(p), "nodes", int(n), *rest):
            _leave_out_of_node(plain, (p, n), [str(part) for part in rest], damage)
        case ("pipelines", int(p), *rest):
            pipelines = plain["pipelines"]
            if not isinstance(pipelines[p], dict):
                pipelines[p] = {}
            pipeline = pipelines[p]
            pipeline.pop(str(rest[0]) if rest else "", None)
            pipeline.setdefault("pipeline", _STANDIN.format(p))
            pipeline.setdefault("nodes", [])
        case (str(field), *_):
            plain.pop(field, None)
            plain.setdefault("project", _STANDIN.format("project"))
            plain.setdefault("pipelines", [])


def _leave_out_of_node(
    plain: dict[str, Any], at: tuple[int, int], rest: list[str], damage: Damage
) -> None:
    nodes = plain["pipelines"][at[0]]["nodes"]
    if not isinstance(nodes[at[1]], dict):
        nodes[at[1]] = {}
    node = nodes[at[1]]
    field = rest[0] if rest else "name"
    node.pop(field, None)
    damage[at].add(field)
    node.setdefault("name", _STANDIN.format("_".join(map(str, at))))


def _drop_key(plain: dict[str, Any], loc: Loc) -> None:
    block: Any = plain
    for part in loc[:-1]:
        if isinstance(block, list) or part in block:
            block = block[part]  # type: ignore[index]
    if isinstance(block, dict):
        block.pop(loc[-1], None)
