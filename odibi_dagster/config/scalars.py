"""What a plain YAML word means: the types of YAML 1.1, as PyYAML reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_SCALAR = 65_536
"""The longest text that is accepted, in characters."""
MAX_DIGITS = 100
_PREFIX = "tag:yaml.org,2002:"
_STRING = f"{_PREFIX}str"
_SWITCHES = frozenset({"on", "off", "yes", "no"})

_resolver: Any = yaml.resolver.Resolver()
_constructor: Any = yaml.constructor.SafeConstructor()

_CONSTRUCT: Mapping[str, tuple[Callable[[yaml.ScalarNode], Any], str]] = {
    "null": (_constructor.construct_yaml_null, "null"),
    "bool": (_constructor.construct_yaml_bool, "boolean (write true or false)"),
    "int": (_constructor.construct_yaml_int, "number"),
    "float": (_constructor.construct_yaml_float, "number"),
    "timestamp": (_constructor.construct_yaml_timestamp, "date; write it as YYYY-MM-DD"),
}

_plain: dict[str, Any] = {}


def plain(text: str) -> Any:
    """The value of an unquoted word: null, boolean, number, date, or the text itself.

    ValueError where it looks like a number or a date and is none (`2026-13-45`).
    """
    if text in _plain:
        return _plain[text]
    value = tagged(_resolver.resolve(yaml.ScalarNode, text, (True, False)), text)
    if len(text) <= MAX_DIGITS and len(_plain) < MAX_SCALAR:
        _plain[text] = value
    return value


def plain_key(text: str) -> Any:
    """The value of an unquoted key. `on`, `off`, `yes` and `no` are names there, not switches."""
    return text if text.lower() in _SWITCHES else plain(text)


def tagged(tag: str, text: str) -> Any:
    """The value of a scalar with this tag; ValueError where the tag or the text is not accepted."""
    if tag in (_STRING, "!"):
        return text
    kind = tag.removeprefix(_PREFIX)
    if kind == "value":
        msg = "quote the value '='"
        raise ValueError(msg)
    if not tag.startswith(_PREFIX) or kind not in _CONSTRUCT:
        raise ValueError(not_allowed(tag))
    construct, noun = _CONSTRUCT[kind]
    if kind in ("int", "float") and len(text) > MAX_DIGITS:
        msg = f"number too long: {len(text)} characters; quote it if it is text"
        raise ValueError(msg)
    try:
        return construct(yaml.ScalarNode(tag, text))
    except (ValueError, OverflowError, KeyError, IndexError, AttributeError):
        msg = f"{text[:60]!r} is not a valid {noun}; quote it if it is text"
        raise ValueError(msg) from None


def not_allowed(tag: str) -> str:
    """The complaint about a tag, in the short form that files use."""
    short = tag.replace(_PREFIX, "!!", 1)
    return f"tag '{short}' is not allowed; odibi.yaml holds plain values only"
