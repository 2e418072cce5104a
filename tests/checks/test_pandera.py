"""A pandera model: what pandera itself finds broken is broken here, on both engines."""

from __future__ import annotations

import re
import sys
from datetime import date, datetime
from types import ModuleType
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import pytest
from pydantic import ValidationError

from odibi_dagster.checks.base import contracts
from tests.checks.frames import judged, make
from tests.config.project import load, nodes, problems

if TYPE_CHECKING:
    from pathlib import Path

    from odibi_dagster.engines.base import Engine

HEAD = "import polars as pl\nimport pandera.polars as pa\n\n"
TYPES = {"id": "int", "name": "text", "price": "float", "größe ü": "text", "day": "date",
         "at": "timestamp", "ok": "bool"}  # fmt: skip
ROWS: list[tuple[Any, ...]] = [
    (1, "xa", 1.0, "日本", date(2024, 1, 1), datetime(2024, 1, 1, 5), True),
    (2, "xb", 5.0, "klein", date(2024, 6, 1), datetime(2024, 1, 2, 5), False),
    (2, None, -5.0, "groß", None, None, None),
    (4, "y.x", None, None, date(2020, 1, 1), datetime(2020, 1, 1), True),
    (5, "", float("nan"), "", date(2025, 1, 1), datetime(2025, 1, 1), True),
]
FIELDS = [
    "id: int = pa.Field(gt=1)",
    "id: int = pa.Field(ge=2)",
    "id: int = pa.Field(lt=4)",
    "id: int = pa.Field(le=4)",
    "id: int = pa.Field(eq=2)",
    "id: int = pa.Field(ne=2)",
    "id: int = pa.Field(isin=[1, 2])",
    "id: int = pa.Field(notin=[1, 2])",
    "id: int = pa.Field(unique=True)",
    "price: float = pa.Field(gt=0, nullable=True)",
    "price: float = pa.Field(in_range={'min_value': 1, 'max_value': 5, 'include_min': False}, "
    "nullable=True)",
    "price: float = pa.Field(in_range={'min_value': 1, 'max_value': 5, 'include_max': False}, "
    "nullable=True)",
    "name: str",
    "name: str = pa.Field(isin=['xa', ''], nullable=True)",
    "name: str = pa.Field(notin=['xa', ''], nullable=True)",
    "name: str = pa.Field(ne='xa', nullable=True)",
    "name: str = pa.Field(str_matches='x', nullable=True)",
    r"name: str = pa.Field(str_contains=r'\.x', nullable=True)",
    "name: str = pa.Field(str_startswith='x', nullable=True)",
    "name: str = pa.Field(str_endswith='.x', nullable=True)",
    "name: str = pa.Field(str_length={'min_value': 1, 'max_value': 2}, nullable=True)",
    "name: str = pa.Field(str_length={'exact_value': 2}, nullable=True)",
    "ok: bool = pa.Field(eq=True, nullable=True)",
    "day: pl.Date = pa.Field(ge=__import__('datetime').date(2024, 1, 1), nullable=True)",
    "at: pl.Datetime('us') = pa.Field(gt=__import__('datetime').datetime(2024, 1, 1), "
    "nullable=True)",
    "g: str = pa.Field(alias='größe ü', str_length={'max_value': 2}, nullable=True)",
]
FRAMES = {"ordinary": ROWS, "nulls": [(None,) * len(TYPES)] * 3, "empty": []}


def _parts(folder: Path, body: str, **said: Any) -> list[Any]:
    (folder / "models.py").write_text(f"{HEAD}class M(pa.DataFrameModel):\n{body}")
    context = {"root": folder, "engine": "polars"}
    built = contracts["pandera"].model_validate({"schema": "models:M", **said}, context=context)
    return list(built.parts())


def _broken_by_pandera(folder: Path, rows: list[tuple[Any, ...]]) -> int:
    """The rows of an eager frame that pandera counts for the checks of values."""
    import pandera.errors

    module = sys.modules["models_of_a_test"] = ModuleType("models_of_a_test")
    exec((folder / "models.py").read_text(), module.__dict__)
    frame = make(_polars(), TYPES, rows).to_native().collect()
    schema = module.M.to_schema()
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        cases = error.failure_cases
        return int(cases["index"].n_unique()) if "index" in cases.columns else cases.height
    return 0


def _polars() -> Engine:
    from odibi_dagster.engines.base import get_engine

    return get_engine("polars")


