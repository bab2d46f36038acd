"""That the comparison sees what differs: it would be worth nothing if it agreed to everything."""

from __future__ import annotations

from tests.differential.compare import NO_ENDPOINT, NOT_SHOWN, SAME_POD, Tally, compare
from tests.differential.kubereach_map import Prediction, read_report
from tests.differential.nca_map import read_map
from tests.differential.nca_names import Names

REPORT: dict[str, list[dict[str, object]]] = {
    "endpoints": [
        {"id": "a/Pod/client", "kind": "Pod", "namespace": "a", "name": "client"},
        {"id": "a/Deployment/web", "kind": "Deployment", "namespace": "a", "name": "web"},
        {"id": "External/10", "kind": "External", "namespace": "", "name": "10", "cidrs": ["10.0.0.0/8"]},
        {"id": "External/rest", "kind": "External", "namespace": "", "name": "rest", "cidrs": ["::/0"]},
    ],
    "connections": [
        {"source": "a/Pod/client", "destination": "a/Pod/client", "allowed": {"TCP": [[1, 65535]]}},
        {
            "source": "a/Pod/client",
            "destination": "a/Deployment/web",
            "allowed": {"TCP": [[80, 80], [443, 443]]},
        },
        {"source": "a/Deployment/web", "destination": "a/Deployment/web", "allowed": {"TCP": [[80, 80]]}},
        {"source": "External/10", "destination": "a/Deployment/web", "allowed": {"TCP": [[80, 80]]}},
    ],
}
MAP = """\
a/client => a/web-1 : {protocols:TCP,dst_ports:80,443}
a/client => a/web-2 : {protocols:TCP,dst_ports:80,443}
a/web-1 => a/web-2 : {protocols:TCP,dst_ports:80}
a/web-2 => a/web-1 : {protocols:TCP,dst_ports:80}
10.0.0.0-10.255.255.255 => a/web-1 : {protocols:TCP,dst_ports:80}
10.0.0.0-10.255.255.255 => a/web-2 : {protocols:TCP,dst_ports:80}
"""


def names() -> Names:
    pods = {("Pod", "a", "client"): ["a/client"], ("Deployment", "a", "web"): ["a/web-1", "a/web-2"]}
    return Names(pods=pods)


def prediction(**unknown: list[list[int]]) -> Prediction:
    connections = [dict(connection) for connection in REPORT["connections"]]
    if unknown:
        connections[1]["unknown"] = unknown
    return read_report({"endpoints": REPORT["endpoints"], "connections": connections})


def tally(text: str = MAP) -> Tally:
    return compare(prediction(), read_map(text), names())


def test_equal_answers_agree() -> None:
    same = tally()
    assert not same.differences
    assert same.agreed == (3 * 2 - 2 + 2) * 3 + 3 * 2 * 2 * 3


def test_a_pod_and_itself_is_unsupported() -> None:
    assert tally().unsupported[SAME_POD] == 3


def test_addresses_of_no_endpoint_are_unsupported() -> None:
    below_and_above_ten = 2
    assert tally().unsupported[NO_ENDPOINT] == below_and_above_ten * 2 * 2 * 3


def test_one_port_too_many_differs() -> None:
    [difference] = tally(
        MAP.replace("web-2 : {protocols:TCP,dst_ports:80,443}", "web-2 : {protocols:TCP,dst_ports:80-443}")
    ).differences
    assert (difference.source, difference.destination, difference.protocol) == ("a/client", "a/web-2", "TCP")
    assert (difference.ours, difference.theirs) == ("80, 443", "80-443")


def test_a_missing_connection_differs() -> None:
    differences = tally(MAP.replace("a/web-1 => a/web-2 : {protocols:TCP,dst_ports:80}\n", "")).differences
    assert [str(each) for each in differences] == ["a/web-1 -> a/web-2 TCP: KubeReach 80, NCA none"]


def test_another_protocol_differs_twice() -> None:
    text = MAP.replace("a/web-1 => a/web-2 : {protocols:TCP", "a/web-1 => a/web-2 : {protocols:UDP")
    assert [each.protocol for each in tally(text).differences] == ["TCP", "UDP"]


def test_a_part_of_an_address_range_differs() -> None:
    text = MAP.replace("10.0.0.0-10.255.255.255 => a/web-1", "10.0.0.0-10.255.255.254 => a/web-1")
    assert [each.source for each in tally(text).differences] == ["10.255.255.255-10.255.255.255"]


def test_a_pod_that_only_nca_knows_differs() -> None:
    differences = tally(MAP + "a/ghost => a/web-1 : All connections\n").differences
    assert [(each.source, each.ours) for each in differences] == [("a/ghost", "no such pod")]


def test_a_pod_that_nca_invents_is_left_aside() -> None:
    assert not tally(MAP + "kube-system/kube-dns-livesim => a/web-1 : All connections\n").differences


def test_a_workload_without_endpoint_differs() -> None:
    known = names()
    known.pods["Job", "a", "once"] = ["a/once-1"]
    differences = compare(prediction(), read_map(MAP), known).differences
    assert [each.source for each in differences] == ["a/once-1"]


def test_a_workload_without_pods_is_unsupported() -> None:
    known = names()
    known.pods["Deployment", "a", "web"] = []
    text = "".join(line for line in MAP.splitlines(keepends=True) if "web" not in line)
    assert compare(prediction(), read_map(text), known).unsupported[NOT_SHOWN] > 0


def test_an_answer_within_the_bounds_is_undecided() -> None:
    between = compare(prediction(TCP=[[8080, 8080]]), read_map(MAP), names())
    assert (between.undecided, between.differences) == (2, [])


def test_an_answer_beyond_the_bounds_differs() -> None:
    text = MAP.replace("80,443", "80,443,9090")
    assert len(compare(prediction(TCP=[[8080, 8080]]), read_map(text), names()).differences) == 2
