"""Frames full of what goes wrong (nulls, NaN, halves, negatives, unicode), and SQL to try on them."""

# ruff: noqa: E501

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal as D
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

NAN, INF = float("nan"), float("inf")
T: dict[str, tuple[pa.DataType, list[Any]]] = {
    "id": (pa.int64(), [1, 2, 3, 4, 5, 6, 7, 8]),
    "g": (pa.string(), ["a", "b", None, "a", "b", "a", None, "c"]),
    "i": (pa.int64(), [0, -7, 15, None, 2, 3, -15, 25]),
    "k": (pa.int32(), [1, 2, None, 4, -5, 6, 0, 8]),
    "f": (pa.float64(), [0.5, -2.5, 2.675, None, NAN, 1.005, -0.5, 1234.565]),
    "h": (pa.float32(), [0.1, 2.5, None, -3.5, 0.25, 7.0, 1e10, 0.0]),
    "m": (pa.decimal128(10, 2), [D("1.25"), D("-2.35"), None, D("0.05"), D("10.00"), D("-0.15"), D("2.50"), D("3.45")]),
    "s": (pa.string(), ["Hello", "", None, " ab\t", "naïve→x", "a-b-c", "AbC123", "100%_x"]),
    "n": (pa.string(), ["1", "2.5", None, " 3 ", "-4", "5e2", "0", "12"]),
    "bad": (pa.string(), ["1", "x", None, "", "-4.5", "1e2", "12,5", "nan"]),
    "d": (pa.date32(), [date(2024, 1, 31), date(2023, 12, 31), None, date(1969, 7, 20), date(2024, 2, 29), date(2024, 12, 30), date(2000, 1, 1), date(2025, 3, 3)]),
    "e": (pa.date32(), [date(2024, 3, 1), date(2024, 1, 1), date(2020, 1, 1), None, date(2025, 2, 28), date(2023, 1, 1), date(1999, 12, 31), date(2025, 3, 3)]),
    "t": (pa.timestamp("us"), [datetime(2024, 1, 31, 10, 30, 15, 500000), datetime(2023, 12, 31, 23, 59, 59, 999999), None, datetime(1969, 7, 20, 20, 17, 40), datetime(2024, 2, 29), datetime(2024, 12, 30, 12), datetime(2000, 1, 1, 0, 0, 1), datetime(2025, 3, 3, 4, 5, 6, 120)]),
    "ds": (pa.string(), ["2024-01-31", "2024-1-5", None, "2024-02-30", "x", "2024/03/01", " 2024-05-06 ", "2024-01-05 10:00:00"]),
    "b": (pa.bool_(), [True, False, None, True, False, None, True, False]),
    "l": (pa.list_(pa.string()), [["a", "b"], [], None, ["c", None, "a"], ["b", "b"], ["z"], [None], ["x", "y", "z"]]),
    "li": (pa.list_(pa.int64()), [[3, 1, 2], [], None, [5, None], [-1], [7, 7], [None], [0, 10]]),
    "js": (pa.string(), ['{"a": "x", "b": {"c": 1}}', '{"a": null}', None, '{"a": [1, 2]}', '{"a": true}', '{"a": 12}', "{}", '{"a": "é"}']),
}  # fmt: skip
U: dict[str, tuple[pa.DataType, list[Any]]] = {
    "uid": (pa.int64(), [1, 2, 3, 4, 5]),
    "g": (pa.string(), ["a", "a", "b", None, "d"]),
    "lo": (pa.int64(), [0, 1, None, 3, 100]),
}


def table(columns: dict[str, tuple[pa.DataType, list[Any]]], rows: int | None = None) -> pa.Table:
    """The first `rows` of these columns (None: all) as an Arrow table."""
    return pa.table(
        {name: pa.array(values[:rows], type) for name, (type, values) in columns.items()}
    )


