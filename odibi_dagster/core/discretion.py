"""What an engine keeps to itself: values of rows in its errors, and secrets in its plans."""

from __future__ import annotations

from dataclasses import dataclass, field

_SHOWN = "***"
WITHHELD = (
    "the message may quote values, and is withheld because the node has pii or sensitive columns"
)


@dataclass
class Discretion:
    """Held by an engine, and asked wherever it is about to say something.

    The error that one of ours is raised from is left to whoever shows it.
    """

    withholds: bool = False
    """Whether no message may quote a value of a row."""
    secrets: set[str] = field(default_factory=set)
    """Texts that its plans hold and nobody may see."""

    def told(self, error: BaseException, text: str) -> str:
        """What is said of an error: its text, or no more than its type."""
        return f"{type(error).__name__}: {WITHHELD}" if self.withholds else text

    def censored(self, text: str) -> str:
        """A plan without the secrets, however an engine has escaped them.

        >>> Discretion(secrets={'s"1'}).censored('concat(mail, "s\\\\"1")')
        'concat(mail, "***")'
        """
        for secret in sorted(self.secrets, key=len, reverse=True):
            for written in (secret, *_escaped(secret)):
                text = text.replace(written, _SHOWN)
        return text


def _escaped(secret: str) -> tuple[str, ...]:
    """The text as Rust writes it in quotes; each of its lines as well."""
    return (secret.encode("unicode_escape").decode().replace('"', '\\"'), *secret.splitlines())
