"""A large cluster held to a hundred expectations: of single pods, and of selectors that mean thousands."""

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
EXPECTATIONS = 100
LIMIT = 300
HEAD = "apiVersion: kubereach.dev/v1alpha1\nkind: Expectations\nexpectations:\n"
VERDICTS = ("allow", "deny", "only")


def measure(*, quick: bool) -> Iterator[Table]:
    """Measure each kind of expectation, each pod in a class of its own."""
    pods = QUICK_PODS if quick else PODS
    sizes = {"pods": pods, "classes": pods, "policies": POLICIES, "namespaces": NAMESPACES}
    arguments = [text for name, number in sizes.items() for text in (f"--{name}", str(number))]
    folder = generate("check", *arguments, "--plain", "--format", "folder")
    kinds = {
        "of single pods": single(pods),
        "of wide selectors": wide(),
        "wide, with exceptions": excepting(),
    }
    rows = tuple(row(pods, what, folder, items, 1 if quick else 3) for what, items in kinds.items())
    yield Table(
        title=f"Check, {EXPECTATIONS} expectations, with {POLICIES:,} policies",
        columns=("pods", "expectations", "check s", "whole s", "peak MB"),
        rows=rows,
    )
    shutil.rmtree(folder)


def row(pods: int, what: str, folder: Path, items: Iterator[str], times: int) -> tuple[Cell, ...]:
    """Measure one kind; what does not hold takes longest, and is expected."""
    file = folder.with_name("check-expect.yaml")
    file.write_text(HEAD + "".join(items), encoding="utf-8")
    try:
        command = kubereach("check", str(folder), "--expect", str(file), "--timings")
        runs = [run(command, limit=LIMIT, accepted=(0, 1)) for _ in range(times)]
    finally:
        file.unlink()
    checked = median([part_seconds(each, "check") for each in runs])
    return pods, what, checked, median([each.seconds for each in runs]), max(each.peak for each in runs)


def item(number: int, source: str, destination: str) -> str:
    """Return an expectation on a port and of a verdict that change with its number."""
    verdict = VERDICTS[number % len(VERDICTS)]
    ends = f"  from: {source}\n  to: {destination}\n"
    return f"- name: number {number}\n{ends}  ports: [{number + 1}/TCP]\n  verdict: {verdict}\n"


def single(pods: int) -> Iterator[str]:
    """Yield expectations of one pod and another; pods go round the namespaces."""
    for number in range(EXPECTATIONS):
        one, other = number, pods - number - 1
        yield item(number, f"ns-{one % NAMESPACES}/pod-{one}", f"ns-{other % NAMESPACES}/pod-{other}")


def wide() -> Iterator[str]:
    """Yield expectations of everybody and the pods of a label, in every namespace."""
    for number in range(EXPECTATIONS):
        labels = f"{{podSelector: {{matchLabels: {{app: app-{number % 5}}}}}}}"
        yield item(number, '["*/*", external]', labels)


def excepting() -> Iterator[str]:
    """Yield the same, each with exceptions of its own."""
    for number, text in enumerate(wide()):
        yield f"{text}  unless:\n  - from: ns-{number}/*\n  - {{from: external, ports: [443/TCP]}}\n"
