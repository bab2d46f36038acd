"""NetworkPolicy of networking.k8s.io: what the manifest says, checked, with the defaults of the API.

Comes in: a document. Goes out: a draft, which holds what the API text alone makes of the policy; the
profile's choices are added in lowering.py. Source of the rules and their wording: k8s.io/kubernetes,
pkg/apis/networking/validation/validation.go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode import misplaced, schema
from analyzer.decode.ipblock import Block, read_block
from analyzer.decode.labelselector import read_selector
from analyzer.decode.metadata import read_metadata
from analyzer.decode.ports import read_policy_port
from analyzer.model import AnyPeer, Direction, PodPeer
from analyzer.selectors import EVERYTHING, Selector
from analyzer.sets import PortSet, Protocol

if TYPE_CHECKING:
    from analyzer.decode.field import Field
    from analyzer.decode.scope import Scope
    from analyzer.diagnostics import Span


class DraftRule(NamedTuple):
    """A rule as written: peers, numbered ports, and names with their protocols."""

    peers: tuple[AnyPeer | PodPeer | Block, ...]
    numbers: PortSet
    names: tuple[tuple[str, Protocol], ...]
    ports_span: Span
    span: Span

    def content(self) -> object:
        """Return what the rule says, wherever it stands."""
        peers = [peer[:-1] if isinstance(peer, Block) else peer for peer in self.peers]
        return peers, self.numbers, self.names


class DraftPolicy(NamedTuple):
    """A policy as written.

    `own` selects its namespace; `directions` are those that `policyTypes`, given or by default, names.
    """

    namespace: str
    name: str
    own: Selector
    subject: Selector
    directions: frozenset[Direction]
    ingress: tuple[DraftRule, ...]
    egress: tuple[DraftRule, ...]
    span: Span

    def content(self) -> object:
        """Return what the policy says, wherever it stands."""
        rules = [rule.content() for rule in self.ingress], [rule.content() for rule in self.egress]
        return self.subject, self.directions, rules

    def rules(self, direction: Direction) -> tuple[DraftRule, ...]:
        """Return the rules of one direction."""
        return self.ingress if direction is Direction.INGRESS else self.egress


# What the two directions call their lists and the peers in them.
_RULES = {Direction.INGRESS: "ingress", Direction.EGRESS: "egress"}
_FIELDS = {Direction.INGRESS: schema.INGRESS_RULE, Direction.EGRESS: schema.EGRESS_RULE}
_PEERS = {Direction.INGRESS: "from", Direction.EGRESS: "to"}
_TYPES = {"Ingress": Direction.INGRESS, "Egress": Direction.EGRESS}


def read_network_policy(root: Field, scope: Scope) -> DraftPolicy:
    """Read a NetworkPolicy."""
    root.known(schema.OBJECT, misplaced.IN_POLICY)
    metadata = read_metadata(root, scope)
    spec = root.mapping("spec") or root.child("spec", {})
    spec.known(schema.NETWORK_POLICY_SPEC, misplaced.IN_SPEC)
    selector = spec.mapping("podSelector")
    if spec.value.get("podSelector") is None:
        hint = "write `podSelector: {}` if that is meant"
        spec.warning("absent-selector", "no `podSelector`: every pod of the namespace is selected", hint)
    own = scope.namespace_named(metadata.namespace)
    ingress = _rules(spec, Direction.INGRESS, own, scope)
    egress = _rules(spec, Direction.EGRESS, own, scope)
    directions = _directions(spec, egress)
    for direction, rules in ((Direction.INGRESS, ingress), (Direction.EGRESS, egress)):
        if rules and direction not in directions:
            _warn_of_ignored(spec, direction, scope)
    return DraftPolicy(
        namespace=metadata.namespace,
        name=metadata.name,
        own=own,
        subject=read_selector(selector, scope) if selector else EVERYTHING,
        directions=directions,
        ingress=ingress,
        egress=egress,
        span=root.span,
    )


def _directions(spec: Field, egress: tuple[DraftRule, ...]) -> frozenset[Direction]:
    """Read `policyTypes`.

    "If this field is not specified, it will default based on the existence of ingress or egress rules;
    policies that contain an egress section are assumed to affect egress, and all policies (whether or not
    they contain an ingress section) are assumed to affect ingress."
    """
    types = spec.strings("policyTypes")
    if not types:
        default = {Direction.INGRESS, Direction.EGRESS} if egress else {Direction.INGRESS}
        return frozenset(default)
    if len(types) > len(_TYPES):
        field = spec.child("policyTypes", spec.value["policyTypes"])
        field.invalid("may not specify more than two policyTypes", "name each type once")
        return frozenset()
    for each in types:
        if each.value not in _TYPES:
            each.unsupported(*_TYPES)
    return frozenset(_TYPES[each.value] for each in types if each.value in _TYPES)


def _warn_of_ignored(spec: Field, direction: Direction, scope: Scope) -> None:
    """Say what becomes of rules of a direction that `policyTypes` leaves out."""
    key, name = _RULES[direction], direction.value.capitalize()
    profile = scope.options.profile
    message = f"these rules are ignored: `policyTypes` does not name {name}"
    if profile.rules_isolate:
        message = f"{profile.title} applies these rules although `policyTypes` does not name {name}"
    spec.child(key).warning("ignored-rules", message, f"add `{name}` to `policyTypes`, or leave out `{key}`")


def _rules(spec: Field, direction: Direction, own: Selector, scope: Scope) -> tuple[DraftRule, ...]:
    """Read the rules of one direction."""
    key = _RULES[direction]
    if spec.value.get(key) is None:
        return ()
    rules = spec.mappings(key)
    for rule in rules:
        if rule.is_gap:
            hint = "write `{}` if that is meant, or leave out the `-`"
            rule.warning("null-rule", "an empty item is a rule that allows everything", hint)
    return tuple(_rule(rule, direction, own, scope) for rule in rules)


def _rule(field: Field, direction: Direction, own: Selector, scope: Scope) -> DraftRule:
    """Read one rule.

    "If this field is empty or missing, this rule matches all sources (traffic not restricted by source)",
    and the same for destinations and ports.
    """
    key = _PEERS[direction]
    field.known(_FIELDS[direction], misplaced.IN_RULE[direction])
    span = field.span
    items = field.mappings(key)
    peers = tuple(peer for item in items if (peer := _peer(item, own, scope)))
    ports = field.mappings("ports")
    read = [read_policy_port(port, scope) for port in ports]
    # Equal sets are one object where there is only one port, which is the usual case.
    numbers = PortSet.all() if not ports else read[0][0]
    if len(read) > 1:
        numbers = PortSet.union(found for found, _, _ in read)
    return DraftRule(
        peers=peers or (AnyPeer(span=span),),
        numbers=numbers,
        names=tuple(dict.fromkeys((name, protocol) for _, name, protocol in read if name)),
        ports_span=field.child("ports").span if ports else span,
        span=span,
    )


def _peer(field: Field, own: Selector, scope: Scope) -> PodPeer | Block | None:
    """Read one peer: an ipBlock, or pods by their labels and those of their namespaces."""
    field.known(schema.PEER, misplaced.IN_PEER)
    pods, namespaces = field.mapping("podSelector"), field.mapping("namespaceSelector")
    block = field.mapping("ipBlock")
    given = [key for key in schema.PEER if field.value.get(key) is not None]
    if not given:
        hint = "name pods by `podSelector` and `namespaceSelector`, or addresses by `ipBlock`"
        field.required("must specify a peer", hint)
    elif len(given) > 1 and "ipBlock" in given:
        hint = "make `ipBlock` an item of its own: start it with `- `"
        field.forbidden("may not specify both ipBlock and another peer", hint)
    if block:
        return read_block(block, field, scope)
    if not (pods or namespaces):
        return None
    # "If NamespaceSelector is also set, then the NetworkPolicyPeer as a whole selects the pods matching
    # PodSelector in the namespaces selected by NamespaceSelector. Otherwise it selects the pods matching
    # PodSelector in the policy's own namespace."
    return PodPeer(
        namespaces=read_selector(namespaces, scope) if namespaces else own,
        pods=read_selector(pods, scope) if pods else EVERYTHING,
        on_hosts=scope.options.profile.selectors_on_hosts,
        span=field.span,
    )
