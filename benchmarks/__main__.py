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
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock, Timeout

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
    goals = _goals(arguments.only, parser)
    contenders = _contenders(arguments.contenders, goals, parser)
    bench = Bench(arguments.work.absolute(), arguments.rows)
    bench.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(bench.work / ".lock", blocking=False):
            agreed = _run(bench, goals, arguments.repeats, contenders)
    except Timeout:
        print(f"another run works in {bench.work}; --work names another folder", file=sys.stderr)
        return 1
    except CommandError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the last results of the goals that ran to their end are kept")
        return 130
    if arguments.write:
        arguments.write.write_text(page(bench.results), encoding="utf-8")
        print(f"written: {arguments.write}")
    return 0 if agreed else 1


def _run(
    bench: Bench, goals: Sequence[Goal], repeats: int | None, contenders: Sequence[str]
) -> bool:
    """Run these goals one after the other; whether the contenders of each agreed."""
    for goal in goals:
        bench.make_environments(goal, contenders)
    agreed = True
    for goal in goals:
        result = bench.run(goal, repeats or goal.repeats, contenders)
        print(*verdicts(goal, result), sep="\n", flush=True)
        agreed = agreed and not result.differences
    return agreed


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _goals(text: str, parser: argparse.ArgumentParser) -> list[Goal]:
    names = _names(text) or list(GOALS)
    for name in names:
        if name not in GOALS:
            parser.error(f"there is no goal {name}; there are {', '.join(GOALS)}")
    return [GOALS[name] for name in names]


def _contenders(text: str, goals: Sequence[Goal], parser: argparse.ArgumentParser) -> list[str]:
    known = dict.fromkeys(c.name for goal in goals for c in goal.contenders)
    for name in _names(text):
        if name not in known:
            parser.error(f"there is no contender {name}; there are {', '.join(known)}")
    return _names(text)


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
