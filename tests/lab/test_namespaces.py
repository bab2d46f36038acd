from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.providers.netns import namespaces
from lab.providers.netns.namespaces import Namespace
from tests.lab import sandbox
from tests.lab.sandbox import Inside
from tests.lab.worlds import TCP, every_pair, listening

pytestmark = pytest.mark.lab


def links() -> set[str]:
    """Return the links that the caller's process sees."""
    return {name for _, name in socket.if_nameindex()}


def test_the_lab_leaves_the_hosts_network_and_changes_nothing_there(inside: Inside) -> None:
    def story() -> tuple[set[str], int]:
        with listening(3):
            return links(), Path("/proc/self/ns/net").stat().st_ino

    before = links()
    within, network = inside(story)
    assert within == {"lo"}
    assert network != Path("/proc/self/ns/net").stat().st_ino
    assert links() == before


def test_nothing_leaves_the_lab(inside: Inside) -> None:
    def story() -> int:
        namespaces.isolate()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            return one.connect_ex(("192.0.2.1", 9))

    assert inside(story) != 0


def test_isolating_twice_is_isolating_once(inside: Inside) -> None:
    def story() -> bool:
        namespaces.isolate()
        first = Path("/proc/self/ns/net").stat().st_ino
        namespaces.isolate()
        return Path("/proc/self/ns/net").stat().st_ino == first

    assert inside(story)


def test_an_ordinary_user_becomes_root_of_a_user_namespace_only() -> None:
    def story() -> tuple[bool, int]:
        namespaces.isolate()
        return namespaces.in_user_namespace(), os.geteuid()

    assert sandbox.inside(rootless=True)(story) == (True, 0)


def test_there_are_no_namespaces_before_the_hosts_network_is_left(inside_once: Inside) -> None:
    def story() -> None:
        with pytest.raises(LabError, match="the host's network is no place for a lab"):
            Namespace.create()
        with Path("/proc/self/ns/net").open("rb") as host:
            before = os.dup(host.fileno())
            with pytest.raises(LabError, match="the host's network is no place for a lab"):
                Namespace(before)
            namespaces.isolate()
            with pytest.raises(LabError, match="the host's network is no place for a lab"):
                Namespace(before)

    inside_once(story)


def test_entering_returns_to_where_one_was_even_after_an_error(inside: Inside) -> None:
    def story() -> None:
        namespaces.isolate()
        home = Path("/proc/self/ns/net").stat().st_ino
        outer, inner = Namespace.create(), Namespace.create()
        assert Path("/proc/self/ns/net").stat().st_ino == home
        with outer:
            there = Path("/proc/self/ns/net").stat().st_ino
            with suppress(ValueError), inner:
                assert Path("/proc/self/ns/net").stat().st_ino not in (home, there)
                raise ValueError
            assert Path("/proc/self/ns/net").stat().st_ino == there
        assert Path("/proc/self/ns/net").stat().st_ino == home

    inside(story)


def test_a_closed_namespace_is_not_entered(inside_once: Inside) -> None:
    def story() -> None:
        namespaces.isolate()
        gone = Namespace.create()
        gone.close()
        gone.close()
        entered = False
        with pytest.raises(OSError, match="setns"), gone:
            entered = True
        assert not entered

    inside_once(story)


def test_a_process_that_cannot_go_back_ends(inside_once: Inside) -> None:
    def story() -> None:
        namespaces.isolate()
        home = namespaces.here()
        with Namespace.create():
            os.close(home)

    with pytest.raises(AssertionError, match="ended early: 70"):
        inside_once(story)


def holders(inodes: set[int], session: int | None = None) -> Iterator[str]:
    """Yield the processes (of one session) that are in one of these network namespaces or hold one.

    The kernel gives the numbers of old namespaces to new ones, of other labs perhaps: hence the session.
    """
    wanted = {f"net:[{inode}]" for inode in inodes}
    for process in Path("/proc").glob("[0-9]*"):
        if session is not None and _session(process) != session:
            continue
        for link in (process / "ns/net", *_entries(process / "fd")):
            with suppress(OSError):
                if str(link.readlink()) in wanted:
                    yield f"{process.name}: {link}"


def _session(process: Path) -> int:
    with suppress(OSError):
        return os.getsid(int(process.name))
    return -1


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


LATE = 0.1
"""Seconds after the lab stands; the others are after its beginning."""


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.2, LATE])
def test_a_killed_lab_leaves_nothing(inside_once: Inside, moment: float) -> None:
    ours, its = os.pipe()
    pid = os.fork()
    if pid == 0:
        with suppress(BaseException):
            _build_and_probe_for_ever(its)
        os._exit(0)
    os.close(its)
    began = os.read(ours, 1)
    if moment is LATE:
        began += os.read(ours, 1)
    time.sleep(moment)
    os.kill(pid, signal.SIGKILL)
    with os.fdopen(ours, "rb") as pipe:
        inodes = {int(word) for word in (began[1:] + pipe.read()).split()}  # ends with the last process
    os.waitpid(pid, 0)
    deadline = time.monotonic() + 5
    while list(holders(inodes, os.getsid(0))) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not list(holders(inodes, os.getsid(0)))
    assert inodes or moment is not LATE


def _build_and_probe_for_ever(pipe: int) -> None:
    os.write(pipe, b"!")
    with listening(48) as network:
        for place in network.places.values():
            os.write(pipe, b"%d " % os.fstat(place.namespace.descriptor).st_ino)
        while True:
            network.probe(every_pair(network, TCP))
