"""Compares prediction and observation: what `nox -s verify` runs.

    python -m lab.verify [PATH ...] [--lab NAME] [--recording FILE] [--format table|json|junit|csv]

Without a path the running lab is verified; when none runs and none is named, or with a path, an embedded lab
is brought up for it and taken down again. Exit code 1 when anything differs, or could not be decided.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import replace

from analyzer.console import Console
from analyzer.output import write
from lab.commands import DEFAULT_LAB, Reading, carried_out, tell
from lab.commands.expected import expectations
from lab.commands.probe import FORMATS, MOST, Asked, probed, reporter
from lab.commands.up import checked, placing
from lab.compare import Comparison
from lab.errors import LabError
from lab.providers import running
from lab.providers.netns.provider import EmbeddedLab
from lab.world import Placing, realize

_EXAMPLES = """\
examples:
  nox -s verify                            the running lab, or manifests/ in one of its own
  nox -s verify -- examples/named-ports    other manifests
  nox -s verify -- examples/deny-all --expect examples/deny-all/expect.yaml
  nox -s verify -- --recording seen.json   a recording that `invoke probe --output seen.json` wrote
"""


def main(words: Sequence[str] | None = None) -> int:
    """Verify; return the exit code."""
    chosen = _parser().parse_args(words)
    return carried_out(lambda console: run(console, chosen))


def run(console: Console, chosen: Namespace) -> int:
    """Verify what was chosen."""
    asked = Asked(
        every_pair=chosen.every_pair,
        every_pod=chosen.every_pod,
        ports=tuple(chosen.port),
        most=chosen.max_probes,
        expectations=expectations(console, chosen.expect),
    )
    render = reporter(asked, chosen.format)
    comparison = _recorded(console, chosen, asked) if chosen.recording else _live(console, chosen, asked)
    text, code = render(comparison)
    if chosen.format == "table" and not chosen.expect:
        from lab.report.table import differences, summary

        lines = (
            [*differences(comparison), "", *summary(comparison)]
            if not comparison.verified
            else [*summary(comparison)]
        )
        sys.stdout.write("\n".join((*lines, "")))
        sys.stdout.write("verified\n" if comparison.verified else "not verified\n")
    else:
        write(text, chosen.output, sys.stdout)
    return code


def verified(console: Console, reading: Reading, name: str, asked: Asked | None = None) -> Comparison:
    """Bring a lab of this name up for some manifests, probe it, and take it down."""
    manifests = checked(console, reading)
    lab = EmbeddedLab.up(manifests, name, placing(name, reading), temporary=True)
    try:
        return probed(lab, asked or Asked())
    finally:
        lab.down()


def _live(console: Console, chosen: Namespace, asked: Asked) -> Comparison:
    reading = Reading(paths=tuple(chosen.paths), cni=chosen.cni, max_replicas=chosen.max_replicas)
    if not chosen.paths and (running.exists(chosen.lab) or chosen.lab != DEFAULT_LAB):
        with running.connect(chosen.lab) as lab:
            tell(f"verifying the running lab `{chosen.lab}`")
            found = probed(lab, asked)
            for note in lab.notes():
                tell(note)
            return found
    from os import getpid

    return verified(console, reading, f"verify-{getpid()}", asked)


def _recorded(console: Console, chosen: Namespace, asked: Asked) -> Comparison:
    from lab.recording import read

    recording = read(chosen.recording)
    paths = tuple(chosen.paths) or recording.sources
    if not paths:
        raise LabError(
            "this is a recording of a cluster, and no manifests are named",
            "name a dump of its objects as PATH: `kubectl get all,networkpolicies,nodes -A -o yaml`",
        )
    manifests = checked(console, Reading(paths=paths, cni=chosen.cni or recording.cni))
    world = realize(
        manifests.cluster, Placing(nodes=recording.nodes), before=recording.placement, sources=paths
    )
    if not recording.identified:
        # It was made from inside a cluster, where nobody outside could ask.
        world = replace(world, outside=(), limits=replace(world.limits, identified=False))
    made = asked.planned(world, recording.pairs)
    return Comparison(made, recording.answers(made))


def _parser() -> ArgumentParser:
    made = ArgumentParser(
        prog="nox -s verify --",
        description="Compare prediction and observation.",
        epilog=_EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("paths", metavar="PATH", nargs="*", help="manifests for a lab of their own")
    made.add_argument("--lab", metavar="NAME", default=DEFAULT_LAB, help="the running lab to verify")
    made.add_argument("--recording", metavar="FILE", help="compare with a recording, without a lab")
    made.add_argument("--cni", metavar="NAME", default="", help="how policies are enforced")
    made.add_argument("--port", metavar="PORT", action="append", default=[], help="only these, as 80/TCP")
    made.add_argument(
        "--expect",
        metavar="FILE",
        action="append",
        default=[],
        help="decide the expectations of this file by probes (may be given several times)",
    )
    made.add_argument("--every-pair", action="store_true", help="every pod with every pod")
    made.add_argument("--every-pod", action="store_true", help="every pod asks in turn")
    made.add_argument("--max-probes", metavar="N", type=int, default=MOST, help="refuse to make more")
    made.add_argument("--max-replicas", metavar="N", type=int, help="of a workload, at most")
    made.add_argument("--format", choices=FORMATS, default="table")
    made.add_argument("--output", metavar="FILE", help="write the report to a file")
    return made


if __name__ == "__main__":
    sys.exit(main())
