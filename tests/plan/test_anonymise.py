"""What each method of `privacy` makes of values: the same on every engine."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
import pytest

from odibi_dagster.config.privacy import PrivacyConfig
from odibi_dagster.core.pii import EVERYTHING, Pii
from odibi_dagster.errors import ConfigError, SchemaContractError
from odibi_dagster.plan.anonymise import anonymised
from tests.formats.support import frame_of

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

SALTS = ["grain", 'it\'s "quoted"', "back\\slash", "two\nlines", "Größe 🔐", "x" * 500]


def made_of(engine: Engine, values: list[Any], **privacy: Any) -> list[Any]:
    """A column after `privacy`, in the order of the rows."""
    frame = frame_of(engine, {"n": list(range(len(values))), "x": values})
    result = anonymised(engine, frame, PrivacyConfig(**privacy), Pii.of(["X"]))
    assert result.collect_schema()["x"] == nw.String
    rows = engine.fetch(result, 99)
    return [row["x"] for row in sorted(rows, key=lambda row: row["n"])]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("salt", [None, "", *SALTS])
def test_hash_is_sha256_of_the_value_and_the_salt_behind_it(
    engine: Engine, salt: str | None
) -> None:
    values = ["ada@example.org", "", None, "Ægir 🌊"]
    expected = [None if v is None else sha256(v + (salt or "")) for v in values]
    assert made_of(engine, values, method="hash", salt=salt) == expected


def test_mask_leaves_the_last_four(engine: Engine) -> None:
    values = ["ada@example.org", "12345", "1234", "abc", "", None, "héllo🌊"]
    expected = ["***********.org", "*2345", "****", "***", "", None, "**llo🌊"]
    assert made_of(engine, values, method="mask") == expected


def test_a_value_of_up_to_four_characters_is_masked_whole(engine: Engine) -> None:
    """Odibi shows these."""
    assert made_of(engine, ["1234", "7"], method="mask") == ["****", "*"]


def test_redact_says_nothing_but_null(engine: Engine) -> None:
    assert made_of(engine, ["a", "", None], method="redact") == ["[REDACTED]"] * 2 + [None]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12345, "12345"),
        (True, "true"),
        (date(1990, 5, 17), "1990-05-17"),
        (datetime(1990, 5, 17, 8, 30), "1990-05-17 08:30:00"),
    ],
)
def test_other_types_are_taken_as_sql_writes_them(engine: Engine, value: Any, text: str) -> None:
    (hashed, _) = made_of(engine, [value, None], method="hash", salt="s")
    (masked, _) = made_of(engine, [value, None], method="mask")
    assert masked.endswith(text[-4:] if len(text) > 4 else "*")
    assert hashed == sha256(f"{text}s")


@pytest.mark.parametrize("method", ["hash", "mask"])
def test_a_nested_column_is_refused(engine: Engine, method: str) -> None:
    with pytest.raises(SchemaContractError, match=r"column 'x' is List.*write method: redact"):
        made_of(engine, [["a"], ["b"]], method=method)


def test_a_nested_column_can_be_redacted(engine: Engine) -> None:
    assert made_of(engine, [["a"], ["b"]], method="redact") == ["[REDACTED]"] * 2


def test_columns_keep_their_places(engine: Engine) -> None:
    frame = frame_of(engine, {"a": ["x"], "b": ["y"]})
    result = anonymised(engine, frame, PrivacyConfig(method="redact"), EVERYTHING.without(["b"]))
    assert engine.fetch(result, 9) == [{"a": "[REDACTED]", "b": "y"}]


@pytest.mark.parametrize("salt", SALTS)
def test_no_plan_shows_the_salt(engine: Engine, salt: str) -> None:
    frame = frame_of(engine, {"x": ["a"]})
    privacy = PrivacyConfig(method="hash", salt=salt)
    plan = engine.explain(anonymised(engine, frame, privacy, Pii.of(["x"])))
    assert "***" in plan
    for part in (salt, salt[:6], salt[-6:]):
        assert part not in plan


def test_a_salt_that_is_not_set_is_named(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SALT", raising=False)
    with pytest.raises(ConfigError, match=r"privacy.salt: environment variable NO_SALT is not set"):
        made_of(engine, ["a"], method="hash", salt="${NO_SALT}")
