"""Text without blanks around it, in one case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import narwhals.stable.v2 as nw

from odibi_dagster.errors import SchemaContractError
from odibi_dagster.transforms.base import RowForRow, transforms
from odibi_dagster.transforms.columns import Columns, require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.transforms.base import Scope

_SPACES = " \u00a0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""What SQL's TRIM takes off: Unicode's space separators, and no tabs or line breaks."""

_CASES: Mapping[str, Callable[[nw.Expr], nw.Expr]] = {
    "lower": lambda text: text.str.to_lowercase(),
    "upper": lambda text: text.str.to_uppercase(),
    "preserve": lambda text: text,
}


@transforms.register("clean_text")
class CleanText(RowForRow):
    """Take the spaces off both ends of text, and write it in one case.

        - function: clean_text
          params:
            columns: [name, day]
            trim: true
            case: lower

    `case` is `lower`, `upper` or `preserve`. Trimming is SQL's TRIM: spaces of every kind, but no
    tabs or line breaks. Null stays null; text of nothing but spaces becomes the empty string.
    Rows and their order stay. A column that is not there, or is not text, is an error.
    """

    keeps_names = True
    columns: Columns
    trim: bool = True
    case: Literal["lower", "upper", "preserve"] = "preserve"

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        """The frame with these columns cleaned."""
        schema = require(frame, self.columns, self.kind)
        for column in self.columns:
            if schema[column] not in (nw.String, nw.Categorical, nw.Enum):
                msg = f"step clean_text: column '{column}' is {schema[column]}, not text"
                raise SchemaContractError(f"{msg}; cast it with cast_columns first")
        return frame.with_columns(self._cleaned(column) for column in self.columns)

    def _cleaned(self, column: str) -> nw.Expr:
        text = nw.col(column).cast(nw.String())
        return _CASES[self.case](text.str.strip_chars(_SPACES) if self.trim else text)
