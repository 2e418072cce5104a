#!/usr/bin/env python3
"""Write docs/contracts anew: a page for each contract, from its docstring and its fields.

python scripts/contract_pages.py
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

from pydantic_core import PydanticUndefined

from odibi_dagster.checks.base import Contract, OnFail, RowContract, contracts
from odibi_dagster.config.explain import spellings

FOLDER = Path(__file__).resolve().parent.parent / "docs/contracts"
_SHARED = {
    "name": "The name of the check; else made of the type and the columns.",
    "on_fail": "What a broken one does: ACTIONS.",
    "threshold": "Broken rows that are tolerated: `5`, `0.05` or `5%`; none.",
}
"""Fields that several contracts have and none of them explains."""


def pages() -> dict[str, str]:
    """The text of every page by the name of its file."""
    known = {kind: cls for kind, cls in contracts.known.items() if _is_ours(cls)}
    return {f"{kind}.md": "\n".join(_page(kind, known[kind])) for kind in sorted(known)}


def _is_ours(cls: type[Contract]) -> bool:
    return cls.__module__.startswith("odibi_dagster.")


def _page(kind: str, cls: type[Contract]) -> Iterator[str]:
    yield f"# `{kind}`"
    yield ""
    yield inspect.cleandoc(cls.__doc__ or "")
    yield ""
    yield "| Key | By default | Says |"
    yield "|-|-|-|"
    said = _docstrings(cls)
    for name, field in cls.model_fields.items():
        text = (said.get(name) or _SHARED.get(name, "")).replace("ACTIONS", _actions(cls))
        yield f"| `{next(spellings(cls, name))}` | {_default(field)} | {text} |"
    yield ""
    judged = "each row" if issubclass(cls, RowContract) else "the frame as a whole"
    yield f"It judges {judged}. [All contracts, and what happens when](../contracts.md)."
    yield ""


def _actions(cls: type[Contract]) -> str:
    allowed = [each for each in OnFail if each is not OnFail.QUARANTINE or cls.row_level]
    return ", ".join(f"`{each.value}`" for each in allowed)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _docstrings(cls: type[Contract]) -> dict[str, str]:
    """The text below each field, the nearest class first."""
    found: dict[str, str] = {}
    for base in cls.__mro__:
        if issubclass(base, Contract) and base is not Contract:
            found = {**_below(base), **found}
    return found


def _below(cls: type[Contract]) -> dict[str, str]:
    (node,) = ast.parse(dedent(inspect.getsource(cls))).body
    assert isinstance(node, ast.ClassDef)
    return {
        field.target.id: " ".join(inspect.cleandoc(text.value.value).split())
        for field, text in zip(node.body, node.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def main() -> int:
    texts = pages()
    FOLDER.mkdir(exist_ok=True)
    for file in FOLDER.glob("*.md"):
        if file.name not in texts:
            file.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