VALUES = """
i + 1|i - k|i * 2|i / 2|i / 0|f / 0|i // 2|i % 4|-i|abs(i)|i + 0.5|i * 0.145|k * 1.5|m + 1|m * 2|m * m|m - 0.005|m / 3|m % 1|abs(m)|-m
round(f)|round(f, 2)|round(f, 1)|round(m, 1)|round(m)|round(i, -1)|round(f, -2)|round(i * 0.125, 2)|ceil(f)|floor(f)|trunc(f)|ceil(m)|floor(m)|sign(f)|sign(i)|sign(m)
sqrt(abs(i))|exp(k)|ln(k)|ln(abs(i) + 1)|log(i)|log10(id)|log2(id)|power(i, 2)|i ** 2|pow(2, k)|pi()|sin(f)|degrees(f)|isnan(f)|isinf(f)|isfinite(f)
f > 1|f = f|f >= 1e9|h = 0.1|h > 0.25|h * 2|h + f|i = 2.0|m = 2.5|m > f|i > m|f IS NOT DISTINCT FROM NULL|g IS DISTINCT FROM 'a'|i = '2'|d = '2024-01-31'|d > DATE '2024-01-01'|t >= '2024-01-31'|t < TIMESTAMP '2024-01-31 11:00:00'|d = t
b AND i > 0|b OR i > 0|NOT b|b = true|b IS TRUE|b IS NOT TRUE|b IS FALSE|i AND true|b = 1|CASE WHEN b THEN 1 END|CASE g WHEN 'a' THEN 'x' WHEN 'b' THEN 'y' ELSE 'z' END|CASE WHEN i > 0 THEN i ELSE 0.5 END|if(i > 0, 'p', 'n')
coalesce(i, 0)|coalesce(f, i, 1)|coalesce(m, 0)|coalesce(g, 'none')|ifnull(s, '')|nullif(i, 2)|nullif(g, 'a')|greatest(i, k)|least(i, k, 3)|greatest(f, 1)|least(f, 1)|greatest(g, 'b')|greatest(i, 2.5)
i IN (2, 3)|i NOT IN (2, 3)|i IN (2, NULL)|i NOT IN (2, NULL)|g IN ('a', 'z')|m IN (1.25, 2)|i BETWEEN 0 AND 15|i NOT BETWEEN 0 AND 15|f BETWEEN 0 AND 10|d BETWEEN '2024-01-01' AND '2024-12-31'
upper(s)|lower(s)|length(s)|reverse(s)|trim(s)|ltrim(s)|rtrim(s)|trim(s, 'aHo')|trim(BOTH 'x' FROM s)|left(s, 2)|right(s, 2)|left(s, -2)|right(s, -2)|substring(s, 2, 3)|substring(s, 2)|substring(s, -3, 2)|substring(s, 0, 3)|substr(s, id)
replace(s, 'a', 'ZZ')|replace(s, '-', '')|strpos(s, 'b')|position('→' IN s)|instr(s, '')|starts_with(s, 'a')|ends_with(s, 'c')|contains(s, 'b')|prefix(s, 'He')|suffix(s, 'lo')|repeat(s, 2)|lpad(s, 4, '*')|rpad(s, 8, 'xy')|lpad(CAST(id AS VARCHAR), 3, '0')
s || '!'|s || i|concat(s, '-', i)|concat(g, NULL, b)|concat_ws('-', g, s, i)|concat_ws(',', NULL, g)|'x' || d|'x' || t|'x' || f|'x' || m|'x' || b|split_part(s, '-', 2)|split_part(s, '-', -1)|split_part(s, '-', 9)|string_split(s, '-')|string_split(s, '')|ascii(s)|translate(s, 'abH', 'xy')|md5(s)|sha256(s)|sha1(s)
s LIKE 'a%'|s LIKE '%b%'|s LIKE '_b%'|s LIKE '100!%%' ESCAPE '!'|s NOT LIKE '%c'|s ILIKE '%ABC%'|s LIKE 'naïve%'|s LIKE '%\\_%'
regexp_matches(s, '[0-9]+')|regexp_matches(s, '^a')|regexp_matches(s, 'ABC', 'i')|regexp_matches(s, '\\bab\\b')|regexp_full_match(s, '[A-Za-z]+')|regexp_matches(s, '\\w+$')|regexp_matches(s, '\\d')|regexp_replace(s, '[a-z]', '*')|regexp_replace(s, '[a-z]', '*', 'g')|regexp_replace(s, '(\\w)-(\\w)', '\\2+\\1')|regexp_replace(s, '\\s+', '', 'g')|regexp_extract(s, '[a-z]+')|regexp_extract(s, '(\\w)-(\\w)', 2)|regexp_extract(s, '([A-Z])(x)?', 2)|regexp_extract_all(s, '[a-z]')|regexp_replace(s, '$', '$1')|s SIMILAR TO '[A-Z].*'
CAST(nullif(f, 'nan') AS INTEGER)|CAST(h AS BIGINT)|CAST(m AS INTEGER)|CAST(nullif(f, 'nan') AS DECIMAL(10, 1))|CAST(m AS DECIMAL(10, 1))|CAST(i AS DOUBLE)|CAST(i AS DECIMAL(10, 2))|CAST(n AS DOUBLE)|CAST(n AS INTEGER)|CAST(n AS DECIMAL(10, 2))|TRY_CAST(bad AS DOUBLE)|TRY_CAST(bad AS INTEGER)|TRY_CAST(bad AS BIGINT)|TRY_CAST(bad AS DECIMAL(6, 1))|TRY_CAST(ds AS DATE)|TRY_CAST(ds AS TIMESTAMP)|CAST(i AS VARCHAR)|CAST(f AS VARCHAR)|CAST(m AS VARCHAR)|CAST(b AS VARCHAR)|CAST(d AS VARCHAR)|CAST(t AS VARCHAR)|CAST(b AS INTEGER)|CAST(i AS BOOLEAN)|TRY_CAST(bad AS BOOLEAN)|t::DATE|d::TIMESTAMP|CAST(f * 1e-5 AS VARCHAR)|CAST(f * 1e15 AS VARCHAR)|CAST(id * 1e20 AS VARCHAR)|CAST(id / 3 AS VARCHAR)|i::VARCHAR || 'x'
year(d)|month(d)|day(d)|quarter(d)|week(d)|dayofweek(d)|isodow(d)|dayofyear(d)|hour(t)|minute(t)|second(t)|extract(year FROM t)|extract(dow FROM d)|extract(epoch FROM t)|date_part('month', t)|date_part('isoyear', d)|epoch(t)|epoch_ms(t)|epoch_us(t)|dayname(d)|monthname(d)|last_day(d)|last_day(t)|hour(d)
date_trunc('month', d)|date_trunc('week', d)|date_trunc('quarter', t)|date_trunc('year', t)|date_trunc('day', t)|date_trunc('hour', t)|date_trunc('minute', t)|date_trunc('second', t)
date_diff('day', d, e)|date_diff('week', d, e)|date_diff('month', d, e)|date_diff('quarter', d, e)|date_diff('year', d, e)|date_diff('hour', t, e)|date_diff('minute', d, t)|date_diff('second', t, TIMESTAMP '2024-01-01')|datediff('day', d, DATE '2024-01-01')
d + 1|d - 1|d + INTERVAL 1 DAY|d - INTERVAL '2 months'|t + INTERVAL 90 MINUTE|t - INTERVAL 1 YEAR|d + INTERVAL 3 WEEK|date_add(d, INTERVAL 1 MONTH)|d - e|e - d|t - TIMESTAMP '2024-01-01 00:00:00'|d + to_days(3)|d + INTERVAL (id) DAY|d + id::INTEGER
strftime(d, '%Y-%m')|strftime(t, '%d/%m/%Y %H:%M:%S')|strftime(t, '%b %B %a %A %j %y')|strftime(t, '%I:%M %p')|strftime(t, '%H%M%S.%f')|strptime('2024-03-05', '%Y-%m-%d')|strptime('05.03.24 07:08', '%d.%m.%y %H:%M')|try_strptime(ds, '%Y-%m-%d')|make_date(2024, 2, id)|to_timestamp(id * 1000)|to_timestamp(1.5)|epoch_ms(id * 86400000)|DATE '2024-01-01'|t AT TIME ZONE 'Europe/Berlin'|TIMESTAMPTZ '2024-06-01 12:00:00+00' AT TIME ZONE 'America/New_York'
len(l)|l[1]|l[2]|l[-1]|l[9]|l[0]|list_contains(l, 'a')|list_contains(li, 7)|array_to_string(l, '-')|list_sort(l)|list_sort(li)|list_sum(li)|list_min(li)|list_max(li)|list_avg(li)|array_length(li)|[i, 1]|list_sort(list_distinct(li))|len(list_distinct(l))|list_reverse(l)
js->>'$.a'|json_extract_string(js, '$.a')|json_extract_string(js, '$.b.c')|json_extract_string(js, '$.a[1]')|json_extract_string(js, 'a')
"""
"""Values of each row, one per bar."""

