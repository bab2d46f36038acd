"""The script that probes inside pods, run by a real shell, with the programs that an image may have."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from threading import Thread

import pytest

from lab.probes import Protocol
from lab.providers.context.probing import script
from lab.providers.context.probing.script import Answer, Said, Target

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
_AGNHOST = """#!/bin/sh
[ "$1" = connect ] || exit 9
case $4 in
  *:1) echo REFUSED >&2; exit 1 ;;
  *:2) echo TIMEOUT >&2; exit 1 ;;
  *:3) echo "OTHER: dial tcp $4: connect: no route to host" >&2; exit 1 ;;
  *:4) echo "OTHER: connection refused" >&2; exit 1 ;;
  *:5) echo "panic: $2 $3" >&2; exit 2 ;;
esac
"""

# BusyBox 1.35 as most images have it: without NC_110_COMPAT.
_NC = """#!{python} -IS
import socket, sys
words = sys.argv[1:]
if "-v" in words:
    print("nc: invalid option -- 'v'\\nBusyBox v1.35.0 multi-call binary.", file=sys.stderr)
    print("\\nUsage: nc [-iN] [-wN] [-l]\\n\\t-w SEC\\tConnect timeout", file=sys.stderr)
    sys.exit(1)
_, seconds, host, port, *run = words
try:
    made = socket.create_connection((host, int(port)), float(seconds))
except ConnectionRefusedError:
    sys.exit(f"nc: can't connect to remote host ({{host}}): Connection refused")
except TimeoutError:
    sys.exit("nc: timed out")
assert run == ["-e", "true"]
"""

Image = Callable[..., str]


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Return a maker of a PATH with some programs only."""

    def make(*programs: str) -> str:
        for name in programs:
            found = shutil.which(name)
            if found is None:
                pytest.skip(f"{name} is not installed here")
            (tmp_path / name).symlink_to(found)
        return str(tmp_path)

    return make


@pytest.fixture
def ports() -> Iterator[dict[str, int]]:
    """Yield one port that answers, one that refuses, one whose queue is full and that is silent."""
    with socket.socket() as answering, socket.socket() as silent, socket.socket() as closed:
        for each, queue in ((answering, 5), (silent, 0)):
            each.bind(("127.0.0.1", 0))
            each.listen(queue)
        closed.bind(("127.0.0.1", 0))
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(silent.getsockname())
        yield {
            "open": answering.getsockname()[1],
            "refused": closed.getsockname()[1],
            "silent": silent.getsockname()[1],
        }
        for each in waiting:
            each.close()


def run(path: str, *targets: Target, shell: str = "dash", window: int = 16, **environment: str) -> list[str]:
    words = [shutil.which(shell) or "sh", *(["sh"] if shell == "busybox" else []), *script.words(window)[1:]]
    done = subprocess.run(
        words,
        input=script.told(targets),
        capture_output=True,
        env={"PATH": path, **environment},
        timeout=30,
        check=False,
    )
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


def answers(lines: list[str]) -> dict[int, Answer]:
    found = [script.answer(line) for line in lines]
    return {each.number: each for each in found if each and each.said}


def _hang_up(server: socket.socket) -> None:
    server.accept()[0].close()


def tcp(number: int, port: int, address: str = "127.0.0.1") -> Target:
    return Target(number=number, protocol=Protocol.TCP, address=address, port=port, seconds=1.0)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("programs", [("curl",), ("bash", "timeout")])
def test_a_program_of_the_image_tells_open_from_refused_and_silent(
    image: Image, ports: dict[str, int], programs: tuple[str, ...], shell: str
) -> None:
    targets = [tcp(1, ports["open"]), tcp(2, ports["refused"]), tcp(3, ports["silent"])]
    lines = run(image(*programs), *targets, shell=shell)
    assert script.tool(lines[0]) == programs[0]
    said = {number: each.said for number, each in answers(lines).items()}
    assert said == {1: Said.OPEN, 2: Said.REFUSED, 3: Said.TIMEOUT}


def test_a_netcat_that_knows_no_v_runs_a_program_once_it_is_connected(
    tmp_path: Path, image: Image, ports: dict[str, int]
) -> None:
    (tmp_path / "nc").write_text(_NC.format(python=sys.executable))
    (tmp_path / "nc").chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as closing:
        Thread(target=_hang_up, args=(closing,), daemon=True).start()
        port = closing.getsockname()[1]
        targets = [tcp(1, port), tcp(2, ports["refused"]), tcp(3, ports["silent"]), tcp(4, ports["open"])]
        lines = run(image("timeout"), *targets)
    assert script.tool(lines[0]) == "nc"
    found = answers(lines)
    assert {number: found[number].said for number in (1, 2, 3)} == {
        1: Said.OPEN,
        2: Said.REFUSED,
        3: Said.TIMEOUT,
    }
    assert found[4].said is Said.OPEN, "though the server keeps the connection"


