"""A pattern means the same to Rust and to Java, and what it means in Python."""

from __future__ import annotations

import re

import pytest

from odibi_dagster.checks.base import contracts
from odibi_dagster.checks.pattern import portable
from tests.checks.frames import judged, make

TEXTS = [
    "",
    "a",
    "A",
    "ab",
    "abab",
    "5",
    "٣",
    "é",
    "É",
    "ß",
    "日本",
    "a b",
    "a\u00a0b",
    "a\n",
    "\n",
    "a\rb",
    "a\u2028b",
    "a-b",
    "[a]",
    "{2}",
    "a&b",
    "a&&b",
    "a^b",
    "a\\b",
    "x@y.de",
    "a_b",
    "\u200d",
    "ﬃ",
    "K",
    "\u212a",
    "a\tb",
    "\x0b",
    "😀",
    "😀😀",
    "foo bar",
    "foobar",
    "(a)",
    "a~b",
    "a<b>",
    "2024-01-31",
    "$",
    "a$",
    "-",
]
PATTERNS = [
    "a",
    "^a",
    "a$",
    "^$",
    "",
    ".",
    ".+$",
    r"\d",
    r"\d+$",
    r"\D$",
    r"\w+$",
    r"\W$",
    r"\w+\s\w+$",
    r"\S+$",
    r"[\w-]+$",
    r"[^\w]$",
    r"[\s\S]$",
    r"[\d\s]+$",
    r"[^\d]$",
    "[A-Z]",
    "(?i)é$",
    "(?i)k$",
    "(?i:A)b$",
    "(?s).$",
    "(?s)a.$",
    "(ab)+$",
    "(?:ab){2}$",
    "(?P<x>a)b$",
    "a{1}b{0,1}$",
    "[ab]{,4}$",
    r"\{2\}$",
    "a{x}|{2,3",
    r"[\[]a[\]]$",
    r"\[a\]$",
    "[]a[]+$",
    "[&a-b]+$",
    "[a^b]+$",
    "[~ab]+$",
    r"a\\b$",
    r"foo\b",
    r"\bfoo\b",
    r"a\Z",
    r"\A[a]\Z",
    r"a\tb",
    r"\x61$",
    r"\u0061$",
    r"\U0001F600+$",
    r"a\vb|\v$",
    "^[^@]+@[^@]+$",
    "a|b",
    "^(a|5)$",
    r"\d{4}-\d{2}-\d{2}$",
    "a.b$",
    "a*?b",
    r"a\<b\>$",
    r"\(a\)$",
    "(?i)straße|ß$",
    "[é-ÿ]$",
    "(?#word)a$",
    r"\$$",
    "[$]",
    "a[$]",
    "a-b",
    r"\-$",
]


def test_every_pattern_means_what_it_means_in_python(engine):
    frame = make(engine, {"x": "text"}, [(text,) for text in TEXTS])
    rules = [
        contracts["regex_match"](column="x", pattern=pattern, name=f"p{i}")
        for i, pattern in enumerate(PATTERNS)
    ]

    judgements = judged(frame, rules, engine)

    # Python's `$` also matches before a last line feed; ours is the very end, on every engine
    expected = [re.compile(re.sub(r"(?<![\\[])\$", r"\\Z", pattern)) for pattern in PATTERNS]
    found = {p: j.verdict.failed_rows for p, j in zip(PATTERNS, judgements, strict=True)}
    wanted = {
        p: sum(not known.match(text) for text in TEXTS)
        for p, known in zip(PATTERNS, expected, strict=True)
    }
    assert {p: (n, wanted[p]) for p, n in found.items() if n != wanted[p]} == {}


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(unclosed", "unterminated subpattern"),
        ("[a", "unterminated character set"),
        ("a)", "unbalanced parenthesis"),
        ("*a", "nothing to repeat"),
        ("a{3,1}", "min repeat greater than max"),
        ("(?=a)", "look-ahead"),
        ("a(?!b)", "look-ahead"),
        ("(?<=a)b", "look-behind"),
        ("(?<!a)b", "look-behind"),
        ("(?>a)", "atomic group"),
        ("a++", "possessive"),
        ("a{2}+", "possessive"),
        (r"(a)\1", "back-reference"),
        ("(?P<x>a)(?P=x)", "back-reference"),
        ("(a)?(?(1)b|c)", "conditional"),
        ("(?m)^a", "flag 'm'"),
        ("(?x) a", "flag 'x'"),
        ("(?s:a)", "flags stand at the start"),
        (r"\q", "bad escape"),
        (r"\N{EN DASH}", "not supported"),
        ("[[:alpha:]]", "Possible nested set"),
        ("[a--b]", "Possible set difference"),
        ("a{5000}", "more than 1,000"),
        ("(" * 300 + ")" * 300 + "(", "invalid regular expression"),
    ],
)
def test_what_is_not_portable_is_refused(pattern, reason):
    with pytest.raises(ValueError, match="invalid regular expression") as refused:
        portable(pattern)
    assert reason in str(refused.value)


def test_rust_and_java_words_are_understood(engine):
    frame = make(engine, {"x": "text"}, [("日",), ("a",), ("5",), ("A",)])
    rules = [
        contracts["regex_match"](column="x", pattern=pattern, name=f"p{i}")
        for i, pattern in enumerate(
            [r"\p{L}\z", r"\p{Lu}$", r"[\p{L}\p{Nd}]$", r"(?<n>a)", r"\x{61}"]
        )
    ]

    judgements = judged(frame, rules, engine)

    assert [j.verdict.failed_rows for j in judgements] == [1, 3, 0, 3, 3]
