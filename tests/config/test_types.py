"""The words for column types."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest
from pydantic import TypeAdapter, ValidationError

from odibi_dagster.core.types import TypeName, parse_type


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("string", nw.String()),
        ("VARCHAR(20)", nw.String()),
        ("int", nw.Int64()),
        ("BIGINT", nw.Int64()),
        ("int32", nw.Int32()),
        ("smallint", nw.Int16()),
        ("tinyint", nw.Int8()),
        ("float", nw.Float64()),
        ("double  precision", nw.Float64()),
        ("bool", nw.Boolean()),
        ("date", nw.Date()),
        ("timestamp", nw.Datetime("us")),
        ("timestamptz", nw.Datetime("us", "UTC")),
        ("decimal", nw.Decimal(10, 0)),
        ("numeric(5)", nw.Decimal(5, 0)),
        ("Decimal(12, 2)", nw.Decimal(12, 2)),
    ],
)
def test_each_word_has_one_type(text: str, dtype: nw.dtypes.DType) -> None:
    assert parse_type(text) == dtype


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strng", "did you mean 'string'"),
        ("decimal(39, 2)", "precision is 1 to 38"),
        ("decimal(5, 6)", "scale at most"),
        ("", "choose one of"),
    ],
)
def test_a_wrong_word_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_type(text)


def test_it_is_a_field_of_a_model() -> None:
    adapter: TypeAdapter[nw.dtypes.DType] = TypeAdapter(
        TypeName, config={"arbitrary_types_allowed": True}
    )
    assert adapter.validate_python("date") == nw.Date()
    with pytest.raises(ValidationError, match="unknown type"):
        adapter.validate_python("dat3")
