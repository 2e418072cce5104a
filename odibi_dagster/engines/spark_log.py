"""Spark's own log, which quotes the values that a job failed on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyspark.logger import PySparkLogger

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_IN_PYTHON = "DataFrameQueryContextLogger"
"""PySpark repeats there, on stderr, what the JVM raised."""


def silence(session: SparkSession) -> None:
    """From now on nothing is logged, here or in the JVM; levels stay as they are set.

    For good: tasks go on logging after the job has failed. Doing it twice changes nothing.
    """
    ours = PySparkLogger.getLogger(_IN_PYTHON)
    ours.addFilter(_deny)
    log4j: Any = session._jvm.org.apache.logging.log4j  # type: ignore[union-attr]
    root = log4j.LogManager.getContext(False).getConfiguration().getRootLogger()
    if "DenyAll" not in str(root.getFilter()):
        root.addFilter(log4j.core.filter.DenyAllFilter.newBuilder().build())


def _deny(_: logging.LogRecord) -> bool:
    return False
