from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lab.errors import LabError
from lab.providers.netns import kernel, namespaces, syscalls
from lab.providers.netns.kernel import Capabilities
from lab.providers.netns.netlink import Rtnetlink, set_up
from tests.lab.sandbox import Inside

pytestmark = pytest.mark.lab


def test_a_machine_is_found_fit_by_trying(inside: Inside) -> None:
    def story() -> Capabilities:
        return kernel.trial()

    found = inside(story)
    assert found.problem is None
    assert found.nft.endswith("/nft")
    found.require()


def test_trying_leaves_the_trying_process_as_it_was(inside_once: Inside) -> None:
    found = kernel.detect()
    assert found.problem is None
    assert not namespaces.isolated()


def test_what_goes_another_way_is_noted() -> None:
    plain = Capabilities(nft="/usr/sbin/nft", rootless=False, sctp_sockets=False, ipv6=False)
    assert ["SCTP" in plain.notes[0], "IPv6" in plain.notes[1]] == [True, True]
    full = Capabilities(nft="/usr/sbin/nft", rootless=False, sctp_sockets=True, ipv6=True)
    assert full.notes == ()


def test_a_missing_nft_is_the_problem_that_is_named(inside_once: Inside) -> None:
    script = "from lab.providers.netns import nft, kernel; nft.PLACES = (); print(kernel.trial())"
    done = subprocess.run(
        [sys.executable, "-c", script], env={"PATH": "/nowhere"}, capture_output=True, text=True, check=True
    )
    assert "`nft` is not installed" in done.stdout


def test_forbidden_user_namespaces_are_named_with_the_way_to_allow_them(
    monkeypatch: pytest.MonkeyPatch, inside: Inside
) -> None:
    def forbid(flags: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    def story() -> None:
        monkeypatch.setattr(syscalls, "unshare", forbid)
        with pytest.raises(LabError, match="forbids unprivileged user namespaces") as raised:
            namespaces.isolate()
        assert "unprivileged_userns_clone" in (raised.value.help or "")

    inside(story)


@pytest.mark.parametrize(
    ("number", "words"), [(28, "limit of user or network namespaces"), (22, "runs threads")]
)
def test_other_reasons_for_no_namespace_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, inside_once: Inside, number: int, words: str
) -> None:
    def refuse(flags: int) -> None:
        raise PermissionError(1, "no") if not flags & syscalls.CLONE_NEWUSER else OSError(number, "no")

    def story() -> None:
        monkeypatch.setattr(syscalls, "unshare", refuse)
        with pytest.raises(LabError, match=words):
            namespaces.isolate()

    inside_once(story)


def test_a_refused_request_is_named(inside_once: Inside) -> None:
    def story() -> None:
        namespaces.isolate()
        with Rtnetlink() as routing, pytest.raises(LabError, match="refused to keep link 77 free"):
            routing.execute(set_up(77))

    inside_once(story)


def test_the_module_prints_what_it_finds(inside_once: Inside) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab.providers.netns.kernel"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["problem"] is None
