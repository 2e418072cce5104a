"""What a node that takes long says of itself, in Dagster's log; a short one says nothing."""

from __future__ import annotations

import doctest
import logging
import os
import re
import select
import subprocess
import sys
import textwrap
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import dagster as dg
import narwhals.stable.v2 as nw
import polars as pl
import pytest

from odibi_dagster.assets import progress
from odibi_dagster.assets.progress import Work
from odibi_dagster.config.load import load_project
from odibi_dagster.core.meter import Flow, Meter, Phase
from odibi_dagster.core.names import NodeId
from odibi_dagster.core.watch import Watch
from odibi_dagster.plan.planner import Planner
from odibi_dagster.transforms.base import RowForRow, transforms
from tests.assets.support import HEAD, Shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from odibi_dagster.core.frame import Frame
    from odibi_dagster.engines.base import Engine
    from odibi_dagster.transforms.base import Scope

ROWS = 300_000
PROJECT = """
engine: {engine}
pipelines:
  - pipeline: silver
    nodes:
      - name: orders
        read: {{connection: lake, format: parquet, path: orders.parquet}}
        contracts: [{{type: row_count, min: 1}}]
        transform:
          steps: [{{function: held, params: {{at: "{gate}"}}}}]
        validation:
          tests: [{{type: range, column: id, min: 0, on_fail: quarantine}}]
        write: {{connection: lake, format: parquet, path: out}}
"""


class Held(RowForRow):
    """Lets some of the rows pass, and the others when somebody opens the fifo."""

    kind: ClassVar[str] = "held"
    at: str

    def apply(self, frame: Frame, scope: Scope) -> Frame:
        return nw.from_native(HOLD[scope.engine.name](frame.to_native(), self.at))


def _hold_polars(lazy: pl.LazyFrame, at: str) -> pl.LazyFrame:
    number = count()

    def hold(batch: pl.DataFrame) -> pl.DataFrame:
        if next(number) == 1:
            opened = select.poll()
            opened.register(os.open(at, os.O_RDONLY | os.O_NONBLOCK))
            opened.poll(60_000)  # not for good: no signal ends a test that is in native code
        return batch

    # a batch at a time: the sink goes on with the first one while the second is held
    return lazy.map_batches(hold, streamable=True)


def _hold_spark(frame: Any, at: str) -> Any:
    from pyspark import TaskContext
    from pyspark.sql.functions import udf

    held: list[str] = []

    def hold(number: int) -> int:
        if TaskContext.get().partitionId() and not held:  # type: ignore[union-attr]
            held.append(Path(at).read_text())
        return number

    return frame.repartition(2).withColumn("id", udf(hold, "long", useArrow=False)("id"))


WRITING = {
    "polars": r"silver/orders: \d+ s, writing, ([1-9][\d,]*) of about 300,000 rows \((\d+)%\), "
    # bytes reach the disk with a first row group
    r"([\d.]+ k?B, )?[\d,]+ rows/s",
    "spark": r"silver/orders: \d+ s, writing, ([1-9][\d,]*) of about 300,000 rows \((\d+)%\), "
    r"1 of 2 tasks, [\d.]+ [kM]B, [\d,]+ rows/s",
}
LISTEN = {"loggers": {"console": {}}}
HOLD: dict[str, Callable[[Any, str], Any]] = {"polars": _hold_polars, "spark": _hold_spark}


class Opener(logging.Handler):
    """Opens the fifo as soon as the log says what was waited for."""

    def __init__(self, gate: Path, wanted: re.Pattern[str]) -> None:
        super().__init__()
        self.gate, self.wanted, self.lines = gate, wanted, list[str]()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage().split(" - ")[-1]
        if not text.startswith("silver/orders: "):
            return
        self.lines.append(text)
        if (found := self.wanted.fullmatch(text)) and self.gate.exists():
            self.opened_at = found
            with self.gate.open("w") as fifo:
                fifo.write("go on")
                self.gate.unlink()


def _run(shop: Shop, opener: Opener) -> dg.ExecuteInProcessResult:
    @dg.logger
    def listening(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("listening", logging.INFO)
        logger.addHandler(opener)
        return logger

    job = dg.define_asset_job("all", config=LISTEN)
    definitions = dg.Definitions(shop.assets(), jobs=[job], loggers={"console": listening})
    return definitions.resolve_job_def("all").execute_in_process(instance=shop.instance)


def said(shop: Shop) -> list[str]:
    """What is in Dagster's log besides its own events."""
    run = shop.instance.get_runs(limit=1)[0]
    logs = shop.instance.all_logs(run.run_id)
    return [entry.user_message for entry in logs if entry.dagster_event is None]


def test_rows_bytes_and_an_estimate_while_the_sink_runs(
    shop: Shop, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "WATCH", Watch(lambda: repeat(0.01)))
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0)
    monkeypatch.setitem(transforms.known, "held", Held)
    gate = shop.root / "gate"
    os.mkfifo(gate)
    (shop.root / "lake").mkdir()
    pl.DataFrame({"id": range(ROWS)}).write_parquet(shop.root / "lake/orders.parquet")
    shop.write(PROJECT.format(engine=engine.name, gate=gate))
    opener = Opener(gate, re.compile(WRITING[engine.name]))

    assert _run(shop, opener).success

    passed = int(opener.opened_at[1].replace(",", ""))
    assert 0 < passed < ROWS
    assert int(opener.opened_at[2]) == 100 * passed // ROWS
    assert said(shop) == opener.lines
    assert shop.stored("out").height == ROWS


