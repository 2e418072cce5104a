"""`{partition}` in a text of odibi.yaml: it stands for the key of the partition that runs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel

PLACEHOLDER = "{partition}"

_KEY = "[A-Za-z0-9_+-]+"

T = TypeVar("T")
Way = tuple[int | str, ...]


def filled(value: T, key: str) -> T:
    """The value with the key in every text below it that says `{partition}`; else the value itself.

    Keys hold letters, digits, `_`, `-` and `+` alone, so that no text gets another structure by
    them: neither a path nor a query. What has a method `filled(key)` knows that by itself.

    >>> filled({"path": "orders/{partition}.parquet"}, "2026-01-31")
    {'path': 'orders/2026-01-31.parquet'}
    """
    return cast("T", _filled(value, key))


def _filled(value: Any, key: str) -> Any:
    # a block may have a key of that name
    if not isinstance(value, BaseModel) and (own := getattr(value, "filled", None)) is not None:
        return own(key)
    match value:
        case str():
            return value.replace(PLACEHOLDER, key) if PLACEHOLDER in value else value
        case Path():
            return Path(_filled(str(value), key)) if PLACEHOLDER in str(value) else value
        case BaseModel():
            return _filled_model(value, key)
        case Mapping():
            changed = _changed(value, key)
            return {**value, **changed} if changed else value
        case list() | tuple():
            changed = _changed(dict(enumerate(value)), key)
            kind = list if isinstance(value, list) else tuple
            return kind(changed.get(i, old) for i, old in enumerate(value)) if changed else value
    return filled_parts(value, key)


def filled_parts(value: T, key: str) -> T:
    """A dataclass with its fields filled; whatever else it is, itself."""
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = _changed({field.name: getattr(value, field.name) for field in fields(value)}, key)
    return cast("T", replace(value, **changed)) if changed else value


def _filled_model(model: BaseModel, key: str) -> BaseModel:
    hidden = model.__pydantic_private__ or {}
    changed = _changed({**model.__dict__, **(model.model_extra or {})}, key)
    private = _changed(hidden, key)
    if not changed and not private:
        return model
    copy = model.model_copy(update=changed)
    object.__setattr__(copy, "__pydantic_private__", {**hidden, **private} or None)
    return copy


def _changed(parts: Mapping[Any, Any], key: str) -> dict[Any, Any]:
    new = {name: _filled(part, key) for name, part in parts.items()}
    return {name: part for name, part in new.items() if part is not parts[name]}


def key_in(path: Path, pattern: Path) -> str | None:
    """What stands in a path for the `{partition}` of a pattern, which it may only begin like.

    >>> key_in(Path("lake/o_2026-01-31.parquet"), Path("lake/o_{partition}.parquet"))
    '2026-01-31'
    """
    for part, wanted in zip(path.parts, pattern.parts, strict=False):
        if PLACEHOLDER in wanted:
            before, *others = map(re.escape, wanted.split(PLACEHOLDER))
            found = re.fullmatch(f"{before}(?P<key>{_KEY}){'(?P=key)'.join(others)}", part)
            return found["key"] if found else None
        if part != wanted:
            return None
    return None


def folder_of(pattern: Path) -> Path:
    """The folder in which the partitions of a pattern lie side by side."""
    place = next(place for place, part in enumerate(pattern.parts) if PLACEHOLDER in part)
    return Path(*pattern.parts[:place])


def says_partition(value: Any) -> bool:
    """Whether any text below a value says `{partition}`: asked of every node when a file is loaded.

    Of a block only what was written is looked at.
    """
    if isinstance(value, str):
        return PLACEHOLDER in value
    if value is None or isinstance(value, bool):
        return False
    if isinstance(value, BaseModel):
        parts: Iterable[Any] = [getattr(value, name) for name in value.model_fields_set]
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, list | tuple):
        parts = value
    else:
        return filled(value, "x") is not value
    # a loop: `any` over a generator takes twice as long
    for part in parts:  # noqa: SIM110
        if says_partition(part):
            return True
    return False


def mentions(value: Any, way: Way = ()) -> Iterator[Way]:
    """Where that is, below a block of odibi.yaml: the keys that lead there."""
    match value:
        case BaseModel():
            written = {name: getattr(value, name) for name in value.model_fields_set}
            yield from mentions(written, way)
        case Mapping():
            for name, part in value.items():
                yield from mentions(part, (*way, name))
        case list() | tuple():
            for place, part in enumerate(value):
                yield from mentions(part, (*way, place))
        case _ if says_partition(value):
            yield way
