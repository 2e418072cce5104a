"""Pydantic's complaints in the words of odibi.yaml: what was found, and what to write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import AliasChoices, BaseModel

from odibi_dagster.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from odibi_dagster.config.report import Loc, Report

_EXPECTED = {
    "string": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "list": "list",
    "tuple": "list",
    "dict": "mapping",
    "model": "mapping",
    "dataclass": "mapping",
    "date": "date",
    "datetime": "timestamp",
}
_TYPE_ENDINGS = ("type", "parsing", "attributes", "unicode")
_NAMED = {"name": "node name", "pipeline": "pipeline name"}


@dataclass
class Complaint:
    """One thing wrong at one place; `key` says that its key is meant, not its value."""

    message: str
    loc: Loc
    key: bool = False


def report_all(error: ValidationError, model: type[BaseModel], at: Loc, report: Report) -> None:
    """Report everything that pydantic found in one block that stands at `at`."""
    for complaint in complaints(error, model):
        report.error(complaint.message, (*at, *complaint.loc), key=complaint.key)


def complaints(error: ValidationError, model: type[BaseModel]) -> list[Complaint]:
    """One complaint per place: what every branch of a union expects is said together."""
    found: list[Complaint] = []
    typed: dict[tuple[Loc, str], list[str]] = {}
    details = error.errors(include_url=False)
    mistyped = {_meant(detail, model) for detail in details}
    for detail in details:
        if detail["type"] == "missing" and detail["loc"] in mistyped:
            continue
        loc, kind = detail["loc"], _expected(detail["type"])
        if kind is None:
            found.append(_complaint(detail, model))
            continue
        place = _without_branches(loc), _found(detail["input"], kind)
        if place not in typed:
            typed[place] = []
            found.append(Complaint("", place[0]))
            typed[place].append(str(len(found) - 1))
        if kind not in typed[place][1:]:
            typed[place].append(kind)
    for (loc, text), (index, *kinds) in typed.items():
        label = _label(loc)
        found[int(index)].message = f"{label}expected {' or '.join(kinds)}, found {text}"
    return found


def _complaint(detail: ErrorDetails, model: type[BaseModel]) -> Complaint:
    loc, kind = detail["loc"], detail["type"]
    name = str(loc[-1]) if loc else ""
    if kind == "extra_forbidden":
        return Complaint(unknown_key(name, keys_at(model, loc[:-1])), loc, key=True)
    if kind == "missing":
        return Complaint(f"missing key '{name}'", loc[:-1])
    context = detail.get("ctx", {})
    if kind in ("choice", "literal_error", "enum"):
        expected = context.get("expected")
        text = f"must be one of {expected}" if expected else detail["msg"]
        return Complaint(f"{name} {text}; found {_found(detail['input'], '')}", loc)
    message = detail["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if name in _NAMED and message.startswith("invalid name"):
        message = message.replace("invalid name", f"invalid {_NAMED[name]}", 1)
    if kind != "value_error":
        message = f"{_label(loc)}{message[:1].lower()}{message[1:]}"
    return Complaint(message, loc, key=name == "[key]")


def _meant(detail: ErrorDetails, model: type[BaseModel]) -> Loc:
    """The key that an unknown one was meant to be: it is not missing as well."""
    if detail["type"] != "extra_forbidden":
        return ()
    *block, name = detail["loc"]
    hint = did_you_mean(str(name), keys_at(model, tuple(block)))
    return (*block, hint.removeprefix("did you mean '").removesuffix("'?"))


def unknown_key(name: str, known: frozenset[str]) -> str:
    """The complaint about a key that a block does not have."""
    return (
        f"unknown key '{name[:60]}'; {did_you_mean(name, known)}"
        if known
        else (f"unknown key '{name[:60]}'; nothing may be written here")
    )


def _expected(kind: str) -> str | None:
    word, _, ending = kind.partition("_")
    if kind == "int_from_float":
        return "integer"
    return _EXPECTED.get(word) if ending in _TYPE_ENDINGS else None


def _label(loc: Loc) -> str:
    names = [part for part in loc if isinstance(part, str)]
    return f"{names[-1]}: " if names else ""


def _without_branches(loc: Loc) -> Loc:
    """`loc` without the names that pydantic gives to a union's branches (`list[str]`, `int`)."""
    if loc and isinstance(loc[-1], str) and _is_branch(loc[-1]):
        return loc[:-1]
    return loc


def _is_branch(part: str) -> bool:
    return part in ("str", "int", "float", "bool", "none", "reference", "stored", "asset") or (
        part.startswith(("list[", "dict[", "function-", "constrained-", "tuple[", "nullable"))
    )


def _found(value: Any, expected: str) -> str:
    if value is None:
        return "nothing"
    quote = "; quote it" if expected == "string" else ""
    if isinstance(value, bool):
        return f"boolean {str(value).lower()}{quote}"
    if isinstance(value, int):
        return f"integer {value}{quote}"
    if isinstance(value, float):
        return f"number {value}{quote}"
    if isinstance(value, (datetime, date)):
        return f"date {value.isoformat()}{quote}"
    if isinstance(value, str):
        shown = value if len(value) <= 60 else f"{value[:57]}..."
        return f"string {shown!r}" if expected else repr(shown)
    return "mapping" if isinstance(value, dict) else "list"


@cache
def keys_of(model: type[BaseModel]) -> frozenset[str]:
    """The keys that a block may hold, as the file spells them."""
    return frozenset(key for name in model.model_fields for key in spellings(model, name))


def spellings(model: type[BaseModel], name: str) -> Iterator[str]:
    """How the file may spell a field: its aliases, or its name."""
    alias = model.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        yield from (str(choice) for choice in alias.choices)
    else:
        yield alias if isinstance(alias, str) else name


def keys_at(model: type[BaseModel], loc: Loc) -> frozenset[str]:
    """The keys of the block that `loc` leads to, from a block of class `model`."""
    models = [model]
    for part in loc:
        inner = [found for each in models for found in _inside(each, part)]
        models = inner or models
    return frozenset(key for each in models for key in keys_of(each))


def _inside(model: type[BaseModel], part: int | str) -> list[type[BaseModel]]:
    for name, field in model.model_fields.items():
        if part in tuple(spellings(model, name)):
            return list(models_in(field.annotation))
    return []


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The block classes inside a type such as `dict[str, Block] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models_in(inner)
