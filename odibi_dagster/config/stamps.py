"""`write.add_metadata`: what is said about where the rows of a node came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odibi_dagster.config.node import NodeConfig

EXTRACTED_AT = "_extracted_at"


def stamps(config: NodeConfig) -> dict[str, str | None]:
    """The columns to add, with the text in each; None stands for the time of the run.

    A column that does not apply is left out: without a `read` nothing is known of its source.
    """
    asked = config.write.add_metadata if config.write else None
    if asked is None:
        return {}
    read = config.read
    said = {
        "_source_file": read.path if read and asked.source_file else None,
        "_source_connection": read.connection if read and asked.source_connection else None,
        "_source_table": read.table if read and asked.source_table else None,
    }
    known: dict[str, str | None] = {name: text for name, text in said.items() if text}
    return {EXTRACTED_AT: None, **known} if asked.extracted_at else known
