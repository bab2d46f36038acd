from __future__ import annotations

import re
import shlex
from difflib import unified_diff
from importlib import import_module
from pathlib import Path

import pytest

from analyzer.cli import COMMANDS
from analyzer.model import Denial, Match, SelfService
from analyzer.profiles import PROFILES, Profile, UndefinedPort
from tests.cli.running import PROJECT, Commands

CONSOLE = re.compile(r"^```console\n\$ kubereach (.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = [
    pytest.param(words, output, id=f"{page.name}: {words}")
    for page in (PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md")))
    for words, output in CONSOLE.findall(page.read_text())
]


@pytest.mark.parametrize(("words", "output"), SHOWN)
def test_what_the_documentation_shows_is_what_is_printed(run: Commands, words: str, output: str) -> None:
    assert run(*shlex.split(words)).out == output


@pytest.mark.parametrize(
    "page", ["cli.md", "diff.md", "expectations.md", "exposure.md", "formats.md", "json.md"]
)
def test_these_pages_show_something(page: str) -> None:
    assert CONSOLE.search(Path(PROJECT, "docs", page).read_text())


def test_the_story_of_the_readme_shows_the_change_as_it_is() -> None:
    before, after = (
        (PROJECT / f"docs/story/{when}/shop.yaml").read_text().splitlines() for when in ("before", "after")
    )
    made = list(unified_diff(before, after, lineterm=""))[3:]
    (shown,) = re.findall(
        r"^```diff\n(.*?)^```$", (PROJECT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert shown.splitlines() == made


def test_the_table_of_formats_is_what_each_command_takes() -> None:
    page = (PROJECT / "docs/formats.md").read_text()
    told = {
        name: re.findall(r"`(\w+)`", formats)
        for name, formats in re.findall(r"^\| `kubereach ?(\w*)` (.*)$", page, re.MULTILINE)
    }
    modules = {name: import_module(f"analyzer.commands.{name or 'options'}") for name in ("", *COMMANDS)}
    taken = {name: module.FORMATS for name, module in modules.items() if hasattr(module, "FORMATS")}
    assert {name: sorted(formats) for name, formats in told.items()} == {
        name: sorted(formats) for name, formats in taken.items()
    }


KNOWN = {Match.YES: "yes", Match.NO: "no", Match.MAYBE: "unknown"}
OWN_SERVICE = {
    SelfService.POLICED: "policed",
    SelfService.BYPASSED: "always",
    SelfService.EITHER_DIRECTION: "either direction",
    SelfService.UNKNOWN: "unknown",
}
UNDEFINED = {
    UndefinedPort.NOTHING: "nothing",
    UndefinedPort.ALL_FROM_PODS: "all ports, from pods",
    UndefinedPort.WHOLE_PROTOCOL: "the protocol",
}


def told_of(profile: Profile) -> list[str]:
    """What the page on profiles must say of one, from the top of its column to the end."""
    return [
        f"`{profile.name}`",
        KNOWN[profile.blocks_on_pods],
        KNOWN[profile.blocks_on_hosts],
        KNOWN[profile.selectors_on_hosts],
        KNOWN[profile.other_nodes],
        OWN_SERVICE[profile.self_service],
        "refused" if profile.denial is Denial.REFUSED else "timeout",
        UNDEFINED[profile.undefined_port],
        "isolate" if profile.rules_isolate else "ignored",
        "the rule" if profile.shared_excepts else "its block",
        "one list" if profile.shared_chain else "two lists",
        "unknown" if profile.icmp_doubt else "rules",
    ]


def test_the_table_of_profiles_is_what_they_do() -> None:
    lines = (PROJECT / "docs/profiles.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    _, *columns = map(list, zip(*rows, strict=True))
    assert columns == [told_of(profile) for profile in PROFILES.values()]
