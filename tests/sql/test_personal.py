"""What a query makes of personal data: no column that holds any may be missed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from odibi_dagster.core.pii import EVERYTHING, NOTHING, Pii
from odibi_dagster.engines.sql.personal import query_pii
from odibi_dagster.engines.sql.query import Query
from tests.formats.support import frame_of

if TYPE_CHECKING:
    from odibi_dagster.engines.base import Engine

CANARY = "canary@example.org"
PEOPLE = {"id": [1, 2], "mail": [CANARY, CANARY], "city": ["Oslo", "Rome"]}
CLEAN = {"id": [1], "place": ["Bern"]}
QUERIES = {
    "SELECT * FROM df": {"mail"},
    "SELECT id, mail FROM df": {"mail"},
    "SELECT id, mail AS contact FROM df": {"contact"},
    "SELECT id, UPPER(MAIL) AS contact FROM df": {"contact"},
    "SELECT d.Mail AS x, d.id FROM df AS d": {"x"},
    'SELECT "mail" AS "The Mail" FROM df': {"The Mail"},
    "SELECT lower(mail), id FROM df": None,
    "SELECT * EXCLUDE (city) RENAME (mail AS contact) FROM df": {"contact"},
    "SELECT * REPLACE (mail || '!' AS city) FROM df": {"mail", "city"},
    "SELECT mail AS m, upper(m) AS n, id FROM df": {"m", "n"},
    "WITH t AS (SELECT mail AS c, id FROM df) SELECT c || 'x' AS d, id FROM t": {"d"},
    "WITH t(a, b) AS (SELECT mail, id FROM df) SELECT a AS d, b FROM t": None,
    "SELECT x.c FROM (SELECT mail AS c FROM df) AS x": {"c"},
    "SELECT id, (SELECT max(mail) AS m FROM df) AS top FROM df": {"top"},
    "SELECT id, mail FROM df UNION ALL SELECT id, mail FROM df": {"mail"},
    "SELECT city, id FROM df UNION ALL SELECT mail, id FROM df": None,
    "SELECT * FROM df UNION ALL SELECT * FROM df": None,
    "SELECT id, first_value(mail) OVER (ORDER BY id) AS w FROM df": {"w"},
    "SELECT city, string_agg(mail, ',') AS s FROM df GROUP BY city": {"s"},
    "SELECT city, COUNT(mail) AS n, COUNT(*) AS m FROM df GROUP BY city": set(),
    "SELECT id, CASE WHEN city = 'Oslo' THEN mail END AS k FROM df": {"k"},
    "SELECT o.place, df.mail AS contact FROM df JOIN o ON df.id = o.id": {"contact"},
    "SELECT u.x, id FROM df, UNNEST([mail]) AS u(x)": None,
    "SELECT id, city FROM df WHERE mail LIKE 'a%' ORDER BY mail": set(),
}
"""The columns that hold personal data; None: nobody can tell, so all of them."""


@pytest.mark.parametrize("text", QUERIES)
def test_what_is_personal(text: str) -> None:
    query, wanted = Query.parse(text), QUERIES[text]
    found = query_pii(query.tree, {"df": Pii.of(["mail"]), "o": NOTHING})
    if wanted is None:
        assert found == EVERYTHING
    else:
        assert wanted <= found.within([*wanted, "id", "place"])
        assert not found.holds("id")


@pytest.mark.parametrize("text", QUERIES)
def test_no_value_stands_in_a_column_that_is_not_personal(text: str, engine: Engine) -> None:
    """Held against what the engine really gives."""
    query = Query.parse(text)
    frames = {"df": frame_of(engine, PEOPLE), "o": frame_of(engine, CLEAN)}
    result = engine.sql(query, frames)
    found = query_pii(query.tree, {"df": Pii.of(["mail"]), "o": NOTHING})
    for row in engine.fetch(result, 9):
        leaked = {name for name, value in row.items() if CANARY in str(value).lower()}
        assert leaked <= found.within(row)


def test_nothing_comes_of_nothing() -> None:
    assert query_pii(Query.parse("SELECT lower(mail) FROM df").tree, {"df": NOTHING}) == NOTHING


def test_of_everything_only_what_is_named_is_left() -> None:
    found = query_pii(
        Query.parse("SELECT id, COUNT(*) AS n FROM df GROUP BY id").tree, {"df": EVERYTHING}
    )
    assert found == Pii.of(["id"])
