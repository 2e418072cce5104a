"""Why a contract cannot be evaluated on a frame, as far as its columns and tables tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.errors import listing

if TYPE_CHECKING:
    from odibi_dagster.checks.base import Contract, Shape


def refusal(contract: Contract, shape: Shape) -> str | None:
    """A missing column or table, or a type that does not fit; None where it can be evaluated."""
    if missing := contract.missing(shape):
        names = ", ".join(f"'{name}'" for name in missing)
        found = listing(shape.schema) or "none"
        return f"column{'s' * (len(missing) > 1)} {names} missing; found: {found}"
    for name in contract.needs():
        if reason := shape.tables.missing.get(name):
            return reason
    return contract.unfit(shape)
