"""The embedded lab as its users wait for it: whole commands, on clusters with plain policies.

Only where the lab's tasks exist and the machine can run it; else a line says why not.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.measure import PROJECT, generate, median, run
from bench.table import Cell, Table

COMMANDS = ("up", "probe", "verify", "down")
PORTS = ("80/TCP", "443/TCP", "8080/TCP")
SIZES = ((50, 2), (100, 2), (200, 3))
QUICK_SIZES = ((50, 2),)
INVOKE = (sys.executable, "-m", "invoke")
NAME = "bench"


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure the demo's round, then growing clusters."""
    tasks = subprocess.run(
        [*INVOKE, "--list"], cwd=PROJECT, capture_output=True, text=True, check=False
    ).stdout
    absent = [name for name in ("up", "probe", "down") if f" {name} " not in tasks]
    if absent:
        row = (f"not measured: `invoke --list` shows no {', '.join(absent)}",)
        yield Table(title="The lab, whole commands", columns=("reason",), rows=(row,))
        return
    times = 1 if quick else 5
    places: list[tuple[str, Path, int]] = [("the demo", PROJECT / "manifests", 0)]
    for pods, ports in QUICK_SIZES if quick else SIZES:
        places.append((f"{pods} x {pods} x {ports} ports", cluster(pods), ports))
    rows = tuple(round_trip(name, place, ports, times) for name, place, ports in places)
    columns = ("cluster", *(f"{name} s" for name in COMMANDS), "all s")
    yield Table(title="The lab, whole commands", columns=columns, rows=rows)


def round_trip(name: str, place: Path, ports: int, times: int) -> tuple[Cell, ...]:
    """Return the medians of bringing a lab up, probing it, verifying it and taking it down."""
    rounds = [[run(command).seconds for command in commands(place, ports)] for _ in range(times)]
    medians = [median([each[step] for each in rounds]) for step in range(len(COMMANDS))]
    return (name, *medians, median([sum(each) for each in rounds]))


def commands(place: Path, ports: int) -> Sequence[Sequence[str]]:
    """Return the commands of one round; `ports` 0: those that the plan chooses, of representative pairs."""
    chosen = [word for port in PORTS[:ports] for word in ("--port", port)]
    pairs = ["--every-pair"] if ports else []
    verify = ["--every-pair"] if ports else []
    return (
        (*INVOKE, "up", "--provider", "netns", "--name", NAME, "--manifests", str(place)),
        (*INVOKE, "probe", "--name", NAME, *pairs, *chosen),
        (sys.executable, "-m", "lab.verify", "--lab", NAME, *verify, *chosen),
        (*INVOKE, "down", "--name", NAME),
    )


def cluster(pods: int) -> Path:
    """Return a folder with a plain cluster whose pods all differ."""
    sizes = {"pods": pods, "classes": pods, "policies": pods // 5, "namespaces": 5, "blocks": 8}
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    return generate(f"lab-{pods}", *arguments, "--plain", "--compatible", "--format", "folder")
