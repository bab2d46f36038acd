from __future__ import annotations

import pytest

from lab.probes import Outcome, Protocol
from tests.lab.sandbox import Inside
from tests.lab.worlds import ask, listening

pytestmark = pytest.mark.lab


def rules(last: str) -> str:
    return (
        "table inet test { chain c { type filter hook forward priority 0; policy accept;\n"
        f"ct state established accept; {last}; }}; }}\n"
    )


@pytest.mark.parametrize("protocol", Protocol)
def test_a_ruleset_counts_at_once_even_where_a_connection_of_the_same_ports_was_open(
    inside: Inside, protocol: Protocol
) -> None:
    """Each run's SCTP probes start from the same port, so that the second is one the node has seen."""

    def story() -> None:
        with listening(2) as network:
            network.load_ruleset("n2", rules("accept"))
            assert ask(network, "ns/p1", "10.244.0.2", protocol).outcome is Outcome.OPEN
            network.load_ruleset("n2", "flush ruleset\n" + rules('log prefix "no" group 1 drop'))
            assert ask(network, "ns/p1", "10.244.0.2", protocol).outcome is Outcome.DROPPED

    inside(story)