def test_wget_tells_silence_or_says_that_it_does_not(image: Image, ports: dict[str, int]) -> None:
    found = answers(run(image("wget", "timeout"), tcp(1, ports["refused"]), tcp(2, ports["silent"])))
    assert found[1].said is Said.REFUSED
    assert found[2].said in (Said.TIMEOUT, Said.UNSUPPORTED)


@pytest.mark.parametrize("shell", SHELLS)
def test_what_agnhost_says_is_read_by_its_first_word(tmp_path: Path, shell: str) -> None:
    (tmp_path / "agnhost").write_text(_AGNHOST)
    (tmp_path / "agnhost").chmod(0o755)
    found = answers(run(str(tmp_path), *(tcp(port, port) for port in range(1, 7)), shell=shell))
    assert {number: each.said for number, each in found.items()} == {
        1: Said.REFUSED,
        2: Said.TIMEOUT,
        3: Said.OTHER,
        4: Said.REFUSED,
        5: Said.BROKEN,
        6: Said.OPEN,
    }
    assert found[3].words == "OTHER: dial tcp 127.0.0.1:3: connect: no route to host"
    assert found[5].words == "panic: --protocol=tcp --timeout=1.000s"


# What the programs print, as it was heard: openbsd's netcat, the traditional one, ncat, busybox's with and
# without its option -v, GNU's wget and busybox's.
_RECORDED = [
    ("nc", 0, "Connection to 127.0.0.1 80 port [tcp/*] succeeded!", Said.OPEN),
    ("nc", 1, "nc: connect to 127.0.0.1 port 80 (tcp) failed: Connection refused", Said.REFUSED),
    ("nc", 1, "nc: connect to 127.0.0.1 port 80 (tcp) timed out: Operation now in progress", Said.TIMEOUT),
    ("nc", 1, "nc: connect to 127.0.0.1 port 80 (tcp) failed: No route to host", Said.OTHER),
    ("nc", 1, "nc: connect to fd00::1 port 80 (tcp) failed: Permission denied", Said.OTHER),
    ("nc", 0, "(UNKNOWN) [127.0.0.1] 80 (?) open", Said.OPEN),
    ("nc", 1, "(UNKNOWN) [127.0.0.1] 80 (?) : Connection refused", Said.REFUSED),
    ("nc", 1, "(UNKNOWN) [127.0.0.1] 80 (?) : Connection timed out", Said.TIMEOUT),
    ("nc", 0, "Ncat: Version 7.93\nNcat: Connected to 127.0.0.1:80.", Said.OPEN),
    ("nc", 1, "Ncat: Version 7.93\nNcat: Connection refused.", Said.REFUSED),
    ("nc", 1, "Ncat: Version 7.93\nNcat: TIMEOUT.", Said.TIMEOUT),
    ("nc", 143, "Ncat: Version 7.93", Said.BROKEN),
    ("nc", 0, "127.0.0.1 (127.0.0.1:80) open", Said.OPEN),
    ("nc", 1, "nc: can't connect to remote host (127.0.0.1): Connection refused", Said.REFUSED),
    ("nc", 1, "nc: 127.0.0.1 (127.0.0.1:80): Connection timed out", Said.TIMEOUT),
    ("nc", 1, "nc: invalid option -- 'v'\nUsage: nc [-wN]\n\t-w SEC\tConnect timeout", Said.BROKEN),
    ("wget", 4, "Connecting to 127.0.0.1:80... failed: Connection refused.", Said.REFUSED),
    ("wget", 124, "Connecting to 127.0.0.1:80... failed: Connection timed out.\nRetrying.", Said.TIMEOUT),
    ("wget", 124, "Connecting to 127.0.0.1:80... connected.\nHTTP request sent, awaiting", Said.OPEN),
    ("wget", 124, "Connecting to 10.9.9.9:3128... connected.\nProxy request sent", Said.UNSUPPORTED),
    ("wget", 1, "Connecting to 127.0.0.1:80 (127.0.0.1:80)\nwget: download timed out", Said.UNSUPPORTED),
    ("wget", 1, "wget: can't connect to remote host (127.0.0.1): Connection refused", Said.REFUSED),
    ("wget", 1, "wget: error getting response: Connection reset by peer", Said.OPEN),
    ("wget", 1, "wget: server returned error: HTTP/1.0 404 Not Found", Said.OPEN),
    ("wget", 0, "saving to '/dev/null'\n'/dev/null' saved", Said.OPEN),
]


