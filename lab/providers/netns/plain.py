"""Topologies, probes and results as plain lists and dictionaries: for other processes, and for JSON.

Comes in: the lab's data, or what was made of it. Goes out: the one from the other; a round trip changes
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lab.probes import Attempt, Icmp, Outcome, Patience, Probe, ProbeResult, Protocol
from lab.providers.netns.topology import LabNode, LabPod, OutsideHost, Topology

Plain = list[Any]
_PROTOCOLS = {protocol.name: protocol for protocol in Protocol}
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def plain_topology(topology: Topology) -> dict[str, Any]:
    """Return a topology as dictionaries."""
    return asdict(topology)


def read_topology(data: Mapping[str, Any]) -> Topology:
    """Return a topology from dictionaries."""
    return Topology(
        nodes=tuple(LabNode(**_with_tuples(node)) for node in data["nodes"]),
        pods=tuple(read_pod(pod) for pod in data["pods"]),
        hosts=tuple(read_host(host) for host in data["hosts"]),
    )


def read_pod(data: Mapping[str, Any]) -> LabPod:
    """Return a pod from a dictionary."""
    return LabPod(**_with_tuples(data))


def read_host(data: Mapping[str, Any]) -> OutsideHost:
    """Return an outside host from a dictionary."""
    return OutsideHost(**_with_tuples(data))


def _with_tuples(data: Mapping[str, Any]) -> dict[str, Any]:
    return {**data, "addresses": tuple(data["addresses"])}


def plain_patience(patience: Patience) -> Plain:
    """Return a patience as a list."""
    return [patience.timeout, patience.agree, patience.attempts]


def read_patience(data: Sequence[Any]) -> Patience:
    """Return a patience from a list."""
    return Patience(timeout=data[0], agree=data[1], attempts=data[2])


def plain_probe(probe: Probe) -> Plain:
    """Return a probe as a list."""
    return [
        probe.source,
        probe.address,
        probe.protocol.name,
        probe.port,
        probe.expect,
        probe.source_address,
    ]


def read_probe(data: Sequence[Any]) -> Probe:
    """Return a probe from a list."""
    source, address, protocol, port, expect, source_address = data
    return Probe(source, address, _PROTOCOLS[protocol], port, expect, source_address)


def plain_result(result: ProbeResult) -> Plain:
    """Return a result as a list, without its probe."""
    return [result.outcome.value, [plain_attempt(attempt) for attempt in result.attempts]]


def read_result(probe: Probe, data: Sequence[Any]) -> ProbeResult:
    """Return the result of a probe from a list."""
    outcome, attempts = data
    return ProbeResult(probe, _OUTCOMES[outcome], tuple(map(read_attempt, attempts)))


def plain_attempt(attempt: Attempt) -> Plain:
    """Return an attempt as a list."""
    icmp = attempt.icmp
    return [
        attempt.outcome.value,
        attempt.started,
        attempt.took,
        attempt.source_port,
        attempt.identity,
        None if icmp is None else [icmp.sender, icmp.type, icmp.code],
        attempt.rule,
        attempt.reason,
    ]


def read_attempt(data: Sequence[Any]) -> Attempt:
    """Return an attempt from a list."""
    outcome, started, took, port, identity, icmp, rule, reason = data
    icmp = None if icmp is None else Icmp(*icmp)
    return Attempt(_OUTCOMES[outcome], started, took, port, identity, icmp, rule, reason)
