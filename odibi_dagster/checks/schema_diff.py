"""What differs between two schemas, and whether readers of the old one can live with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw

from odibi_dagster.checks.base import Column

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Difference:
    """One column that is not as it was: `+` added, `-` removed, `~` of another type."""

    sign: str
    name: str
    old: nw.dtypes.DType | None = None
    new: nw.dtypes.DType | None = None

    @property
    def line(self) -> str:
        """One line of a diff.

        >>> Difference("~", "id", nw.Int32(), nw.Int64()).line
        '~ id Int32 -> Int64'
        """
        types = [str(dtype) for dtype in (self.old, self.new) if dtype is not None]
        return " ".join([self.sign, self.name, " -> ".join(types)]).rstrip()

    @property
    def text(self) -> str:
        """The same in words."""
        words = {"+": "added", "-": "removed", "~": f"changed {self.old} -> {self.new}"}
        return f"column '{self.name}' {words[self.sign]}"

    @property
    def widens(self) -> bool:
        """Whether it is a type that holds every value of the one before."""
        changed = self.old is not None and self.new is not None
        return changed and widens(self.old, self.new)  # type: ignore[arg-type]


def differences(
    old: Mapping[str, Column], new: Mapping[str, nw.dtypes.DType]
) -> Iterator[Difference]:
    """What was removed, what has another type, what was added. The order is no difference.

    A type is compared only where the old schema says one.
    """
    yield from (Difference("-", name, one.dtype) for name, one in old.items() if name not in new)
    for name, one in old.items():
        if name in new and one.dtype not in (None, new[name]):
            yield Difference("~", name, one.dtype, new[name])
    yield from (
        Difference("+", name, None, dtype) for name, dtype in new.items() if name not in old
    )


_SIGNED = (nw.Int8, nw.Int16, nw.Int32, nw.Int64, nw.Int128)
_UNSIGNED = (nw.UInt8, nw.UInt16, nw.UInt32, nw.UInt64, nw.UInt128)
_WIDER: Mapping[type[nw.dtypes.DType], frozenset[type[nw.dtypes.DType]]] = {
    **{old: frozenset(_SIGNED[place + 1 :]) for place, old in enumerate(_SIGNED)},
    **{
        old: frozenset(_UNSIGNED[place + 1 :] + _SIGNED[place + 1 :])
        for place, old in enumerate(_UNSIGNED)
    },
    nw.Float32: frozenset({nw.Float64}),
    nw.Categorical: frozenset({nw.String}),
    nw.Enum: frozenset({nw.String, nw.Categorical}),
    nw.Unknown: frozenset(),
}
# integers that a float holds exactly
_FLOATS: Mapping[type[nw.dtypes.DType], frozenset[type[nw.dtypes.DType]]] = {
    nw.Int8: frozenset({nw.Float32, nw.Float64}),
    nw.UInt8: frozenset({nw.Float32, nw.Float64}),
    nw.Int16: frozenset({nw.Float32, nw.Float64}),
    nw.UInt16: frozenset({nw.Float32, nw.Float64}),
    nw.Int32: frozenset({nw.Float64}),
    nw.UInt32: frozenset({nw.Float64}),
}
_UNITS = ("s", "ms", "us", "ns")


def widens(old: nw.dtypes.DType, new: nw.dtypes.DType) -> bool:
    """Whether every value of `old` is a value of `new`, so that no reader loses anything.

    >>> widens(nw.Int32(), nw.Int64()), widens(nw.Int64(), nw.Int32())
    (True, False)
    """
    if isinstance(old, nw.Decimal) and isinstance(new, nw.Decimal):
        whole = new.precision - new.scale >= old.precision - old.scale
        return new.scale >= old.scale and whole
    if isinstance(old, nw.Datetime) and isinstance(new, nw.Datetime):
        finer = _UNITS.index(new.time_unit) >= _UNITS.index(old.time_unit)
        return finer and old.time_zone == new.time_zone
    if isinstance(old, nw.Date) and isinstance(new, nw.Datetime):
        return new.time_zone is None
    return type(new) in _WIDER.get(type(old), ()) or type(new) in _FLOATS.get(type(old), ())
