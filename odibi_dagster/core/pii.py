"""Personal data, known by the names of columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Pii:
    """Which columns of a frame may hold personal data; names count without their case, as in SQL.

    It is known before any frame is: a name in it need not be a column. False where nothing is.
    """

    names: frozenset[str] = frozenset()
    others: bool = False
    """Whether every other column may as well, but for those that are `cleared`."""
    cleared: frozenset[str] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> Pii:
        """Just these columns.

        >>> Pii.of(["Mail"]).holds("mail")
        True
        """
        return cls(frozenset(name.casefold() for name in names))

    def __bool__(self) -> bool:
        """Whether any column may hold personal data."""
        return bool(self.names) or self.others

    def __or__(self, other: Pii) -> Pii:
        """What either of them holds."""
        cleared = {n for n in self.cleared | other.cleared if not (self.holds(n) or other.holds(n))}
        return Pii(self.names | other.names, self.others or other.others, frozenset(cleared))

    def holds(self, name: str) -> bool:
        """Whether the column of that name may."""
        name = name.casefold()
        return name in self.names or (self.others and name not in self.cleared)

    def within(self, columns: Iterable[str]) -> frozenset[str]:
        """Those of the columns that may, as they are written."""
        return frozenset(name for name in columns if self.holds(name))

    def without(self, names: Iterable[str]) -> Pii:
        """The same, but for these columns."""
        gone = frozenset(name.casefold() for name in names)
        return Pii(self.names - gone, self.others, self.cleared | gone)

    def only(self, names: Iterable[str]) -> Pii:
        """What is left of it where there are no other columns than these."""
        return Pii.of(self.within(names))


NOTHING = Pii()
EVERYTHING = Pii(others=True)
"""Every column: what is assumed where nobody can tell."""


@dataclass(frozen=True)
class Personal:
    """The columns of a node that may hold personal data, before `privacy` has anonymised any."""

    before: Pii = NOTHING
    """In the main input."""
    after: Pii = NOTHING
    """In what the steps give."""


def together(parts: Iterable[Pii]) -> Pii:
    """What any of them holds."""
    whole = NOTHING
    for part in parts:
        whole |= part
    return whole
