"""The commands that mend what a refusal says, as somebody types them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odibi_dagster.state.identity import Identity


def command(*words: str, env: str = "") -> str:
    """A whole command line, in quotes; CONFIG stands for the path of odibi.yaml.

    >>> command("run", "CONFIG", "bronze/orders", env="prod")
    "'odibi-dagster run CONFIG bronze/orders --env prod'"
    """
    return f"'{shlex.join(['odibi-dagster', *words, *(['--env', env] if env else [])])}'"


def state_command(action: str, identity: Identity, *rest: str) -> str:
    """`odibi-dagster state ACTION` for what is remembered of an identity."""
    return command("state", action, "CONFIG", identity.path, *rest, env=identity.environment)
