"""`python -m bench.planning FILE [PORT]`: plans the probes of a cluster, and says how that went.

What it says is on standard error: a name and a number a line.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import process_time

NODES = tuple(f"node-{number}" for number in range(20))


def command(file: Path, port: str) -> Sequence[str]:
    """Return what is run; `port` "": those that the plan chooses."""
    return (sys.executable, "-m", "bench.planning", str(file), *([port] if port else []))


def main(words: Sequence[str]) -> None:
    """Plan."""
    from analyzer.collection import paused
    from analyzer.commands.ports import port_set
    from lab import manifests
    from lab.plan import Wanted, plan
    from lab.world import Placing, realize

    with paused():
        world = realize(manifests.read((words[0],)).cluster, Placing(nodes=NODES))
        world = replace(world, outside=())  # as in a cluster, outside of which nothing of the lab runs
        began = process_time()
        made = plan(world, Wanted(ports=port_set(words[1]) if len(words) > 1 else None))
        seconds = process_time() - began
    told = {
        "probes": len(made.questions),
        "asking": len({each.probe.source for each in made.questions}),
        "asked": len({each.probe.expect for each in made.questions}),
        "seconds": f"{seconds:.3f}",
    }
    sys.stderr.write("".join(f"{name} {value}\n" for name, value in told.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
