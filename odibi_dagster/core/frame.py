"""The one frame type that transforms and contracts see."""

from __future__ import annotations

from typing import Any, TypeAlias

import narwhals.stable.v2 as nw

Frame: TypeAlias = nw.LazyFrame[Any]
"""A narwhals lazy frame over Polars or Spark. Nothing runs until an engine sinks or fetches it."""
