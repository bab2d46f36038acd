"""The demo as a newcomer runs it: the whole process against the bare import of a YAML parser."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import PROJECT, kubereach, median, repeat
from bench.nca import TEXT_MODES, command_line
from bench.table import Table


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure KubeReach and its peer on manifests/, in turns."""
    manifests = PROJECT / "manifests"
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import yaml'": [sys.executable, "-c", "import yaml"],
        "KubeReach, table": kubereach(manifests),
        "KubeReach, JSON": kubereach(manifests, "--format", "json"),
        **{f"NCA, {mode}": command_line(manifests, mode) for mode in TEXT_MODES},
    }
    runs = repeat(commands, 5 if quick else 15)
    medians = {name: median([run.seconds for run in each]) for name, each in runs.items()}
    base = medians["python -c 'import yaml'"]
    rows = tuple(
        (
            name,
            medians[name] * 1000,
            min(run.seconds for run in each) * 1000,
            medians[name] / base,
            median([run.peak for run in each]),
        )
        for name, each in runs.items()
    )
    columns = ("process", "median ms", "best ms", "times `import yaml`", "peak MB")
    yield Table(title="The demo, whole process", columns=columns, rows=rows)
