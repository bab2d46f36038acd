"""`up` and `down` of a kind cluster in tests: with the small Calico, in this process or in one of its own."""

from __future__ import annotations

import subprocess
import sys

from lab.commands import Reading, carried_out, cluster, down
from lab.providers.kind.wanted import Wanted
from tests.fakes.programs.state import State
from tests.lab.labs import ROOT

CALICO = str(ROOT / "tests" / "fakes" / "calico" / "calico.yaml")
WANTED = Wanted(name="kubereach", manifest=CALICO)
_UP = """\
import sys
from lab.commands import Reading, carried_out, cluster
from lab.providers.kind.wanted import Wanted
manifest, bundle, retain = sys.argv[1:]
wanted = Wanted(name="kubereach", manifest=manifest, bundle=bundle, retain=bool(retain))
sys.exit(carried_out(lambda console: cluster.up(console, Reading(), wanted)))
"""


def up(wanted: Wanted = WANTED) -> int:
    """Bring a lab up; return the exit code."""
    return carried_out(lambda console: cluster.up(console, Reading(), wanted))


def bring_down(name: str = "kubereach") -> int:
    """Bring a lab down; return the exit code."""
    return carried_out(lambda console: down.run(console, name=name))


def starting(*, bundle: str = "", retain: bool = False) -> subprocess.Popen[str]:
    """Return a process that brings a lab up, to be interrupted."""
    words = [sys.executable, "-c", _UP, CALICO, bundle, "retain" if retain else ""]
    return subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True)


def kept(fakes: State) -> list[str]:
    """Return the files that are kept about labs."""
    folder = fakes.folder / "state" / "kubereach" / "labs"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def nothing_left(fakes: State) -> bool:
    """Tell whether there is no cluster, and nothing kept about one."""
    return not fakes.clusters and not kept(fakes)
