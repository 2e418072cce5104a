"""`regex_match`: text of a given form."""

from __future__ import annotations

from typing import Annotated

import narwhals.stable.v2 as nw
from pydantic import AfterValidator

from odibi_dagster.checks.base import Shape, contracts
from odibi_dagster.checks.one_column import ColumnContract
from odibi_dagster.checks.pattern import portable


def _readable(pattern: str) -> str:
    portable(pattern)
    return pattern


@contracts.register("regex_match")
class RegexMatch(ColumnContract):
    """The text matches the pattern from its first character on; write `$` to match all of it.

    The pattern is checked when the file is loaded. It means the same on every engine and takes time
    linear in the text on Polars, so look-around, back-references and possessive repeats are
    refused. `\\\\d`, `\\\\w` and `\\\\s` know all of Unicode. A null passes, the empty string is
    judged; a column that is not text makes the check an error.

    ```yaml
    - type: regex_match
      column: email
      pattern: '^[^@]+@[^@]+$'
      threshold: 5
    ```
    """

    pattern: Annotated[str, AfterValidator(_readable)]
    """A regular expression without look-around and back-references."""

    @property
    def promise(self) -> str:
        """The pattern, as written."""
        return f"{self.column} matches {self.pattern}"

    def unfit(self, shape: Shape) -> str | None:
        """Says so when the column is not text."""
        dtype = shape.schema[self.column]
        if isinstance(dtype, (nw.String, nw.Categorical, nw.Enum)):
            return None
        return f"column '{self.column}' is {dtype}, not text; cast the column first"

    def valid(self, shape: Shape) -> nw.Expr:
        """True where the pattern matches, null where the value is null."""
        return nw.col(self.column).cast(nw.String()).str.contains(portable(self.pattern))
