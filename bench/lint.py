"""Lint of a large cluster: all rules together, and the fixes with their proof.

10,000 pods of 5,000 classes under 2,000 policies in 100 namespaces, as a running cluster's dump. Policies are
plain, or of every form (bench/policies.py), of which many cover each other and hundreds have no effect.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import generate, kubereach, median, run
from bench.scale import part_seconds
from bench.table import Cell, Table

PODS, CLASSES, POLICIES, NAMESPACES = 10_000, 5_000, 2_000, 100
PARTS = ("read", "decode", "classes", "lint", "fix")
# Findings are no failure here.
LINT = ("--timings", "--fail-on", "error")


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure both kinds of policies, in a tenth of the size when it must be quick."""
    share = 10 if quick else 1
    sizes = {
        "pods": PODS // share,
        "classes": CLASSES // share,
        "policies": POLICIES // share,
        "namespaces": NAMESPACES // share,
    }
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    rows = tuple(row(arguments, times=1 if quick else 3, plain=plain) for plain in (True, False))
    columns = ("policies", *(f"{part} s" for part in PARTS), "whole s", "peak MB")
    yield Table(
        title=f"Lint, {sizes['pods']:,} pods, {sizes['policies']:,} policies", columns=columns, rows=rows
    )


def row(arguments: list[str], *, times: int, plain: bool) -> tuple[Cell, ...]:
    """Measure lint alone, and once with fixes for their part."""
    form = ["--plain"] if plain else []
    file = generate("lint.yaml", *arguments, *form, "--addresses")
    command = kubereach("lint", str(file), *LINT)
    try:
        runs = [run(command) for _ in range(times)]
        fixed = run([*command, "--fix"])
    finally:
        file.unlink()
    return (
        "plain" if plain else "every form",
        *(median([part_seconds(each, part) for each in runs]) for part in PARTS[:-1]),
        part_seconds(fixed, PARTS[-1]),
        median([each.seconds for each in runs]),
        max(each.peak for each in runs),
    )
