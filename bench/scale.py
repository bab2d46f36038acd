"""Large clusters alone: where the time goes, from YAML and from JSON.

10,000 policies, 100 namespaces, and pods of up to 10,000 classes, so that the step from 10,000 to 100,000
pods adds pods of known classes only. Policies are plain, or of every form (bench/policies.py): the latter
select most pods of a namespace many times over and give nearly every class a profile and ports of its own,
which no cluster that people run does. What is printed is the summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bench.measure import Run, generate, kubereach, median, run
from bench.table import Cell, Table

SIZES = (1_000, 10_000, 100_000)
QUICK_SIZES = (1_000, 10_000)
CLASSES = 10_000
POLICIES = 10_000
NAMESPACES = 100
LIMIT = 900
PARTS = ("read", "decode", "classes", "engine", "report")
TIMING = re.compile(r"^timing: (\S+) ([0-9.]+)$", re.MULTILINE)
BYTES_PER_MB = 1_000_000


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure each size in both forms, plain policies first; of the others one run each."""
    columns = ("pods", "classes", "from", "input MB", *(f"{part} s" for part in PARTS), "whole s", "peak MB")
    cases = [(pods, form) for pods in (QUICK_SIZES if quick else SIZES) for form in ("json", "yaml")]
    for plain in (True, False):
        times = 1 if quick or not plain else 3
        rows = tuple(row(pods, form, times, plain=plain) for pods, form in cases)
        kind = "plain policies" if plain else "policies of every form"
        yield Table(title=f"Alone, with {POLICIES:,} {kind}", columns=columns, rows=rows)


def row(pods: int, form: str, times: int, *, plain: bool) -> tuple[Cell, ...]:
    """Measure one size in one form."""
    classes = min(pods, CLASSES)
    file = cluster(pods, classes, form, plain=plain)
    size = file.stat().st_size / BYTES_PER_MB
    try:
        runs = [run(kubereach(file, "--timings"), limit=LIMIT) for _ in range(times)]
    finally:
        file.unlink()
    return (
        pods,
        classes,
        form.upper(),
        size,
        *(median([part_seconds(each, part) for each in runs]) for part in PARTS),
        median([each.seconds for each in runs]),
        max(each.peak for each in runs),
    )


def cluster(pods: int, classes: int, form: str, *, plain: bool) -> Path:
    """Return a file with a cluster as a running cluster's dump: with phases and addresses."""
    sizes = {"pods": pods, "classes": classes, "policies": POLICIES, "namespaces": NAMESPACES}
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    if plain:
        arguments.append("--plain")
    return generate(f"scale-{pods}.{form}", *arguments, "--addresses", "--format", form)


def part_seconds(each: Run, part: str) -> float:
    """Return the seconds of a part, as `--timings` prints them; a part may have several lines."""
    return sum(float(seconds) for name, seconds in TIMING.findall(each.errors) if name == part)
