"""Nodes: the addresses of hostNetwork pods.

Comes in: a document. Goes out: the node's name and addresses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.decode.addresses import address

if TYPE_CHECKING:
    from analyzer.decode.field import Field


class Node(NamedTuple):
    """A node with its internal addresses, at most one an IP family."""

    name: str
    addresses: tuple[str, ...]


def read_node(root: Field) -> Node:
    """Read a Node; a node without a name or addresses is of no use, and no harm."""
    metadata, status = root.mapping("metadata"), root.mapping("status")
    found: dict[bool, str] = {}
    for item in status.mappings("addresses") if status else ():
        # NodeAddressType: InternalIP is the address that the cluster itself uses.
        canonical = address(item.text("address")) if item.text("type") == "InternalIP" else ""
        if canonical:
            found.setdefault(":" in canonical, canonical)
    return Node(name=metadata.text("name") if metadata else "", addresses=tuple(found.values()))
