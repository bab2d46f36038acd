"""A cluster of a thousand pods: how many probes, requests and containers it takes. Counts, not times.

No packet is sent: what runs in the pods says that every connection is open, as these policies have it.
"""

from __future__ import annotations

import copy
import os
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from lab.commands.probe import Asked, probed
from lab.errors import LabError
from lab.providers import Manner
from lab.providers.context.provider import ClusterLab
from lab.records import Record
from tests.fakes.kube_api import KubeApi, Object
from tests.fakes.kube_api.controllers import Controllers
from tests.fakes.kube_api.kubelet import PODS as POD, Command, Failed, Kubelet
from tests.lab.context.conftest import daemon_set

PODS, KINDS, NAMESPACES, NODES = 1000, 20, 10, 20
_BEGAN: Object = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
_ANSWERS = """
echo kubereach1 tool agnhost
while read -r number rest && [ "$number" != END ]; do
  said=OPEN
  [ "$number" = 0 ] && said=REFUSED
  echo "kubereach1 start $number"
  echo "kubereach1 end $number $said"
done
"""


class Willing(Kubelet):
    """Runs what is asked for at once, and answers for everybody."""

    def settle(self, api: KubeApi) -> None:
        for pod in list(api.objects("pods").values()):
            added = pod["spec"].get("ephemeralContainers") or ()
            if len(added) != len(pod["status"].get("ephemeralContainerStatuses") or ()):
                found = copy.deepcopy(pod)
                statuses = [{"name": each["name"], "state": _BEGAN} for each in added]
                found["status"]["ephemeralContainerStatuses"] = statuses
                api.store.put(POD, found)

    def command(self, pod: Object, container: str, words: Sequence[str]) -> Command | Failed:
        return ["sh", "-c", _ANSWERS], os.environ


def documents() -> Iterator[Object]:
    """Yield namespaces, pods of so many kinds on so many nodes, and a policy for each kind."""
    for number in range(NAMESPACES):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"team-{number}"}}
    for number in range(NODES):
        yield {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"node-{number}"}}
    for number in range(KINDS):
        spec = {"podSelector": {"matchLabels": {"app": f"app-{number}"}}, "ingress": [{}]}
        metadata = {"name": f"app-{number}", "namespace": f"team-{number % NAMESPACES}"}
        version = "networking.k8s.io/v1"
        yield {"apiVersion": version, "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    for number in range(PODS):
        kind = number % KINDS
        address = f"10.244.{number // 250}.{number % 250 + 1}"
        containers = [{"name": "main", "image": "nginx", "ports": [{"containerPort": 80}]}]
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"app-{kind}-{number // KINDS}",
                "namespace": f"team-{kind % NAMESPACES}",
                "labels": {"app": f"app-{kind}"},
            },
            "spec": {"nodeName": f"node-{(number + number // KINDS) % NODES}", "containers": containers},
            "status": {
                "phase": "Running",
                "podIP": address,
                "podIPs": [{"ip": address}],
                "containerStatuses": [{"name": "main", "state": _BEGAN}],
            },
        }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeApi]:
    folder = tmp_path_factory.mktemp("thousand")
    with KubeApi() as made, pytest.MonkeyPatch.context() as environment:
        made.controllers = Controllers(quiet=("kube-system",))
        made.kubelet = Willing(folder)
        made.add(daemon_set("calico-node"), *documents())
        (folder / "kubeconfig").write_text(made.kubeconfig(context="prod"))
        environment.setenv("KUBECONFIG", str(folder / "kubeconfig"))
        environment.setenv("XDG_STATE_HOME", str(folder))
        yield made


def attached(concurrency: int = 16) -> ClusterLab:
    record = Record(name="thousand", provider="context", context="prod")
    return ClusterLab.attach(record, Manner(agreed=True, concurrency=concurrency))


def counted(cluster: KubeApi) -> Counter[str]:
    """Return how many requests there were, by what they ask for."""
    found: Counter[str] = Counter()
    for each in cluster.requests:
        last = each.path.rpartition("/")[2]
        found["lists of all pods" if each.path == "/api/v1/pods" else last] += 1
    return found


def test_a_thousand_pods_need_thousands_of_probes_and_few_requests(cluster: KubeApi) -> None:
    with attached() as lab:
        cluster.requests.clear()
        found = probed(lab, Asked())
    assert found.verified
    assert len(found.findings) < 10_000
    assert len(lab.world.cluster.pods) == PODS
    asking = {each.result.probe.source for each in found.findings}
    requests = counted(cluster)
    assert requests["ephemeralcontainers"] == len(asking)
    assert requests["exec"] == len(asking), "each asks all of its targets in one go"
    pods = lab.world.cluster.pods
    nodes = {name: pod.node for name, pod in lab.world.pods()}
    assert {nodes[name] for name in asking} == {pod.node for pod in pods}
    assert len(asking) == KINDS
    lists = sum(requests.values()) - requests["exec"] - requests["ephemeralcontainers"]
    assert lists <= 4 + NAMESPACES, "two pages of all pods, and each namespace until its containers run"


def test_who_asked_for_all_of_them_is_told_how_many_it_would_be(cluster: KubeApi) -> None:
    with attached() as lab, pytest.raises(LabError, match="these are 1,000,000 probes, more than 10,000"):
        probed(lab, Asked(every_pair=True, ports=("80/TCP",), most=10_000))


def test_every_pod_asks_when_that_is_wanted_in_as_many_probes(cluster: KubeApi) -> None:
    with attached(32) as lab:
        few = probed(lab, Asked(ports=("80/TCP",)))
        all_ = probed(lab, Asked(ports=("80/TCP",), every_pod=True))
    assert len(few.findings) == len(all_.findings) == KINDS * (KINDS + 1)
    assert len({each.result.probe.source for each in few.findings}) == KINDS
    assert len({each.result.probe.source for each in all_.findings}) == KINDS * (KINDS + 1)
