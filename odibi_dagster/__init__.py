"""odibi.yaml in, a native Dagster asset graph out.

Importing the package costs nothing: each name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from odibi_dagster.core.collector import collector_paused

if TYPE_CHECKING:
    from odibi_dagster.assets.definitions import build_odibi_definitions
    from odibi_dagster.assets.factory import load_odibi_assets
    from odibi_dagster.assets.translator import OdibiNode, OdibiTranslator
    from odibi_dagster.io_managers.polars import PolarsIOManager
    from odibi_dagster.transforms.python import transform

__version__ = "0.1.0"

__all__ = [
    "OdibiNode",
    "OdibiTranslator",
    "PolarsIOManager",
    "build_odibi_definitions",
    "load_odibi_assets",
    "transform",
]

_HOMES = {
    "OdibiNode": "assets.translator",
    "OdibiTranslator": "assets.translator",
    "PolarsIOManager": "io_managers.polars",
    "build_odibi_definitions": "assets.definitions",
    "load_odibi_assets": "assets.factory",
    "transform": "transforms.python",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    with collector_paused():
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
