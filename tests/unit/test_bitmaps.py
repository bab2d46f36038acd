"""Bitmaps are sets of small numbers."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from analyzer.bitmaps import LabelIndex, Weights, bitmap, lowest, members
from analyzer.selectors import Operator, Requirement, Selector

POPULATION = [
    {"app": "web", "tier": "front"},
    {"app": "db"},
    {"tier": ""},
    {},
]


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
def test_a_bitmap_has_the_members_that_it_was_made_of(size: int) -> None:
    numbers = [number * 3 + 1 for number in range(size)]
    assert list(members(bitmap(reversed(numbers)))) == numbers
    assert bitmap(numbers) == sum(1 << number for number in numbers)


@given(st.sets(st.integers(0, 300), min_size=1))
def test_the_lowest_member_is_the_smallest(numbers: set[int]) -> None:
    assert lowest(bitmap(numbers)) == min(numbers)


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=40))
def test_weights_are_summed_over_the_members(drawn: list[tuple[int, bool]]) -> None:
    chosen = [index for index, (_, member) in enumerate(drawn) if member]
    weights = Weights(weight for weight, _ in drawn)
    assert weights.count(bitmap(chosen)) == sum(drawn[index][0] for index in chosen)


@pytest.mark.parametrize(
    ("requirement", "expected"),
    [
        (Requirement("app", Operator.IN, frozenset({"web", "db", "other"})), [0, 1]),
        (Requirement("app", Operator.IN, frozenset({"other"})), []),
        (Requirement("app", Operator.NOT_IN, frozenset({"web"})), [1, 2, 3]),
        (Requirement("tier", Operator.EXISTS), [0, 2]),
        (Requirement("other", Operator.EXISTS), []),
        (Requirement("tier", Operator.DOES_NOT_EXIST), [1, 3]),
        (Requirement("other", Operator.DOES_NOT_EXIST), [0, 1, 2, 3]),
    ],
)
def test_an_index_selects_what_the_selector_matches(requirement: Requirement, expected: list[int]) -> None:
    index = LabelIndex(enumerate(POPULATION))
    selector = Selector.of(requirement)
    for _ in range(2):  # the second answer is remembered
        assert list(members(index.select(selector))) == expected
    assert [n for n, labels in enumerate(POPULATION) if selector.matches(labels)] == expected


def test_an_index_selects_everybody_with_a_selector_that_asks_for_nothing() -> None:
    assert list(members(LabelIndex(enumerate(POPULATION)).select(Selector()))) == [0, 1, 2, 3]
