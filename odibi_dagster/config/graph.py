"""Who must run before whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

N = TypeVar("N")


def cycles(edges: Mapping[N, set[N]]) -> Iterator[list[N]]:
    """One cycle per knot of nodes that wait for each other, first node last again.

    >>> list(cycles({"a": {"b"}, "b": {"a"}, "c": set()}))
    [['a', 'b', 'a']]
    """
    done: set[N] = set()
    for start in edges:
        if start not in done:
            yield from _search(start, edges, done)


def _search(start: N, edges: Mapping[N, set[N]], done: set[N]) -> Iterator[list[N]]:
    """Depth first, without recursion; at most one cycle is reported."""
    path: list[N] = []
    on_path: set[N] = set()
    stack: list[tuple[N, bool]] = [(start, False)]
    found = False
    while stack:
        node, leaving = stack.pop()
        if leaving:
            path.pop()
            on_path.discard(node)
            done.add(node)
        elif node in on_path:
            if not found:
                yield [*path[path.index(node) :], node]
            found = True
        elif node not in done:
            path.append(node)
            on_path.add(node)
            stack.append((node, True))
            stack.extend((other, False) for other in sorted(edges.get(node, ())))  # type: ignore[type-var]


def reaches(start: N, goal: N, edges: Mapping[N, set[N]]) -> bool:
    """Whether `goal` is `start` or lies upstream of it."""
    seen, stack = {start}, [start]
    while stack:
        node = stack.pop()
        if node == goal:
            return True
        fresh = edges.get(node, set()) - seen
        seen |= fresh
        stack.extend(fresh)
    return False
