"""What Spark raises, in our words. Imported with a Spark session only."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException

from odibi_dagster.engines.base import LONG_NAME, TOO_LONG
from odibi_dagster.engines.spark_log import silence
from odibi_dagster.errors import (
    DataReadError,
    OdibiError,
    SchemaContractError,
    WriteError,
    as_cause,
    shortened,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from odibi_dagster.core.discretion import Discretion

_COLUMNS = (
    "UNRESOLVED_COLUMN",
    "AMBIGUOUS_REFERENCE",
    "COLUMN_ALREADY_EXISTS",
    "DATATYPE_MISMATCH",
    "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE",
)


@contextmanager
def unquoted(session: SparkSession, discretion: Discretion) -> Iterator[None]:
    """What Spark raises, in our words; its own log is silent where that would quote values."""
    if discretion.withholds:
        silence(session)
    with translating(discretion):
        yield


@contextmanager
def translating(discretion: Discretion) -> Iterator[None]:
    """Errors of a plan, when it is resolved and when it runs: these quote values."""
    try:
        yield
    except AnalysisException as error:
        condition = str(error.getCondition() or "")
        fits = not condition.startswith(_COLUMNS)
        kind: type[OdibiError] = DataReadError if fits else SchemaContractError
        raise kind(_first_line(error)) from as_cause(error)
    except PySparkException as error:
        told = discretion.told(error, _first_line(error))
        raise DataReadError(told) from as_cause(error)
    except Py4JJavaError as error:
        # A job that fails on a worker arrives untranslated; its causes say what it was.
        text = str(error)
        if LONG_NAME in text:
            raise SchemaContractError(TOO_LONG) from as_cause(error)
        kind = WriteError if "No space left on device" in text else DataReadError
        told = discretion.told(error, _first_line(error.java_exception.getMessage()))
        raise kind(told) from as_cause(error)
    except OdibiError:
        raise
    except Exception as error:
        # what the code of a user raises inside a plan
        if not discretion.withholds:
            raise
        raise DataReadError(discretion.told(error, "")) from None


def _first_line(error: object) -> str:
    return shortened(str(error).strip().split("\n", 1)[0])
