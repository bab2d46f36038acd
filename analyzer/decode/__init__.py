"""Documents to the model: all defaulting, all validation and all choices of a profile are made here.

Comes in: documents, in any order, and options. Goes out: a Cluster, what is to be said about the input, and
how many objects of kinds that decide nothing were passed over. All errors of all documents come at once; a
policy with an error is never used, not even in part.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from analyzer.collection import paused
from analyzer.decode.addresses import NOT_A_CIDR, cidr
from analyzer.decode.census import Census
from analyzer.decode.duplicates import Register
from analyzer.decode.field import Root
from analyzer.decode.kinds import CURRENT, Treatment, meant, removal, treatment
from analyzer.decode.lowering import Lowering
from analyzer.decode.names import label
from analyzer.decode.namespace import complete, read_namespace
from analyzer.decode.networkpolicy import DraftPolicy, read_network_policy
from analyzer.decode.node import Node, read_node
from analyzer.decode.ownership import endpoints
from analyzer.decode.pod import DraftPod, read_pod
from analyzer.decode.scope import Options, Scope
from analyzer.decode.service import read_service
from analyzer.decode.shown import plain
from analyzer.decode.workload import KINDS, DraftWorkload, read_workload
from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity, Span
from analyzer.model import Action, Cluster, Namespace, Service, Tier, TierKind
from analyzer.sets import AddressSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from analyzer.routes import Routes

__all__ = ["Decoded", "Document", "Options", "decode"]


class Document(Protocol):
    """One object of the input, as analyzer.load makes it."""

    @property
    def data(self) -> dict[str, Any]:
        """The object."""
        ...

    @property
    def kind(self) -> str:
        """Its `kind`."""
        ...

    @property
    def api_version(self) -> str:
        """Its `apiVersion`."""
        ...

    @property
    def span(self) -> Span:
        """Its place."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A cluster, warnings and notices about the input, and the number of objects of each other kind."""

    cluster: Cluster
    diagnostics: tuple[Diagnostic, ...]
    other_kinds: Mapping[str, int]


def decode(documents: Iterable[Document], options: Options) -> Decoded:
    """Decode all documents. Raises AnalyzerError with every error that they have."""
    with paused():
        return _decode(documents, Scope(options))


def _decode(documents: Iterable[Document], scope: Scope) -> Decoded:
    pod_addresses = _checked(scope)
    objects = _Input(scope)
    for document in documents:
        objects.read(document)
    objects.finish()
    routes = _routes(objects, scope)
    if errors := scope.problems.of(Severity.ERROR):
        raise AnalyzerError(*errors)
    cluster = _cluster(objects, scope, pod_addresses, routes)
    diagnostics = scope.problems.of(Severity.WARNING, Severity.NOTICE)
    return Decoded(cluster=cluster, diagnostics=diagnostics, other_kinds=dict(sorted(objects.others.items())))


def _checked(scope: Scope) -> AddressSet:
    """Check the options; return the addresses of pods."""
    options = scope.options
    for message in label(options.namespace):
        text = f"namespace `{plain(options.namespace)}`: {message}"
        scope.problems.add(Severity.ERROR, "invalid-option", text, None)
    found = []
    for text in options.pod_cidrs:
        if block := cidr(text):
            found.append(block.addresses)
        else:
            message = f"pod CIDR `{plain(text)}`: {NOT_A_CIDR}"
            scope.problems.add(Severity.ERROR, "invalid-option", message, None)
    return AddressSet.union(found)


