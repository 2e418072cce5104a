"""The page of all results, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.goals import GOALS
from benchmarks.model import Claim, Contender, Goal
from benchmarks.results import Result, Spread, judged, load, ratios, spread

_HEAD = """\
# Benchmarks

Measured by `make bench`, which builds the environments of the foreign tools, generates the data,
runs everything and writes this page. `python -m benchmarks --help` says how to run a part of it.

## Method

- The contenders of a goal take turns (A B C, A B C, ...), each in a fresh process. Before that each
  runs once on a thousand orders, so that bytecode and Dagster's database exist.
- *CPU* is user and system time of the process and its children. *Memory* is the peak of their
  summed resident sets, sampled every 20 ms.
- A ratio compares two runs of the same turn. Figures are medians, with the least and the most.
  Contenders marked * are for comparison only and ran once.
- Everybody writes Parquet with zstd level 1. Ours and the scripts in Polars also flush each file to
  disk; DuckDB, pandas, dbt and Odibi do not, which spares them time.
- Rows, sums of every column and values of checks are compared; where they differ it says so here.
- Data is generated: orders of which 2 % are later updates of an earlier one, 1 % have no price and
  0.9 % are wrong; customers and products to go with them. It is the same on every machine.
"""


def page(folder: Path) -> str:
    """The page, from the last result of each goal in the folder."""
    results = {name: result for name in GOALS if (result := load(folder, name))}
    return "\n".join([_HEAD, *_summary(results), *_sections(results)])


def verdicts(goal: Goal, result: Result) -> Iterator[str]:
    """One line for each claim, and one for each difference, for the terminal."""
    for claim in goal.claims:
        if (found := judged(result, claim)) is not None:
            met = "met" if claim.kept(found.median) else "MISSED"
            yield f"  {claim.text}: {_figure(claim, found)}, goal {_limit(claim)}: {met}"
    yield (
        f"  equal: {', '.join(result.compared) or 'nothing to compare'}"
        if (not result.differences)
        else "  RESULTS DIFFER"
    )
    yield from (f"    {line}" for line in result.differences)


def _figure(claim: Claim, found: Spread) -> str:
    if claim.to is None and claim.measure == "memory":
        gigabytes = (value / 1e9 for value in (found.median, found.least, found.most))
        return f"{Spread(*gigabytes).shown()} GB"
    return found.shown()


def _limit(claim: Claim) -> str:
    words = "at least" if claim.at_least else "at most"
    if claim.to is None and claim.measure == "memory":
        return f"{words} {claim.limit / 1e9:g} GB"
    return f"{words} {claim.limit:g}"


def _summary(results: dict[str, Result]) -> Iterator[str]:
    yield "## Goals\n"
    yield "| Goal | Measured | Limit | |"
    yield "|---|---|---|---|"
    for name, result in results.items():
        for claim in GOALS[name].claims:
            if (found := judged(result, claim)) is not None:
                met = "met" if claim.kept(found.median) else "**missed**"
                title = f"{GOALS[name].title}: {claim.text}"
                yield f"| {title} | {_figure(claim, found)} | {_limit(claim)} | {met} |"
    yield ""


def _sections(results: dict[str, Result]) -> Iterator[str]:
    for name, result in results.items():
        goal = GOALS[name]
        yield f"## {goal.title}\n\n{goal.method}\n"
        yield f"{result.rows:,} orders, {result.date}, {result.machine}.\n"
        yield from _table(goal, result)
        yield from _nodes(goal, result)
        yield from _agreement(result)
        yield from _versions(goal, result)


def _table(goal: Goal, result: Result) -> Iterator[str]:
    yield "| | wall s | CPU s | memory MB | wall | CPU | memory |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for contender in goal.contenders:
        if runs := result.of(contender.name):
            own = [
                spread([run.figures[measure] for run in runs], scale).shown(digits)
                for measure, scale, digits in (("wall", 1, 1), ("cpu", 1, 1), ("memory", 2**20, 0))
            ]
            cells = [_title(contender), *own, *_to_base(goal, contender, result)]
            yield f"| {' | '.join(cells)} |"
    yield ""


def _title(contender: Contender) -> str:
    return f"{contender.title} *" if contender.once else contender.title


def _to_base(goal: Goal, contender: Contender, result: Result) -> Iterator[str]:
    for measure in ("wall", "cpu", "memory"):
        values = ratios(result, measure, contender.name, goal.base)
        yield spread(values).shown() if values and contender.name != goal.base else ""


def _nodes(goal: Goal, result: Result) -> Iterator[str]:
    """Median seconds per node, where at least two contenders say them for several nodes."""
    told = [(c.title, result.of(c.name)) for c in goal.contenders]
    said = {title: runs for title, runs in told if runs and runs[0].seconds}
    nodes = list(dict.fromkeys(node for runs in said.values() for node in runs[0].seconds))
    if len(said) < 2 or len(nodes) < 2:
        return
    yield "Seconds per node, its checks included:\n"
    yield f"| | {' | '.join(said)} |"
    yield f"|---|{'---:|' * len(said)}"
    for node in nodes:
        cells = (
            f"{spread([run.seconds[node] for run in runs]).median:.2f}"
            if all(node in run.seconds for run in runs)
            else ""
            for runs in said.values()
        )
        yield f"| {node} | {' | '.join(cells)} |"
    yield ""


def _agreement(result: Result) -> Iterator[str]:
    if result.differences:
        yield "**Results differ:**\n"
        yield from (f"- {line}" for line in result.differences)
        yield ""
    elif result.compared:
        yield f"Found equal: {', '.join(result.compared)}.\n"


def _versions(goal: Goal, result: Result) -> Iterator[str]:
    titles: dict[str, list[str]] = {}
    for contender in goal.contenders:
        if contender.name in result.versions:
            titles.setdefault(result.versions[contender.name], []).append(contender.title)
    for versions, names in titles.items():
        yield f"- {', '.join(names)}: {versions}"
    yield ""
