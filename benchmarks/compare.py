"""Whether the contenders of a goal gave the same rows and saw the same in their checks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CLOSE = 1e-9
"""How far two sums of the same floats may lie apart, as a share: the order of adding differs."""


@dataclass(frozen=True)
class Facts:
    """What one contender left behind."""

    tables: Mapping[str, Mapping[str, Any]]
    """Digests by node; see `digest`."""
    checks: Mapping[str, Mapping[str, Any]]
    """Values of checks by node."""


def differences(name: str, seen: Facts, base: str, expected: Facts) -> list[str]:
    """One line for each thing that both have and that is not the same."""
    found = []
    for node in sorted(seen.tables.keys() & expected.tables.keys()):
        for what, here, there in _table(seen.tables[node], expected.tables[node]):
            found.append(f"{node}, {what}: {name} {here}, {base} {there}")
    for node in sorted(seen.checks.keys() & expected.checks.keys()):
        ours, theirs = seen.checks[node], expected.checks[node]
        for check in sorted(ours.keys() | theirs.keys()):
            here, there = ours.get(check), theirs.get(check)
            if not _same(here, there):
                found.append(f"{node}, check {check}: {name} {here}, {base} {there}")
    return found


def shared(facts: Mapping[str, Facts]) -> list[str]:
    """What at least two contenders have: tables and checks, by node."""
    found = []
    for kind in ("tables", "checks"):
        each = [node for seen in facts.values() for node in getattr(seen, kind)]
        found += sorted({f"{kind[:-1]} {n}" for n in each if each.count(n) > 1})
    return found


def _table(
    seen: Mapping[str, Any], expected: Mapping[str, Any]
) -> Iterator[tuple[str, object, object]]:
    for what in ("rows", "exact"):
        if seen[what] != expected[what]:
            yield what, seen[what], expected[what]
    ours, theirs = seen["columns"], expected["columns"]
    for column in sorted(ours.keys() | theirs.keys()):
        here, there = ours.get(column), theirs.get(column)
        if here is None or there is None or not all(map(_same, here, there)):
            yield f"column {column}", here, there


def _same(here: Any, there: Any) -> bool:
    if isinstance(here, float) and isinstance(there, float):
        return math.isclose(here, there, rel_tol=CLOSE, abs_tol=CLOSE)
    return bool(here == there)
