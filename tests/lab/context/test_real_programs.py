"""The script that probes inside pods, with the programs that images have, against what kernels really do."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.providers.context.probing import script
from lab.providers.context.probing.script import Said, Target
from lab.providers.netns.network import Network
from tests.lab.context.pods import Pods
from tests.lab.sandbox import Inside
from tests.lab.worlds import TCP, hooked, topology

pytestmark = pytest.mark.lab

OPEN, CLOSED, DROPPED, RESET, PROHIBITED = 80, 81, 82, 83, 84
RULES = (
    f"tcp dport {DROPPED} drop",
    f"tcp dport {RESET} reject with tcp reset",
    f"tcp dport {PROHIBITED} reject with icmpx admin-prohibited",
)
PORTS = (OPEN, CLOSED, RESET, OPEN, CLOSED, RESET, OPEN, CLOSED, DROPPED, PROHIBITED)
TARGETS = [
    Target(
        number=len(PORTS) * turn + number + 1,
        protocol=TCP,
        address=("10.244.0.2", "fd00:10:244::2")[turn % 2],
        port=port,
        seconds=1.0 if port in (DROPPED, PROHIBITED) else 10.0,
    )
    for turn in range(20)
    for number, port in enumerate(PORTS)
]
MEANING = {
    OPEN: {Said.OPEN},
    CLOSED: {Said.REFUSED},
    DROPPED: {Said.TIMEOUT},
    RESET: {Said.REFUSED},
    PROHIBITED: {Said.TIMEOUT, Said.OTHER},
}
"""What kernels make of a prohibition differs by family, and by how often they are told."""
ALWAYS = {"sh": "dash", "curl": "curl", "bash": "bash", "timeout": "timeout"}
"""What every machine has on which the tests run."""
IMAGES = {
    "curl": {"curl": "curl"},
    "bash": {"bash": "bash", "timeout": "timeout"},
    "netcat-openbsd": {"nc": "nc.openbsd", "timeout": "timeout"},
    "netcat-traditional": {"nc": "nc.traditional", "timeout": "timeout"},
    "ncat": {"nc": "ncat", "timeout": "timeout"},
    "wget": {"wget": "wget", "timeout": "timeout"},
    "busybox": {"sh": "busybox", "nc": "busybox", "timeout": "busybox"},
}


def made(folder: Path, programs: dict[str, str]) -> str:
    """Make a folder with some programs and a shell, and return it as a PATH."""
    folder.mkdir()
    for name, program in {"sh": "dash", **programs}.items():
        found = shutil.which(program)
        if found is None:
            assert program not in ALWAYS.values(), f"{program} is on every machine"
            pytest.skip(f"{program} is not installed here; what it says is among the recorded words")
        (folder / name).symlink_to(found)
    return str(folder)


@contextmanager
def server(network: Network) -> Iterator[None]:
    """Answer at the open port of ns/p2, over both families, as a web server."""
    one = network.run_in(
        "ns/p2", lambda: socket.create_server(("::", OPEN), family=socket.AF_INET6, dualstack_ipv6=True)
    )
    one.settimeout(0.1)
    ended = threading.Event()

    def answer() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                accepted = one.accept()[0]
                with accepted:
                    accepted.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n")

    thread = threading.Thread(target=answer)
    thread.start()
    yield
    ended.set()
    thread.join()
    one.close()


def asked(inside: Inside, folder: Path, path: str) -> Counter[tuple[int, Said]]:
    """Let ns/p1 ask ns/p2 by what is in a PATH; return how often what was said of each port."""

    def story() -> list[str]:
        with Network.create(topology(2)) as network, Pods(network, folder) as pods:
            network.load_ruleset("n2", hooked(*RULES))
            pods.environment = {"PATH": path}
            with server(network):
                ended = pods.exec("ns", "p1", "c", script.words(), stdin=script.told(TARGETS), timeout=100)
            assert ended.stderr == ""
            return list(ended.lines)

    ports = {each.number: each.port for each in TARGETS}
    answers = [script.answer(line) for line in inside(story)]
    return Counter((ports[each.number], each.said) for each in answers if each and each.said)


@pytest.mark.parametrize("image", IMAGES)
def test_two_hundred_targets_are_told_apart(inside_once: Inside, tmp_path: Path, image: str) -> None:
    found = asked(inside_once, tmp_path, made(tmp_path / "bin", IMAGES[image]))
    assert sum(found.values()) == len(TARGETS) == 200
    # On a busy machine ncat has not begun yet when its time is up, and says nothing then.
    late = {Said.BROKEN} if image == "ncat" else set[Said]()
    for port, said in found:
        assert said in MEANING[port] | (late if port in (DROPPED, PROHIBITED) else set()), found
