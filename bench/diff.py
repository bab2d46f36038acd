"""Two versions of a large cluster compared: nothing, one rule, or a namespace's isolation changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.measure import generate, kubereach, median, run
from bench.scale import part_seconds
from bench.table import Cell, Table

PODS = 10_000
QUICK_PODS = 1_000
POLICIES = 2_000
NAMESPACES = 100
LIMIT = 300
ISOLATION = """---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: isolation, namespace: ns-3}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
"""


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure each kind of change, each pod in a class of its own."""
    pods = QUICK_PODS if quick else PODS
    sizes = {"pods": pods, "classes": pods, "policies": POLICIES, "namespaces": NAMESPACES}
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    old = generate("diff-old", *arguments, "--plain", "--format", "folder")
    policies = (old / "network-policies.yaml").read_text(encoding="utf-8")
    versions = {
        "nothing": policies,
        "a port of one rule": policies.replace("  - port: ", "  - port: 1", 1),
        "a namespace isolated": policies + ISOLATION,
    }
    rows = tuple(row(pods, what, old, text, 1 if quick else 3) for what, text in versions.items())
    yield Table(
        title=f"Diff, with {POLICIES:,} policies",
        columns=("pods", "what changed", "compare s", "whole s", "peak MB"),
        rows=rows,
    )
    shutil.rmtree(old)


def row(pods: int, what: str, old: Path, policies: str, times: int) -> tuple[Cell, ...]:
    """Measure one change."""
    new = old.with_name("diff-new")
    shutil.copytree(old, new)
    try:
        (new / "network-policies.yaml").write_text(policies, encoding="utf-8")
        command = kubereach("diff", str(old), str(new), "--fail-on", "none", "--timings")
        runs = [run(command, limit=LIMIT) for _ in range(times)]
    finally:
        shutil.rmtree(new)
    compared = median([part_seconds(each, "diff") for each in runs])
    return pods, what, compared, median([each.seconds for each in runs]), max(each.peak for each in runs)
