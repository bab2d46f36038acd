from __future__ import annotations

import re
import shlex

import pytest

from analyzer.cli import COMMANDS
from tests.cli.running import Commands, process

_WAYS = [(), *((name,) for name in COMMANDS)]
# What needs a cluster, another branch, or a file that only the example before it writes.
_ELSEWHERE = {"--context", "--output", "--write", "--expect", "origin/main"}


@pytest.mark.parametrize("way", _WAYS, ids=" ".join)
def test_help_has_examples_that_work_on_the_demo(run: Commands, way: tuple[str, ...]) -> None:
    ran = run(*way, "--help")
    assert (ran.code, ran.err) == (0, "")
    examples = re.findall(
        r"^  (?:source <\()?kubereach ([^>)\n]*)", ran.out.partition("examples:")[2], re.MULTILINE
    )
    assert examples
    for example in map(shlex.split, examples):
        if not _ELSEWHERE & set(example):
            ran = run(*example)
            assert (ran.code in (0, 1), ran.out != "") == (True, True), (example, ran.err)


@pytest.mark.parametrize("way", _WAYS, ids=" ".join)
def test_help_tells_the_exit_codes(run: Commands, way: tuple[str, ...]) -> None:
    assert "\nexit codes: 0 " in run(*way, "--help").out


def test_help_lists_the_other_commands(run: Commands) -> None:
    listed = re.findall(r"^  kubereach (\w+)  +\w", run("--help").out, re.MULTILINE)
    assert listed == list(COMMANDS)


def test_help_is_told_by_a_process_too() -> None:
    ran = process("--help")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.startswith(b"usage: kubereach")


def test_a_command_that_is_misspelt_is_not_taken_for_a_path(run: Commands) -> None:
    ran = run("explian", "a", "b")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: there is no command, file or folder `explian`\n    help: did you mean `kubereach explain`?\n"
    )


def test_a_folder_that_is_nearly_called_like_a_command_is_read(elsewhere: Commands) -> None:
    elsewhere.write("checks/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n")
    assert elsewhere("checks").code == 0


def test_a_word_that_is_like_no_command_is_a_path(run: Commands) -> None:
    assert "there is no file or folder `nosuch`" in run("nosuch").err
