"""Manifests of tests, read as a user's would be, and what is said about them in one line each."""

from __future__ import annotations

from io import BytesIO
from textwrap import dedent

import pytest

from analyzer.decode import Decoded, Options, decode
from analyzer.decode.scope import Version
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.load import load
from analyzer.model import Cluster, Pod, Policy, Rule
from analyzer.profiles import CALICO, Profile

POLICY = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
"""
# The first line of a spec that `policy` makes.
SPEC = 5


def policy(spec: str) -> str:
    """A NetworkPolicy with this spec, which starts at line 5 and column 3."""
    return POLICY + "".join(f"  {line}\n" for line in dedent(spec).strip("\n").splitlines())


def read(
    text: str, profile: Profile = CALICO, version: Version = (1, 36), namespace: str = "default"
) -> Decoded:
    """Decode documents, separated by `---`."""
    options = Options(profile=profile, kubernetes_version=version, namespace=namespace)
    return decode(load(["-"], stdin=BytesIO(dedent(text).encode())).documents, options)


def cluster(text: str, profile: Profile = CALICO) -> Cluster:
    return read(text, profile).cluster


def pods(text: str) -> list[Pod]:
    return list(cluster(text).pods)


def only_policy(text: str, profile: Profile = CALICO) -> Policy:
    (found,) = cluster(text, profile).policies
    return found


def only_rule(text: str, profile: Profile = CALICO) -> Rule:
    """The rule of a policy that has a single one, of either direction."""
    found = only_policy(text, profile)
    (rule,) = found.ingress + found.egress
    return rule


def line(diagnostic: Diagnostic) -> str:
    """`line:column field: message`, or the message alone."""
    span = diagnostic.span
    return f"{span.line}:{span.column} {span.field}: {diagnostic.message}" if span else diagnostic.message


def refused(text: str, version: Version = (1, 36)) -> list[Diagnostic]:
    """The errors of documents that must have some; each must say what would be right."""
    with pytest.raises(AnalyzerError) as caught:
        read(text, version=version)
    assert all(each.severity is Severity.ERROR for each in caught.value.diagnostics)
    return list(caught.value.diagnostics)


def errors(text: str, version: Version = (1, 36)) -> list[str]:
    """The errors, one line each."""
    return [line(each) for each in refused(text, version)]


def remarks(text: str, profile: Profile = CALICO, version: Version = (1, 36)) -> list[str]:
    """The warnings and notices of documents that are accepted, one line each."""
    return [line(each) for each in read(text, profile, version).diagnostics]
