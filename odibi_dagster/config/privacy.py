"""`privacy`: how columns with personal data are anonymised."""

from __future__ import annotations

from typing import Annotated

from odibi_dagster.core.fate import Choice
from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.names import ColumnName
from odibi_dagster.core.secret import Secret

METHODS = ("hash", "mask", "redact")


class PrivacyConfig(OpenModel):
    """What becomes of the columns that are `pii`, here or in a node that is read.

    ```yaml
    privacy: {method: hash, salt: "${PRIVACY_SALT}", declassify: [customer_id]}
    ```
    """

    method: Annotated[str, Choice(METHODS)]
    """`hash`: SHA-256, in hex, of the value and the salt behind it. `mask`: `*` for each character
    but the last four, and for all of a value that has no more. `redact`: `[REDACTED]`."""
    salt: Secret | None = None
    """Shown nowhere; an environment variable is not read before the node runs."""
    declassify: list[ColumnName] = []
    """Columns that are no personal data any more, here and in whatever reads the node."""
