"""Columns with personal data, made into text that no longer says whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import narwhals.stable.v2 as nw
from sqlglot import exp

from odibi_dagster.core.names import quoted
from odibi_dagster.engines.sql.query import Expression, deriving
from odibi_dagster.errors import ConfigError, SchemaContractError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from odibi_dagster.config.privacy import PrivacyConfig
    from odibi_dagster.core.frame import Frame
    from odibi_dagster.core.pii import Pii
    from odibi_dagster.core.types import DType
    from odibi_dagster.engines.base import Engine

_SALT = "***"
"""Stands for the salt in every text that may be shown."""
_TEXT = "CAST({column} AS VARCHAR)"
METHODS: Mapping[str, str] = {
    "hash": f"SHA256({_TEXT} || '{_SALT}')",
    "mask": (
        f"CASE WHEN LENGTH({_TEXT}) <= 4 THEN REPEAT('*', LENGTH({_TEXT})) "
        f"ELSE REPEAT('*', LENGTH({_TEXT}) - 4) || RIGHT({_TEXT}, 4) END"
    ),
    "redact": "CASE WHEN {column} IS NOT NULL THEN '[REDACTED]' END",
}
"""What each method makes of a value, in SQL: the same on every engine. Null stays null."""


def anonymised(engine: Engine, frame: Frame, privacy: PrivacyConfig, pii: Pii) -> Frame:
    """The frame with its personal columns as text, in their places.

    A number, a time (in UTC) or a truth value is hashed or masked as SQL writes it.
    SchemaContractError where a column is nested or binary, unless it is redacted; ConfigError where
    the salt is not known.
    """
    schema = frame.collect_schema()
    personal = [name for name in schema if pii.holds(name)]
    if not personal:
        return frame
    salt = _salt(privacy)
    engine.discretion.secrets.update({salt} - {""})
    changed = {name: _expression(name, schema[name], privacy.method, salt) for name in personal}
    return engine.sql(deriving(changed), {"df": frame})


def _salt(privacy: PrivacyConfig) -> str:
    try:
        return privacy.salt.reveal() if privacy.salt else ""
    except ValueError as error:
        msg = f"privacy.salt: {error}"
        raise ConfigError(msg) from None


def _expression(column: str, dtype: DType, method: str, salt: str) -> Expression:
    if method != "redact" and (dtype.is_nested() or dtype == nw.Binary):
        msg = (
            f"privacy: column '{column}' is {dtype}, which cannot be anonymised by {method}; write "
            "method: redact, or leave the column out"
        )
        raise SchemaContractError(msg)
    zoned = isinstance(dtype, nw.Datetime) and dtype.time_zone is not None
    value = f"({quoted(column)} AT TIME ZONE 'UTC')" if zoned else quoted(column)
    shown = Expression.parse(METHODS[method].format(column=value))
    tree = shown.tree.copy()
    for literal in tree.find_all(exp.Literal):
        if literal.name == _SALT:
            literal.replace(exp.Literal.string(salt))
    return Expression(shown.text, shown.dialect, tree)
