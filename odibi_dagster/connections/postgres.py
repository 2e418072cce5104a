"""PostgreSQL, through psycopg2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from odibi_dagster.connections.base import connections
from odibi_dagster.connections.database import ServerConnection

if TYPE_CHECKING:
    import sqlalchemy as sa


@connections.register("postgres")
class PostgresConnection(ServerConnection):
    """A PostgreSQL database. A table without a schema is one of the schema `public`.

    ```yaml
    connections:
      shop: {type: postgres, url: "postgresql://etl:${SHOP_PASSWORD}@db.example.org:5432/shop"}
      crm:
        type: postgres
        host: db.example.org
        database: crm
        user: etl
        password: ${CRM_PASSWORD}
        options: {sslmode: require}
    ```
    """

    type: Literal["postgres"] = "postgres"

    scheme = "postgresql"
    names = ("postgresql", "postgres")
    drivers = ("psycopg2",)
    default_port = 5432
    patience = {
        "connect_timeout": 10,
        # a host that vanished is noticed within about a minute
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }

    def main_schema(self) -> str:
        """See `DatabaseConnection.main_schema`."""
        return "public"

    def prepare(self, engine: sa.Engine) -> None:
        """A timestamp without a zone is UTC, also where the database compares it with others."""
        import sqlalchemy as sa

        @sa.event.listens_for(engine, "connect")
        def _in_utc(connection: Any, _: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET TIME ZONE 'UTC'")
            connection.commit()
