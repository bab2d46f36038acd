"""Label selectors, as `LabelSelector` of the API describes them."""

from __future__ import annotations

import pytest

from analyzer.selectors import NAMESPACE_NAME, Operator, Requirement, Selector, namespace_named

WEB_OR_DB = frozenset({"web", "db"})
WEB = frozenset({"web"})


@pytest.mark.parametrize(
    ("requirement", "matching", "other"),
    [
        (Requirement("app", Operator.IN, WEB_OR_DB), [{"app": "web"}, {"app": "db"}], [{"app": "x"}, {}]),
        (Requirement("app", Operator.NOT_IN, WEB_OR_DB), [{"app": "x"}, {}], [{"app": "web"}]),
        (Requirement("app", Operator.IN, frozenset(("",))), [{"app": ""}], [{}, {"app": "x"}]),
        (Requirement("app", Operator.NOT_IN, frozenset(("",))), [{}, {"app": "x"}], [{"app": ""}]),
        (Requirement("app", Operator.EXISTS), [{"app": ""}], [{}, {"App": "web"}]),
        (Requirement("app", Operator.DOES_NOT_EXIST), [{}, {"x": "app"}], [{"app": ""}]),
    ],
)
def test_every_operator_matches_what_the_api_says(
    requirement: Requirement, matching: list[dict[str, str]], other: list[dict[str, str]]
) -> None:
    assert all(requirement.matches(labels) for labels in matching)
    assert not any(requirement.matches(labels) for labels in other)


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        (Requirement("app", Operator.IN, WEB), "app=web"),
        (Requirement("app", Operator.IN, WEB_OR_DB), "app in (db,web)"),
        (Requirement("app", Operator.NOT_IN, WEB), "app!=web"),
        (Requirement("app", Operator.NOT_IN, WEB_OR_DB), "app notin (db,web)"),
        (Requirement("app", Operator.EXISTS), "app"),
        (Requirement("app", Operator.DOES_NOT_EXIST), "!app"),
    ],
)
def test_a_requirement_is_written_as_kubectl_takes_it(requirement: Requirement, text: str) -> None:
    assert str(requirement) == text
    assert str(Selector.of(requirement)) == text


def test_the_order_of_requirements_makes_no_difference() -> None:
    one, two = Requirement("a", Operator.EXISTS), Requirement("b", Operator.IN, WEB)
    assert Selector.of(one, two) == Selector.of(two, one, two)
    assert str(Selector.of(two, one)) == "a,b=web"
    assert Selector.of(one, two).keys() == {"a", "b"}


def test_all_requirements_must_be_met() -> None:
    selector = Selector.labels(app="web", tier="front")
    assert selector.matches({"app": "web", "tier": "front", "more": ""})
    assert not selector.matches({"app": "web"})


def test_an_empty_selector_matches_everything() -> None:
    assert Selector().matches({})
    assert str(Selector()) == "{}"


def test_a_namespace_is_selected_by_the_label_that_the_api_server_sets() -> None:
    assert namespace_named("shop").matches({NAMESPACE_NAME: "shop"})
    assert not namespace_named("shop").matches({NAMESPACE_NAME: "office"})
