"""The command that tells what lint looks for: the documentation of one rule, or the list of all."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from analyzer.commands import Exit
from analyzer.commands.options import Parser, parser
from analyzer.lint.catalogue import CODES, meant, rule
from analyzer.output import write

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from analyzer.console import Console

_EXAMPLES = """\
examples:
  kubereach rule
  kubereach rule KR101
  kubereach rule policy-without-effect

exit codes: 0 fine, 2 there is no such rule
"""


def arguments() -> Parser:
    """Return the parser."""
    made = parser(
        "rule", "[CODE ...]", "Tell what a lint rule finds, why, and what to do instead.", _EXAMPLES
    )
    made.add_argument(
        "codes", metavar="CODE", nargs="*", help="codes, their beginnings, or names (default: a list)"
    )
    return made


def run(chosen: Namespace, console: Console) -> Exit:
    """Print the documentation."""
    del console
    codes = dict.fromkeys(code for word in chosen.codes for code in meant(word))
    write(_documentation(tuple(codes)) if codes else _list(), None, sys.stdout)
    return Exit.FINE


def _documentation(codes: tuple[str, ...]) -> Iterator[str]:
    for index, code in enumerate(codes):
        yield ("\n" if index else "") + rule(code).documentation


def _list() -> Iterator[str]:
    wide = max(map(len, CODES.values()))
    for code, name in CODES.items():
        found = rule(code)
        yield f"{code}  {found.severity.value:<7}  {name:<{wide}}  {found.title}\n"
