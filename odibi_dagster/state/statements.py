"""The statements by which a run changes its row, built once: building costs more than running.

Parameters: `key` and `held` are the row and the fence of a lease. Whoever sleeps through a lease
holds a fence that is no longer the row's, and changes nothing.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from odibi_dagster.state import tables
from odibi_dagster.state.clock import Now

_S, _B, _M = tables.state, tables.batches, tables.metrics
_ID = _S.c.id == sa.bindparam("key")
_MINE = (_ID, _S.c.fence == sa.bindparam("held"))
_FREE: dict[str, None] = {"owner": None, "lease_until": None}


def _update(*conditions: sa.ColumnElement[bool], **values: Any) -> sa.Update:
    changed = {"version": _S.c.version + 1, "updated_at": Now()}
    return sa.update(_S).where(*conditions).values(**values, **changed)


def _confirm(**ended: None) -> sa.Update:
    return _update(
        *_MINE,
        batch=sa.bindparam("number"),
        in_target=sa.bindparam("named"),
        run_key=sa.bindparam("run"),
        mark=sa.bindparam("reached"),
        intent=None,
        **ended,
    )


TAKE = _update(
    _ID,
    sa.or_(
        _S.c.owner.is_(None),
        _S.c.lease_until <= Now(),
        _S.c.owner == sa.bindparam("run"),  # an earlier try of the same run
    ),
    owner=sa.bindparam("run"),
    fence=_S.c.fence + 1,
    lease_until=Now() + sa.bindparam("seconds"),
)
LOOK = sa.select(
    _S,
    Now().label("now"),
    sa.select(tables.schema.c.version).scalar_subquery().label("tables"),
).where(_ID)
"""The row, whoever has it, and the version of the tables."""
RENEW = _update(
    *_MINE,
    _S.c.owner == sa.bindparam("run"),  # a lease that ended meanwhile stays ended
    lease_until=Now() + sa.bindparam("seconds"),
)
INTEND = _update(*_MINE, intent=sa.bindparam("said"), target=sa.bindparam("where"))
LOCK = sa.select(_S).where(*_MINE).with_for_update()
"""The row, locked, of who holds the lease."""
CONFIRM = {False: _confirm(), True: _confirm(**_FREE)}
"""By whether the lease ends with it."""
CONFIRMED = {False: _update(*_MINE, intent=None), True: _update(*_MINE, intent=None, **_FREE)}
"""What is left to do where the batch was confirmed before."""
RELEASE = _update(*_MINE, **_FREE)
USED = sa.select(sa.func.max(_B.c.number)).where(_B.c.state_id == sa.bindparam("key"))
BATCH = _B.insert().values(published_at=Now())
METRIC = _M.insert()
NOTE = tables.runs.insert().values(at=Now())
