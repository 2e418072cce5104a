"""Which functions SQL may call, what they take and what they give: one row per function.

A function that is not here is refused when the file is loaded. Both engines' tables have one row
for each `fn` named here, and a test compares them.
"""

# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from odibi_dagster.engines.sql import types
from odibi_dagster.engines.sql.types import (
    BOOL,
    DATE,
    FLOAT,
    INT,
    STR,
    Type,
    dec,
    list_of,
)

Result = Type | Callable[..., Type]


@dataclass(frozen=True)
class Rule:
    """One function: its name in the engines' tables, the arguments in order, and the result.

    `takes` holds one kind per argument: `str`, `int`, `float`, `num`, `time`, `ts`, `bool`, `list`,
    `any`; `const:int` and `const:str` must be literals. A kind ending in `?` may be left out, in
    `*` repeats.
    """

    fn: str
    takes: tuple[str, ...]
    gives: Result
    keys: tuple[str, ...] = ("this", "expression", "expressions")


def _same(*args: Type) -> Type:
    return args[0]


def _whole(arg: Type) -> Type:
    """Rounding to a whole number keeps floats and integers, and empties a decimal's scale."""
    return dec(arg.args[0], 0) if arg.name == "dec" else arg


def item_of(arg: Type, *_: Type) -> Type:
    """The type of the items of a list."""
    return arg.args[0] if arg.name == "list" else types.NULL


def _strings(arg: Type, *_: Type) -> Type:
    return list_of(arg)


def _sum(arg: Type) -> Type:
    return (
        dec(types.MAX_DIGITS, arg.args[1])
        if arg.name == "dec"
        else (INT if arg.name in ("int", "bool") else FLOAT)
    )


TEXT: dict[type[exp.Expr] | str, Rule] = {
    exp.Upper: Rule("upper", ("str",), STR),
    exp.Lower: Rule("lower", ("str",), STR),
    exp.Reverse: Rule("reverse", ("str",), STR),
    exp.Left: Rule("left", ("str", "int"), STR),
    exp.Right: Rule("right", ("str", "int"), STR),
    exp.Replace: Rule("replace", ("str", "str", "str"), STR, ("this", "expression", "replacement")),
    exp.StrPosition: Rule("strpos", ("str", "str"), INT, ("this", "substr")),
    exp.StartsWith: Rule("starts_with", ("str", "str"), BOOL),
    exp.EndsWith: Rule("ends_with", ("str", "str"), BOOL),
    "prefix": Rule("starts_with", ("str", "str"), BOOL),
    "suffix": Rule("ends_with", ("str", "str"), BOOL),
    exp.Repeat: Rule("repeat", ("str", "int"), STR, ("this", "times")),
    exp.Split: Rule("split", ("str", "const:str"), list_of(STR)),
    exp.SplitPart: Rule(
        "split_part", ("str", "const:str", "const:int"), STR, ("this", "delimiter", "part_index")
    ),
    exp.Ascii: Rule("ascii", ("str",), INT),
    exp.MD5: Rule("md5", ("str",), STR),
    exp.SHA: Rule("sha1", ("str",), STR),
    exp.ArrayToString: Rule("list_join", ("list", "const:str"), STR),
}
NUMBERS: dict[type[exp.Expr] | str, Rule] = {
    exp.Abs: Rule("abs", ("num",), _same),
    exp.Ceil: Rule("ceil", ("num",), _whole),
    exp.Floor: Rule("floor", ("num",), _whole),
    exp.Trunc: Rule("trunc", ("num",), _whole),
    exp.Sign: Rule("sign", ("num",), INT),
    exp.Sqrt: Rule("sqrt", ("float",), FLOAT),
    exp.Exp: Rule("exp", ("float",), FLOAT),
    exp.Ln: Rule("ln", ("float",), FLOAT),
    exp.Pow: Rule("pow", ("float", "float"), FLOAT),
    exp.Sin: Rule("sin", ("float",), FLOAT),
    exp.Cos: Rule("cos", ("float",), FLOAT),
    exp.Tan: Rule("tan", ("float",), FLOAT),
    exp.Atan2: Rule("atan2", ("float", "float"), FLOAT),
    exp.Asin: Rule("asin", ("float",), FLOAT),
    exp.Acos: Rule("acos", ("float",), FLOAT),
    exp.Atan: Rule("atan", ("float",), FLOAT),
    exp.Radians: Rule("radians", ("float",), FLOAT),
    exp.Degrees: Rule("degrees", ("float",), FLOAT),
    exp.IsNan: Rule("is_nan", ("float",), BOOL),
    exp.IsInf: Rule("is_inf", ("float",), BOOL),
    "isfinite": Rule("is_finite", ("float",), BOOL),
}
PARTS = {
    "year": "year", "month": "month", "day": "day", "dayofmonth": "day", "quarter": "quarter",
    "week": "week", "weekofyear": "week", "dow": "dow", "dayofweek": "dow", "weekday": "dow",
    "isodow": "isodow", "doy": "doy", "dayofyear": "doy", "isoyear": "isoyear", "hour": "hour",
    "minute": "minute", "second": "second", "epoch": "epoch",
}  # fmt: skip
"""Parts of a date by the words SQL has for them."""
_PARTS_OF: dict[type[exp.Expr] | str, str] = {
    exp.Year: "year", exp.Month: "month", exp.Day: "day", exp.DayOfMonth: "day", exp.Quarter: "quarter",
    exp.Week: "week", exp.WeekOfYear: "week", exp.DayOfWeek: "dow", exp.DayOfWeekIso: "isodow",
    exp.DayOfYear: "doy", "weekday": "dow", "isoyear": "isoyear", exp.Hour: "hour",
    exp.Minute: "minute", exp.Second: "second",
}  # fmt: skip
TIMES: dict[type[exp.Expr] | str, Rule] = {
    **{node: Rule(part, ("time",), INT) for node, part in _PARTS_OF.items()},
    exp.TimeToUnix: Rule("epoch", ("ts",), FLOAT),
    "epoch_us": Rule("epoch_us", ("ts",), INT),
    exp.Dayname: Rule("dayname", ("time",), STR),
    exp.Monthname: Rule("monthname", ("time",), STR),
    exp.LastDay: Rule("last_day", ("time",), DATE),
    exp.DateFromParts: Rule("make_date", ("int", "int", "int"), DATE, ("year", "month", "day")),
    exp.ToDays: Rule("to_days", ("int",), INT),
}  # fmt: skip
LISTS: dict[type[exp.Expr] | str, Rule] = {
    exp.ArraySize: Rule("list_len", ("list",), INT),
    exp.ArrayDistinct: Rule("list_distinct", ("list",), _same, ("this",)),
    "list_sum": Rule("list_sum", ("list",), lambda arg: _sum(item_of(arg))),
    exp.ArrayMin: Rule("list_min", ("list",), item_of),
    exp.ArrayMax: Rule("list_max", ("list",), item_of),
    "list_avg": Rule("list_avg", ("list",), FLOAT),
    exp.ArrayReverse: Rule("list_reverse", ("list",), _same, ("this",)),
    "list_reverse": Rule("list_reverse", ("list",), _same),
}
SCALARS = {**TEXT, **NUMBERS, **TIMES, **LISTS}