@pytest.mark.parametrize("rows", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("field", FIELDS)
def test_what_pandera_finds_broken(engine: Engine, tmp_path: Path, field: str, rows: Any) -> None:
    parts = _parts(tmp_path, f"    {field}\n")
    judgements = judged(make(engine, TYPES, rows), parts, engine)
    assert not any(judgement.verdict.error for judgement in judgements), _said(judgements)
    broken = sum(judgement.verdict.failed_rows or 0 for judgement in judgements)
    assert broken == _broken_by_pandera(tmp_path, rows), _said(judgements)


def _said(judgements: Any) -> list[str]:
    return [f"{each.check_name}: {each.description}" for each in judgements]


def test_columns_and_types(engine: Engine, tmp_path: Path) -> None:
    body = "    id: str\n    gone: int\n    name: str\n    class Config:\n        strict = True\n"
    columns = _parts(tmp_path, body)[0]
    (judgement,) = judged(
        make(engine, {"id": "int", "name": "text", "new": "int"}, []), [columns], engine
    )
    assert not judgement.passed
    assert judgement.check_name == "M_columns"
    for said in ("'gone' is missing", "'id' is Int64, not String", "'new' is not in it"):
        assert said in judgement.description


def test_custom_checks_are_lazy_queries_of_their_own(tmp_path: Path) -> None:
    body = """
    price: float = pa.Field(nullable=True)
    id: int
    @pa.check("price")
    def small(cls, data):
        return data.lazyframe.select(pl.col(data.key) < 3)
    @pa.check("id", element_wise=True)
    def even(cls, value):
        return value % 2 == 0
    @pa.dataframe_check
    def id_is_less(cls, data):
        return data.lazyframe.select(pl.col("id") < pl.col("price"))
"""
    engine, parts = _polars(), _parts(tmp_path, body, on_fail="quarantine")
    found = {each.check_name: each for each in judged(make(engine, TYPES, ROWS), parts, engine)}
    observed = {name: each.verdict.observed for name, each in found.items() if "not" not in name}
    assert {k: v for k, v in observed.items() if k != "M_columns"} == {
        "M_price_small": 2, "M_id_even": 2, "M_id_is_less": 2,
    }  # fmt: skip
    assert found["M_id_even"].blocks, "it tells no rows apart: it fails instead"
    assert found["M_id_not_null"].contract.on_fail == "quarantine"


def test_a_null_that_may_not_pass_and_a_check_that_warns(engine: Engine, tmp_path: Path) -> None:
    body = (
        "    price: float = pa.Field(gt=-9, ignore_na=False, raise_warning=True, nullable=True)\n"
    )
    _, rule = _parts(tmp_path, body)
    (judgement,) = judged(make(engine, TYPES, ROWS[:4]), [rule], engine)
    assert (judgement.verdict.failed_rows, judgement.severity) == (1, "WARN")


def test_threshold_and_names(tmp_path: Path) -> None:
    fields = "    id: int = pa.Field(unique=True, ge=0)\n    name: str\n"
    body = f"{fields}    class Config:\n        unique = ['id', 'name']\n"
    parts = _parts(tmp_path, body, name="flights", threshold=2)
    assert [part.check_name for part in parts] == [
        "flights_columns", "flights_id_not_null", "flights_id_unique",
        "flights_id_greater_than_or_equal_to", "flights_name_not_null", "flights_id_name_unique",
    ]  # fmt: skip
    assert {str(part.threshold) for part in parts[1:]} == {"2 rows"}


UNTRANSLATED = [
    ("id: int = pa.Field(coerce=True)", "column 'id': coerce changes data"),
    ("id: int = pa.Field(regex=True)", "column 'id': a name by pattern"),
    ("id: 'int | None' = pa.Field(default=3)", "column 'id': a default changes data"),
    ("id: int = pa.Field(unique_values_eq=[1])", "column 'id': check unique_values_eq"),
    ("id: int\n    class Config:\n        strict = 'filter'", "strict = 'filter' changes data"),
    ("id: int\n    class Config:\n        ordered = True", "ordered: columns are known by name"),
    ("id: int\n    class Config:\n        coerce = True", "coerce changes data"),
]


@pytest.mark.parametrize(("body", "said"), UNTRANSLATED)
def test_what_has_no_translation_is_said_at_load(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(said)):
        _parts(tmp_path, f"    {body}\n")


NODE = """
- name: n
  read: {connection: lake, format: parquet, path: in.parquet}
  validation:
    tests:
      - {type: pandera, schema: "models:M"}
  write: {connection: lake, format: parquet, path: out.parquet}
"""


def test_a_custom_check_on_spark_is_refused_where_it_stands(tmp_path: Path) -> None:
    body = "    id: int\n    @pa.dataframe_check\n    def own(cls, data):\n        return True\n"
    (tmp_path / "models.py").write_text(f"{HEAD}class M(pa.DataFrameModel):\n{body}")
    (found,) = problems(tmp_path, nodes(NODE).replace("engine: polars", "engine: spark"))
    assert "check own reads Polars frames; write custom_sql" in found.message
    assert (found.line, found.column) == (12, 39)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("models", 'write schema: "module:Class"'),
        ("nowhere:M", "importing 'nowhere' failed: ModuleNotFoundError"),
        ("models:Nope", "models:Nope is not there"),
        ("models:pl", "models:pl is none; it must be a model"),
        ("broken:M", "importing 'broken' failed: ZeroDivisionError"),
    ],
)
def test_a_model_that_cannot_be_had(tmp_path: Path, schema: str, said: str) -> None:
    (tmp_path / "models.py").write_text(f"{HEAD}class M(pa.DataFrameModel):\n    id: int\n")
    (tmp_path / "broken.py").write_text("1 / 0")
    (found,) = problems(tmp_path, nodes(NODE).replace("models:M", schema))
    assert said in found.message


def test_an_edited_model_is_another_version_of_the_node(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text(f"{HEAD}class M(pa.DataFrameModel):\n    id: int\n")
    (one,) = load(tmp_path, nodes(NODE)).nodes.values()
    (tmp_path / "models.py").write_text(f"{HEAD}class M(pa.DataFrameModel):\n    id: str\n")
    (two,) = load(tmp_path, nodes(NODE)).nodes.values()
    assert [contract.check_name for contract in one.tests] == ["M_columns", "M_id_not_null"]
    assert one.digest != two.digest
    assert two.tests[0].model.columns == {"id": nw.String()}
