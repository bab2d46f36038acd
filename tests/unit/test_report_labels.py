from __future__ import annotations

from analyzer.filters import Filters
from analyzer.report.labels import Labels, Notes
from tests.unit.manifests import WITHIN_10, pod, policy, view

BLOCKS = (
    "spec: {podSelector: {}, ingress: [{from: "
    "[{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16, 10.3.0.0/16]}}]}]}"
)
TEAM = tuple(pod(f"pod-{number}", "team") for number in range(3))


def test_a_note_has_one_number_however_often_it_is_needed() -> None:
    notes = Notes()
    assert [notes.mark("a"), notes.mark("b"), notes.mark("a")] == ["(1)", "(2)", "(1)"]
    assert notes.lines() == [("(1)", "a"), ("(2)", "b")]


def test_a_very_long_note_is_cut_after_an_item_and_says_how_much_is_missing() -> None:
    notes = Notes()
    notes.mark(", ".join(f"10.{number}.0.0/16" for number in range(200)))
    ((_, text),) = notes.lines()
    kept = text.count("/16")
    assert len(text) < 450
    assert text.endswith(f"/16, and {200 - kept} more")


def test_short_addresses_are_their_own_label() -> None:
    found = view(pod("a"), policy(WITHIN_10))
    notes = Notes()
    labels = Labels(found, notes)
    assert labels.of(found.names.find("10.0.0.1")) == "10.0.0.0/8"


def test_long_addresses_get_a_short_label_and_a_note() -> None:
    found = view(pod("a"), policy(BLOCKS))
    notes = Notes()
    labels = Labels(found, notes)
    assert labels.of(found.names.find("10.0.0.1")) == "10.0.0.0/8 (1)"
    assert "10.1.0.0/16" in dict(notes.lines())["(1)"]


def test_the_widest_addresses_are_called_external() -> None:
    found = view(pod("a"), policy(BLOCKS))
    outside = [each for each in found.endpoints if each.external]
    widest = max(outside, key=lambda each: each.addresses.size)
    assert Labels(found, Notes()).of(widest) == "external (1)"


def test_a_whole_namespace_is_named_once() -> None:
    found = view(*TEAM, pod("other"))
    labels = Labels(found, Notes())
    assert labels.several(found.endpoints) == ["other", "team/*", "external"]


def test_a_part_of_a_namespace_is_named_pod_by_pod() -> None:
    found = view(*TEAM)
    assert Labels(found, Notes()).several(found.endpoints[:2]) == ["pod-0", "pod-1"]


def test_a_namespace_is_whole_when_all_of_it_that_is_shown_is_meant() -> None:
    found = view(
        *TEAM, pod("pod-3", "team"), filters=Filters(sources=("pod-[012]",), destinations=("pod-3",))
    )
    labels = Labels(found, Notes())
    assert labels.several(found.sources, found.sources) == ["team/*"]
    assert labels.several(found.sources) == ["pod-0", "pod-1", "pod-2"]


def test_two_pods_are_named_even_when_they_are_all_of_a_namespace() -> None:
    found = view(*TEAM[:2])
    assert Labels(found, Notes()).several(found.endpoints) == ["pod-0", "pod-1", "external"]
