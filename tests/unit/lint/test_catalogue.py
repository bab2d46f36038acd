from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.diagnostics import AnalyzerError
from analyzer.lint import rules
from analyzer.lint.catalogue import CODES, SECTIONS, chosen, meant, rule
from tests.cli.running import PROJECT

MODULES = {path.stem for path in Path(str(rules.__file__)).parent.glob("*.py")} - {"__init__"}


def test_every_rule_is_a_module_and_every_module_a_rule() -> None:
    assert {name.replace("-", "_") for name in CODES.values()} == MODULES


@pytest.mark.parametrize("code", CODES)
def test_every_rule_is_documented(code: str) -> None:
    found = rule(code)
    assert found.title
    assert not found.title.endswith(".")
    assert all(found.sections[section] for section in SECTIONS)
    assert all(f"\n\n{section}:\n" in found.documentation for section in SECTIONS)


@pytest.mark.parametrize("code", CODES)
def test_the_documentation_lists_every_rule_as_it_is(code: str) -> None:
    found = rule(code)
    line = f"| {code} | `{found.name}` | {found.severity.value} | {found.title} |"
    assert line in (PROJECT / "docs" / "lint.md").read_text().splitlines()


def test_the_documentation_lists_no_other_rule() -> None:
    lines = (PROJECT / "docs" / "lint.md").read_text().splitlines()
    assert sum(line.startswith("| KR") for line in lines) == len(CODES)


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("KR101", ("KR101",)),
        (" kr101 ", ("KR101",)),
        ("policy-without-effect", ("KR101",)),
        ("KR20", ("KR201", "KR202", "KR203", "KR204", "KR205", "KR206")),
        ("all", tuple(CODES)),
        ("KR", tuple(CODES)),
    ],
)
def test_a_word_means_codes(word: str, codes: tuple[str, ...]) -> None:
    assert meant(word) == codes


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("KR110", "did you mean `KR10"),
        ("policy-without-efect", "did you mean `policy-without-effect`"),
        ("zebra", "`kubereach rule` lists them all"),
        ("", "`kubereach rule` lists them all"),
    ],
)
def test_a_word_that_means_nothing_is_an_error_with_a_suggestion(word: str, hint: str) -> None:
    with pytest.raises(AnalyzerError) as raised:
        meant(word)
    assert raised.value.diagnostics[0].help.startswith(hint)


def test_all_rules_are_chosen_when_nothing_is_said() -> None:
    assert chosen((), ()) == tuple(CODES)


def test_selected_rules_are_chosen_in_the_order_of_codes() -> None:
    assert chosen(("KR205", "KR101"), ()) == ("KR101", "KR205")


def test_ignored_rules_are_not_chosen() -> None:
    assert "KR401" not in chosen((), ("KR401",))


def test_the_more_exact_word_decides() -> None:
    assert chosen(("KR401",), ("KR4",)) == ("KR401",)
    assert chosen(("KR4",), ("KR401",)) == ("KR402",)
    assert chosen(("KR401",), ("KR401",)) == ()
