from __future__ import annotations

import pytest

from analyzer.diagnostics import AnalyzerError, Diagnostic
from analyzer.names import Names
from tests.unit.manifests import WITHIN_10, analysis, pod, policy, workload

CLUSTER = (
    pod("api", "shop"),
    pod("api", "bank"),
    pod("ledger", "bank", status="{podIPs: [{ip: 10.244.1.7}]}"),
    workload("web", "shop"),
    workload("web", "shop", kind="StatefulSet"),
    pod("node-agent", "ops", more="hostNetwork: true", status="{podIPs: [{ip: 192.0.2.9}]}"),
    policy(WITHIN_10),
)


def names(*documents: str) -> Names:
    return Names(analysis(*(documents or CLUSTER)).reachability)


def error(found: Names, text: str) -> Diagnostic:
    with pytest.raises(AnalyzerError) as caught:
        found.find(text)
    (diagnostic,) = caught.value.diagnostics
    return diagnostic


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("ledger", "bank/Pod/ledger"),
        ("bank/api", "bank/Pod/api"),
        ("shop/Pod/api", "shop/Pod/api"),
        ("shop/pod/api", "shop/Pod/api"),
        ("shop/STATEFULSET/web", "shop/StatefulSet/web"),
        ("shop/sts/web", "shop/StatefulSet/web"),
        ("deploy/web", "shop/Deployment/web"),
        ("10.244.1.7", "bank/Pod/ledger"),
        ("10.244.1.7/32", "bank/Pod/ledger"),
        ("192.0.2.9", "ops/Pod/node-agent"),
        ("10.1.2.3", "External/10.0.0.0/8"),
        ("10.0.0.0/8", "External/10.0.0.0/8"),
        ("10.9.0.0/16", "External/10.0.0.0/8"),
        ("External/10.0.0.0/8", "External/10.0.0.0/8"),
    ],
)
def test_an_endpoint_is_found_by_every_name_that_is_unmistakable(text: str, id_: str) -> None:
    assert names().find(text).id == id_


def test_external_is_the_one_endpoint_outside_where_no_policy_tells_addresses_apart() -> None:
    assert names(pod("a")).find("external").external


def test_a_pod_of_a_workload_stands_for_the_workload() -> None:
    owner = "{apiVersion: apps/v1, kind: StatefulSet, name: db, uid: u, controller: true}"
    replica = pod("db-0").replace("labels: {}", f"labels: {{}}, ownerReferences: [{owner}]")
    found = names(replica)
    assert found.find("db-0") is found.find("shop/db-0") is found.find("shop/StatefulSet/db")


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("api", ["bank/Pod/api", "shop/Pod/api"]),
        ("shop/web", ["shop/Deployment/web", "shop/StatefulSet/web"]),
        ("0.0.0.0/0", ["External/10.0.0.0/8", "External/::/0"]),
    ],
)
def test_an_ambiguous_name_lists_what_it_may_be(text: str, candidates: list[str]) -> None:
    diagnostic = error(names(), text)
    assert diagnostic.code == "ambiguous-endpoint"
    assert f"`{text}`" in diagnostic.message
    for candidate in candidates[:1]:
        assert f"`{candidate}`" in diagnostic.help


def test_a_long_list_of_candidates_is_cut_and_counted() -> None:
    found = names(*(pod("api", f"team-{number}") for number in range(15)))
    assert error(found, "api").help.endswith("and 5 more")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [("ledgr", "`ledger`"), ("bank/ledgr", "`bank/ledger`")],
)
def test_a_mistyped_name_gets_a_suggestion_in_its_own_form(text: str, suggestion: str) -> None:
    diagnostic = error(names(), text)
    assert diagnostic.code == "unknown-endpoint"
    assert diagnostic.help.startswith(f"did you mean {suggestion}")


def test_in_a_small_cluster_a_name_like_no_other_gets_all_names() -> None:
    assert error(names(pod("a"), pod("b")), "xyzzy").help == (
        "write one of `shop/Pod/a`, `shop/Pod/b`, `External/external`"
    )


def test_in_a_larger_cluster_a_name_like_no_other_gets_the_forms_of_names() -> None:
    found = names(*(pod(f"pod-{number}") for number in range(12)))
    assert "namespace/kind/name" in error(found, "xyzzy").help


def test_an_address_of_the_pod_network_that_no_pod_has_is_no_external_address() -> None:
    assert error(names(), "10.244.9.9").code == "unknown-address"


def test_control_characters_of_a_name_are_not_repeated_raw() -> None:
    assert "\x1b" not in error(names(), "\x1b[2J").message


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("api", ["bank/Pod/api", "shop/Pod/api"]),
        ("bank/*", ["bank/Pod/api", "bank/Pod/ledger"]),
        ("l*", ["bank/Pod/ledger"]),
        ("shop/deploy/*", ["shop/Deployment/web"]),
        ("*/[Pp]od/api", ["bank/Pod/api", "shop/Pod/api"]),
        ("10.244.0.0/16", ["bank/Pod/ledger", "External/10.0.0.0/8"]),
    ],
)
def test_a_pattern_or_a_shared_name_selects_several(pattern: str, ids: list[str]) -> None:
    assert [each.id for each in names().select(pattern)] == ids


def test_external_selects_every_endpoint_outside() -> None:
    assert all(each.external for each in names().select("external"))
    assert len(names().select("external")) == 2


@pytest.mark.parametrize("pattern", ["nowhere/*", "nobody"])
def test_a_pattern_that_selects_nothing_is_an_error(pattern: str) -> None:
    with pytest.raises(AnalyzerError) as caught:
        names().select(pattern)
    assert caught.value.diagnostics[0].code == "unknown-endpoint"


@pytest.mark.parametrize(
    ("id_", "label"),
    [
        ("bank/Pod/ledger", "ledger"),
        ("bank/Pod/api", "bank/api"),
        ("shop/Deployment/web", "shop/Deployment/web"),
        ("External/10.0.0.0/8", "10.0.0.0/8"),
    ],
)
def test_a_label_says_no_more_than_is_needed(id_: str, label: str) -> None:
    found = names()
    assert found.label(found.find(id_)) == label


def test_every_label_finds_its_own_endpoint() -> None:
    found = names()
    for each in analysis(*CLUSTER).reachability.endpoints:
        assert found.find(found.label(each)).id == each.id
