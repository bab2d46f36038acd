"""One set of CIDRs and excepts, as kube-router has it: the longest prefix around an address decides."""

from __future__ import annotations

from ipaddress import IPv4Network

from hypothesis import given, strategies as st

from analyzer.model import AddressPeer
from analyzer.profiles import KUBE_ROUTER
from analyzer.sets import AddressSet
from tests.unit.decode.reading import only_policy, policy

WHOLE = IPv4Network("192.0.2.0/27")
NETWORKS = [each for length in range(27, 33) for each in WHOLE.subnets(new_prefix=length)]
WIDE = [each for each in NETWORKS if each.prefixlen < 32]
ADDRESSES = [str(each) for each in IPv4Network("192.0.2.0/26")]


@st.composite
def cidrs(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A CIDR, and some of those inside it."""
    network = draw(st.sampled_from(WIDE))
    inside = [str(each) for each in NETWORKS if each != network and each.subnet_of(network)]
    return str(network), draw(st.lists(st.sampled_from(inside), max_size=4))


@given(st.lists(cidrs(), min_size=1, max_size=6))
def test_the_longest_prefix_decides(found: list[tuple[str, list[str]]]) -> None:
    peers = ", ".join(f"{{ipBlock: {{cidr: {cidr}, except: [{', '.join(parts)}]}}}}" for cidr, parts in found)
    rules = only_policy(policy(f"{{podSelector: {{}}, ingress: [{{from: [{peers}]}}]}}"), KUBE_ROUTER).ingress
    blocks = [(each, rule.doubt) for rule in rules for each in rule.peers if isinstance(each, AddressPeer)]
    certain = AddressSet.union(each.addresses for each, doubt in blocks if not doubt)
    doubtful = AddressSet.union(each.addresses for each, doubt in blocks if doubt)
    named = {cidr for cidr, _ in found}
    excepted = {part for _, parts in found for part in parts}
    for address in ADDRESSES:
        around = [each for each in named | excepted if IPv4Network(address).subnet_of(IPv4Network(each))]
        longest = max(around, key=lambda each: IPv4Network(each).prefixlen, default="")
        assert (AddressSet.of(address) <= certain) is (longest in named - excepted)
        assert (AddressSet.of(address) <= doubtful) is (longest in named & excepted)
