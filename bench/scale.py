"""Large clusters alone: where the time goes, from YAML and from JSON.

10,000 policies of every form (bench/policies.py), 100 namespaces, and pods of up to 10,000 classes, so that
the step from 10,000 to 100,000 pods adds pods of known classes only. What is printed is the summary.
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
PARTS = ("read", "decode", "classes", "engine", "report")
TIMING = re.compile(r"^timing: (\S+) ([0-9.]+)$", re.MULTILINE)
BYTES_PER_MB = 1_000_000


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure each size in both forms, smallest first."""
    rows = tuple(
        row(pods, form, 1 if quick else 3)
        for pods in (QUICK_SIZES if quick else SIZES)
        for form in ("json", "yaml")
    )
    columns = (
        "pods",
        "classes",
        "from",
        "input MB",
        *(f"{part} s" for part in PARTS),
        "whole process s",
        "peak MB",
    )
    yield Table(title=f"Alone, with {POLICIES:,} policies", columns=columns, rows=rows)


def row(pods: int, form: str, times: int) -> tuple[Cell, ...]:
    """Measure one size in one form."""
    classes = min(pods, CLASSES)
    file = cluster(pods, classes, form)
    runs = [run(kubereach(file, "--timings"), limit=900) for _ in range(times)]
    size = file.stat().st_size / BYTES_PER_MB
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


def cluster(pods: int, classes: int, form: str) -> Path:
    """Return a file with a cluster of every form of policy, as a running cluster's dump."""
    sizes = {"pods": pods, "classes": classes, "policies": POLICIES, "namespaces": NAMESPACES}
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    return generate(f"scale-{pods}.{form}", *arguments, "--addresses", "--format", form)


def part_seconds(each: Run, part: str) -> float:
    """Return the seconds of a part, as `--timings` prints them; a part may have several lines."""
    return sum(float(seconds) for name, seconds in TIMING.findall(each.errors) if name == part)
