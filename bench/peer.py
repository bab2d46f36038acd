"""Clusters of growing size against network-config-analyzer, both from the same folder.

The policies are plain (bench/policies.py), a fifth as many as there are pods, and ten pods share their
labels. NCA's two text modes print firewall rules, and a line for each pair; KubeReach's JSON report holds
the same as the latter, every pair with its ports.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.measure import Run, generate, kubereach, median, repeat, run
from bench.nca import TEXT_MODES, command_line
from bench.table import Cell, Table

SIZES = (50, 100, 200, 400, 800)
QUICK_SIZES = (50, 100, 200)
LIMIT = 600
LONG = 200


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure each size, smallest first."""
    rows = tuple(row(pods, quick=quick) for pods in (QUICK_SIZES if quick else SIZES))
    columns = (
        "pods",
        "policies",
        "KubeReach, table s",
        "KubeReach, JSON s",
        "peak MB",
        *(f"NCA, {mode} s" for mode in TEXT_MODES),
        "NCA, peak MB",
        "faster NCA / JSON",
    )
    yield Table(title="Against network-config-analyzer", columns=columns, rows=rows)


def row(pods: int, *, quick: bool) -> tuple[Cell, ...]:
    """Measure one size."""
    folder = cluster(pods)
    commands = {"table": kubereach(folder), "JSON": kubereach(folder, "--format", "json")}
    ours = repeat(commands, 3 if quick else 5)
    theirs = [peer(folder, mode, 1 if quick or pods > LONG else 3) for mode in TEXT_MODES]
    fastest = min(median([each.seconds for each in runs]) for runs in theirs)
    json_seconds = median([each.seconds for each in ours["JSON"]])
    return (
        pods,
        pods // 5,
        median([each.seconds for each in ours["table"]]),
        json_seconds,
        max(each.peak for each in ours["JSON"]),
        *(seconds(runs) for runs in theirs),
        max(each.peak for runs in theirs for each in runs),
        fastest / json_seconds,
    )


def cluster(pods: int) -> Path:
    """Return a folder with a plain cluster."""
    sizes = {
        "pods": pods,
        "classes": max(pods // 10, 5),
        "policies": pods // 5,
        "namespaces": 5,
        "blocks": 12,
    }
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    return generate(f"peer-{pods}", *arguments, "--plain", "--compatible", "--format", "folder")


def peer(folder: Path, mode: str, times: int) -> list[Run]:
    """Run NCA; no round is thrown away, and none follows one that met the time limit."""
    runs = []
    for _ in range(times):
        runs.append(run(command_line(folder, mode), limit=LIMIT))
        if not runs[-1].finished:
            break
    return runs


def seconds(runs: list[Run]) -> Cell:
    """Return the median, or that the limit was met."""
    if not all(each.finished for each in runs):
        return f"> {LIMIT}"
    return median([each.seconds for each in runs])