QUERIES = """
SELECT count(*), count(i), count(DISTINCT g), sum(i), sum(f), avg(i), min(f), max(f), min(s), max(d) FROM t
SELECT g, count(*) n, sum(i) s, avg(m) a, min(t) lo, max(g) hi FROM t GROUP BY g
SELECT g, sum(m) x, sum(k) y, sum(b::INT) z FROM t GROUP BY 1
SELECT g, median(i) m, stddev(i) s, var_samp(k) v, stddev_pop(i) p, quantile_cont(i, 0.25) q FROM t GROUP BY g
SELECT g, percentile_cont(0.5) WITHIN GROUP (ORDER BY i) p FROM t GROUP BY g
SELECT g, bool_and(b) a, bool_or(b) o, count_if(b) c, count(*) FILTER (WHERE i > 0) p, sum(i) FILTER (WHERE b) q FROM t GROUP BY g
SELECT g, arg_max(s, id) a, arg_min(s, i) b, max_by(id, t) c FROM t GROUP BY g
SELECT g, string_agg(s, ',' ORDER BY id) a, list(i ORDER BY id DESC) b, count(DISTINCT b) c, sum(DISTINCT i) d, avg(DISTINCT i) e FROM t GROUP BY g
SELECT g, first(i ORDER BY id) a, last(i ORDER BY id) b, first(s ORDER BY d DESC, id) c FROM t GROUP BY g
SELECT g, list(i ORDER BY id) FILTER (WHERE i > 2) a, string_agg(s, '' ORDER BY s DESC) FILTER (WHERE b) c FROM t GROUP BY g
SELECT corr(i, k) a, covar_samp(i, k) b, covar_pop(i, id) c, product(id) d FROM t
SELECT g, any_value(g) a, max(li) b, sum(b) c FROM (SELECT g, id AS li, b FROM t) GROUP BY g
SELECT sum(i) s, count(*) n, max(f) m, list(i) l, string_agg(s, ',') a, bool_and(b) b, avg(i) v FROM t WHERE id > 100
SELECT g, i FROM t WHERE id > 100 GROUP BY g, i
SELECT g AS grp, sum(i) AS total FROM t GROUP BY grp HAVING total > 0 ORDER BY total DESC
SELECT g, sum(i) AS total FROM t GROUP BY ALL HAVING count(*) > 1
SELECT year(d) y, count(*) n FROM t GROUP BY year(d) ORDER BY y NULLS FIRST
SELECT upper(g) || '!' AS x, count(*) + 1 n, sum(i) / count(*) AS r FROM t GROUP BY upper(g)
SELECT g, b, sum(i) s, count(*) n FROM t GROUP BY ROLLUP (g, b)
SELECT g, b, sum(i) s FROM t GROUP BY CUBE (g, b)
SELECT g, b, sum(i) s FROM t GROUP BY GROUPING SETS ((g), (b), ())
SELECT id, row_number() OVER (PARTITION BY g ORDER BY i) r, rank() OVER (ORDER BY i) k, dense_rank() OVER (ORDER BY i DESC) d FROM t
SELECT id, rank() OVER (PARTITION BY b ORDER BY g, i DESC NULLS FIRST) r, percent_rank() OVER (ORDER BY g) p, cume_dist() OVER (ORDER BY g) c, ntile(3) OVER (ORDER BY id) n FROM t
SELECT id, sum(i) OVER (PARTITION BY g) a, sum(i) OVER (PARTITION BY g ORDER BY id) b, sum(i) OVER (ORDER BY g) c, avg(i) OVER (ORDER BY id) d, count(i) OVER (ORDER BY id) e, count(*) OVER (ORDER BY g) f FROM t
SELECT id, min(i) OVER (ORDER BY id) a, max(i) OVER (PARTITION BY g ORDER BY id) b, max(i) OVER () c, count(*) OVER (PARTITION BY b) d FROM t
SELECT id, max(f) OVER () a, max(f) OVER (PARTITION BY g) b, max(f) OVER (ORDER BY id) c, max(f) OVER (ORDER BY id ROWS 1 PRECEDING) d, min(f) OVER (ORDER BY id) e FROM t
SELECT id, lag(i) OVER (ORDER BY id) a, lead(i, 2) OVER (ORDER BY id) b, lag(i, 1, -1) OVER (PARTITION BY g ORDER BY id) c FROM t
SELECT id, first_value(i) OVER (PARTITION BY g ORDER BY id) a, last_value(i) OVER (PARTITION BY g ORDER BY id) b, last_value(i) OVER (PARTITION BY g ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) c, nth_value(i, 2) OVER (PARTITION BY g ORDER BY id) d FROM t
SELECT id, sum(i) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) a, avg(i) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) b, count(*) OVER (ORDER BY id ROWS 2 PRECEDING) c, min(i) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) d, max(i) OVER (PARTITION BY g ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) e FROM t
SELECT id, sum(i) FILTER (WHERE b) OVER (PARTITION BY g) a, sum(sum(i)) OVER () b FROM t GROUP BY id, b, i, g
SELECT g, sum(i) s, rank() OVER (ORDER BY sum(i) DESC) r FROM t GROUP BY g
SELECT g, sum(i) * 100.0 / sum(sum(i)) OVER () p FROM t GROUP BY g
SELECT id, g FROM t QUALIFY row_number() OVER (PARTITION BY g ORDER BY id DESC) = 1
SELECT id, row_number() OVER (PARTITION BY g ORDER BY id DESC) AS rn FROM t QUALIFY rn <= 1
SELECT DISTINCT ON (g) g, id FROM t ORDER BY g, id DESC
SELECT DISTINCT g, b FROM t
SELECT DISTINCT l FROM t
SELECT * EXCLUDE (js, li) REPLACE (i + 1 AS i) FROM t
SELECT * FROM t ORDER BY i, id LIMIT 3
SELECT id, i FROM t ORDER BY i DESC, id LIMIT 4
SELECT id, f FROM t ORDER BY f DESC NULLS FIRST, 1 LIMIT 3 OFFSET 1
SELECT id FROM t ORDER BY length(s) DESC, id LIMIT 2
SELECT id, i * 2 AS x, x + 1 AS y FROM t WHERE x > 2
SELECT t.id, u.uid FROM t JOIN u ON t.g = u.g
SELECT id, uid, t.g FROM t LEFT JOIN u USING (g)
SELECT id, uid, g FROM t FULL JOIN u USING (g)
SELECT id, uid, g FROM t RIGHT JOIN u USING (g)
SELECT id, uid FROM t LEFT JOIN u ON t.g = u.g AND t.i > u.lo
SELECT id, uid FROM t RIGHT JOIN u ON t.g = u.g AND t.i > u.lo
SELECT id, uid FROM t FULL JOIN u ON t.g = u.g AND t.i > u.lo
SELECT id, uid FROM t JOIN u ON t.i > u.lo
SELECT id, uid FROM t LEFT JOIN u ON t.i < u.lo
SELECT id, uid FROM t LEFT JOIN u ON t.g = u.g AND u.lo > 0
SELECT id, uid FROM t, u WHERE t.g = u.g AND u.lo IS NOT NULL
SELECT id, uid FROM t CROSS JOIN u WHERE id < 3
SELECT id FROM t SEMI JOIN u ON t.g = u.g AND t.i > u.lo
SELECT id FROM t ANTI JOIN u ON t.g = u.g AND t.i > u.lo
SELECT a.id, b.id AS other FROM t a JOIN t b ON a.id = b.id + 1
SELECT a.id, b.g, c.g AS cg FROM t a LEFT JOIN t b ON a.i = b.id LEFT JOIN u c ON b.g = c.g
SELECT id FROM t WHERE g IN (SELECT g FROM u)
SELECT id FROM t WHERE g NOT IN (SELECT g FROM u)
SELECT id FROM t WHERE g NOT IN (SELECT g FROM u WHERE g IS NOT NULL)
SELECT id FROM t WHERE i NOT IN (SELECT lo FROM u WHERE lo > 1000)
SELECT id, g IN (SELECT g FROM u) x, i IN (SELECT lo FROM u WHERE lo IS NOT NULL) y FROM t
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.g = t.g)
SELECT id FROM t WHERE NOT EXISTS (SELECT 1 FROM u WHERE u.g = t.g AND u.lo > 0)
SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.lo > t.i AND u.g <> t.g)
SELECT id, i - (SELECT avg(i) FROM t) x, (SELECT max(lo) FROM u) y FROM t WHERE i > (SELECT min(lo) FROM u)
SELECT g, sum(i) s FROM t GROUP BY g HAVING sum(i) > (SELECT avg(lo) - 100 FROM u)
SELECT g FROM t UNION SELECT g FROM u
SELECT g, id FROM t UNION ALL SELECT g, lo FROM u
SELECT g FROM t INTERSECT SELECT g FROM u
SELECT g FROM t EXCEPT SELECT g FROM u
SELECT id, f AS x FROM t UNION ALL SELECT uid, lo FROM u ORDER BY x DESC, id LIMIT 5
SELECT id, g FROM t UNION ALL BY NAME SELECT g, uid AS id FROM u
WITH a AS (SELECT g, sum(i) s FROM t GROUP BY g), b AS (SELECT * FROM a WHERE s > 0) SELECT a.g, b.s FROM a LEFT JOIN b ON a.g = b.g
WITH t AS (SELECT id, i FROM t WHERE i > 0) SELECT count(*) n FROM t
SELECT id, unnest(l) x FROM t
SELECT id, unnest(string_split(s, '-')) AS part FROM t WHERE s IS NOT NULL
SELECT t.id, x.v FROM t, UNNEST(t.li) AS x(v)
SELECT 1 AS a, 'x' AS b
SELECT 7 AS a FROM t
SELECT id, "i" AS "odd name", i AS "select" FROM t
SELECT ID, T.G FROM T
SELECT max(i) FROM t HAVING count(*) > 100
SELECT s.n FROM (SELECT g, count(*) AS n FROM t GROUP BY g) s WHERE s.n > 1
SELECT count(*) n FROM t JOIN u ON t.g = u.g AND u.lo BETWEEN 0 AND 5
SELECT CASE WHEN i > 0 THEN 'pos' ELSE 'neg' END AS c, count(*) n FROM t GROUP BY c
SELECT CASE WHEN i > 0 THEN 'pos' ELSE 'neg' END AS c, count(*) n FROM t GROUP BY 1 ORDER BY 2 DESC, 1
SELECT round(avg(f), 2) a, sum(i * 1.1) b, avg(m * 1.5) c FROM t WHERE NOT isnan(f)
SELECT g, sum(CASE WHEN b THEN m ELSE 0 END) x FROM t GROUP BY g
"""
"""Whole queries, one per line."""


def values() -> Iterable[str]:
    """Each value as a query of its own."""
    for line in VALUES.strip().splitlines():
        for value in line.replace("\\\\", "\\").split("|") if "||" not in line else _bars(line):
            yield f"SELECT id, {value} AS x FROM t"


def _bars(line: str) -> list[str]:
    return [part.replace("\0", "||") for part in line.replace("||", "\0").split("|")]


def queries() -> list[str]:
    """Every query, those of single values first."""
    return [*values(), *QUERIES.strip().splitlines()]
