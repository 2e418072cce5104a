"""Measure, compare, report.

    python -m benchmarks                                    every goal, at full size
    python -m benchmarks --only medallion,rowwise           some goals
    python -m benchmarks --only medallion --contenders ours,polars --repeats 1
    python -m benchmarks --rows 100_000                     smaller
    python -m benchmarks --write docs/benchmarks.md         and write the page

Everything is written below the work folder. What was measured before stays there: the page is
made of the last result of each goal.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.goals import GOALS
from benchmarks.measure import CommandError
from benchmarks.model import ROWS, Goal
from benchmarks.page import page, verdicts
from benchmarks.runner import Bench

_EXIT_CODES = "exit codes: 0 ok; 1 results differ or a run failed; 130 stopped"
_WORK = Path(__file__).parent / ".work"


def main(words: Sequence[str] | None = None) -> int:
    """0 when all contenders agreed; 1 where they differ or one failed; 130 when stopped."""
    parser = _parser()
    arguments = parser.parse_args(words)
    goals = list(_chosen(arguments.only, parser))
    work = arguments.work.absolute()
    bench = Bench(work, arguments.rows)
    differ = False
    try:
        for goal in goals:
            only = _names(arguments.contenders)
            result = bench.run(goal, arguments.repeats or goal.repeats, only)
            print(*verdicts(goal, result), sep="\n", flush=True)
            differ = differ or bool(result.differences)
    except CommandError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the last results of the goals that ran to their end are kept")
        return 130
    if arguments.write:
        arguments.write.write_text(page(work / "results"), encoding="utf-8")
        print(f"written: {arguments.write}")
    return int(differ)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _chosen(text: str, parser: argparse.ArgumentParser) -> Iterator[Goal]:
    for name in _names(text) or GOALS:
        if name not in GOALS:
            parser.error(f"there is no goal {name}; there are {', '.join(GOALS)}")
        yield GOALS[name]


def _parser() -> argparse.ArgumentParser:
    goals = "\n".join(f"  {goal.name:<12}{goal.title}" for goal in GOALS.values())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"goals:\n{goals}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rows", type=int, default=ROWS, help="orders to generate (default: %(default)s)")
    add("--repeats", type=int, help="how often each contender runs (default: as the goal says)")
    add("--only", default="", metavar="GOALS", help="some goals, with commas between")
    add("--contenders", default="", metavar="NAMES", help="some contenders of these goals")
    add("--work", type=Path, default=_WORK, help="the work folder (default: benchmarks/.work)")
    add("--write", type=Path, metavar="PAGE", help="write the page of all last results")
    return parser


if __name__ == "__main__":
    sys.exit(main())
