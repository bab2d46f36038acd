"""Manifests for tests of what is shown: short to write, read as a user's would be."""

from __future__ import annotations

from io import BytesIO

from analyzer import Analysis, Options, evaluate
from analyzer.endpoints import Endpoint
from analyzer.filters import Filters, View
from analyzer.load import load
from analyzer.model import Direction

DENY = "spec: {podSelector: {}, policyTypes: [Ingress]}"
ALLOW_TCP_80 = "spec: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}"
WITHIN_10 = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}"
BOTH = tuple(Direction)


def pod(name: str, namespace: str = "shop", *, labels: str = "{}", more: str = "", status: str = "") -> str:
    """One bare pod; `more` stands in its spec."""
    metadata = f"{{name: {name}, namespace: {namespace}, labels: {labels}}}"
    spec = f"{{containers: [{{name: c, image: i}}]{', ' + more if more else ''}}}"
    return f"apiVersion: v1\nkind: Pod\nmetadata: {metadata}\nspec: {spec}\n" + (
        f"status: {status}\n" if status else ""
    )


def workload(name: str, namespace: str = "shop", *, kind: str = "Deployment", replicas: int = 2) -> str:
    """A workload with pods that carry its name as a label."""
    replicated = "" if kind == "DaemonSet" else f"replicas: {replicas}, "
    selector = f"selector: {{matchLabels: {{app: {name}}}}}"
    if kind == "StatefulSet":
        selector += ", serviceName: all"
    template = f"{{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: c, image: i}}]}}}}"
    return (
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        f"spec: {{{replicated}{selector}, template: {template}}}\n"
    )


def policy(spec: str, name: str = "policy", namespace: str = "shop") -> str:
    """A NetworkPolicy."""
    head = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
    return f"{head}metadata: {{name: {name}, namespace: {namespace}}}\n{spec}\n"


def service(spec: str, name: str = "web", namespace: str = "shop") -> str:
    """A Service."""
    return (
        f"apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec: {spec}\n"
    )


def analysis(*documents: str, options: Options | None = None) -> Analysis:
    """Analyze documents as if they came from standard input."""
    return evaluate(load(["-"], stdin=BytesIO("---\n".join(documents).encode())), options)


def view(*documents: str, filters: Filters | None = None) -> View:
    """Return the view of some documents."""
    return View(analysis(*documents).reachability, filters)


def endpoint(view: View, text: str) -> Endpoint:
    """Find an endpoint by name."""
    return view.names.find(text)
