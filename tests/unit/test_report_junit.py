from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, strategies as st

from analyzer.report.junit import Case, Status, Suite, document


def parsed(*cases: Case, name: str = "all", suite: str = "file") -> ET.Element:
    return ET.fromstring("".join(document(name, [Suite(name=suite, cases=cases)])).encode())


def case(name: str = "a", status: Status = Status.PASSED, message: str = "", text: str = "") -> Case:
    return Case(name=name, classname="k", status=status, message=message, text=text)


def the_case(root: ET.Element) -> ET.Element:
    (found,) = root.iter("testcase")
    return found


def tags(elements: Iterable[ET.Element]) -> list[str]:
    return [each.tag for each in elements]


def test_a_case_that_passed_is_empty() -> None:
    found = the_case(parsed(case("it holds")))
    assert (found.get("name"), tags(found)) == ("it holds", [])


def test_what_a_passed_case_wrote_is_its_output() -> None:
    (out,) = the_case(parsed(case(text="1 < 2\nand so on")))
    assert (out.tag, out.text) == ("system-out", "1 < 2\nand so on")


@pytest.mark.parametrize(
    ("status", "tag"),
    [(Status.FAILED, "failure"), (Status.ERROR, "error"), (Status.SKIPPED, "skipped")],
)
def test_what_became_of_a_case_is_its_element(status: Status, tag: str) -> None:
    (found,) = the_case(parsed(case(status=status, message="what", text="why")))
    assert (found.tag, found.get("message"), found.text) == (tag, "what", "why")


def test_counts_are_told_of_each_suite_and_of_all() -> None:
    one = Suite(name="1", cases=[case(), case(status=Status.FAILED)])
    other = Suite(name="2", cases=[case(status=Status.ERROR), case(status=Status.SKIPPED), case()])
    root = ET.fromstring("".join(document("all", [one, other])).encode())
    told = [
        tuple(each.get(key) for key in ("tests", "failures", "errors", "skipped")) for each in (root, *root)
    ]
    assert told == [("5", "1", "1", "1"), ("2", "1", "0", "0"), ("3", "0", "1", "1")]


def test_a_place_and_a_time_are_told_when_they_are_known() -> None:
    known = Case(name="a", classname="k", file="e.yaml", line=7, seconds=1.25)
    assert the_case(parsed(known)).attrib == {
        "classname": "k",
        "name": "a",
        "file": "e.yaml",
        "line": "7",
        "time": "1.250",
    }
    assert the_case(parsed(case())).attrib == {"classname": "k", "name": "a"}


def test_a_suite_without_cases_is_still_a_suite() -> None:
    root = parsed(suite="nothing")
    assert [each.get("name") for each in root.iter("testsuite")] == ["nothing"]
    assert root.get("tests") == "0"


@pytest.mark.parametrize(
    "nasty",
    [
        "\"quoted\" 'twice' & <b>",
        "]]>",
        "<!-- --><![CDATA[x]]>",
        "&lt;",
        "\x00\x01\x1b[31m\x7f",
        "\ufffe\uffff\ud800",
        "line\nbreak\r\ttab\x85\u2028",
        "\u202eright to left",
        "",
    ],
)
@pytest.mark.parametrize("status", Status)
def test_no_name_breaks_the_document(nasty: str, status: Status) -> None:
    root = parsed(case(nasty, status, nasty, nasty), name=nasty, suite=nasty)
    assert tags(root.iter()).count("testcase") == 1
    found = the_case(root)
    assert len(found) == (status is not Status.PASSED or bool(nasty))
    if nasty.isprintable():
        assert (root.get("name"), root[0].get("name"), found.get("name")) == (nasty, nasty, nasty)
        assert all((each.text or "") == nasty for each in found)


@given(st.text(st.characters(codec=None)), st.sampled_from(Status))
def test_whatever_the_texts_hold_the_document_is_well_formed(text: str, status: Status) -> None:
    assert the_case(parsed(case(text, status, text, text), name=text, suite=text)).get("name") is not None
