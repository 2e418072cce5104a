"""The five tables. Times are seconds since 1970 by the database's clock."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

VERSION = 1
"""Of these tables; `migrations` brings older ones here."""

metadata = sa.MetaData()

_KEY = sa.String(64)
_NAME = sa.String(255)
_NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _table(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        *columns,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
    )


schema = _table(
    "odibi_schema",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
)

state = _table(
    "odibi_state",
    sa.Column("id", _KEY, primary_key=True),
    sa.Column("project", _NAME, nullable=False),
    sa.Column("environment", _NAME, nullable=False),
    sa.Column("key_prefix", _NAME, nullable=False),
    sa.Column("pipeline", _NAME, nullable=False),
    sa.Column("node", _NAME, nullable=False),
    sa.Column("partition_key", _NAME, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("mark", sa.Text),
    sa.Column("batch", _NUMBER, nullable=False, server_default="0"),
    sa.Column("in_target", _NUMBER, nullable=False, server_default="0"),
    sa.Column("intent", sa.Text),
    sa.Column("target", sa.Text),
    sa.Column("run_key", _KEY),
    sa.Column("version", _NUMBER, nullable=False, server_default="0"),
    sa.Column("fence", _NUMBER, nullable=False, server_default="0"),
    sa.Column("owner", _NAME),
    sa.Column("lease_until", sa.Double),
    sa.Column("updated_at", sa.Double),
)
"""One row an identity. `name` is whose batches the target holds: it stays when the identity is
renamed. `batch` is the last one confirmed, `in_target` the last that the target
names (a batch without rows leaves none there), `intent` the one about to be published, `run_key`
the run that published the last one."""

batches = _table(
    "odibi_batches",
    sa.Column("state_id", _KEY, primary_key=True),
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("run_key", _KEY, nullable=False),
    sa.Column("lower", sa.Text),
    sa.Column("upper", sa.Text),
    sa.Column("row_count", _NUMBER),
    sa.Column("quarantined", _NUMBER),
    sa.Column("bytes", _NUMBER),
    sa.Column("seconds", sa.Double),
    sa.Column("adopted", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("published_at", sa.Double, nullable=False),
)

runs = _table(
    "odibi_runs",
    sa.Column("id", _NUMBER, primary_key=True, autoincrement=True),
    sa.Column("state_id", _KEY, nullable=False, index=True),
    sa.Column("run_id", _KEY, nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("number", _NUMBER),
    sa.Column("message", sa.Text),
    sa.Column("at", sa.Double, nullable=False),
)
"""What was tried: `published`, `failed`, and what the command `state` changed by hand."""

metrics = _table(
    "odibi_metrics",
    sa.Column("state_id", _KEY, primary_key=True),
    sa.Column("number", _NUMBER, primary_key=True, autoincrement=False),
    sa.Column("check_name", _NAME, primary_key=True),
    sa.Column("metric", sa.String(64), primary_key=True),
    sa.Column("value", sa.Double),
)
