"""Options of the command line, each declared once and used by every command that has it."""

from __future__ import annotations

import sys
from argparse import Action, ArgumentParser, RawDescriptionHelpFormatter
from typing import NoReturn

from analyzer.commands.ports import port_set
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load.text import printable
from analyzer.profiles import PROFILES

FORMATS = ("table", "json", "csv", "markdown", "mermaid", "dot", "svg")
PATHS = "files, folders, - for stdin (default: manifests/, or as `kubectl reach` the current context)"
EXIT_CODES = (
    "exit codes: 0 fine, 2 wrong usage or input, 3 nothing to analyze, 4 unknown verdict (--fail-on-unknown)"
)
_PROGRAM = "kubereach"


class Parser(ArgumentParser):
    """An argument parser whose complaints look like all others."""

    def error(self, message: str) -> NoReturn:
        """Report what is wrong with the arguments."""
        raise AnalyzerError(
            Diagnostic(
                severity=Severity.ERROR,
                code="usage",
                message=printable(message),
                help=f"`{self.prog} --help` tells what there is",
            )
        )


class _Version(Action):
    """Finding out the version takes longer than a small analysis, so it is done when asked for."""

    def __call__(self, parser: ArgumentParser, *_: object) -> NoReturn:
        """Print the version of what is installed and exit."""
        from importlib.metadata import PackageNotFoundError, version

        try:
            found = version(_PROGRAM)
        except PackageNotFoundError:
            found = "(not installed)"
        sys.stdout.write(f"{_PROGRAM} {found}\n")
        parser.exit()


def parser(command: str, words: str, description: str, examples: str) -> Parser:
    """Return the parser of a command ("" for the program itself) with the options that all have.

    `words` is what stands behind its name, for the first line of the help.
    """
    name = f"{_PROGRAM} {command}".rstrip()
    made = Parser(
        prog=name,
        usage=f"{name} [OPTIONS] {words}",
        description=description,
        epilog=examples,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--color", choices=("auto", "always", "never"), default="auto", help="default: auto")
    made.add_argument("--quiet", "-q", action="store_true", help="errors only on standard error")
    made.add_argument("--timings", action="store_true", help="how long each part took, on standard error")
    made.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    return made


def add_paths(parser: Parser) -> None:
    """Declare which manifests are read."""
    parser.add_argument("paths", metavar="PATH", nargs="*", help=PATHS)


def add_input(parser: Parser) -> None:
    """Declare how manifests, or a cluster, are read."""
    group = parser.add_argument_group("input")
    group.add_argument(
        "--cni",
        metavar="NAME",
        help=f"how policies are enforced: {', '.join(PROFILES)} (default: what the input shows, else calico)",
    )
    group.add_argument(
        "--default-namespace", metavar="NAME", default="default", help="of objects that name none"
    )
    group.add_argument(
        "--pod-cidr",
        metavar="CIDR",
        action="append",
        default=[],
        help="where unknown pod addresses lie (default: from a kind configuration, else 10.244.0.0/16)",
    )
    group.add_argument(
        "--kubernetes-version", metavar="VERSION", help="whose validation rules apply, such as 1.36"
    )
    group.add_argument("--context", metavar="NAME", help="read a live cluster: this context")
    group.add_argument("--kubeconfig", metavar="FILE", help="read a live cluster: with this file")


def add_filters(parser: Parser) -> None:
    """Declare what part of the answer is wanted."""
    group = parser.add_argument_group("filters (each may be given several times)")
    for option, what in (("--source", "from"), ("--destination", "to")):
        group.add_argument(
            option,
            metavar="NAME",
            action="append",
            default=[],
            help=f"only connections {what} this endpoint: a name, a pattern such as `shop/*`, an address",
        )
    group.add_argument(
        "--namespace",
        "-n",
        metavar="NAME",
        action="append",
        default=[],
        help="only connections that start or end here",
    )
    group.add_argument(
        "--port",
        metavar="PORT",
        action="append",
        default=[],
        type=port_set,
        help="only this port: 80/TCP, 8000-8100/UDP, SCTP, icmp",
    )
    group.add_argument("--icmp", action="store_true", help="ICMP too, besides TCP, UDP and SCTP")


def add_output(parser: Parser, *, formats: tuple[str, ...] = FORMATS) -> None:
    """Declare where the report goes, in which formats, and when it is a failure."""
    group = parser.add_argument_group("output")
    if formats:
        group.add_argument("--format", choices=formats, default="table", help="default: table")
    group.add_argument("--output", metavar="FILE", help="write the report to a file, all of it or nothing")
    group.add_argument(
        "--fail-on-unknown", action="store_true", help="exit with 4 when a verdict depends on a missing fact"
    )
