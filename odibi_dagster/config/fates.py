"""The fate of every key, as the documentation shows it; made from the models, so never stale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from odibi_dagster.checks.base import contracts
from odibi_dagster.config import models
from odibi_dagster.config.explain import spellings
from odibi_dagster.config.later import LATER
from odibi_dagster.connections.base import connections
from odibi_dagster.core.fate import Choice, NoEffect, NotYet
from odibi_dagster.formats.base import formats
from odibi_dagster.transforms.base import transforms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

    from odibi_dagster.core.registry import Registry

BLOCKS: Mapping[str, type[BaseModel]] = {
    "the project": models.ProjectConfig,
    "connections: type local": connections["local"],
    "connections: type postgres": connections["postgres"],
    "connections: type mysql": connections["mysql"],
    "connections: type sqlite": connections["sqlite"],
    "pipelines": models.PipelineConfig,
    "nodes": models.NodeConfig,
    "columns": models.ColumnConfig,
    "privacy": models.PrivacyConfig,
    "read, and inputs in storage": models.ReadConfig,
    "read.incremental": models.Incremental,
    "inputs of Python assets": models.AssetInput,
    "transform": models.TransformConfig,
    "transform.steps": models.StepConfig,
    "validation": models.ValidationConfig,
    "validation.quarantine": models.QuarantineConfig,
    "validation.quarantine.add_columns": models.QuarantineColumns,
    "validation.gate": models.GateConfig,
    "validation.gate.thresholds": models.GateThreshold,
    "validation.gate.row_count": models.GateRows,
    "write": models.WriteConfig,
    "write.add_metadata": models.AddMetadata,
    "dagster, at the project": models.ProjectDagster,
    "dagster, at a pipeline": models.PipelineDagster,
    "dagster, at a node": models.NodeDagster,
    "dagster.partitions": models.Partitions,
    "dagster.partitions: hourly": models.Hours,
    "dagster.partitions: daily and weekly": models.Days,
    "dagster.partitions: monthly": models.Months,
}
"""Every block of odibi.yaml, in the order of the file."""

_REGISTRIES: tuple[Registry[Any], ...] = (connections, formats, contracts, transforms)
_PLURALS = {
    "connection type": "Connection types",
    "format": "Formats",
    "test": "Contracts and tests",
    "transform": "Transforms",
    "operation": "Operations",
}
_INTRO = """\
# Keys of odibi.yaml

What becomes of each key. It **works**; or it has **no effect** here: it is accepted, and
`odibi-dagster validate` lists it; or it is **not supported yet**: it would change the data, and is
an error unless it says its default. This page is made from the models: `python -m
odibi_dagster.config.fates > docs/keys.md`.

At a node, `pattern: {type: ..., params: {...}}` is another way to write `transformer` and `params`.
"""


def render() -> str:
    """The table of all keys, as markdown."""
    parts = [_INTRO]
    for title, model in BLOCKS.items():
        rows = [_row(model, name, field) for name, field in model.model_fields.items()]
        parts.append("\n".join([f"## {title}", "", "| key | fate | |", "|-|-|-|", *rows, ""]))
    parts.append("\n".join(_names()))
    return "\n".join(parts)


def _row(model: type[BaseModel], name: str, field: FieldInfo) -> str:
    fate, note = "works", ""
    for mark in field.metadata:
        if isinstance(mark, NoEffect):
            fate, note = "no effect", mark.why
        elif isinstance(mark, NotYet):
            fate, note = "not supported yet", mark.hint
        elif isinstance(mark, Choice):
            note = ", ".join(f"`{each}`" for each in mark.works)
    return f"| `{next(spellings(model, name))}` | {fate} | {note} |"


def _names() -> Iterator[str]:
    known = {registry.kind: set(registry.known) for registry in _REGISTRIES}
    yield from ("## Names not supported yet", "", "| | |", "|-|-|")
    for kind, names in LATER.items():
        rest = [name for name in names.split() if name not in known.get(kind, ())]
        if rest:
            yield f"| {_PLURALS[kind]} | {', '.join(f'`{name}`' for name in rest)} |"
    yield ""


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201
