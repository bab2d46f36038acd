from __future__ import annotations

import pytest

from analyzer.filters import Filters, View
from analyzer.report.labels import Labels, Notes
from analyzer.report.sections import (
    Section,
    counted,
    headline,
    listed,
    missing_facts,
    protection,
    reach_of_services,
)
from analyzer.sets import PortSet, Protocol
from analyzer.summary import summarize
from tests.unit.manifests import (
    ALLOW_TCP_80,
    DENY,
    WITHIN_10,
    analysis,
    pod,
    policy,
    service,
    view,
    workload,
)

PARTLY_KNOWN = "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.7.0/24}}]}]}"
WEB = pod("web", labels="{app: web}")
FRONT = service("{selector: {app: web}, ports: [{port: 80}]}")


def line(*documents: str) -> str:
    found = analysis(*documents)
    return headline(found, summarize(found.reachability))


def guarded(*documents: str, filters: Filters | None = None) -> list[Section]:
    found = view(*documents, filters=filters)
    return list(protection(found, summarize(found.reachability), Labels(found, Notes())))


def services(*documents: str, filters: Filters | None = None) -> list[tuple[str, ...]]:
    found = view(*documents, filters=filters)
    return [row for each in reach_of_services(found, Labels(found, Notes())) for row in each.rows]


def facts(found: View) -> list[tuple[str, ...]]:
    summary = summarize(found.reachability, found.ports)
    return [row for each in missing_facts(found, summary, Labels(found, Notes())) for row in each.rows]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 policies"), (1, "1 policy"), (2, "2 policies"), (12345, "12,345 policies")]
)
def test_numbers_stand_with_their_nouns(number: int, text: str) -> None:
    assert counted(number, "policy", "policies") == text


def test_a_long_list_is_cut_where_that_saves_more_than_one() -> None:
    assert listed(["a", "b", "c"], 2) == "a, b, c"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert listed([], 2) == ""


def test_the_headline_counts_what_was_analyzed() -> None:
    found = line(workload("web", replicas=3), pod("a"), policy(DENY))
    assert found == "2 endpoints (4 pods) and external addresses, 1 policy, 1 file, cni calico"
    assert "2 external ranges" in line(pod("a"), policy(WITHIN_10))


def test_endpoints_without_policies_and_with_closed_ones_are_listed_by_direction() -> None:
    found = guarded(pod("a"), pod("b", "office"), policy(DENY))
    assert [(each.title.split(":")[0], each.rows) for each in found] == [
        ("unprotected", (("ingress", "b"), ("egress", "all 2 endpoints"))),
        ("isolated", (("ingress", "a"),)),
    ]


def test_where_everything_is_selected_and_nothing_closed_there_is_nothing_to_list() -> None:
    both = "spec: {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}"
    assert guarded(pod("a"), policy(both)) == []


def test_only_the_endpoints_that_a_filter_names_are_listed() -> None:
    (unprotected,) = guarded(pod("a"), pod("b"), pod("c", "office"), filters=Filters(namespaces=("office",)))
    assert unprotected.rows == (("ingress", "c"), ("egress", "c"))


@pytest.mark.parametrize(
    ("documents", "row"),
    [
        ((WEB, pod("b"), FRONT), ("shop/web", "80/TCP", "from all 2 endpoints")),
        ((WEB, pod("b", "office"), FRONT, policy(DENY)), ("shop/web", "80/TCP", "from nowhere")),
        ((pod("b"), FRONT), ("shop/web", "80/TCP", "no pod is behind it")),
        (
            (WEB, service("{selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}")),
            ("shop/web", "80/TCP -> 8080", "from web"),
        ),
        (
            (
                WEB,
                service("{type: NodePort, selector: {app: web}, ports: [{port: 9, nodePort: 30009}]}"),
            ),
            ("shop/web", "9:30009/TCP", "from web, external"),
        ),
        (
            (pod("b"), service("{type: ExternalName, externalName: example.org}")),
            ("shop/web", "", "a name outside the cluster"),
        ),
    ],
)
def test_a_service_tells_who_reaches_it(documents: tuple[str, ...], row: tuple[str, ...]) -> None:
    assert services(*documents) == [row]


