"""What checks remember of the batches that were published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from odibi_dagster.core.history import Past
from odibi_dagster.state import tables
from odibi_dagster.state.clock import Now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odibi_dagster.core.history import Lookback
    from odibi_dagster.state.identity import Identity

_DAY = 86_400.0
_MOST = 1_000
"""Batches of a span of days that are looked at, the newest of them."""
_SPARE = 8
"""Batches beyond those asked for: some (an adopted one) left no metrics."""
_S, _B, _M = tables.state, tables.batches, tables.metrics
_BATCH = (_B.c.state_id, _B.c.number, _B.c.row_count, _B.c.published_at)
_KINDS: Mapping[bool | None, sa.ColumnElement[bool]] = {
    True: _B.c.lower.is_not(None),
    False: _B.c.lower.is_(None),
    None: sa.true(),
}


def history(
    connection: sa.Connection,
    key: str,
    wanted: Mapping[str, Lookback],
    *,
    before: int,
    windowed: bool | None,
) -> dict[str, tuple[Past, ...]]:
    """The published batches below the number `before`, the newest first, by check name: one query.

    At least those that each `Lookback` asks for, and no older ones than its days where it asks for
    nothing else. Like is compared with like: `windowed` batches hold what was new after a mark, the
    others all that there was, and those of the other kind are left out. `windowed: None` leaves out
    none.
    """
    batches = sa.select(*_BATCH, sa.literal("").label("partition_key")).where(
        _B.c.state_id == key, _B.c.number < before, _KINDS[windowed]
    )
    return _pasts(connection, batches, wanted, ["number"])


def siblings(
    connection: sa.Connection,
    identity: Identity,
    wanted: Mapping[str, Lookback],
    *,
    windowed: bool,
) -> dict[str, tuple[Past, ...]]:
    """The last batch of each other partition of a node, the one published last first; as above."""
    same = ("project", "environment", "key_prefix", "pipeline", "node")
    batches = (
        sa.select(*_BATCH, _S.c.partition_key)
        .join(_S, sa.and_(_S.c.id == _B.c.state_id, _S.c.batch == _B.c.number))
        .where(
            *(_S.c[name] == getattr(identity, name) for name in same),
            _S.c.partition_key.not_in(["", identity.partition]),
            _KINDS[windowed],
        )
    )
    return _pasts(connection, batches, wanted, ["published_at", "partition_key"])


def _pasts(
    connection: sa.Connection,
    batches: sa.Select[Any],
    wanted: Mapping[str, Lookback],
    order: Sequence[str],
) -> dict[str, tuple[Past, ...]]:
    """The last so many of these batches, and what each check remembers of them."""
    last = [batches.selected_columns[name].desc() for name in order]
    seconds = max(look.days for look in wanted.values()) * _DAY
    most = max(look.batches for look in wanted.values()) + _SPARE
    newest = batches.order_by(*last).limit(max(most, _MOST if seconds else 0)).subquery()
    on = sa.and_(
        _M.c.state_id == newest.c.state_id,
        _M.c.number == newest.c.number,
        _M.c.check_name.in_(sorted(wanted)),
    )
    query = sa.select(newest, Now().label("now"), _M.c.check_name, _M.c.metric, _M.c.value)
    ordered = query.select_from(newest.outerjoin(_M, on)).order_by(
        *(newest.c[name].desc() for name in order)
    )
    rows = connection.execute(ordered).all()
    found = {(row.state_id, row.number): row for row in rows}
    metrics: dict[tuple[str, str, int], dict[str, float]] = {}
    for row in rows:
        if row.value is not None:
            of = (row.check_name, row.state_id, row.number)
            metrics.setdefault(of, {})[row.metric] = row.value
    return {
        name: tuple(
            Past(
                row.number,
                datetime.fromtimestamp(row.published_at, UTC),
                row.row_count,
                metrics.get((name, *batch), {}),
                row.partition_key,
            )
            for place, (batch, row) in enumerate(found.items())
            if place < (look.batches and look.batches + _SPARE)
            or row.now - row.published_at <= look.days * _DAY
        )
        for name, look in wanted.items()
    }
