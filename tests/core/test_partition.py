"""`{partition}` in whatever a node consists of."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from odibi_dagster.connections.base import Location
from odibi_dagster.core.model import OpenModel
from odibi_dagster.core.partition import PLACEHOLDER, filled, key_in, mentions, says_partition
from odibi_dagster.engines.sql.query import Expression, Query


class Block(OpenModel):
    filled: Any = None
    """A name that means something here as well."""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.dates() | st.text("{partion} x/", max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.tuples(inner)
        | inner.map(lambda value: Block(filled=value))
        | st.fixed_dictionaries({"more": inner}).map(lambda more: Block(**more))
    ),
    max_leaves=12,
)
SAYS = st.just(PLACEHOLDER) | st.just(f"a/{PLACEHOLDER}.csv")


@given(VALUES)
def test_what_says_nothing_stays_itself(value: Any) -> None:
    if not says_partition(value):
        assert filled(value, "k") is value
        assert list(mentions(value)) == []


@given(st.lists(VALUES | SAYS, min_size=1, max_size=3))
def test_what_is_filled_says_nothing_any_more(value: list[Any]) -> None:
    done = filled(value, "2026-01-31")
    assert not says_partition(done)
    assert repr(done) == repr(value).replace(PLACEHOLDER, "2026-01-31")
    assert says_partition(value) == bool(list(mentions(value)))


def test_a_key_is_a_text_in_sql() -> None:
    query = Query.parse(
        "SELECT a, '{partition}' AS k FROM df WHERE d = CAST('{partition}' AS DATE)"
    )
    done = filled(query, "2026-01-31")
    assert done.tree.sql() == (
        "SELECT a, '2026-01-31' AS k FROM df WHERE d = CAST('2026-01-31' AS DATE)"
    )
    assert PLACEHOLDER in query.tree.sql(), "the tree of the node is shared and stays as it is"
    other = Expression.parse("a = 'x'")
    assert filled(other, "k") is other


def test_a_path() -> None:
    place = Location(Path("/lake/{partition}/o_{partition}.csv"))
    assert filled(place, "de").path == Path("/lake/de/o_de.csv")
    assert filled(date(2026, 1, 31), "de") == date(2026, 1, 31)


def test_the_key_in_a_path() -> None:
    pattern = Path("/lake/a_{partition}_{partition}.csv")
    assert key_in(Path("/lake/a_de_de.csv"), pattern) == "de"
    for name in ("a_de_at.csv", "a_.de_.de.csv", "b_de_de.csv", "a_de_de.csv.gz"):
        assert key_in(Path("/lake") / name, pattern) is None
    assert key_in(Path("/else/a_de_de.csv"), pattern) is None
