from __future__ import annotations

import os
from pathlib import Path

import pytest

from analyzer.diagnostics import AnalyzerError, Diagnostic, Severity
from analyzer.lint.configuration import OWN, SHARED, Configuration, find


def told(folder: Path) -> Diagnostic:
    with pytest.raises(AnalyzerError) as raised:
        find(folder)
    return raised.value.diagnostics[0]


@pytest.mark.parametrize(
    ("name", "table"), [("pyproject.toml", "[tool.kubereach.lint]"), (".kubereach.toml", "[lint]")]
)
def test_both_files_are_read(tmp_path: Path, name: str, table: str) -> None:
    (tmp_path / name).write_text(f'{table}\nselect = ["KR1"]\nignore = ["KR104"]\nfail-on = "notice"\n')
    assert find(tmp_path) == Configuration(
        file=name, select=("KR1",), ignore=("KR104",), fail_on=Severity.NOTICE
    )


def test_the_nearest_file_counts_and_our_own_comes_first(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.kubereach.lint]\nselect = ["KR2"]\n')
    (inner / "pyproject.toml").write_text('[tool.other]\nkubereach = "no"\n')
    assert find(inner).select == ("KR2",)
    (inner / "pyproject.toml").write_text('[tool.kubereach.lint]\nselect = ["KR3"]\n')
    assert find(inner).select == ("KR3",)
    (inner / ".kubereach.toml").write_text('[lint]\nselect = ["KR4"]\n')
    assert find(inner).select == ("KR4",)


def test_nothing_is_set_without_a_file_or_a_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("tool = 1\n")
    assert find(tmp_path).select == ()
    (tmp_path / ".kubereach.toml").write_text("")
    assert find(tmp_path) == Configuration(file=".kubereach.toml")


@pytest.mark.parametrize(
    ("text", "message", "hint", "line"),
    [
        ("[lint]\nselekt = []\n", "unknown key `selekt`", "did you mean `select`?", 2),
        ("[lint]\nfoo = 1\n", "unknown key `foo`", "there is select, ignore, fail-on", 2),
        ("[lintt]\n", "unknown key `lintt`", "did you mean `lint`?", 1),
        ("lint = 1\n", "a table is expected here", "write [select]", 1),
        ('[lint]\nfail-on = "never"\n', "`fail-on` is `never`", "write one of error, warning, notice", 2),
        ('[lint]\n\nselect = "KR1"\n', "`select` must be a list of codes", 'write select = ["KR101"]', 3),
        ("[lint]\nignore = [1]\n", "`ignore` must be a list of codes", 'write ignore = ["KR101"]', 2),
        (
            '[lint]\nignore = ["KR999"]\n',
            "there is no lint rule `KR999`",
            "did you mean `KR901`? `kubereach rule` lists them all",
            2,
        ),
    ],
)
def test_what_is_wrong_is_told_by_line(tmp_path: Path, text: str, message: str, hint: str, line: int) -> None:
    (tmp_path / ".kubereach.toml").write_text(text)
    diagnostic = told(tmp_path)
    assert diagnostic.span is not None
    assert (diagnostic.message, diagnostic.span.file, diagnostic.span.line) == (
        message,
        ".kubereach.toml",
        line,
    )
    assert diagnostic.help.replace(" or `KR902`", "").startswith(hint[:20])


def test_our_own_file_must_be_toml_and_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[")
    assert find(tmp_path) == Configuration()
    (tmp_path / ".kubereach.toml").write_text("[")
    assert told(tmp_path).message.startswith("it cannot be read: ")


@pytest.mark.parametrize(
    "text", ["x = " + "[" * 10_000, "\xff", None], ids=["deep", "not UTF-8", "of the kernel"]
)
def test_a_hostile_file_is_told_like_any_other(tmp_path: Path, text: str | None) -> None:
    if text is None and not os.path.ismount("/proc"):
        pytest.skip("there is no /proc")
    for name in (SHARED, OWN):
        if text is None:
            (tmp_path / name).symlink_to("/proc/kmsg")
        else:
            (tmp_path / name).write_bytes(text.encode("latin-1"))
        if name == SHARED:
            assert find(tmp_path) == Configuration()
    assert told(tmp_path).message.startswith("this is a file" if text is None else "it cannot be read: ")


def test_a_file_further_out_is_named_as_a_whole(tmp_path: Path) -> None:
    inner = tmp_path / "a"
    inner.mkdir()
    (tmp_path / ".kubereach.toml").write_text("[lint]\nx = 1\n")
    span = told(inner).span
    assert span is not None
    assert span.file == str(tmp_path / ".kubereach.toml")