class Asked(Meter):
    """A meter that tells a list what a work with it says, whenever it is told a phase."""

    work: Work | None = None
    lines: list[str]

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "phase" and self.work is not None:
            self.lines.append(str(self.work))


@pytest.mark.parametrize("format", ["csv", "json"])
def test_a_look_at_types_says_how_much_is_looked_at(
    shop: Shop, engine: Engine, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a schema a text file is read once for its types, which may take as long as a sink."""
    monkeypatch.setattr(progress, "_PATIENCE_SECONDS", 0)
    text = {"csv": "id\n1\n2\n", "json": '{"id": 1}\n{"id": 2}\n'}[format]
    shop.land(f"orders.{format}", text)
    node = "pipelines: [{{pipeline: p, nodes: [{{name: n, {0}, write: {1}}}]}}]"
    read = f"read: {{connection: lake, format: {format}, path: orders.{format}}}"
    shop.write(node.format(read, "{connection: lake, format: parquet, path: out}"))
    project = load_project(shop.root / "odibi.yaml")
    (node_,) = project.nodes.values()
    meter = Asked(lambda: 7.0)
    monkeypatch.setattr(engine, "meter", meter)
    meter.work, meter.lines = Work(project, node_, meter), []
    list(Planner(project, engine, None).inputs(node_))
    assert f"0 s, looking at the types of its source, {len(text)} B" in meter.lines
    assert meter.lines[-1] == "0 s, planning"


def test_a_short_node_says_nothing(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(transforms.known, "held", Held)
    shop.write(PROJECT.format(engine="polars", gate="never"))
    (shop.root / "lake").mkdir()
    pl.DataFrame({"id": [1]}).write_parquet(shop.root / "lake/orders.parquet")
    asked: list[Any] = []
    monkeypatch.setattr(progress, "expected", lambda *about: asked.append(about))
    assert shop.run().ok
    assert said(shop) == []
    assert asked == [], "no footer is opened for it"


ALL_PHASES = """
pipelines:
  - pipeline: silver
    nodes:
      - name: view
        read: {connection: lake, format: csv, path: orders.csv}
      - name: orders
        depends_on: [view]
        contracts: [{type: not_null, columns: [id]}]
        validation:
          tests: [{type: range, column: id, max: 1, on_fail: quarantine}]
          quarantine: {connection: lake, path: rejected.csv}
        write: {connection: lake, format: parquet, path: out}
"""


def test_every_phase_is_said(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    phases: list[Phase] = []
    phase = property(lambda _: phases[-1], lambda _, value: phases.append(value))
    monkeypatch.setattr(Meter, "phase", phase, raising=False)
    shop.write(ALL_PHASES)
    shop.land("orders.csv", "id\n1\n2\n")
    assert shop.run("silver/orders").ok
    assert list(dict.fromkeys(phases)) == list(Phase)


SLOW = """
from itertools import repeat
from pathlib import Path

from odibi_dagster import transform
from odibi_dagster.assets import progress
from odibi_dagster.core.watch import Watch

progress.WATCH = Watch(lambda: repeat(0.01))


@transform
def slow(context):
    def hold(rows):
        Path("gate").read_text()
        return rows

    return context.df.map_batches(hold)
"""
DEFINITIONS = """
import logging
from pathlib import Path

import dagster as dg
from odibi_dagster import load_odibi_assets


class Opener(logging.Handler):
    def emit(self, record):
        gate = Path("gate")
        if " s, writing, 0 rows from " in record.getMessage() and gate.exists():
            with gate.open("w"):
                gate.unlink()


@dg.logger
def listening(context):
    logger = logging.Logger("listening", logging.INFO)
    logger.addHandler(Opener())
    return logger


defs = dg.Definitions(
    assets=load_odibi_assets("odibi.yaml"),
    jobs=[
        dg.define_asset_job(
            "all",
            executor_def=dg.multiprocess_executor,
            config={"loggers": {"console": {}}},
        )
    ],
    loggers={"console": listening},
)
"""


def test_a_process_of_its_own_tells_the_log_of_the_run(tmp_path: Path) -> None:
    for folder in ("lake", "home"):
        (tmp_path / folder).mkdir()
    (tmp_path / "home/dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (tmp_path / "lake/orders.csv").write_text("id\n1\n2\n")
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "transforms.py").write_text(SLOW)
    (tmp_path / "definitions.py").write_text(DEFINITIONS)
    node = """
        pipelines:
          - pipeline: silver
            nodes:
              - name: slow
                read: {connection: lake, format: csv, path: orders.csv}
                transform: {steps: [{function: slow}]}
                write: {connection: lake, format: parquet, path: out.parquet}
        """
    (tmp_path / "odibi.yaml").write_text(HEAD + textwrap.dedent(node))
    words = ["-m", "dagster", "job", "execute", "-f", "definitions.py", "-j", "all"]
    environment = {**os.environ, "DAGSTER_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        found = said(Shop(tmp_path, instance))
    assert any(re.fullmatch(r"silver/slow: \d+ s, writing, 0 rows.*", line) for line in found), (
        found
    )


SIZES = """
pipelines:
  - pipeline: p
    nodes:
      - name: columns
        read: {connection: lake, format: parquet, path: in.parquet}
        transform: {steps: ["SELECT *, id * 2 AS twice FROM df"]}
        write: {connection: lake, format: delta, path: columns}
      - name: view
        depends_on: [columns]
        transform: {steps: [{function: drop_columns, params: {columns: [twice]}}]}
      - name: behind_a_view
        depends_on: [view]
        write: {connection: lake, format: csv, path: out.csv}
      - name: fewer
        depends_on: [view]
        transform: {steps: ["SELECT * FROM df WHERE id > 10"]}
        write: {connection: lake, format: csv, path: fewer.csv}
      - name: text
        depends_on: [behind_a_view]
        write: {connection: lake, format: csv, path: text.csv}
      - name: once
        depends_on: [columns]
        write:
          {connection: lake, format: delta, path: once, mode: append_once, options: {keys: [id]}}
      - name: python
        inputs: {raw: {asset: team/raw}}
        write: {connection: lake, format: csv, path: python.csv}
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _rows(number: int) -> str:
    return f"{number} row{'' if number == 1 else 's'}"


@pytest.mark.parametrize(
    ("name", "rows", "text"),
    [
        ("columns", 25, "25 of about 100 rows (25%)"),
        ("columns", 100, "100 of about 100 rows (100%)"),
        ("columns", 110, "110 rows"),
        ("behind_a_view", 99, "99 of about 100 rows (99%)"),
        ("fewer", 1, "1 row from about 100 rows"),
        ("text", 25, "25 rows from 293 B"),
        ("once", 25, "25 rows from about 100 rows"),
        ("python", 25, "25 rows"),
    ],
)
def test_what_is_said_of_the_source(shop: Shop, name: str, rows: int, text: str) -> None:
    (shop.root / "lake").mkdir()
    pl.DataFrame({"id": range(100)}).write_parquet(shop.root / "lake/in.parquet")
    shop.write(SIZES)
    if name not in ("columns", "python"):
        assert shop.run(dg.AssetSelection.groups("p") - dg.AssetSelection.assets("p/python")).ok
    project, clock = load_project(shop.config), Clock()
    meter, staged = Meter(clock), shop.root / "staged"
    staged.mkdir()
    (staged / "part").write_bytes(bytes(5_000_000))
    work = Work(project, project.nodes[NodeId("p", name)], meter)
    meter.phase = Phase.WRITING
    with meter.sinking(staged, lambda: Flow(rows)):
        clock.now += 0.01
        assert str(work) == f"0 s, writing, {_rows(rows)}, 5.00 MB, {100 * rows:,} rows/s"
        clock.now += 250
        assert str(work) == f"4 min 10 s, writing, {text}, 5.00 MB"
    meter.phase = Phase.AUDITING
    assert str(work) == f"4 min 10 s, auditing, {_rows(rows)}, 5.00 MB"


def test_the_input_is_judged_before_anything_is_written(shop: Shop) -> None:
    (shop.root / "lake").mkdir()
    pl.DataFrame({"id": range(100)}).write_parquet(shop.root / "lake/in.parquet")
    shop.write(SIZES)
    project, clock = load_project(shop.config), Clock()
    meter = Meter(clock)
    work = Work(project, project.nodes[NodeId("p", "columns")], meter)
    meter.phase = Phase.JUDGING
    clock.now += 3720
    assert str(work) == "1 h 2 min, judging the input, about 100 rows"


def test_a_source_that_is_gone_is_no_estimate(shop: Shop) -> None:
    """What became of it is for the run to say."""
    shop.write(SIZES)
    project, clock = load_project(shop.config), Clock()
    meter = Meter(clock)
    work = Work(project, project.nodes[NodeId("p", "columns")], meter)
    meter.phase = Phase.JUDGING
    clock.now += 60
    assert str(work) == "1 min 0 s, judging the input"


def test_the_units() -> None:
    assert doctest.testmod(progress).failed == 0
