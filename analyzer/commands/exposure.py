"""The command that says what each workload exposes and uses, and who is reachable from the edge."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.commands.options import EXIT_CODES, Parser, add_input, add_output, add_paths, parser
from analyzer.commands.reach import width
from analyzer.commands.reading import read
from analyzer.exposure import Exposures
from analyzer.filters import Filters, View
from analyzer.output import write
from analyzer.report.exposure import ExposureReport

if TYPE_CHECKING:
    from argparse import Namespace

    from analyzer.console import Console
    from analyzer.endpoints import Endpoint
    from analyzer.names import Names

FORMATS = ("table", "json", "csv", "markdown")
_EXAMPLES = f"""\
examples:
  kubereach exposure manifests/
  kubereach exposure manifests/ --workload test-pod-b
  kubereach exposure manifests/ --namespace test-b --format json --output exposure.json
  kubereach exposure manifests/ --ingress-controller test-c/test-pod-c

What is said of addresses outside is what connects. What is said of pods, existing or not, is what the
workload's own policies let pass; those of the other side count too.

{EXIT_CODES}
"""
_WIDTH_OF_FILES = 100


def arguments() -> Parser:
    """Return the parser."""
    what = "Say what each workload exposes and uses: outside, to any pod, by Services and routes."
    made = parser("exposure", "[PATH ...]", what, _EXAMPLES)
    add_paths(made)
    add_input(made)
    group = made.add_argument_group("what is shown")
    group.add_argument(
        "--workload",
        metavar="NAME",
        action="append",
        default=[],
        help="only this one: a name, or a pattern such as `shop/*`; may be given several times",
    )
    group.add_argument(
        "--namespace",
        "-n",
        metavar="NAME",
        action="append",
        default=[],
        help="only workloads of this namespace; may be given several times",
    )
    group.add_argument(
        "--ingress-controller",
        metavar="NAMESPACE/NAME",
        action="append",
        default=[],
        help="the pods that do the routing of Ingresses and Gateways (default: known by their labels)",
    )
    add_output(made, formats=FORMATS)
    return made


def run(chosen: Namespace, console: Console) -> Exit:
    """Find out, and write the report."""
    analysis = read(chosen, chosen.paths, console, routes=True)
    view = View(analysis.reachability, Filters(namespaces=tuple(chosen.namespace)))
    controllers = tuple(each for text in chosen.ingress_controller for each in view.names.select(text))
    report = ExposureReport(
        analysis=analysis,
        view=view,
        exposures=Exposures(analysis.reachability, controllers),
        endpoints=_shown(view, chosen.workload, chosen.namespace),
        width=width() if chosen.output is None else _WIDTH_OF_FILES,
    )
    renderer = import_module(f"analyzer.report.exposure.{chosen.format}")
    with console.stage("report", "writing" if chosen.output else ""):
        write(renderer.render(report), chosen.output, sys.stdout)
    console.not_read(analysis.other_kinds)
    console.warn(analysis.diagnostics)
    unknown = chosen.fail_on_unknown and any(report.exposures.of(each).unknown for each in report.endpoints)
    return Exit.UNKNOWN if unknown else Exit.FINE


def _shown(view: View, patterns: list[str], namespaces: list[str]) -> tuple[Endpoint, ...]:
    """Return the endpoints of the cluster that are asked for."""
    named = _named(view.names, patterns)
    return tuple(
        each
        for each in view.reachability.endpoints
        if not each.external
        and (not patterns or each.id in named)
        and (not namespaces or each.namespace in namespaces)
    )


def _named(names: Names, patterns: list[str]) -> set[str]:
    return {each.id for pattern in patterns for each in names.select(pattern)}
