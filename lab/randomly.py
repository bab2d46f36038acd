"""Random clusters as manifests: small, so that selectors, blocks and ports meet each other.

Comes in: a seed. Goes out: Kubernetes objects as a user writes them, the same ones for the same seed. Every
form that a peer, a port or a policy can have occurs; all of them are valid. Some clusters are as `kubectl get
-o yaml` shows them: with Nodes, and pods that tell their addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from random import Random
from typing import Any, TypeVar

Object = dict[str, Any]
Labels = Mapping[str, tuple[str, ...]]
"""Keys, and what values they have."""
T = TypeVar("T")

POD_NETWORKS = {4: "10.244.0.0/16", 6: "fd00:10:244::/64"}
_NODE_NETWORKS = {4: "172.18.0.0/16", 6: "fc00:f853:ccd:e793::/64"}
NODES = ("fuzz-control-plane", "fuzz-worker", "fuzz-worker2")

_NAMESPACES = ("shop", "ops", "default")
_LABELS = {"app": ("web", "db", "job"), "tier": ("front", "back")}
_TEAMS = {"team": ("red", "blue"), "env": ("dev", "prod")}
_NUMBERS = (53, 80, 81, 8080, 8081, 9000)
_NAMES = ("http", "dns", "admin")
_PROTOCOLS = ("TCP", "UDP", "SCTP")
# Pods, nodes and Services as the lab places them, neighbours in the same networks, and the world outside.
_BLOCKS = {
    4: (
        "0.0.0.0/0",
        "10.0.0.0/8",
        "10.244.0.0/16",
        "10.244.0.0/29",
        "10.244.0.4/30",
        "10.244.0.2/31",
        "10.244.0.3/32",
        "10.244.128.0/17",
        "10.96.0.0/16",
        "172.18.0.0/16",
        "172.18.0.2/31",
        "172.18.0.3/32",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "203.0.113.64/27",
        "203.0.113.77/32",
    ),
    6: (
        "::/0",
        "fd00::/8",
        "fd00:10:244::/64",
        "fd00:10:244::2/127",
        "fd00:10:244::4/126",
        "fd00:10:96::/112",
        "fc00:f853:ccd:e793::/64",
        "2001:db8::/32",
        "2001:db8:1::/48",
        "2001:db8:1::7/128",
    ),
}


def cluster(seed: int, families: Sequence[int] = (4,)) -> list[Object]:
    """Return the objects of a random cluster with these IP families."""
    return _Maker(Random(seed), families).cluster()  # noqa: S311 - chance, not secrecy


class _Maker:
    def __init__(self, random: Random, families: Sequence[int]) -> None:
        self._random = random
        self._families = families
        self._namespaces = random.sample(_NAMESPACES, random.choice((2, 2, 3)))
        self._running = self._chance(0.2)
        # Of the lowest addresses of each network, those that blocks cut.
        self._places = random.sample(range(2, 14), 12)
        self._nodes = {name: self._addresses(_NODE_NETWORKS, self._places.pop()) for name in NODES}

    def cluster(self) -> list[Object]:
        made = [self._namespace(name) for name in self._namespaces if self._chance(0.85)]
        made += [self._node(name) for name in NODES if self._running]
        made += [self._workload(number) for number in range(self._random.randint(3, 7))]
        made += [self._service(number) for number in range(self._random.choice((0, 0, 1, 2)))]
        made += [self._policy(number) for number in range(self._random.choice((1, 1, 2, 2, 3, 5)))]
        return made

    def _chance(self, how_often: float) -> bool:
        return self._random.random() < how_often

    def _some(self, make: Callable[[], T], counts: Sequence[int]) -> list[T]:
        return [make() for _ in range(self._random.choice(counts))]

    def _labels(self, from_: Labels, how_often: float) -> dict[str, str]:
        return {key: self._random.choice(values) for key, values in from_.items() if self._chance(how_often)}

    def _namespace(self, name: str) -> Object:
        return _object("v1", "Namespace", {"name": name, "labels": self._labels(_TEAMS, 0.7)})

    def _addresses(self, networks: Mapping[int, str], number: int) -> list[str]:
        return [str(ip_network(networks[version])[number]) for version in self._families]

    def _node(self, name: str) -> Object:
        addresses = [{"type": "InternalIP", "address": address} for address in self._nodes[name]]
        return _object("v1", "Node", {"name": name}) | {"status": {"addresses": addresses}}

    def _status(self, spec: Object) -> Object:
        """Return where a pod of a running cluster is."""
        node = self._nodes[spec["nodeName"]]
        own = node if spec.get("hostNetwork") else self._addresses(POD_NETWORKS, self._places.pop())
        if len(own) == 2 and not spec.get("hostNetwork") and self._chance(0.2):
            own = [self._random.choice(own)]
        ips = [{"ip": address} for address in own]
        return {"phase": "Running", "hostIP": node[0], "podIP": own[0], "podIPs": ips}

    def _metadata(self, name: str) -> Object:
        return {"name": name, "namespace": self._random.choice(self._namespaces)}

    def _workload(self, number: int) -> Object:
        metadata = self._metadata(f"pod{number}")
        labels = self._labels(_LABELS, 0.75)
        spec = self._pod_spec()
        kind = self._random.choice(("Pod", "Pod", "Pod", "Deployment", "StatefulSet"))
        if self._running and self._chance(0.9):
            spec["nodeName"] = self._random.choice(NODES)
            made = _object("v1", "Pod", metadata | {"labels": labels}, spec)
            return made | {"status": self._status(spec)}
        if kind == "Pod":
            return _object("v1", kind, metadata | {"labels": labels}, spec)
        labels = labels or {"app": "web"}
        template = {"metadata": {"labels": labels}, "spec": spec}
        told: Object = {"replicas": self._random.choice((1, 2)), "selector": {"matchLabels": dict(labels)}}
        if kind == "StatefulSet":
            told["serviceName"] = metadata["name"]
        return _object("apps/v1", kind, metadata, told | {"template": template})

    def _pod_spec(self) -> Object:
        spec: Object = {}
        if self._chance(0.15):
            spec["hostNetwork"] = True
        if self._chance(0.2):
            spec["nodeName"] = self._random.choice(NODES)
        names = self._random.sample(_NAMES, len(_NAMES))
        taken: set[tuple[int, str]] = set()
        spec["containers"] = [{"name": "main", "image": "main", "ports": self._container_ports(names, taken)}]
        if self._chance(0.15):
            sidecar = {"name": "sidecar", "image": "sidecar", "restartPolicy": "Always"}
            spec["initContainers"] = [sidecar | {"ports": self._container_ports(names, taken)}]
        return spec

    def _container_ports(self, names: list[str], taken: set[tuple[int, str]]) -> list[Object]:
        """Return some ports; `names` and `taken` are what the pod has left, and has used."""
        found = []
        for _ in range(self._random.choice((0, 1, 1, 2))):
            number, protocol = self._random.choice(_NUMBERS), self._protocol()
            if (number, protocol) not in taken:
                taken.add((number, protocol))
                port: Object = {"containerPort": number}
                if self._chance(0.7):
                    port["name"] = names.pop()
                found.append(port | self._said(protocol))
                if not names:
                    break
        return found

    def _protocol(self) -> str:
        return self._random.choice(("TCP", "TCP", "TCP", "UDP", "SCTP"))

    def _said(self, protocol: str) -> Object:
        """Return the field `protocol`, which may be left out for TCP."""
        return {} if protocol == "TCP" and self._chance(0.5) else {"protocol": protocol}

    def _service(self, number: int) -> Object:
        metadata = self._metadata(f"service{number}")
        spec: Object = {"selector": self._labels(_LABELS, 0.6) or {"app": "web"}, "ports": []}
        kind = self._random.choice(("", "", "ClusterIP", "NodePort", "LoadBalancer", "headless"))
        if kind == "headless":
            spec["clusterIP"] = "None"
        elif kind:
            spec["type"] = kind
            if kind != "ClusterIP" and self._chance(0.4):
                spec["externalTrafficPolicy"] = "Local"
        if len(self._families) == 2:
            spec["ipFamilyPolicy"] = "PreferDualStack"
        for place in range(self._random.choice((1, 1, 2))):
            port: Object = {"name": f"p{place}", "port": 7000 + place} | self._said(self._protocol())
            if kind != "headless" and self._chance(0.85):
                port["targetPort"] = self._random.choice((*_NUMBERS, *_NAMES))
            spec["ports"].append(port)
        return _object("v1", "Service", metadata, spec)

    def _policy(self, number: int) -> Object:
        spec: Object = {"podSelector": self._selector(_LABELS)}
        types = self._random.choice(
            ((), (), ("Ingress",), ("Egress",), ("Ingress", "Egress"), ("Egress", "Ingress"))
        )
        if types:
            spec["policyTypes"] = list(types)
        for field, side in (("ingress", "from"), ("egress", "to")):
            if self._chance(0.65):
                spec[field] = self._some(lambda side=side: self._rule(side), (0, 1, 1, 1, 2, 3))  # type: ignore[misc]
        return _object("networking.k8s.io/v1", "NetworkPolicy", self._metadata(f"policy{number}"), spec)

    def _rule(self, side: str) -> Object:
        rule: Object = {}
        if self._chance(0.8):
            rule[side] = self._some(self._peer, (0, 1, 1, 1, 2, 3))
        if self._chance(0.6):
            rule["ports"] = self._some(self._port, (0, 1, 1, 1, 2, 3))
        return rule

    def _peer(self) -> Object:
        form = self._random.choice(("pods", "namespaces", "both", "block", "block"))
        if form == "block":
            return {"ipBlock": self._block()}
        peer: Object = {}
        if form in ("namespaces", "both"):
            peer["namespaceSelector"] = self._selector(
                {**_TEAMS, "kubernetes.io/metadata.name": tuple(self._namespaces)}
            )
        if form in ("pods", "both"):
            peer["podSelector"] = self._selector(_LABELS)
        return peer

    def _block(self) -> Object:
        cidr = self._random.choice(_BLOCKS[self._random.choice((4, 4, *self._families))])
        block: Object = {"cidr": cidr}
        if (excepts := self._excepts(cidr)) and self._chance(0.5):
            block["except"] = excepts
        return block

    def _excepts(self, cidr: str) -> list[str]:
        """Return blocks inside another: of those that other rules use, or cut out of it somewhere."""
        whole = ip_network(cidr)
        inside = [
            text
            for text in _BLOCKS[whole.version]
            if (small := ip_network(text)).prefixlen > whole.prefixlen and small.subnet_of(whole)  # type: ignore[arg-type]
        ]
        cut = whole.prefixlen + self._random.randint(1, 3)
        if cut <= whole.max_prefixlen:
            number = self._random.randrange(2 ** (cut - whole.prefixlen))
            first = int(whole.network_address) + number * 2 ** (whole.max_prefixlen - cut)
            inside += [str(type(whole)((first, cut)))] * 2
        count = min(len(inside), self._random.choice((1, 1, 2, 3)))
        return list(dict.fromkeys(self._random.sample(inside, count)))

    def _port(self) -> Object:
        form = self._random.choice(("number", "number", "range", "name", "name", "protocol", "all"))
        if form == "all":
            return {}
        if form == "protocol":
            return {"protocol": self._random.choice(_PROTOCOLS)}
        if form == "name":
            return {"port": self._random.choice(_NAMES)} | self._said(self._protocol())
        first = self._random.choice((*_NUMBERS, 1, 65535))
        port: Object = {"port": first} | self._said(self._protocol())
        if form == "range":
            port["endPort"] = max(first, self._random.choice((*_NUMBERS, 65535)))
        return port

    def _selector(self, labels: Labels) -> Object:
        form = self._random.choice(("all", "labels", "labels", "expressions", "mixed"))
        selector: Object = {}
        if form in ("labels", "mixed"):
            key = self._random.choice([*labels])
            selector["matchLabels"] = {key: self._random.choice(labels[key])}
        if form in ("expressions", "mixed"):
            selector["matchExpressions"] = self._some(lambda: self._expression(labels), (1, 1, 2))
        return selector

    def _expression(self, labels: Labels) -> Object:
        key = self._random.choice([*labels])
        operator = self._random.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        expression: Object = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            expression["values"] = self._random.sample(
                labels[key], self._random.choice((1, len(labels[key])))
            )
        return expression


def _object(version: str, kind: str, metadata: Object, spec: Object | None = None) -> Object:
    made: Object = {"apiVersion": version, "kind": kind, "metadata": metadata}
    return made if spec is None else made | {"spec": spec}
