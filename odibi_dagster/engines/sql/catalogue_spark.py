"""Which words the spark dialect knows: those it shares with DuckDB, and those of its own.

A word that is in neither table is refused when the file is loaded: Spark SQL may read it otherwise.
"""

from __future__ import annotations

from sqlglot import exp

from odibi_dagster.engines.sql.catalogue import Rule, item_of
from odibi_dagster.engines.sql.types import BOOL, DATE, FLOAT, INT, STR, TSTZ, SqlError, Type, dec


def _avg(arg: Type) -> Type:
    if arg.name == "dec":
        msg = "avg of a decimal is not supported in the spark dialect; write avg(CAST(x AS DOUBLE))"
        raise SqlError(msg)
    return FLOAT


def _sum(arg: Type) -> Type:
    if arg.name == "dec":
        return dec(arg.args[0] + 10, arg.args[1])
    return FLOAT if arg.name == "float" else INT


INT32 = Type("int", (32,))
SPARK_SCALARS: dict[type[exp.Expr] | str, Rule] = {
    exp.IsNan: Rule("spark_isnan", ("float",), BOOL),
    exp.Sign: Rule("spark_sign", ("float",), FLOAT),
    exp.Ln: Rule("spark_ln", ("float",), FLOAT),
    exp.DayOfWeek: Rule("spark_dayofweek", ("time",), INT),
    exp.DayOfWeekIso: Rule("isodow", ("time",), INT),
    "weekday": Rule("spark_weekday", ("time",), INT),
    exp.Left: Rule("spark_left", ("str", "int"), STR),
    exp.Right: Rule("spark_right", ("str", "int"), STR),
    exp.StrPosition: Rule("strpos", ("str", "str"), INT, ("this", "substr")),
    exp.Initcap: Rule("initcap", ("str",), STR, ("this",)),
    exp.ArrayToString: Rule("spark_array_join", ("list", "const:str"), STR),
    exp.ArrayDistinct: Rule("spark_list_distinct", ("list",), lambda arg: arg, ("this",)),
    "cardinality": Rule("list_len", ("list",), INT),
    "isnull": Rule("is_null", ("any",), BOOL),
    "isnotnull": Rule("is_not_null", ("any",), BOOL),
    "char_length": Rule("length", ("str",), INT),
    "unix_date": Rule("spark_unix_date", ("date",), INT),
    "make_date": Rule("make_date", ("int", "int", "int"), DATE),
    "timestamp_seconds": Rule("spark_from_seconds", ("int",), TSTZ),
    "timestamp_millis": Rule("spark_from_millis", ("int",), TSTZ),
    "pmod": Rule("spark_pmod", ("int", "int"), INT),
    "get": Rule("spark_get", ("list", "const:int"), item_of),
}
"""Functions of one row that are Spark's own, or that Spark reads in a way of its own."""

SPARK_AGGREGATES: dict[type[exp.Expr] | str, Rule] = {
    exp.Avg: Rule("avg", ("num",), _avg),
    exp.Sum: Rule("sum", ("num",), _sum),
    exp.Quantile: Rule("quantile_cont", ("float", "const:float"), FLOAT, ("this", "quantile")),
    "mean": Rule("avg", ("num",), _avg),
    "std": Rule("stddev", ("float",), FLOAT),
    "every": Rule("bool_and", ("bool",), BOOL),
}
"""Aggregates by the words that Spark alone has, or with its own types."""

SHARED: frozenset[type[exp.Expr] | str] = frozenset({
    exp.Upper, exp.Lower, exp.Reverse, exp.Replace, exp.StartsWith, exp.EndsWith, exp.Repeat,
    exp.Ascii, exp.MD5, exp.SHA, exp.SHA2, exp.SplitPart, exp.Abs, exp.Sqrt, exp.Exp, exp.Sin,
    exp.Cos, exp.Tan, exp.Pow, exp.Atan2, exp.Asin, exp.Acos, exp.Atan, exp.Radians,
    exp.Degrees, exp.IsNan,
    exp.Year, exp.Month, exp.Day, exp.DayOfMonth, exp.Quarter, exp.WeekOfYear, exp.DayOfYear,
    exp.Hour, exp.Minute, exp.Second, exp.LastDay, exp.ArraySize, exp.ArrayMin, exp.ArrayMax,
    exp.Column, exp.Dot, exp.StructExtract, exp.Literal, exp.Null, exp.Boolean, exp.Paren, exp.Neg,
    exp.Not, exp.And, exp.Or, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ,
    exp.NullSafeNEQ, exp.Between, exp.Is, exp.In, exp.Case, exp.If, exp.Coalesce, exp.Nullif,
    exp.Greatest, exp.Least, exp.Pi, exp.Trim, exp.Length, exp.Pad, exp.Contains, exp.Translate,
    exp.Array, exp.TsOrDsToDate, exp.CurrentDate, exp.CurrentTimestamp, "now", exp.Window,
    exp.Subquery, exp.Exists, exp.Count, exp.Filter, exp.Sum, exp.Min, exp.Max, exp.StddevSamp,
    exp.StddevPop, exp.Variance, exp.VariancePop, exp.Stddev, exp.LogicalAnd, exp.LogicalOr,
    exp.CountIf, exp.Median, exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank,
    exp.CumeDist, exp.Ntile, exp.FirstValue, exp.LastValue, exp.NthValue, exp.Lag, exp.Lead,
})  # fmt: skip
"""Words that mean the same in both dialects."""

SPARK_INSTEAD = {
    "first": "min(x) or max_by(x, y)", "last": "max(x) or max_by(x, y)",
    "anyvalue": "min(x)", "collectlist": "GROUP BY with max_by", "arrayagg": "GROUP BY with max_by",
    "unnest": "LATERAL VIEW explode(x) v AS item", "extract": "year(x), month(x), day(x)",
    "iff": "if(a, b, c)",
}  # fmt: skip
"""What to write instead of a word that is refused in the spark dialect."""
