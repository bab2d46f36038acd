"""What network-config-analyzer 2.1.0 is known to get wrong or cannot read: data, each with its reason.

Comes in: nothing. Goes out: errors, each with the smallest manifest that shows it (known/<name>.yaml), a
connection of that manifest and the truth about it. The session `second_opinion` fails when KubeReach
misses a truth, and when NCA no longer does, so that the list stays honest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownError:
    """One error of NCA's: the connection from `source` to `destination`, and whether it is allowed.

    Where NCA gives up on the input instead of answering wrongly, `refusal` is a part of what it prints.
    `shown_by` names the project's own folders in which the error shows, each with the pods whose verdicts
    it touches.
    """

    name: str
    reason: str
    truth: bool
    source: str = "a/client"
    destination: str = "a/server"
    protocol: str = "TCP"
    port: int = 80
    refusal: str = ""
    shown_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def manifest(self) -> Path:
        """The file that shows the error."""
        return FOLDER / f"{self.name}.yaml"


KNOWN_ERRORS = (
    KnownError(
        name="finished-pod",
        reason="pods in phase Succeeded or Failed have ended and are no endpoints; NCA ignores the phase",
        truth=False,
    ),
    KnownError(
        name="native-sidecar-port",
        reason="an init container with restartPolicy Always keeps running; NCA ignores its named ports",
        port=8080,
        truth=True,
        shown_by={"examples/named-ports": ("default/meshed",)},
    ),
    KnownError(
        name="host-network-subject",
        reason="policies do not select hostNetwork pods; NCA lets them",
        truth=True,
        shown_by={"examples/host-network": ("default/agent",)},
    ),
    KnownError(
        name="port-name-of-two-protocols",
        reason="name and protocol must both match; NCA keeps only the last port of a name",
        port=53,
        truth=True,
    ),
    KnownError(
        name="key-exists-in-other-namespace",
        reason="Exists beside a namespaceSelector is about pods of the selected namespaces; "
        "NCA asks the policy's own namespace only",
        source="b/client",
        truth=True,
    ),
    KnownError(
        name="key-is-absent-in-other-namespace",
        reason="DoesNotExist beside a namespaceSelector is about pods of the selected namespaces; "
        "NCA asks the policy's own namespace only",
        source="b/client",
        truth=True,
    ),
    KnownError(
        name="empty-value-of-absent-namespace-label",
        reason="an empty value needs the key; to NCA a namespace's missing key is an empty value",
        source="b/client",
        truth=False,
    ),
    KnownError(
        name="empty-value-not-in-namespace-label",
        reason="NotIn matches where the key is missing; to NCA a namespace's missing key is an empty value",
        source="b/client",
        truth=True,
    ),
    KnownError(
        name="empty-egress-without-types",
        reason="without policyTypes egress is isolated only by at least one egress rule; "
        "for NCA the field's presence is enough",
        truth=True,
    ),
    KnownError(
        name="null-egress-without-types",
        reason="null is absent; for NCA the field's presence isolates egress",
        truth=True,
    ),
    KnownError(
        name="types-egress-first",
        reason="policyTypes is a set; NCA knows it in one order only",
        refusal="policyTypes has invalid value",
        truth=False,
    ),
    KnownError(
        name="types-twice",
        reason="policyTypes may repeat itself; NCA refuses",
        refusal="policyTypes has invalid value",
        truth=False,
    ),
    KnownError(
        name="rules-of-another-type",
        reason="rules of a direction that policyTypes leaves out are ignored; NCA refuses them",
        refusal='A NetworkPolicy with ingress field but no "Ingress" in its policyTypes',
        truth=True,
        shown_by={"examples/policy-types": ()},
    ),
    KnownError(
        name="empty-rules-of-another-type",
        reason="an empty list is like none; NCA refuses it where policyTypes leaves the direction out",
        refusal='A NetworkPolicy with egress field but no "Egress" in its policyTypes',
        truth=True,
    ),
    KnownError(
        name="numeric-label-value",
        reason='a quoted number is a string; NCA turns the "1" of a selector into an integer and refuses it',
        refusal='label value for "app" must be a string',
        truth=True,
    ),
    KnownError(
        name="namespace-name-label",
        reason="kubernetes.io/metadata.name always equals the name; NCA believes the manifest",
        source="b/client",
        truth=True,
    ),
    KnownError(
        name="labels-null",
        reason="null is absent; NCA fails on it",
        refusal="'NoneType' object has no attribute 'items'",
        truth=True,
    ),
    KnownError(
        name="replicas-null",
        reason="null is the default, one replica; NCA fails on it",
        refusal="not supported between instances of 'int' and 'NoneType'",
        destination="a/server-1",
        truth=True,
    ),
    KnownError(
        name="hexadecimal-port",
        reason="0x50 is the integer 80 in YAML; NCA takes it for a port's name",
        truth=True,
    ),
    KnownError(
        name="policy-list",
        reason="the items of a NetworkPolicyList need no kind; NCA overlooks them",
        truth=False,
    ),
    KnownError(
        name="invented-dns-namespace",
        reason="where a selector of DNS pods finds none, NCA invents kube-system with labels of its own, "
        "in place of the one in the input",
        destination="kube-system/server",
        truth=True,
    ),
)
