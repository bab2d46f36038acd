"""What the tests of the lab share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lab import labs, sandbox
from tests.lab.sandbox import Inside


@pytest.fixture(params=["root", "rootless"])
def inside(request: pytest.FixtureRequest) -> Inside:
    """Run a story in a process of its own, once as root and once as an ordinary user."""
    return sandbox.inside(rootless=request.param == "rootless")


@pytest.fixture
def inside_once() -> Inside:
    """Run a story in a process of its own, with whatever rights there are."""
    return sandbox.inside(rootless=os.geteuid() != 0)


@pytest.fixture
def a_lab(inside_once: Inside) -> Iterator[str]:
    """Let labs be brought up, with their files in a folder of their own, or skip (in CI: fail)."""
    with labs.runtime_folder() as folder:
        yield folder
