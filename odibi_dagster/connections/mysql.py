"""MySQL and MariaDB, through PyMySQL."""

from __future__ import annotations

from typing import Literal

from odibi_dagster.connections.base import connections
from odibi_dagster.connections.database import ServerConnection

_SESSION = "SET SESSION time_zone = '+00:00', sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')"
"""A value that does not fit is an error, never cut off; a timestamp is UTC."""


@connections.register("mysql")
class MysqlConnection(ServerConnection):
    """A MySQL or MariaDB database; a schema is another database of the same server.

    ```yaml
    connections:
      shop:
        type: mysql
        host: db.example.org
        database: shop
        user: etl
        password: ${SHOP_PASSWORD}
    ```
    """

    type: Literal["mysql"] = "mysql"

    scheme = "mysql"
    names = ("mysql", "mariadb")
    drivers = ("pymysql",)
    default_port = 3306
    patience = {"connect_timeout": 10, "charset": "utf8mb4", "init_command": _SESSION}

    def main_schema(self) -> str | None:
        """The database itself."""
        return self.database or (self._parsed(self.url).database if self.url else None)
