"""Folders of this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from odibi_dagster.connections.base import Connection, Location, Wanted, connections
from odibi_dagster.connections.paths import confined
from odibi_dagster.core.fate import NoEffect


@connections.register("local")
class LocalConnection(Connection):
    """A folder, relative to odibi.yaml; a table is a Delta directory of that name in it.

    ```yaml
    connections:
      lake: {type: local, base_path: ./data}
    ```
    """

    type: Literal["local"] = "local"
    base_path: str = "./data"
    validation_mode: Annotated[Any, NoEffect("paths are checked at load")] = "lazy"

    def resolve(self, root: Path, wanted: Wanted, staging: Path) -> Location:  # noqa: ARG002
        """See `Connection.resolve`."""
        if wanted.query is not None:
            msg = "a connection of type local has no queries; write path or table"
            raise ValueError(msg)
        text = wanted.path if wanted.path is not None else wanted.table
        if text is None:
            msg = "write path or table"
            raise ValueError(msg)
        return Location(confined(self.base(root), text))

    def base(self, root: Path) -> Path:
        """The folder, absolute and without `..`."""
        if "\0" in self.base_path or re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:/", self.base_path):
            msg = f"base_path {self.base_path!r} is no local folder"
            raise ValueError(msg)
        return Path(os.path.normpath(root / self.base_path))
