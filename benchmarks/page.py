"""The page of all results, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.environments import TITLES
from benchmarks.goals import GOALS
from benchmarks.model import Claim, Contender, Goal
from benchmarks.results import Result, Spread, judged, load, ratios, spread

_HEAD = """\
# Benchmarks

Measured by `make bench`, which builds the environments of the foreign tools, generates the data,
runs everything and writes this page. `python -m benchmarks --help` says how to run a part of it.
"""
_METHOD = """\
## Method

- The contenders of a goal take turns (A B C, A B C, ...), each in a fresh process. Before that each
  runs once on a thousand orders, so that bytecode and Dagster's database exist.
- *CPU* is user and system time of the process and its children. *Memory* is the peak of their
  summed resident sets, sampled every 10 ms.
- *The node* is what happens between the call of `dg.materialize` and its return. Polars is imported
  before, as it is in a script, and a bare asset has run, which opens Dagster's database: what a
  process pays once is in the figures of the process alone.
- A ratio compares two runs of the same turn. Figures are medians, with the least and the most.
  Contenders marked * are for comparison only and ran once.
- Everybody writes Parquet with zstd level 1, where that can be said. Ours and the scripts in Polars
  also flush each file to disk; the others do not, which spares them time.
- Rows, sums of every column and values of checks are compared; where they differ it says so here.
- Data is generated: orders of which 2 % are later updates of an earlier one, 1 % have no price and
  0.9 % are wrong; customers and products to go with them. It is the same on every machine.
"""
_ALWAYS: Mapping[str, tuple[str, float, int]] = {
    "wall": ("wall s", 1, 1),
    "cpu": ("CPU s", 1, 1),
    "memory": ("memory MB", 2**20, 0),
}
"""By measure: the head of its column, what it is divided by, and its digits."""
_REPORTED: Mapping[str, tuple[str, float, int]] = {
    "node_cpu": ("CPU s of a node", 1, 3),
    "node_wall": ("wall s of a node", 1, 3),
    "node_memory": ("memory MB of a node", 2**20, 0),
    "load_cpu": ("CPU s of loading", 1, 2),
}
"""The same for what contenders report themselves; shown where a claim names it."""


def page(folder: Path) -> str:
    """The page, from the last result of each goal in the folder."""
    results = {name: result for name in GOALS if (result := load(folder, name))}
    goals = *_summary(results), _METHOD, *_sections(results)
    return "\n".join([_HEAD, *_taken(results), *goals, *_versions(results)])


def verdicts(goal: Goal, result: Result) -> Iterator[str]:
    """One line for each claim, and one for each difference, for the terminal."""
    for claim in goal.claims:
        if (found := judged(result, claim)) is not None:
            met = "met" if claim.kept(found.median) else "MISSED"
            yield f"  {claim.text}: {_figure(claim, found)}, goal {_limit(claim)}: {met}"
    if result.differences:
        yield "  RESULTS DIFFER"
        yield from (f"    {line}" for line in result.differences)
    elif result.compared:
        yield f"  equal: {', '.join(result.compared)}"


def _is_size(claim: Claim) -> bool:
    return claim.to is None and claim.measure == "memory"


def _figure(claim: Claim, found: Spread) -> str:
    if not _is_size(claim):
        return found.shown()
    gigabytes = (value / 1e9 for value in (found.median, found.least, found.most))
    return f"{Spread(*gigabytes).shown()} GB"


def _limit(claim: Claim) -> str:
    words = "at least" if claim.at_least else "at most"
    return f"{words} {claim.limit / 1e9:g} GB" if _is_size(claim) else f"{words} {claim.limit:g}"


def _taken(results: Mapping[str, Result]) -> Iterator[str]:
    for machine in dict.fromkeys(result.machine for result in results.values()):
        dates = sorted({result.date for result in results.values() if result.machine == machine})
        yield f"{', '.join(dates)}: {machine}.\n"


def _summary(results: Mapping[str, Result]) -> Iterator[str]:
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


def _sections(results: Mapping[str, Result]) -> Iterator[str]:
    for name, result in results.items():
        goal = GOALS[name]
        yield f"## {goal.title}\n\n{goal.method}\n"
        if any(contender.kind for contender in goal.contenders):
            yield f"{result.rows:,} orders, {result.date}.\n"
        yield from _table(goal, result)
        yield from _nodes(goal, result)
        yield from _agreement(result)


def _table(goal: Goal, result: Result) -> Iterator[str]:
    """Figures of each contender, and their ratios to the base."""
    named = {claim.measure for claim in goal.claims}
    measures = {**_ALWAYS, **{name: how for name, how in _REPORTED.items() if name in named}}
    yield f"| | {' | '.join(head for head, _, _ in measures.values())} | wall | CPU | memory |"
    yield f"|---|{'---:|' * (len(measures) + len(_ALWAYS))}"
    for contender in goal.contenders:
        if runs := result.of(contender.name):
            own = (
                spread([run.figures[measure] for run in runs], scale).shown(digits)
                if measure in runs[0].figures
                else ""
                for measure, (_, scale, digits) in measures.items()
            )
            cells = [_title(contender), *own, *_to_base(goal, contender, result)]
            yield f"| {' | '.join(cells)} |"
    yield ""


def _title(contender: Contender) -> str:
    return f"{contender.title} *" if contender.once else contender.title


def _to_base(goal: Goal, contender: Contender, result: Result) -> Iterator[str]:
    for measure in _ALWAYS:
        values = ratios(result, measure, contender.name, goal.base)
        yield spread(values).shown() if values and contender.name != goal.base else ""


def _nodes(goal: Goal, result: Result) -> Iterator[str]:
    """Median seconds per node, where at least two contenders say them for several nodes."""
    told = [(c.title, result.of(c.name)) for c in goal.contenders]
    said = {title: runs for title, runs in told if runs and runs[0].seconds}
    nodes = list(dict.fromkeys(node for runs in said.values() for node in runs[0].seconds))
    if len(said) < 2 or len(nodes) < 3:
        return
    yield "Wall seconds per node, its checks included (dbt: without):\n"
    yield f"| | {' | '.join(said)} |"
    yield f"|---|{'---:|' * len(said)}"
    for node in nodes:
        cells = (
            f"{spread([run.seconds[node] for run in runs]).median:.2f}"
            if node in runs[0].seconds
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


def _versions(results: Mapping[str, Result]) -> Iterator[str]:
    yield "## Versions\n"
    said = (pair for result in results.values() for pair in result.versions.items())
    for environment, versions in dict.fromkeys(said):
        yield f"- {TITLES[environment]}: {versions}"
    yield ""
