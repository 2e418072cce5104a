"""What checks remember of the batches that were published."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from odibi_dagster.core.history import Past
from odibi_dagster.state import tables
from odibi_dagster.state.clock import Now

if TYPE_CHECKING:
    from odibi_dagster.core.history import Lookback

_DAY = 86_400.0
_MOST = 1_000
"""Batches of a span of days that are looked at, the newest of them."""
_SPARE = 8
"""Batches beyond those asked for: some (an adopted one) left no metrics."""
_B, _M = tables.batches, tables.metrics
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
    seconds = max(look.days for look in wanted.values()) * _DAY
    most = max(look.batches for look in wanted.values()) + _SPARE
    newest = (
        sa.select(_B.c.number, _B.c.row_count, _B.c.published_at)
        .where(
            _B.c.state_id == key,
            _B.c.number < before,
            _KINDS[windowed],
        )
        .order_by(_B.c.number.desc())
        .limit(max(most, _MOST if seconds else 0))
    ).subquery()
    on = sa.and_(
        _M.c.state_id == key,
        _M.c.number == newest.c.number,
        _M.c.check_name.in_(sorted(wanted)),
    )
    query = sa.select(newest, Now().label("now"), _M.c.check_name, _M.c.metric, _M.c.value)
    rows = connection.execute(
        query.select_from(newest.outerjoin(_M, on)).order_by(newest.c.number.desc())
    ).all()
    batches = {row.number: row for row in rows}
    metrics: dict[tuple[str, int], dict[str, float]] = {}
    for row in rows:
        if row.value is not None:
            metrics.setdefault((row.check_name, row.number), {})[row.metric] = row.value
    return {
        name: tuple(
            Past(
                number,
                datetime.fromtimestamp(row.published_at, UTC),
                row.row_count,
                metrics.get((name, number), {}),
            )
            for place, (number, row) in enumerate(batches.items())
            if place < (look.batches and look.batches + _SPARE)
            or row.now - row.published_at <= look.days * _DAY
        )
        for name, look in wanted.items()
    }
