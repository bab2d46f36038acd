"""IPv4, IPv6 or both: what Calico must be told so that pods have addresses of the cluster's families.

Comes in: the cluster's pod networks, Calico's ConfigMap. Goes out: variables of calico-node, and the
ConfigMap with the families that its IPAM assigns. https://docs.tigera.io/calico/latest/networking/ipam/ipv6
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from analyzer.load.text import shown
from lab.errors import LabError

Object = dict[str, Any]

POOL, POOL6 = "CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"
NONE = "none"
"""As a pool: none of this family."""

CONFIG, NETWORK = "calico-config", "cni_network_config"
"""Calico's ConfigMap, and what in it becomes the configuration of the CNI on each node."""

# What the installer on a node fills in may stand where JSON has a number: `"mtu": __CNI_MTU__`.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|__[A-Z0-9_]+__')
_BARE = "bare "


def variables(cidrs: Sequence[str]) -> dict[str, str]:
    """Return the variables for a cluster whose pods have addresses of these networks, one a family."""
    v4 = [cidr for cidr in cidrs if ":" not in cidr]
    v6 = [cidr for cidr in cidrs if ":" in cidr]
    found = {POOL: v4[0]} if v4 else {}
    if v6:
        # kind's nodes have addresses that nobody outside routes to: as for IPv4, what leaves is translated.
        found |= {"IP6": "autodetect", "FELIX_IPV6SUPPORT": "true", POOL6: v6[0]}
        found |= {"CALICO_IPV6POOL_NAT_OUTGOING": "true"}
    if v6 and not v4:
        found |= {"IP": "none", "CALICO_ROUTER_ID": "hash"}
    return found


def assigning(documents: Sequence[Object], wanted: Mapping[str, str]) -> list[Object]:
    """Return Calico's objects in which its IPAM assigns the families that have a pool in `wanted`.

    As published it assigns IPv4, and then nothing is changed; what it says of families stays. Raises LabError
    when its configuration is not as Calico has it.
    """
    if wanted.get(POOL6, NONE) == NONE:
        return [*documents]
    v4 = wanted.get(POOL, NONE) != NONE
    return [_assigning(each, v4=v4) if _is_config(each) else each for each in documents]


def _is_config(found: Object) -> bool:
    return found.get("kind") == "ConfigMap" and (found.get("metadata") or {}).get("name") == CONFIG


def _assigning(config: Object, *, v4: bool) -> Object:
    data = config.get("data") or {}
    network = _read(str(data.get(NETWORK) or ""))
    plugins = network.get("plugins") if isinstance(network, dict) else None
    for plugin in plugins if isinstance(plugins, list) else ():
        ipam = plugin.get("ipam") if isinstance(plugin, dict) else None
        if isinstance(ipam, dict) and ipam.get("type") == "calico-ipam":
            ipam.setdefault("assign_ipv4", str(v4).lower())  # Calico has strings here
            ipam.setdefault("assign_ipv6", "true")
            return {**config, "data": {**data, NETWORK: _written(network)}}
    raise LabError(
        f"the ConfigMap {shown(CONFIG)} has no CNI configuration with `calico-ipam`",
        "IPv6 needs Calico's own IPAM: name Calico's own manifest, `manifests/calico.yaml` of a release",
    )


def _read(text: str) -> Any:
    def quoted(match: re.Match[str]) -> str:
        return match[0] if match[0].startswith('"') else f'"{_BARE}{match[0]}"'

    try:
        return json.loads(_TOKEN.sub(quoted, text))
    except ValueError:
        return None


def _written(network: Any) -> str:
    return re.sub(rf'"{_BARE}(__[A-Z0-9_]+__)"', r"\1", json.dumps(network, indent=2))
