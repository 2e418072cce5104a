"""The commands that mend what a refusal says, as somebody types them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odibi_dagster.state.identity import Identity


def command(*words: str, env: str = "", partition: str = "") -> str:
    """A whole command line, in quotes; CONFIG stands for the path of odibi.yaml.

    >>> command("run", "CONFIG", "bronze/orders", env="prod")
    "'odibi-dagster run CONFIG bronze/orders --env prod'"
    """
    more = [*(["--partition", partition] if partition else []), *(["--env", env] if env else [])]
    return f"'{shlex.join(['odibi-dagster', *words, *more])}'"


def state_command(action: str, identity: Identity, *rest: str) -> str:
    """`odibi-dagster state ACTION` for what is remembered of an identity."""
    env, partition = identity.environment, identity.partition
    return command("state", action, "CONFIG", identity.path, *rest, env=env, partition=partition)
