"""The main command: who can talk to whom."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.commands.options import (
    EXIT_CODES,
    Parser,
    add_filters,
    add_input,
    add_output,
    add_paths,
    parser,
)
from analyzer.commands.reading import read
from analyzer.console import wants_color
from analyzer.filters import Filters, View
from analyzer.output import write
from analyzer.report import Report
from analyzer.sets import PortSet, Protocol

if TYPE_CHECKING:
    from argparse import Namespace

    from analyzer.console import Console

_EXAMPLES = f"""\
commands:
{{commands}}

examples:
  kubereach manifests/
  kubereach manifests/ --format json --output reach.json
  kubereach manifests/ --namespace test-b --port 80/TCP
  kubectl get all,networkpolicies,namespaces -A -o yaml | kubereach -
  kubereach --context staging --source 'shop/*' --destination external

{EXIT_CODES}
"""
_WIDTH_OF_FILES = 100


def arguments(commands: str) -> Parser:
    """Return the parser; `commands` lists the other commands for its help."""
    what = "Predict from manifests who can talk to whom in a cluster."
    made = parser("", "[PATH ...]", what, _EXAMPLES.format(commands=commands))
    add_paths(made)
    add_input(made)
    add_filters(made)
    add_output(made)
    return made


def run(chosen: Namespace, console: Console) -> Exit:
    """Analyze, and write the report."""
    analysis = read(chosen, chosen.paths, console)
    view = View(analysis.reachability, chosen_filters(chosen))
    chosen.held.append(view)
    to_terminal = chosen.output is None
    report = Report(
        analysis=analysis,
        view=view,
        width=width() if to_terminal else _WIDTH_OF_FILES,
        color=wants_color(chosen.color, sys.stdout) if to_terminal else chosen.color == "always",
    )
    renderer = import_module(f"analyzer.report.{chosen.format}")
    with console.stage("report", "" if to_terminal else "writing"):
        write(renderer.render(report), chosen.output, sys.stdout)
    console.not_read(analysis.other_kinds)
    console.warn(analysis.diagnostics)
    return Exit.UNKNOWN if chosen.fail_on_unknown and any(view.unknown()) else Exit.FINE


def chosen_filters(chosen: Namespace) -> Filters:
    """Return the filters that the options of `add_filters` say."""
    ports = PortSet.none() if chosen.port else PortSet.transports()
    for each in chosen.port:
        ports |= each
    if chosen.icmp:
        ports |= PortSet.of(Protocol.ICMP)
    return Filters(
        sources=tuple(chosen.source),
        destinations=tuple(chosen.destination),
        namespaces=tuple(chosen.namespace),
        ports=ports,
    )


def width() -> int:
    """Return the width of the terminal; COLUMNS overrides it, as everywhere."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:5]) > 0:
        return int(columns[:5])
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or _WIDTH_OF_FILES
    except (OSError, ValueError):
        return _WIDTH_OF_FILES
