"""The command that says why: the policies and rules that decide one connection, by file and line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.commands.options import EXIT_CODES, PATHS, Parser, add_input, add_output, parser
from analyzer.commands.ports import port
from analyzer.commands.reading import read
from analyzer.explain import explain
from analyzer.load.text import printable
from analyzer.names import Names
from analyzer.output import write
from analyzer.report.explanation import render

if TYPE_CHECKING:
    from argparse import Namespace

    from analyzer.console import Console

_EXAMPLES = f"""\
examples:
  kubereach explain test-pod-c test-pod-b 80/TCP
  kubereach explain test-pod-a test-b/test-pod-b --file manifests/
  kubereach explain 192.0.2.1 test-c/Pod/test-pod-c 443/TCP
  kubereach explain test-pod-a external icmp --cni cilium

An endpoint is written `name` where that is unmistakable, `namespace/name`, `namespace/kind/name`, as an
address, or `external`.

{EXIT_CODES}
"""


def arguments() -> Parser:
    """Return the parser."""
    words = "SOURCE DESTINATION [PORT/PROTOCOL]"
    made = parser("explain", words, "Say why a connection is allowed or denied.", _EXAMPLES)
    made.add_argument("source", metavar="SOURCE", help="who opens the connection")
    made.add_argument("destination", metavar="DESTINATION", help="who is talked to")
    made.add_argument(
        "port", metavar="PORT/PROTOCOL", nargs="?", type=port, help="default: every port of TCP, UDP and SCTP"
    )
    made.add_argument(
        "--file",
        "-f",
        metavar="PATH",
        action="append",
        default=[],
        help=PATHS,
    )
    add_input(made)
    add_output(made, formats=())
    return made


def run(chosen: Namespace, console: Console) -> Exit:
    """Explain one connection."""
    analysis = read(chosen, chosen.file, console)
    names = Names(analysis.reachability)
    source, destination = names.find(chosen.source), names.find(chosen.destination)
    found = explain(analysis.reachability, source, destination, chosen.port)
    lines = (f"{printable(line)}\n" for line in render(found).splitlines())
    with console.stage("report"):
        write(lines, chosen.output, sys.stdout)
    console.warn(analysis.diagnostics)
    unknown = found.bounds.unknown & found.asked
    return Exit.UNKNOWN if chosen.fail_on_unknown and unknown else Exit.FINE
