"""KubeReach's answer as its users get it: a folder in, endpoints and connections out.

The command line and its JSON report are used, not the package, so that what is compared is what is
printed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.differential.reach import NOTHING, Interval, Ports, cidr_range, union

EXTERNAL = "External"
# Of all profiles Cilium's is like NCA where they differ: an ipBlock never means a pod.
PROFILE = "cilium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of the report; external ones have `ranges` of addresses and no namespace."""

    identity: str
    kind: str
    namespace: str
    name: str
    ranges: tuple[Interval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A report: endpoints by identity, and for pairs of them what is allowed and what may be."""

    endpoints: tuple[Endpoint, ...]
    allowed: Mapping[tuple[str, str], Ports]
    unknown: Mapping[tuple[str, str], Ports]

    def between(self, source: Endpoint, destination: Endpoint) -> tuple[Ports, Ports]:
        """Return what is allowed for certain, and what only a missing fact would decide."""
        pair = (source.identity, destination.identity)
        return self.allowed.get(pair, NOTHING), self.unknown.get(pair, NOTHING)


class PredictionError(Exception):
    """KubeReach ended with an error: the message is what it printed."""


def predict(manifests: Path, *, profile: str = PROFILE) -> Prediction:
    """Run KubeReach on a file or folder. Raises PredictionError when it exits with anything but 0."""
    command = [sys.executable, "-m", "analyzer", str(manifests), "--format", "json", "--cni", profile]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise PredictionError(f"exit code {run.returncode}: {run.stderr.strip()}")
    return read_report(json.loads(run.stdout))


def read_report(report: Mapping[str, list[dict[str, object]]]) -> Prediction:
    """Return what a JSON report says."""
    allowed, unknown = {}, {}
    for connection in report["connections"]:
        pair = (str(connection["source"]), str(connection["destination"]))
        allowed[pair] = read_ports(connection["allowed"])
        unknown[pair] = read_ports(connection.get("unknown", {}))
    endpoints = tuple(read_endpoint(endpoint) for endpoint in report["endpoints"])
    return Prediction(endpoints=endpoints, allowed=allowed, unknown=unknown)


def read_endpoint(endpoint: Mapping[str, object]) -> Endpoint:
    """Return one endpoint of a report."""
    cidrs = endpoint.get("cidrs", [])
    assert isinstance(cidrs, list), "cidrs are a list"
    return Endpoint(
        identity=str(endpoint["id"]),
        kind=str(endpoint["kind"]),
        namespace=str(endpoint.get("namespace", "")),
        name=str(endpoint["name"]),
        ranges=union(cidr_range(cidr) for cidr in cidrs),
    )


def read_ports(ports: object) -> Ports:
    """Return protocols and their ports, those without any left out."""
    assert isinstance(ports, dict), "ports are given by protocol"
    return {
        protocol: union((first, last) for first, last in ranges)
        for protocol, ranges in ports.items()
        if ranges
    }
