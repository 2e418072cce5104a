"""The databases there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odibi_dagster.formats.database.mysql import Mysql
from odibi_dagster.formats.database.postgres import Postgres
from odibi_dagster.formats.database.sqlite import Sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.connections.database import TableLocation
    from odibi_dagster.formats.database.dialect import Dialect

_DIALECTS: Mapping[str, Dialect] = {
    "postgresql": Postgres(),
    "mysql": Mysql(),
    "sqlite": Sqlite(),
}


def dialect_of(location: TableLocation) -> Dialect:
    """What the location's database is like."""
    return _DIALECTS[location.connection.scheme]
