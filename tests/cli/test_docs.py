from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.running import PROJECT, Commands

CONSOLE = re.compile(r"^```console\n\$ kubereach (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [
    pytest.param(words, output, id=f"{page.name}: {words}")
    for page in sorted((PROJECT / "docs").glob("*.md"))
    for words, output in CONSOLE.findall(page.read_text())
]


@pytest.mark.parametrize(("words", "output"), SHOWN)
def test_what_the_documentation_shows_is_what_is_printed(run: Commands, words: str, output: str) -> None:
    assert run(*shlex.split(words)).out == output


@pytest.mark.parametrize("page", ["cli.md", "diff.md", "formats.md", "json.md"])
def test_these_pages_show_something(page: str) -> None:
    assert CONSOLE.search(Path(PROJECT, "docs", page).read_text())
