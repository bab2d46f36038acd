"""A lab that runs is changed: after each change what packets show is what is predicted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import manifests
from lab.commands.probe import Asked, probed
from lab.errors import LabError
from lab.manifests import Manifests
from lab.providers.netns.provider import EmbeddedLab, end
from lab.world import Placing, World

pytestmark = pytest.mark.lab

_NAME = "changing"
_DENY = "podSelector: {}, policyTypes: [Ingress]"
_ALLOW = "podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]"


def pod(name: str, app: str) -> str:
    return (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: {app}}}}}\n"
        "spec: {containers: [{name: c, image: i, ports: [{containerPort: 80, name: http}]}]}\n---\n"
    )


def policy(name: str, spec: str) -> str:
    return (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
        f"metadata: {{name: {name}, namespace: shop}}\nspec: {{{spec}}}\n---\n"
    )


_PODS = pod("one", "web") + pod("two", "web") + pod("three", "client")


class Changing:
    """A lab, and manifests that change."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "cluster.yaml"
        self.lab = EmbeddedLab.up(self._read(_PODS), _NAME, Placing(nodes=("n1", "n2")))

    def _read(self, text: str) -> Manifests:
        self._path.write_text(text)
        return manifests.read([str(self._path)])

    def becomes(self, text: str) -> dict[tuple[str, str], str]:
        """Deploy, verify, and return what was seen at 80/TCP, by the short names."""
        self.lab.deploy(self._read(text))
        return self.seen()

    def seen(self) -> dict[tuple[str, str], str]:
        comparison = probed(self.lab, Asked(every_pair=True))
        assert comparison.verified, [*comparison.findings]
        return {
            (_short(each.question.probe.source), _short(each.question.probe.expect or "")): (
                each.result.outcome.value
            )
            for each in comparison.findings
            if each.question.probe.port == 80 and each.question.probe.protocol.name == "TCP"
        }

    def places(self) -> dict[str, tuple[str, tuple[str, ...]]]:
        return places(self.lab.world)


def places(world: World) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {name: (each.node, each.addresses) for name, each in world.pods()}


def _short(name: str) -> str:
    return name.rpartition("/")[2]


@pytest.fixture
def changing(a_lab: str, tmp_path: Path) -> Iterator[Changing]:
    made = Changing(tmp_path)
    try:
        yield made
    finally:
        made.lab.down()


def test_policies_come_change_and_go(changing: Changing) -> None:
    assert set(changing.seen().values()) == {"open"}

    denied = changing.becomes(_PODS + policy("p", _DENY))
    assert denied["three", "one"] == denied["external", "one"] == "dropped"
    assert denied["one", "one"] == "open"  # never policed

    allowed = changing.becomes(_PODS + policy("p", _DENY) + policy("q", _ALLOW))
    assert (allowed["three", "one"], allowed["one", "three"]) == ("open", "dropped")

    changed = changing.becomes(_PODS + policy("p", _DENY) + policy("q", _ALLOW.replace("80", "81")))
    assert changed["three", "one"] == "dropped"

    assert set(changing.becomes(_PODS).values()) == {"open"}


def test_pods_come_go_and_are_relabelled(changing: Changing) -> None:
    policies = policy("p", _DENY) + policy("q", _ALLOW)
    changing.becomes(_PODS + policies)
    before = changing.places()

    relabelled = changing.becomes(
        _PODS.replace(
            "three, namespace: shop, labels: {app: client}", "three, namespace: shop, labels: {app: web}"
        )
        + policies
    )
    assert relabelled["one", "three"] == "open"
    assert changing.places() == before

    fewer = changing.becomes(pod("two", "web") + policies)
    assert {end for pair in fewer for end in pair} == {"two", "external"}

    more = changing.becomes(_PODS + pod("four", "client") + policies)
    assert more["four", "two"] == "open"
    assert more["two", "four"] == "dropped"
    after = changing.places()
    assert after["shop/two"] == before["shop/two"]
    assert len({addresses for _, addresses in after.values()}) == 4


def test_hosts_outside_come_and_go_with_the_blocks_that_name_them(changing: Changing) -> None:
    block = "podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]"
    seen = changing.becomes(_PODS + policy("p", block))
    assert sorted(seen[source, "one"] for source in ("external-1", "external-2")) == ["dropped", "open"]
    assert "external-1" not in {end for pair in changing.becomes(_PODS) for end in pair}


def test_a_deploy_of_the_same_changes_nothing(changing: Changing) -> None:
    before = changing.places(), changing.seen()
    assert (changing.places(), changing.becomes(_PODS)) == before


def test_other_nodes_need_another_lab(changing: Changing) -> None:
    far = _PODS.replace("spec: {containers", "spec: {nodeName: far, containers", 1)
    with pytest.raises(LabError, match="need other nodes") as caught:
        changing.becomes(far)
    assert "`down`, then `up`" in (caught.value.help or "")
    assert set(changing.seen().values()) == {"open"}


def test_who_connects_sees_the_same_lab(changing: Changing) -> None:
    changing.becomes(_PODS + policy("p", _DENY))
    with EmbeddedLab.connect(_NAME) as other:
        assert places(other.world) == changing.places()
        assert other.legend == changing.lab.legend
        assert probed(other, Asked()).verified


def test_a_lab_that_ended_is_gone(changing: Changing) -> None:
    assert end(_NAME)
    assert not end(_NAME)
    assert not changing.lab.down()
    with pytest.raises(LabError, match="no lab `changing` is running"):
        EmbeddedLab.connect(_NAME)
