"""This library as a contender: `odibi-dagster run` on a file of `workloads`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.model import Contender

WORKLOADS = Path(__file__).parent.parent / "workloads"


def ours(workload: str, name: str = "ours", title: str = "odibi_dagster", **more: Any) -> Contender:
    """A whole run of one file, as a user starts it: process, Dagster, contracts and all."""
    command = ("-m", "odibi_dagster.cli", "run", str(WORKLOADS / workload))
    return Contender(name, title, command, logged=True, **more)


def node(workload: str, name: str, title: str, **more: Any) -> Contender:
    """A workload of ours that reports the CPU of its nodes beside that of the process."""
    command = ("-m", "benchmarks.contenders.node", str(WORKLOADS / workload))
    return Contender(name, title, command, logged=True, **more)


def script(module: str, name: str, title: str, **more: Any) -> Contender:
    """A hand-written script of `contenders`."""
    return Contender(name, title, ("-m", f"benchmarks.contenders.{module}"), **more)
