"""Makes a failing example small.

Comes in: a tree of dictionaries and lists, what tells whether a tree still fails, and a deadline. Goes out: a
tree that still fails, from which nothing can be left out alone, or as far as time allowed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

Path = tuple[str | int, ...]


def shrink(tree: Any, fails: Callable[[Any], bool], deadline: float) -> Any:
    """Leave out branches of a failing tree while it still fails, until `deadline` (time.monotonic()).

    Large branches go first: those near the root.
    """
    found = True
    while found:
        found = False
        for path in sorted(branches(tree), key=lambda path: (len(path), _backwards(path))):
            if time.monotonic() >= deadline:
                return tree
            if not has(tree, path):
                continue  # it went together with a branch that held it
            smaller = without(tree, path)
            if fails(smaller):
                tree, found = smaller, True
    return tree


def branches(tree: Any, start: Path = ()) -> Iterator[Path]:
    """Yield the paths of everything in a tree that can be left out."""
    for step in _steps(tree):
        yield (*start, step)
        yield from branches(tree[step], (*start, step))


def has(tree: Any, path: Path) -> bool:
    """Tell whether a tree has a branch at this path."""
    for step in path:
        if step not in _steps(tree):
            return False
        tree = tree[step]
    return True


def without(tree: Any, path: Path) -> Any:
    """Return a tree without one branch; the tree itself stays as it is."""
    step, *rest = path
    if isinstance(tree, dict):
        if not rest:
            return {key: value for key, value in tree.items() if key != step}
        return {key: without(value, tuple(rest)) if key == step else value for key, value in tree.items()}
    if not rest:
        return [value for number, value in enumerate(tree) if number != step]
    return [without(value, tuple(rest)) if number == step else value for number, value in enumerate(tree)]


def _steps(tree: Any) -> list[Any]:
    if isinstance(tree, dict):
        return [*tree]
    return [*range(len(tree))] if isinstance(tree, list) else []


def _backwards(path: Path) -> tuple[tuple[int, str], ...]:
    """Order the last of a list first, so that those before keep their place when it goes."""
    return tuple((-step, "") if isinstance(step, int) else (0, step) for step in path)
