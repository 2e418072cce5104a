"""The protocol broken on purpose, each in one way: every one of these must be found out."""

from __future__ import annotations

from collections.abc import Callable

MUTANTS: dict[str, Callable[[], None]] = {}
