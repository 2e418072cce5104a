"""Which keys of a project have no effect, and which are refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from odibi_dagster.config.explain import keys_of, models_in, spellings, unknown_key
from odibi_dagster.core.fate import NoEffect, NotYet, not_yet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.config.report import Loc, Report


@dataclass(frozen=True)
class _Shape:
    """What is worth a look in blocks of one class."""

    marked: Mapping[str, NoEffect | NotYet]
    nested: tuple[str, ...]

    @property
    def plain(self) -> bool:
        """Whether there is nothing to look at."""
        return not (self.marked or self.nested)


@cache
def _shape(model: type[BaseModel]) -> _Shape:
    marked: dict[str, NoEffect | NotYet] = {}
    nested = []
    for name, field in model.model_fields.items():
        marks = [mark for mark in field.metadata if isinstance(mark, (NoEffect, NotYet))]
        if marks:
            marked[name] = marks[0]
        elif any(True for _ in models_in(field.annotation)):
            nested.append(name)
    return _Shape(marked, tuple(nested))


def inspect(block: BaseModel, loc: Loc, report: Report) -> None:
    """Report every written key below `block` that is refused, has no effect, or is unknown."""
    model = type(block)
    shape = _shape(model)
    if block.model_extra:
        for name in block.model_extra:
            report.unknown(unknown_key(name, keys_of(model)), (*loc, name))
    if shape.plain:
        return
    written = block.model_fields_set
    for name in shape.marked.keys() & written:
        _marked(block, name, shape.marked[name], loc, report)
    for name in shape.nested:
        if name in written:
            _nested(getattr(block, name), (*loc, name), report)


def _nested(value: Any, loc: Loc, report: Report) -> None:
    if isinstance(value, BaseModel):
        inspect(value, loc, report)
    elif isinstance(value, (list, tuple)):
        for index, child in enumerate(value):
            _nested(child, (*loc, index), report)
    elif isinstance(value, dict):
        for key, child in value.items():
            _nested(child, (*loc, key), report)


def _marked(block: BaseModel, name: str, mark: NoEffect | NotYet, loc: Loc, report: Report) -> None:
    model = type(block)
    key = next(spellings(model, name))
    place = (*loc, key)
    if isinstance(mark, NoEffect):
        report.note(f"'{key}' has no effect here: {mark.why}", place)
        return
    value = getattr(block, name)
    if value not in (None, False, "", [], {}):
        hint = f"; {mark.hint}" if mark.hint else ""
        report.error(f"{not_yet(repr(key))}{hint}", place, key=True)
