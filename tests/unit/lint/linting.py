"""Lint of documents that are short to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.decode import Options
from analyzer.lint import lint
from analyzer.profiles import PROFILES
from tests.unit.manifests import analysis, policy

if TYPE_CHECKING:
    from analyzer.lint.finding import Finding


def found(code: str, *documents: str, cni: str = "calico") -> list[Finding]:
    """Return what one rule finds, under the profile of a CNI."""
    options = Options(profile=PROFILES[cni])
    return list(lint(analysis(*documents, options=options), [code]).findings)


def fields(code: str, *documents: str, cni: str = "calico") -> list[tuple[str, str]]:
    """Return the object's name and the field of each finding."""
    return [
        (str(getattr(each.span.locator, "name", "")), each.span.field)
        for each in found(code, *documents, cni=cni)
    ]


def namespace(name: str, labels: str = "{}") -> str:
    """A Namespace."""
    return f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {labels}}}\n"


def ingress(rules: str, subject: str = "{}", name: str = "policy", space: str = "shop") -> str:
    """A NetworkPolicy with ingress rules."""
    return policy(f"spec: {{podSelector: {subject}, ingress: {rules}}}", name, space)


def egress(rules: str, subject: str = "{}", name: str = "policy", space: str = "shop") -> str:
    """A NetworkPolicy with egress rules only."""
    return policy(f"spec: {{podSelector: {subject}, policyTypes: [Egress], egress: {rules}}}", name, space)


def app(name: str) -> str:
    """The labels, or the selector, of the pods of an app."""
    return f"{{app: {name}}}"


def match(labels: str) -> str:
    """A selector of labels."""
    return f"{{matchLabels: {labels}}}"