class _Input:
    """What was read, by kind."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        version = scope.options.kubernetes_version
        self._treatment = cache(lambda api_version, kind: treatment(api_version, kind, version))
        problems = scope.problems
        self.pods: Register[DraftPod] = Register("Pod", problems)
        self.namespaces: Register[Namespace] = Register("Namespace", problems)
        self.nodes: Register[Node] = Register("Node", problems)
        self.services: Register[Service] = Register("Service", problems)
        self.policies: Register[DraftPolicy] = Register("NetworkPolicy", problems, DraftPolicy.content)
        self.workloads: dict[str, Register[DraftWorkload]] = {
            kind: Register(kind, problems) for kind in KINDS
        }
        self.routes: list[Document] = []
        self.others: Counter[str] = Counter()
        self._not_evaluated: dict[tuple[str, str], list[Span]] = {}

    def read(self, document: Document) -> None:
        """Read one document, or count it."""
        match self._treatment(document.api_version, document.kind):
            case Treatment.READ:
                self._decode(document)
            case Treatment.POLICY:
                key = (document.kind, document.api_version)
                self._not_evaluated.setdefault(key, []).append(document.span)
            case Treatment.ROUTE if self._scope.options.routes:
                self.routes.append(document)
            case Treatment.ROUTE | Treatment.OTHER:
                self.others[document.kind] += 1
            case Treatment.MISSING:
                self._refuse(document)
            case never:
                assert_never(never)

    def _refuse(self, document: Document) -> None:
        former = removal(document.api_version, document.kind)
        message = (
            f'no matches for kind "{plain(document.kind)}" in version "{plain(document.api_version)}"{former}'
        )
        span, hint = document.span.child("apiVersion"), f"write `apiVersion: {CURRENT.get(document.kind)}`"
        if document.kind not in CURRENT:
            span = document.span.child("kind")
            hint = f"write `kind: {meant(document.api_version, document.kind)}`"
        self._scope.problems.add(Severity.ERROR, "unknown-version", message, span, hint)

    def _decode(self, document: Document) -> None:
        scope, span = self._scope, document.span
        root = Root(document.data, span, scope.problems)
        match document.kind:
            case "Pod":
                pod = read_pod(root, scope)
                self.pods.add(pod.namespace, pod.name, pod, span)
            case "NetworkPolicy":
                policy = read_network_policy(root, scope)
                self.policies.add(policy.namespace, policy.name, policy, span)
            case "Service":
                service = read_service(root, scope)
                self.services.add(service.namespace, service.name, service, span)
            case "Namespace":
                namespace = read_namespace(root, scope)
                self.namespaces.add("", namespace.name, namespace, span)
            case "Node":
                node = read_node(root)
                self.nodes.add("", node.name, node, span)
            case kind:
                workload = read_workload(root, kind, scope)
                self.workloads[kind].add(workload.namespace, workload.name, workload, span)

    def all_workloads(self) -> Iterator[tuple[DraftWorkload, Span]]:
        """Yield the workloads with their places, kind by kind."""
        return (each for register in self.workloads.values() for each in register.with_spans())

    def finish(self) -> None:
        """Say what was given again, and which policies are not evaluated."""
        registers: list[Register[Any]] = [self.namespaces, self.nodes, self.pods]
        for register in (*registers, *self.workloads.values(), self.services, self.policies):
            register.finish()
        for (kind, version), spans in self._not_evaluated.items():
            count = f"{len(spans)} {kind} objects" if len(spans) > 1 else f"this {kind}"
            be = "are" if len(spans) > 1 else "is"
            message = f"{count} of {version} {be} not evaluated: verdicts may differ"
            self._scope.problems.add(Severity.WARNING, "unsupported-policy", message, spans[0])


def _routes(objects: _Input, scope: Scope) -> Routes | None:
    """Read what leads traffic from outside to Services, if somebody asks for it."""
    if not scope.options.routes:
        return None
    from analyzer.decode.edge import read_routes

    return read_routes(objects.routes, scope)


def _cluster(objects: _Input, scope: Scope, pod_addresses: AddressSet, routes: Routes | None) -> Cluster:
    """Put the cluster together."""
    profile = scope.options.profile
    nodes = {node.name: node.addresses for node in objects.nodes}
    pods = endpoints(objects.pods.with_spans(), objects.all_workloads(), nodes, scope.problems)
    services = tuple(sorted(objects.services, key=_identity))
    drafts = sorted(objects.policies, key=_identity)
    used = {each.namespace for group in (pods, services, drafts) for each in group}
    namespaces = complete(objects.namespaces, used)
    lowering = Lowering(profile=profile, census=Census(pods, namespaces))
    families = AddressSet.union(AddressSet.family(version) for version in pod_addresses.families())
    return Cluster(
        profile=profile.name,
        namespaces=namespaces,
        pods=pods,
        services=services,
        tiers=(
            Tier(
                name="NetworkPolicy",
                kind=TierKind.UNION,
                unmatched=Action.DENY,
                policies=tuple(lowering.policy(draft) for draft in drafts),
            ),
        ),
        pod_addresses=pod_addresses,
        node_addresses=families - pod_addresses,
        other_nodes=profile.other_nodes,
        self_service=profile.self_service,
        denial=profile.denial,
        routes=routes,
    )


def _identity(each: Service | DraftPolicy) -> tuple[str, str]:
    return each.namespace, each.name
