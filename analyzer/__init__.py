"""Who can talk to whom in a Kubernetes cluster, predicted exactly from manifests.

The public API: `analyze(paths)` gives an `Analysis`, whose `reachability` answers for every pair of
endpoints. All names are loaded when first used, so that importing the package costs nothing. The steps of
`analyze` have modules of their own: `analyzer.load`, `analyzer.decode`, `analyzer.explain`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analyzer.analysis import Analysis, analyze, evaluate
    from analyzer.bounds import Bounds
    from analyzer.decode import Options
    from analyzer.defaults import Said, options
    from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity, Span
    from analyzer.endpoints import Endpoint
    from analyzer.filters import Filters, View
    from analyzer.load import Document, Loaded
    from analyzer.model import (
        Action,
        AddressPeer,
        AnyPeer,
        Cluster,
        Denial,
        Direction,
        Match,
        NamedPort,
        Namespace,
        Peer,
        Pod,
        PodPeer,
        Policy,
        Ports,
        Rule,
        SelfService,
        Service,
        ServicePort,
        ServiceType,
        Tier,
        TierKind,
        Workload,
    )
    from analyzer.names import Names
    from analyzer.profiles import PROFILES, Profile
    from analyzer.reachability import Reachability
    from analyzer.sets import AddressSet, PortSet, Protocol

_MODEL = (
    "Action",
    "AddressPeer",
    "AnyPeer",
    "Cluster",
    "Denial",
    "Direction",
    "Match",
    "NamedPort",
    "Namespace",
    "Peer",
    "Pod",
    "PodPeer",
    "Policy",
    "Ports",
    "Rule",
    "SelfService",
    "Service",
    "ServicePort",
    "ServiceType",
    "Tier",
    "TierKind",
    "Workload",
)
_HOME = {
    "AddressSet": "sets",
    "Analysis": "analysis",
    "AnalyzerError": "diagnostics",
    "Bounds": "bounds",
    "Diagnostic": "diagnostics",
    "Document": "load",
    "Endpoint": "endpoints",
    "Filters": "filters",
    "Loaded": "load",
    "Names": "names",
    "Options": "decode",
    "PROFILES": "profiles",
    "PortSet": "sets",
    "Profile": "profiles",
    "Protocol": "sets",
    "Reachability": "reachability",
    "Said": "defaults",
    "Severity": "diagnostics",
    "Span": "diagnostics",
    "View": "filters",
    "analyze": "analysis",
    "evaluate": "analysis",
    "options": "defaults",
    **dict.fromkeys(_MODEL, "model"),
}

__all__ = [
    "PROFILES",
    "Action",
    "AddressPeer",
    "AddressSet",
    "Analysis",
    "AnalyzerError",
    "AnyPeer",
    "Bounds",
    "Cluster",
    "Denial",
    "Diagnostic",
    "Direction",
    "Document",
    "Endpoint",
    "Filters",
    "Loaded",
    "Match",
    "NamedPort",
    "Names",
    "Namespace",
    "Options",
    "Peer",
    "Pod",
    "PodPeer",
    "Policy",
    "PortSet",
    "Ports",
    "Profile",
    "Protocol",
    "Reachability",
    "Rule",
    "Said",
    "SelfService",
    "Service",
    "ServicePort",
    "ServiceType",
    "Severity",
    "Span",
    "Tier",
    "TierKind",
    "View",
    "Workload",
    "analyze",
    "evaluate",
    "options",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module `analyzer` has no attribute `{name}`")
    from importlib import import_module

    return getattr(import_module(f"analyzer.{_HOME[name]}"), name)