AGGREGATES: dict[type[exp.Expr] | str, Rule] = {
    exp.Sum: Rule("sum", ("num",), _sum),
    exp.Avg: Rule("avg", ("float",), FLOAT),
    exp.Min: Rule("min", ("any",), _same, ("this",)),
    exp.Max: Rule("max", ("any",), _same, ("this",)),
    exp.Median: Rule("median", ("float",), FLOAT),
    exp.Stddev: Rule("stddev", ("float",), FLOAT),
    exp.StddevSamp: Rule("stddev", ("float",), FLOAT),
    exp.StddevPop: Rule("stddev_pop", ("float",), FLOAT),
    exp.Variance: Rule("variance", ("float",), FLOAT),
    exp.VariancePop: Rule("variance_pop", ("float",), FLOAT),
    exp.PercentileCont: Rule("quantile_cont", ("float", "const:float"), FLOAT),
    exp.AnyValue: Rule("any_value", ("any",), _same),
    exp.First: Rule("first", ("any",), _same),
    exp.Last: Rule("last", ("any",), _same),
    exp.ArgMax: Rule("arg_max", ("any", "any"), _same),
    exp.ArgMin: Rule("arg_min", ("any", "any"), _same),
    exp.LogicalAnd: Rule("bool_and", ("bool",), BOOL),
    exp.LogicalOr: Rule("bool_or", ("bool",), BOOL),
    exp.CountIf: Rule("count_if", ("bool",), INT),
    exp.ArrayAgg: Rule("list", ("any",), _strings),
    exp.GroupConcat: Rule("string_agg", ("str", "const:str?"), STR, ("this", "separator")),
    "product": Rule("product", ("float",), FLOAT),
    exp.Corr: Rule("corr", ("float", "float"), FLOAT),
    exp.CovarSamp: Rule("covar_samp", ("float", "float"), FLOAT),
    exp.CovarPop: Rule("covar_pop", ("float", "float"), FLOAT),
}
"""Aggregates besides COUNT, which takes a star."""

RANKINGS: dict[type[exp.Expr] | str, Rule] = {
    exp.RowNumber: Rule("row_number", (), INT),
    exp.Rank: Rule("rank", (), INT, ()),
    exp.DenseRank: Rule("dense_rank", (), INT, ()),
    exp.PercentRank: Rule("percent_rank", (), FLOAT, ()),
    exp.CumeDist: Rule("cume_dist", (), FLOAT, ()),
    exp.Ntile: Rule("ntile", ("const:int",), INT, ("this",)),
    exp.FirstValue: Rule("first_value", ("any",), _same, ("this",)),
    exp.LastValue: Rule("last_value", ("any",), _same, ("this",)),
    exp.NthValue: Rule("nth_value", ("any", "const:int"), _same, ("this", "offset")),
}
"""What only works OVER a window, besides LAG and LEAD."""
INSTEAD = {
    "hash": "md5(...) or sha256(...)", "random": "a column of the data (sql must give the same rows again)",
    "uuid": "md5(...) of the key columns", "initcap": "the clean_text transform or upper/lower",
    "date_sub": "date_diff('<unit>', from, to)", "age": "date_diff('<unit>', from, to)",
    "to_date": "CAST(x AS DATE) or strptime(x, '<format>')",
    "format": "||", "printf": "||", "approx_count_distinct": "COUNT(DISTINCT x)",
    "quantile": "quantile_cont(x, q)", "strlen": "length(x)", "json_extract": "json_extract_string(x, '$.a')",
    "nvl2": "CASE WHEN ... THEN ... END", "iff": "IF(a, b, c)", "decode": "CASE x WHEN ... END",
    "to_char": "strftime(x, '<format>')", "histogram": "GROUP BY with COUNT(*)",
}  # fmt: skip
"""What to write instead of a function that we refuse."""
