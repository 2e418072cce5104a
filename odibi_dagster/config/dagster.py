"""Everything of ours in odibi.yaml lives under `dagster:`, at the project, a pipeline or a node."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field

from odibi_dagster.config.airflow import NodeAirflow, PipelineAirflow, ProjectAirflow
from odibi_dagster.config.partitions import Partitions
from odibi_dagster.core.fate import Choice
from odibi_dagster.core.model import Model
from odibi_dagster.core.secret import Secret
from odibi_dagster.core.units import Duration
from odibi_dagster.errors import ConfigError

_CRON_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_CRON_FIELD = re.compile(r"[0-9A-Za-z*/,\-#?]+")
_TAG_KEY = re.compile(r"([A-Za-z0-9_.\-]{1,63}/)?[A-Za-z0-9_.\-]{1,63}")


def _owner(text: str) -> str:
    if not re.fullmatch(r"team:[A-Za-z0-9_\-]+|[^@\s]+@[^@\s]+\.[^@\s]+", text):
        msg = f"{text!r} is no owner; write an e-mail address or team:name"
        raise ValueError(msg)
    return text


def _tag_key(text: str) -> str:
    if not _TAG_KEY.fullmatch(text):
        msg = f"{text!r} is no tag name; use letters, digits, '_', '-' and '.' (at most 63)"
        raise ValueError(msg)
    return text


def _tag_value(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.\-]{0,63}", text):
        msg = f"{text!r} is no tag value; use letters, digits, '_', '-' and '.' (at most 63)"
        raise ValueError(msg)
    return text


def _label(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.\-]{1,63}", text):
        msg = f"{text!r}: use letters, digits, '_', '-' and '.' (at most 63)"
        raise ValueError(msg)
    return text


def _cron(text: str) -> str:
    fields = text.split()
    known = text in _CRON_WORDS
    if not known and (len(fields) != 5 or not all(map(_CRON_FIELD.fullmatch, fields))):
        msg = f"{text!r} is no cron schedule; write five fields such as '0 6 * * *', or @daily"
        raise ValueError(msg)
    return text


def _automation(text: str) -> str:
    if text == "eager":
        return text
    try:
        return _cron(text)
    except ValueError:
        msg = f"{text!r}: write eager, or a cron schedule such as '0 6 * * *'"
        raise ValueError(msg) from None


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = f"unknown time zone {text!r}; write a name such as UTC or Europe/Berlin"
        raise ValueError(msg) from None
    return text


def _state_url(secret: Secret) -> Secret:
    from odibi_dagster.state.database import parse

    try:
        parse(secret.reveal())
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return secret


def _folder(text: str | None) -> str | None:
    if text is None:
        return None
    if not text.strip() or "\0" in text or re.match(r"[A-Za-z][A-Za-z0-9+.\-]*:/", text):
        msg = f"{text!r} is no local folder"
        raise ValueError(msg)
    return text


Owner = Annotated[str, AfterValidator(_owner)]
Cron = Annotated[str, AfterValidator(_cron)]
Tags = dict[Annotated[str, AfterValidator(_tag_key)], Annotated[str, AfterValidator(_tag_value)]]
Kinds = Annotated[list[Annotated[str, AfterValidator(_label)]], Field(max_length=2)]


class _Labels(Model):
    owners: list[Owner] = []
    """E-mail addresses or `team:name`."""
    tags: Tags = {}
    kinds: Kinds = []
    """At most two: the engine and the format are kinds of their own, and Dagster shows three."""
    pool: str | None = None


class ProjectDagster(_Labels):
    """The project's own settings.

    ```yaml
    dagster:
      sql_dialect: duckdb
      storage: .dagster_home/storage/odibi
      timezone: Europe/Berlin
      owners: [team:data]
      tags: {domain: flights}
      kinds: [dwh]
      pool: warehouse
    ```
    """

    storage: Annotated[str, AfterValidator(_folder)] = ".dagster_home/storage/odibi"
    """Where nodes live that need a place and name none; relative to odibi.yaml."""
    sql_dialect: Annotated[str | None, Choice(("duckdb", "spark"))] = None
    """How SQL is read; by default duckdb, and spark for `engine: spark`."""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"
    """What a timestamp without a zone means."""
    state_url: Annotated[Secret, AfterValidator(_state_url)] | None = None
    """The database of the state; without it Dagster's own. `ODIBI_STATE_URL` goes before it."""
    max_future: Duration | None = None
    """How far in the future a cursor may lie; a day."""
    staging: Annotated[str | None, AfterValidator(_folder)] = None
    """Where rows lie on their way into a database and out of it; by default under `storage`."""
    airflow: ProjectAirflow = Field(default_factory=ProjectAirflow)


class PipelineDagster(_Labels):
    """A pipeline's own settings.

    ```yaml
    dagster: {schedule: "0 6 * * *", owners: [me@example.com]}
    ```
    """

    schedule: Cron | None = None
    """When its job runs, as cron; in `dagster.timezone` of the project."""
    automation: Annotated[str, AfterValidator(_automation)] | None = None
    freshness: Duration | None = None
    partitions: Partitions | None = None
    """Of every node that says none of its own; a node without any writes `partitions: null`."""
    airflow: PipelineAirflow = Field(default_factory=PipelineAirflow)


class NodeDagster(_Labels):
    """A node's own settings.

    ```yaml
    dagster: {freshness: 6h, automation: eager, kinds: [gold]}
    ```
    """

    automation: Annotated[str, AfterValidator(_automation)] | None = None
    """`eager`: after its sources; a cron schedule: then."""
    freshness: Duration | None = None
    """How old it may become before Dagster says so."""
    max_future: Duration | None = None
    """How far in the future this node's cursor may lie."""
    partitions: Partitions | None = None
    airflow: NodeAirflow = Field(default_factory=NodeAirflow)
