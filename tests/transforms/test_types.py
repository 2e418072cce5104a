"""The type that two columns share."""

from __future__ import annotations

import narwhals.stable.v2 as nw
import pytest

from odibi_dagster.errors import SchemaContractError
from odibi_dagster.transforms.types import common_type

US = nw.Datetime("us")


@pytest.mark.parametrize(
    ("left", "right", "shared"),
    [
        (nw.Int64(), nw.Int64(), nw.Int64()),
        (nw.Int8(), nw.Int32(), nw.Int32()),
        (nw.UInt8(), nw.UInt64(), nw.UInt64()),
        (nw.UInt32(), nw.Int8(), nw.Int64()),
        (nw.Int64(), nw.Float32(), nw.Float64()),
        (nw.Decimal(5, 2), nw.Decimal(9, 1), nw.Decimal(10, 2)),
        (nw.Decimal(5, 2), nw.Int32(), nw.Decimal(21, 2)),
        (nw.Decimal(5, 2), nw.Float64(), nw.Float64()),
        (nw.String(), nw.Categorical(), nw.String()),
        (nw.Unknown(), nw.Date(), nw.Date()),
        (nw.Date(), US, US),
        (nw.Datetime("ms"), nw.Datetime("ns"), nw.Datetime("ns")),
        (nw.List(nw.Int64()), nw.List(nw.Int64()), nw.List(nw.Int64())),
    ],
)
def test_one_family_widens(left: nw.dtypes.DType, right: nw.dtypes.DType, shared: object) -> None:
    assert common_type("x", left, right, "union") == shared
    assert common_type("x", right, left, "union") == shared


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (nw.UInt64(), nw.Int64()),
        (nw.Decimal(38, 0), nw.Decimal(38, 10)),
        (nw.Decimal(38, 38), nw.Int64()),
        (nw.String(), nw.Int64()),
        (nw.Boolean(), nw.Int64()),
        (US, nw.Datetime("us", "UTC")),
        (nw.Date(), nw.Datetime("us", "UTC")),
        (nw.List(nw.Int64()), nw.List(nw.String())),
    ],
)
def test_unlike_types_are_refused(left: nw.dtypes.DType, right: nw.dtypes.DType) -> None:
    for one, other in ((left, right), (right, left)):
        with pytest.raises(SchemaContractError, match=r"step join: column 'x' is .* cast_columns"):
            common_type("x", one, other, "join")