def test_a_service_that_leads_to_some_of_its_pods_says_so() -> None:
    closed = "spec: {podSelector: {matchLabels: {part: one}}, policyTypes: [Ingress]}"
    found = services(
        pod("one", labels="{app: web, part: one}"),
        pod("two", labels="{app: web}"),
        pod("client", "office"),
        FRONT,
        policy(closed),
    )
    assert "to some of its pods from" in found[0][2]
    assert "client" in found[0][2]


def test_a_service_behind_a_missing_fact_says_so() -> None:
    found = services(WEB, pod("b"), FRONT, policy(PARTLY_KNOWN))
    assert "unknown from b" in found[0][2]


def test_the_ports_of_a_service_share_its_name() -> None:
    found = services(
        WEB, service("{selector: {app: web}, ports: [{name: a, port: 80}, {name: b, port: 81}]}")
    )
    assert [row[:2] for row in found] == [("shop/web", "80/TCP"), ("", "81/TCP")]


def test_a_service_is_named_at_the_first_of_its_ports_that_is_shown() -> None:
    ports = "[{name: a, port: 80}, {name: b, port: 81}, {name: c, port: 82}]"
    found = services(
        WEB,
        service(f"{{selector: {{app: web}}, ports: {ports}}}"),
        filters=Filters(destinations=("web",), ports=PortSet.of(Protocol.TCP, 81, 82)),
    )
    assert [row[:2] for row in found] == [("shop/web", "81/TCP"), ("", "82/TCP")]


def test_services_are_left_out_of_a_view_that_has_nothing_to_do_with_them() -> None:
    assert services(WEB, pod("b"), FRONT, filters=Filters(destinations=("b",))) == []


def test_in_a_view_of_ports_a_service_on_another_port_is_left_out() -> None:
    other = Filters(destinations=("web",), ports=PortSet.of(Protocol.TCP, 443))
    assert services(WEB, pod("b"), FRONT, filters=other) == []


def test_ports_alone_filter_the_services_too() -> None:
    ports = "[{name: a, port: 80}, {name: b, port: 443, targetPort: 8443}]"
    both = service(f"{{selector: {{app: web}}, ports: {ports}}}")
    elsewhere = service("{type: ExternalName, externalName: example.org}", "elsewhere")

    def asked(number: int, protocol: Protocol = Protocol.TCP) -> list[str]:
        filters = Filters(ports=PortSet.of(protocol, number))
        return [row[1] for row in services(WEB, both, elsewhere, filters=filters)]

    assert asked(80) == ["80/TCP"]
    assert asked(443) == ["443/TCP -> 8443"]
    assert asked(8443) == ["443/TCP -> 8443"]
    assert asked(81) == []
    assert asked(80, Protocol.UDP) == []


def test_a_service_without_pods_is_told_when_its_port_is_asked_for() -> None:
    asked = Filters(ports=PortSet.of(Protocol.TCP, 80))
    assert services(pod("b"), FRONT, filters=asked) == [("shop/web", "80/TCP", "no pod is behind it")]


def test_many_services_are_cut_and_counted() -> None:
    many = [service("{selector: {app: web}, ports: [{port: 80}]}", f"s-{number}") for number in range(45)]
    assert services(WEB, *many)[-1] == ("and 5 more",)


def test_very_many_services_are_only_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analyzer.report.sections._MOST_QUESTIONS", 1)
    assert services(WEB, FRONT) == [("1 Service; who reaches them is in `--format json`",)]


def test_a_missing_fact_is_told_with_the_connections_that_it_decides() -> None:
    found = facts(view(pod("a", "office"), pod("b"), policy(PARTLY_KNOWN)))
    assert len(found) == 1
    assert "10.244.7.0/24" in found[0][0]
    assert found[0][1] == "a -> b"


def test_where_everything_is_known_no_fact_is_missing() -> None:
    assert facts(view(pod("a"), policy(ALLOW_TCP_80))) == []


def test_unknown_verdicts_that_a_filter_hides_are_not_told() -> None:
    hidden = Filters(sources=("b",), destinations=("external",))
    assert facts(view(pod("a", "office"), pod("b"), policy(PARTLY_KNOWN), filters=hidden)) == []


def test_many_missing_facts_are_cut_and_counted() -> None:
    many = [pod(f"p-{number}") for number in range(14)]
    found = facts(view(*many, policy(PARTLY_KNOWN)))
    assert found[-1] == (f"and more; {14 * 13} pairs in all", "")
    assert facts(view(*many, policy(PARTLY_KNOWN), filters=Filters(sources=("p-*",))))[-1] == ("and more", "")
