"""`python -m bench`: how long KubeReach takes, against itself and against a peer.

    python -m bench [--quick] [--only demo,peer,scale,lint,diff,exposure,check,plan,lab] [--output FILE]

Prints medians, peak memory and ratios as Markdown; nothing is asserted, since machines differ. Exit code
2 when a measured command fails or the peer cannot be installed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from bench.measure import BenchError
from bench.nca import PeerMissingError
from bench.table import Table

SECTIONS = ("demo", "peer", "scale", "lint", "diff", "exposure", "check", "plan", "lab")
GIB = 1 << 30


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return {
        "date": datetime.now(tz=UTC).date().isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
    }


def sections(text: str) -> list[str]:
    """Read the value of `--only`."""
    names = text.split(",")
    for name in names:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"`{name}` is none of {', '.join(SECTIONS)}")
    return names


def main(arguments: list[str] | None = None) -> int:
    """Measure the sections asked for and print each as soon as it is known."""
    command = argparse.ArgumentParser(
        prog="python -m bench",
        description="Time and memory of KubeReach, and of network-config-analyzer beside it.",
        epilog="example: python -m bench --quick --only demo",
    )
    command.add_argument("--quick", action="store_true", help="smaller sizes, fewer repeats")
    command.add_argument(
        "--only", type=sections, default=list(SECTIONS), help="sections, separated by commas"
    )
    command.add_argument("--output", type=Path, help="a JSON file for the results")
    options = command.parse_args(arguments)
    here = machine()
    sys.stdout.write(", ".join(f"{name} {value}" for name, value in here.items()) + "\n\n")
    results: dict[str, list[Table]] = {}
    try:
        for name in options.only:
            results[name] = []
            for table in importlib.import_module(f"bench.{name}").measure(quick=options.quick):
                sys.stdout.write(table.markdown() + "\n")
                sys.stdout.flush()
                results[name].append(table)
    except (BenchError, PeerMissingError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    if options.output:
        options.output.write_text(json.dumps(document(here, results), indent=2) + "\n", encoding="utf-8")
    return 0


def document(here: dict[str, object], results: dict[str, list[Table]]) -> dict[str, object]:
    """Return the results for a JSON file."""
    return {
        "schema": "kubereach.dev/benchmarks",
        "version": 1,
        "machine": here,
        "sections": {name: [table.document() for table in tables] for name, tables in results.items()},
    }


if __name__ == "__main__":
    sys.exit(main())
