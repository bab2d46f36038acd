"""The fast reader of plain block style: what it reads, the complete one reads alike and without a problem."""

from __future__ import annotations

from hypothesis import example, given, strategies as st

from analyzer.load.block import Memory, read
from analyzer.load.events import Reading
from analyzer.load.text import Text
from analyzer.load.yaml_text import read_yaml

WORDS = (
    *("a:", "b:", "items:", "a: b", "b: 1", "c: 'q'", 'd: "w"', "e: {}", "f: []", "a: 1.5", "b: on"),
    *("-", "- a", "- 1", "- a: b", "- b:", "- items:", "- {}", "- - a", "- [a]", "- {a: b}", "-a", "- # c"),
    *("", "# c", "a: # c", "a: b # c", "a: b#c", "a:b", "text", "more text", "'a': b", '"a": b', "a b: c"),
    *("a: |", "a: >-", "- |", "a: [1,", "2]", "a: {b: c}", "a: 'it''s'", 'a: "x', 'y"', "a: 'x", "y'"),
    *("a: &x b", "b: *x", "<<: *x", "- &y", "? a", ": b", "!!str a", "a: !!int 1", "1: a", "y: b", "~: c"),
    *("...", "--- ", "-- a", "\ta: b", "a:\tb", "a: b\t", "a: b ", "a: @", "a: %", "%a", "a: b: c", "a: é"),
)
lines = st.tuples(st.integers(0, 5), st.sampled_from(WORDS)).map(lambda line: " " * line[0] + line[1])
texts = st.lists(lines, max_size=9).map("\n".join)


@given(texts)
@example("items:\n  a: b")
@example("items:\n- a\n- \n- b:\n")
def test_what_the_fast_reader_reads_the_complete_one_reads_alike(content: str) -> None:
    found = read(content.split("\n"), Memory())
    if found is None:
        return
    complete = list(Reading(Text(content)).documents())
    assert [each.problems for each in complete] in ([], [()])
    assert repr([found.data]) == repr([each.data for each in complete] or [None])


@given(texts)
@example("items:\n  a: b")
def test_entries_start_where_the_complete_reader_finds_them(content: str) -> None:
    fast = list(read_yaml(Text(content), Memory()))
    complete = list(Reading(Text(content)).documents())
    for one, other in zip(fast, complete, strict=False):
        if one.items and not one.problems:
            for start, exact in zip(one.items, other.items, strict=True):
                between = content[start:exact].split("\n")
                assert all(not each.strip() or each.strip().startswith("#") for each in between)
