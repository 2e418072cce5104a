"""Every error that odibi_dagster raises on purpose.

OdibiError                    exit code 4 unless a subclass says otherwise
├── ConfigError               odibi.yaml says something we cannot accept          (2)
│   └── ConfigSyntaxError     odibi.yaml cannot be read as YAML                   (2)
├── DataReadError             a source is missing, damaged or of another shape    (4)
├── CursorError               the cursor of an incremental node holds what is none    (4)
├── DatabaseUnavailableError  the database of a source or target does not answer   (1)
├── SchemaContractError       columns that cannot be written or do not fit        (4)
├── ContractError             a contract that blocks was broken: nothing published (3)
├── WriteError                staging or publishing failed: the old data is in place (1)
├── StateUnavailableError     the database of the state does not answer              (1)
├── LeaseHeldError            another run is at work on the node                     (1)
├── FencedError               another run took the node over from this one           (4)
├── StateMismatchError        state and target contradict each other                 (4)
└── StateVersionError         the state's tables are of another version              (4)
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class OdibiError(Exception):
    """Base class: catch this to catch everything we raise on purpose."""

    exit_code: ClassVar[int] = 4
    transient: ClassVar[bool] = False


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a file: what was found, where, and what to write instead.

    `line` and `column` count from 1; 0 means the problem has no place of its own.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    node: str = ""

    def __str__(self) -> str:
        """`odibi.yaml:12:5: node silver/flights: unknown key 'wirte'; did you mean 'write'?`."""
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        parts = [place, f"node {self.node}" if self.node else "", self.message]
        return ": ".join(part for part in parts if part)


class ConfigError(OdibiError):
    """One or more problems in a project, all reported together."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem(problems)]
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConfigSyntaxError(ConfigError):
    """The file is not YAML that we accept: nothing of it was built."""


class DataReadError(OdibiError):
    """A source cannot be read: missing, damaged, or not what its format says."""


class CursorError(OdibiError):
    """The cursor of an incremental node holds values that no mark can be: nothing was read."""


class DatabaseUnavailableError(OdibiError):
    """The database of a source or a target does not answer; a target is as it was, or whole."""

    exit_code = 1
    transient = True


class SchemaContractError(OdibiError):
    """Columns that cannot be stored, or that do not fit what is stored already."""


class ContractError(OdibiError):
    """A contract that blocks was broken, so nothing was published."""

    exit_code = 3


class WriteError(OdibiError):
    """Staging or publishing failed; what was published before is still in place."""

    exit_code = 1
    transient = True


class StateUnavailableError(OdibiError):
    """The database that remembers marks and batches cannot be reached or used."""

    exit_code = 1
    transient = True


class LeaseHeldError(OdibiError):
    """Another run materializes the node right now."""

    exit_code = 1
    transient = True


class FencedError(OdibiError):
    """This run paused for so long that another one took the node over: it must not publish."""


class StateMismatchError(OdibiError):
    """State and target contradict each other: nothing is written until someone says what holds."""


class StateVersionError(OdibiError):
    """The tables of the state belong to another version of this program."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A short hint for a mistyped name, or the names that exist.

    >>> did_you_mean("wirte", ["read", "write"])
    "did you mean 'write'?"
    """
    names = sorted(known)
    same = [each for each in names if each.casefold() == name.casefold()]
    close = same or get_close_matches(name, names, n=1)
    return f"did you mean '{close[0]}'?" if close else f"choose one of: {listing(names)}"


def shortened(text: str, limit: int = 1_000) -> str:
    """A text that fits into a log and an event: of a long one the beginning, and how long it is.

    Engines quote the values they cannot read, and one value may have megabytes.

    >>> shortened("not a number: " + "9" * 10_000_000, limit=20)
    'not a number: 999999... (10,000,014 characters)'
    """
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text):,} characters)"


def as_cause(error: BaseException) -> BaseException | None:
    """What an error is raised `from`: none where the message is too long to be kept with it."""
    return error if len(str(error)) <= _MAX_CAUSE else None


_MAX_CAUSE = 50_000


def listing(names: Iterable[str], limit: int = 40, separator: str = ", ") -> str:
    """The names in one line; of many only the first, and how many more there are.

    >>> listing(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    """
    known = list(names)
    more = f" and {len(known) - limit:,} more" if len(known) > limit else ""
    return separator.join(known[:limit]) + more
