"""`schema_policy`: what becomes of columns that come and go."""

from __future__ import annotations

from typing import Annotated

from odibi_dagster.core.fate import Choice
from odibi_dagster.core.model import OpenModel

_NEW = {"enforce": "ignore", "evolve": "add_nullable"}
"""What is done about a new column, where nobody says."""


class SchemaPolicyConfig(OpenModel):
    """What becomes of columns that the steps give and nobody expects, or the other way around.

    Expected are the columns that `columns:` declares; without any, those of the published table. A
    first run without declared columns expects nothing.

    ```yaml
    schema_policy: {mode: evolve, on_missing_columns: fail}
    ```
    """

    mode: Annotated[str, Choice(("enforce", "evolve"))] = "enforce"
    """`enforce` leaves new columns out, `evolve` adds them, where on_new_columns says nothing."""
    on_new_columns: Annotated[str, Choice(("ignore", "fail", "add_nullable"))] | None = None
    """`ignore` leaves them out; `add_nullable` adds them to the table: null in earlier rows."""
    on_missing_columns: Annotated[str, Choice(("fail", "fill_null"))] = "fill_null"
    """`fill_null`: the column is there, and null in every row of the batch."""

    @property
    def new(self) -> str:
        """What is done about a new column: `ignore`, `fail` or `add_nullable`."""
        return self.on_new_columns or _NEW[self.mode]
