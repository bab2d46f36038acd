"""The cluster's shape as kind's configuration tells it: which nodes there are.

Comes in: the path of a kind configuration. Goes out: the names that kind gives the nodes. The embedded lab
has the same nodes, so that traffic crosses them in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analyzer.load import load

USUAL = Path("kind-config.yaml")


def node_names(cluster: str, path: Path = USUAL) -> tuple[str, ...]:
    """Return the names of a cluster's nodes; one control plane, as with kind, where no file tells more.

    Raises AnalyzerError when there is such a file and it cannot be read.
    """
    documents = load([str(path)]).documents if path.is_file() else ()
    for document in documents:
        if document.kind == "Cluster":
            return _names(cluster, document.data)
    return (f"{cluster}-control-plane",)


def _names(cluster: str, configuration: Mapping[str, Any]) -> tuple[str, ...]:
    """Name nodes as kind does: the role, and a number from the second of a role on."""
    nodes = configuration.get("nodes")
    found: Counter[str] = Counter()
    names = []
    for node in nodes if isinstance(nodes, list) else ():
        role = str(node.get("role") or "control-plane") if isinstance(node, dict) else "control-plane"
        found[role] += 1
        names.append(f"{cluster}-{role}{found[role] if found[role] > 1 else ''}")
    return tuple(names) or (f"{cluster}-control-plane",)