@pytest.mark.parametrize(("program", "code", "words", "said"), _RECORDED)
def test_what_programs_say_is_read(tmp_path: Path, program: str, code: int, words: str, said: Said) -> None:
    (tmp_path / program).write_text(f"#!/bin/sh\nprintf '%s\\n' {quote(words)} >&2\nexit {code}\n")
    (tmp_path / program).chmod(0o755)
    assert answers(run(str(tmp_path), tcp(1, 80)))[1].said is said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("OTHER: connection refused", Said.REFUSED),
        ("TIMEOUT", Said.TIMEOUT),
        ("OTHER: protocol not supported", Said.OTHER),
        ("OTHER: broken pipe", Said.OPEN),
        ("OTHER: connection reset by peer", Said.OPEN),
        ("OTHER: EOF", Said.OPEN),
        ("OTHER: cannot send after transport endpoint shutdown", Said.OPEN),
    ],
)
def test_an_association_of_sctp_that_goes_wrong_later_has_come_to_be(
    tmp_path: Path, words: str, said: Said
) -> None:
    """agnhost's porter sends and closes at once: what its client still sends then may come too late."""
    (tmp_path / "agnhost").write_text(f"#!/bin/sh\necho {quote(words)} >&2\nexit 1\n")
    (tmp_path / "agnhost").chmod(0o755)
    target = Target(number=1, protocol=Protocol.SCTP, address="127.0.0.1", port=80, seconds=1.0)
    assert answers(run(str(tmp_path), target))[1].said is said
    other = Said.OTHER if said is Said.OPEN else said
    assert answers(run(str(tmp_path), tcp(1, 80)))[1].said is other


def test_what_a_proxy_says_is_not_taken_for_the_target(image: Image, ports: dict[str, int]) -> None:
    """Pods have variables that lead programs to a proxy, which answers whatever is asked."""
    path = image("wget", "timeout")
    proxy = f"http://127.0.0.1:{ports['open']}"
    found = answers(run(path, tcp(1, ports["refused"]), http_proxy=proxy, HTTP_PROXY=proxy))
    assert found[1].said is Said.REFUSED


def test_an_address_of_ipv6_is_bracketed_for_agnhost(tmp_path: Path) -> None:
    (tmp_path / "agnhost").write_text('#!/bin/sh\necho "OTHER: $4" >&2\nexit 1\n')
    (tmp_path / "agnhost").chmod(0o755)
    found = answers(run(str(tmp_path), tcp(1, 80, "fd00::1")))
    assert found[1].words == "OTHER: [fd00::1]:80"


def test_only_agnhost_speaks_udp(image: Image) -> None:
    target = Target(number=4, protocol=Protocol.UDP, address="127.0.0.1", port=53, seconds=1.0)
    found = answers(run(image("curl"), target))
    assert found[4] == Answer(number=4, said=Said.UNSUPPORTED, words="no program here speaks udp")


def test_an_image_without_any_program_says_so(image: Image) -> None:
    lines = run(image(), tcp(1, 80))
    assert script.tool(lines[0]) == "none"
    assert answers(lines)[1].said is Said.BROKEN


def test_not_more_than_a_window_is_under_way_at_a_time(tmp_path: Path) -> None:
    (tmp_path / "agnhost").write_text("#!/bin/sh\nexec sleep 0.3\n")
    (tmp_path / "agnhost").chmod(0o755)
    (tmp_path / "sleep").symlink_to(shutil.which("sleep") or "/bin/sleep")
    under_way: set[int] = set()
    most = 0
    for line in run(str(tmp_path), *(tcp(number, 80) for number in range(1, 9)), window=3):
        if answer := script.answer(line):
            (under_way.add if answer.said is None else under_way.discard)(answer.number)
            most = max(most, len(under_way))
    assert most == 3
    assert not under_way


def test_targets_are_data_and_never_commands(tmp_path: Path, image: Image) -> None:
    evil = tcp(1, 80, "$(touch${IFS}broken)")
    run(image("curl", "touch"), evil, tcp(2, 80, "`touch${IFS}broken`"))
    assert not (tmp_path / "broken").exists()
    assert not Path(os.getcwd(), "broken").exists()  # noqa: PTH109 - where the script runs


def test_what_comes_after_the_end_is_not_read(image: Image) -> None:
    words = [shutil.which("sh") or "sh", *script.words()[1:]]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"PATH": image("curl")}
    ) as running:
        assert running.stdin
        running.stdin.write(script.told([]))
        running.stdin.flush()
        assert running.wait(10) == 0, "the script ends though its standard input does not"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "OPEN",
        "kubereach1 end x OPEN",
        "kubereach1 end 1 open",
        "kubereach1 end 1 WHAT",
        " kubereach1 end 1 OPEN",
    ],
)
def test_a_line_without_the_mark_or_a_known_word_is_no_answer(line: str) -> None:
    assert script.answer(line) is None
