"""The one clock. `ODIBI_NOW` (ISO 8601) stops it, for tests and for repeating a run."""

from __future__ import annotations

import os
from datetime import UTC, datetime


def now() -> datetime:
    """The time in UTC, zoned; `ODIBI_NOW` without a zone is read as UTC."""
    if fixed := os.environ.get("ODIBI_NOW"):
        moment = datetime.fromisoformat(fixed)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.now(UTC)
