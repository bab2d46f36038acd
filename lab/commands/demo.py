"""The whole story in one go: predict, bring to life, probe, compare, remove."""

from __future__ import annotations

import time
from os import getpid

from analyzer import View
from analyzer.analysis import Analysis
from analyzer.commands import Exit
from analyzer.console import Console
from analyzer.report import Report
from analyzer.report.table import render
from lab.commands import Reading, say
from lab.commands.probe import Asked, lines, probed
from lab.commands.up import checked, counted, placing
from lab.providers.netns.provider import EmbeddedLab
from lab.report.table import differences, matrix, summary

_WIDTH = 100


def run(console: Console, reading: Reading) -> int:
    """Tell the story of some manifests; 1 when a prediction turned out wrong."""
    name = f"demo-{getpid()}"
    manifests = checked(console, reading)
    say("1. Predict: what the manifests say, without any cluster\n")
    lines(_prediction(manifests.analysis))
    say("2. Bring it to life: every pod a network namespace, every policy in the kernel's nftables\n")
    began = time.monotonic()
    lab = EmbeddedLab.up(manifests, name, placing(name, reading), temporary=True)
    try:
        say(f"{counted(lab.world)}, up in {time.monotonic() - began:.2f} s\n")
        say("3. Probe: real packets between every pair\n")
        began = time.monotonic()
        comparison = probed(lab, Asked())
        took = time.monotonic() - began
        lines([*matrix(comparison, _WIDTH)])
    finally:
        lab.down()
    say("\n4. Verify: prediction and observation side by side\n")
    lines([*summary(comparison), *differences(comparison)])
    say(f"probed in {took:.2f} s; the lab is gone again")
    return Exit.FINE if comparison.verified else Exit.FINDING


def _prediction(analysis: Analysis) -> list[str]:
    report = Report(analysis=analysis, view=View(analysis.reachability), width=_WIDTH)
    return ["".join(render(report))]
