"""Fixes of generated manifests, written to a file: every connection is what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from analyzer import Analysis, Bounds, Options, analyze
from analyzer.commands.editing import contents, write_all
from analyzer.lint import lint
from analyzer.lint.fixing import fix
from analyzer.profiles import PROFILES
from analyzer.sets import AddressSet
from bench.generate import write_file
from bench.parameters import Parameters

if TYPE_CHECKING:
    from pathlib import Path

OUTSIDE = ("192.0.2.1", "8.8.8.8", "2001:db8::1")


def connections(analysis: Analysis) -> dict[tuple[str, str], Bounds]:
    """Return what each pod may open to each other one, and to some addresses, and they to it."""
    reachability = analysis.reachability
    ends = {each.id.partition("#")[0]: each for each in reachability.endpoints if not each.external}
    for address in OUTSIDE:
        held = (each for each in reachability.endpoints if AddressSet.of(address) <= each.addresses)
        ends[address] = next(held)
    return {(a, b): reachability.connection(ends[a], ends[b]) for a in ends for b in ends}


@pytest.mark.parametrize("seed", range(1, 7))
def test_fixes_change_no_connection_whatever_the_cni(tmp_path: Path, seed: int) -> None:
    file = tmp_path / "cluster.yaml"
    write_file(Parameters(pods=24, classes=24, policies=60, namespaces=3, seed=seed), file, "yaml")
    usual, *others = [Options(profile=profile) for profile in PROFILES.values()]
    before, *elsewhere = [analyze([str(file)], options) for options in (usual, *others)]
    fixed = fix(before, lint(before, ("KR101", "KR102")).findings, contents([str(file)]))
    assert fixed.mended
    write_all(fixed.changes)
    for options, old in zip((usual, *others), (before, *elsewhere), strict=True):
        new = analyze([str(file)], options)
        assert len(new.cluster.tiers[0].policies) <= len(old.cluster.tiers[0].policies)
        assert connections(new) == connections(old), options.profile.name
