"""What mends a node whose state and target contradict each other, as a reader can type it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from odibi_dagster.state.commands import command, state_command

if TYPE_CHECKING:
    from odibi_dagster.core.names import NodeId
    from odibi_dagster.state.identity import Identity

FULL_REFRESH_TAG = "odibi/full_refresh"
"""A run with this tag, `true`, reads everything and replaces the targets."""


@dataclass(frozen=True)
class Mends:
    """The commands for one node. Assets with a key prefix are run by Dagster alone."""

    node: NodeId
    identity: Identity

    @property
    def again(self) -> str:
        """Another run."""
        if self.identity.key_prefix:
            return "materializing it again"
        return self._run()

    @property
    def anew(self) -> str:
        """A run that needs no mark."""
        if self.identity.key_prefix:
            how = f"a run of it with the tag {FULL_REFRESH_TAG}: true"
        else:
            how = self._run("--full-refresh")
        return f"{how} reads everything and replaces the target"

    def _run(self, *words: str) -> str:
        env, partition = self.identity.environment, self.identity.partition
        return command("run", "CONFIG", str(self.node), *words, env=env, partition=partition)

    @property
    def repair(self) -> str:
        """The target is right."""
        return f"{state_command('repair', self.identity)} takes the target as it is"

    @property
    def reset(self) -> str:
        """There is nothing that a mark could stand for."""
        return f"{state_command('reset', self.identity)} forgets the mark"

    @property
    def set_mark(self) -> str:
        """Somebody knows what was read."""
        return f"{state_command('reset', self.identity, '--to', 'MARK')} sets the mark"

    def rename(self, old: Identity) -> str:
        """The node had another name."""
        how = state_command("rename", old, self.identity.path)
        return f"{how} carries on from there, if it had that name"
