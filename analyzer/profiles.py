"""What each CNI does where the NetworkPolicy API leaves it open, as data.

Comes in: nothing. Goes out: `PROFILES`, by the name that `--cni` takes. A field that a profile does not set
has its default, which is what the API promises; only the decoders read these fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from analyzer.model import Denial, Match, SelfService

if TYPE_CHECKING:
    from collections.abc import Mapping


class UndefinedPort(Enum):
    """What a port name in a rule stands for when the destination has no port of that name.

    NOTHING: the rule does not match on that port, as the API says.
    ALL_FROM_PODS: a rule with pod peers whose ports all are names that no destination pod of the rule
    defines matches every port of every protocol (kube-router builds the rule without a port match).
    WHOLE_PROTOCOL: names are not looked up at all, defined or not; the protocol alone is matched
    (ovn-kubernetes reads the number of the port, which is zero for a name).
    """

    NOTHING = "nothing"
    ALL_FROM_PODS = "all ports, from pods"
    WHOLE_PROTOCOL = "the whole protocol"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The choices of one CNI.

    `blocks_on_pods`: whether an ipBlock is compared with addresses of pods. NetworkPolicyPeer: ipBlocks
    "should be cluster-external IPs, since Pod IPs are ephemeral".
    `blocks_on_hosts`: the same for addresses of nodes, which hostNetwork pods share.
    `selectors_on_hosts`: whether a pod selector means hostNetwork pods. NetworkPolicy concepts: their
    behaviour "is undefined", most engines treat them as their node.
    `other_nodes`: whether a node may reach pods of other nodes whatever the policies say (to its own pods
    it always may).
    `self_service`: what happens to a pod that reaches itself through its own Service.
    `denial`: how a denied TCP connection looks to the client.
    `undefined_port`: see UndefinedPort.
    `rules_isolate`: rules of a direction that `policyTypes` leaves out take effect and isolate that
    direction, instead of being ignored.
    `shared_excepts`: the ipBlocks of one rule share one set in which the longest prefix wins, so that an
    except of one block also cuts another block, and a block inside it cuts the except.
    `shared_chain`: a policy of both types is one chain for both directions, so that an egress rule also
    admits to a pod that the policy selects, and an ingress rule also lets out of one.
    `icmp_doubt`: why it is open whether an isolated pod takes part in ICMP; "" when rules without ports,
    and only they, admit it.
    """

    name: str
    title: str
    blocks_on_pods: Match = Match.YES
    blocks_on_hosts: Match = Match.YES
    selectors_on_hosts: Match = Match.NO
    other_nodes: Match = Match.NO
    self_service: SelfService = SelfService.POLICED
    denial: Denial = Denial.TIMEOUT
    undefined_port: UndefinedPort = UndefinedPort.NOTHING
    rules_isolate: bool = False
    shared_excepts: bool = False
    shared_chain: bool = False
    icmp_doubt: str = ""


# Felix programs drops, matches by packet address and admits only the pod's own host.
CALICO = Profile(name="calico", title="Calico")

# Addresses of pods and nodes are identities, which CIDR selectors do not select by default; a rule in
# `egress` puts the endpoint into default deny for egress (pkg/k8s/network_policy.go). What becomes of a
# pod's reply to itself through a Service depends on the datapath.
CILIUM = Profile(
    name="cilium",
    title="Cilium",
    blocks_on_pods=Match.NO,
    blocks_on_hosts=Match.NO,
    self_service=SelfService.UNKNOWN,
    rules_isolate=True,
)

# kube-network-policies, pkg/dataplane: what processes of root on the pod's own node send is accepted before
# anything is queued to the evaluator; what other nodes send is forwarded, and evaluated.
KINDNET = Profile(name="kindnet", title="kindnet (kube-network-policies)")

# pkg/controllers/netpol: `--src-type LOCAL` admits the pod's own node only; the chain of a policy of type
# "both" is entered without a match on the direction; ipBlocks go to one hash:net set per rule, excepts as
# `nomatch`; a fixed list of ICMP types is accepted before any policy; what is left is rejected.
KUBE_ROUTER = Profile(
    name="kube-router",
    title="kube-router",
    self_service=SelfService.EITHER_DIRECTION,
    denial=Denial.REFUSED,
    undefined_port=UndefinedPort.ALL_FROM_PODS,
    shared_excepts=True,
    shared_chain=True,
    icmp_doubt="kube-router admits most ICMP messages whatever the policies say",
)

# go-controller/pkg/ovn: a named port becomes port 0, which leaves only the protocol (gress_policy.go); the
# management port of the pod's own node is admitted on that node's switch (addAllowACLFromNode), no other.
OVN_KUBERNETES = Profile(
    name="ovn-kubernetes",
    title="OVN-Kubernetes",
    self_service=SelfService.BYPASSED,
    undefined_port=UndefinedPort.WHOLE_PROTOCOL,
)

# pkg/controller/networkpolicy: rules of both directions are installed whatever `policyTypes` says.
# pkg/agent/openflow: packets that bear the mark of the own node pass by the ingress rules (localProbeFlows).
ANTREA = Profile(
    name="antrea",
    title="Antrea",
    self_service=SelfService.BYPASSED,
    rules_isolate=True,
)

# The API's text alone: what engines may choose is unknown.
API = Profile(
    name="api",
    title="the Kubernetes API alone",
    blocks_on_pods=Match.MAYBE,
    blocks_on_hosts=Match.MAYBE,
    selectors_on_hosts=Match.MAYBE,
    other_nodes=Match.MAYBE,
    self_service=SelfService.UNKNOWN,
    icmp_doubt="the API does not say whether policies apply to ICMP",
)

PROFILES: Mapping[str, Profile] = {
    profile.name: profile for profile in (CALICO, CILIUM, KINDNET, KUBE_ROUTER, OVN_KUBERNETES, ANTREA, API)
}
