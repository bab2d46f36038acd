"""What was seen as JSON: every question with its prediction, its answer and all attempts.

Comes in: a comparison. Goes out: one document, an object a line; `docs/lab.md` describes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lab.compare import Comparison, Finding
from lab.providers.netns.plain import plain_attempt

SCHEMA = "kubereach.dev/observations"
VERSION = 1
_ATTEMPT = ("outcome", "started", "took", "sourcePort", "identity", "icmp", "rule", "reason")


def render(comparison: Comparison) -> Iterator[str]:
    """Yield the document."""
    head = {
        "schema": SCHEMA,
        "version": VERSION,
        "cni": comparison.plan.world.cluster.profile,
        "verified": comparison.verified,
        "counts": {status.value: count for status, count in comparison.counts.items()},
        "notProbed": comparison.plan.impossible,
    }
    yield json.dumps(head)[:-1] + ', "observations": [\n'
    last = len(comparison.findings) - 1
    for number, each in enumerate(comparison.findings):
        yield json.dumps(plain(each)) + (",\n" if number < last else "\n")
    yield "]}\n"


def plain(finding: Finding) -> Mapping[str, Any]:
    """Return a finding as JSON has it."""
    question, probe = finding.question, finding.question.probe
    attempts = (
        dict(zip(_ATTEMPT, plain_attempt(attempt), strict=True)) for attempt in finding.result.attempts
    )
    return {
        "source": probe.source,
        "destination": question.service or probe.expect,
        "address": probe.address,
        "protocol": probe.protocol.name,
        "port": probe.port,
        "ports": question.ports.by_protocol(),
        "predicted": question.predicted.name.lower(),
        "observed": finding.result.outcome.value,
        "status": finding.status.value,
        "attempts": [{key: value for key, value in one.items() if value is not None} for one in attempts],
    }
