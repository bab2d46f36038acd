"""Exposure of a large cluster: every group of pods that a policy names, for every workload.

10,000 pods of as many classes under 2,000 policies in 100 namespaces, as a running cluster's dump. Policies
are plain, or of every form (bench/policies.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.measure import generate, kubereach, median, run
from bench.scale import part_seconds
from bench.table import Cell, Table

PODS, POLICIES, NAMESPACES = 10_000, 2_000, 100
PARTS = ("read", "decode", "classes", "engine", "report")


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure both kinds of policies, in a tenth of the size when it must be quick."""
    share = 10 if quick else 1
    sizes = {
        "pods": PODS // share,
        "classes": PODS // share,
        "policies": POLICIES // share,
        "namespaces": NAMESPACES // share,
    }
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    times = 1 if quick else 3
    rows = tuple(
        row(arguments, form, times=times, plain=plain)
        for plain in (True, False)
        for form in ("table", "json")
    )
    columns = ("policies", "format", *(f"{part} s" for part in PARTS), "whole s", "peak MB")
    title = f"Exposure, {sizes['pods']:,} pods, {sizes['policies']:,} policies"
    yield Table(title=title, columns=columns, rows=rows)


def row(arguments: list[str], form: str, *, times: int, plain: bool) -> tuple[Cell, ...]:
    """Measure one format."""
    kind = ["--plain"] if plain else []
    file = generate("exposure.json", *arguments, *kind, "--addresses", "--format", "json")
    try:
        runs = [run(kubereach("exposure", str(file), "--timings", "--format", form)) for _ in range(times)]
    finally:
        file.unlink()
    return (
        "plain" if plain else "every form",
        form,
        *(median([part_seconds(each, part) for each in runs]) for part in PARTS),
        median([each.seconds for each in runs]),
        max(each.peak for each in runs),
    )
