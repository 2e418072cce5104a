"""The checks of pandera's fields as rules: what pandera counts as broken, on every engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar

import narwhals.stable.v2 as nw
from pydantic import ConfigDict

from odibi_dagster.checks.base import Contract, Observation, Shape, Verdict
from odibi_dagster.checks.one_column import ColumnContract
from odibi_dagster.checks.pattern import portable
from odibi_dagster.checks.values import bound, in_type, literal, one_of
from odibi_dagster.errors import SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine

    Said = Mapping[str, Any]
    Test = Callable[[str, Said, nw.dtypes.DType], nw.Expr]

_FAILED = "check_output"
"""What pandera calls the column in which a check says true or false."""


def _range(column: str, said: Said, dtype: nw.dtypes.DType) -> nw.Expr:
    value = nw.col(column)
    low, high = bound(said["min_value"], dtype), bound(said["max_value"], dtype)
    above = value >= low if said.get("include_min", True) else value > low
    return above & (value <= high if said.get("include_max", True) else value < high)


def _same(column: str, said: Said, dtype: nw.dtypes.DType) -> nw.Expr:
    return nw.col(column) == literal(in_type(said["value"], dtype), dtype)


def _text(column: str, dtype: nw.dtypes.DType) -> nw.Expr:
    if not isinstance(dtype, (nw.String, nw.Categorical, nw.Enum)):
        msg = f"it is {dtype}, not text; cast it first"
        raise ValueError(msg)
    return nw.col(column).cast(nw.String())


def _length(column: str, said: Said, dtype: nw.dtypes.DType) -> nw.Expr:
    length = _text(column, dtype).str.len_chars()
    tests = {
        "exact_value": lambda n: length == n,
        "min_value": lambda n: length >= n,
        "max_value": lambda n: length <= n,
    }
    return nw.all_horizontal(*(tests[k](n) for k, n in said.items()), ignore_nulls=False)


def _pattern(said: Said) -> str:
    pattern: str | re.Pattern[str] = said["pattern"]
    return pattern.pattern if isinstance(pattern, re.Pattern) else pattern


BUILT_IN: Mapping[str, Test] = {
    "equal_to": _same,
    "not_equal_to": lambda c, said, t: ~_same(c, said, t),
    "greater_than": lambda c, said, t: nw.col(c) > bound(said["min_value"], t),
    "greater_than_or_equal_to": lambda c, said, t: nw.col(c) >= bound(said["min_value"], t),
    "less_than": lambda c, said, t: nw.col(c) < bound(said["max_value"], t),
    "less_than_or_equal_to": lambda c, said, t: nw.col(c) <= bound(said["max_value"], t),
    "in_range": _range,
    "isin": lambda c, said, t: one_of(c, [*said["allowed_values"]], t),
    "notin": lambda c, said, t: ~one_of(c, [*said["forbidden_values"]], t),
    "str_matches": lambda c, said, t: _text(c, t).str.contains(portable(_pattern(said))),
    "str_contains": lambda c, said, t: _text(c, t).str.contains(
        portable(_pattern(said), anchored=False)
    ),
    "str_startswith": lambda c, said, t: _text(c, t).str.starts_with(said["string"]),
    "str_endswith": lambda c, said, t: _text(c, t).str.ends_with(said["string"]),
    "str_length": _length,
}
"""Each by pandera's name: true where a value passes, given what the check was made with."""


class ValueCheck(ColumnContract):
    """A built-in check of one column; a null passes unless the check says `ignore_na=False`."""

    kind: ClassVar[str] = "pandera"
    test: str
    said: dict[str, Any]
    null_passes: bool = True

    @property
    def promise(self) -> str:
        """The check, as pandera would write it."""
        said = ", ".join(f"{name}={value}" for name, value in self.said.items())
        return f"{self.column}: {self.test}({said})"

    def valid(self, shape: Shape) -> nw.Expr:
        """True where the value passes; never null."""
        passes = BUILT_IN[self.test](self.column, self.said, shape.schema[self.column])
        is_null = nw.col(self.column).is_null()
        return nw.when(is_null).then(nw.lit(self.null_passes)).otherwise(passes)


class CustomCheck(Contract):
    """A function of the user's own, called once for a lazy frame; of a frame as a whole."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    kind: ClassVar[str] = "pandera"
    column: str | None
    check: Any

    def columns(self) -> tuple[str, ...]:
        """Its column; a check of the frame names none."""
        return () if self.column is None else (self.column,)

    def reads(self, shape: Shape) -> tuple[str, ...]:
        """A check of the frame may read every column."""
        return self.columns() or tuple(shape.schema)

    def tables(self, frame: Frame, engine: Engine, shape: Shape) -> Mapping[str, Frame]:
        """How often it says false."""
        try:
            answer = self.check(frame.to_native(), self.column).check_output
        except Exception as error:
            msg = f"pandera check {self.check.name} failed: {type(error).__name__}: {error}"
            raise SchemaContractError(msg) from error
        said = nw.from_native(answer).lazy()
        return {"broken": said.select((~nw.col(_FAILED)).cast(nw.Int64()).sum())}

    def judge(self, seen: Observation) -> Verdict:
        """Passed when it never said false."""
        broken = int(seen.metrics["broken"] or 0)
        return Verdict(
            passed=not broken,
            description=f"{self.check.name} said false {broken:,} time{'s' * (broken != 1)}"
            if broken
            else f"{self.check.name} holds",
            expected=str(self.check.error or self.check.name),
            observed=broken,
        )
