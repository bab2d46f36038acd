from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import stat
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.probes import Outcome, Patience, Probe, Protocol
from lab.providers.netns import client, launch, rundir, wire
from lab.providers.netns.client import Lab
from lab.providers.netns.columns import pack_probes
from lab.providers.netns.topology import LabPod, OutsideHost
from tests.lab import sandbox
from tests.lab.sandbox import Inside
from tests.lab.test_namespaces import holders, links
from tests.lab.worlds import TCP, hooked, topology

pytestmark = pytest.mark.lab

TO_P2 = Probe(source="ns/p1", address="10.244.0.2", protocol=TCP, port=80, expect="ns/p2")


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test a runtime directory of its own, in one that an ordinary user may enter as well."""
    with tempfile.TemporaryDirectory(prefix="lab", dir="/tmp") as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder)


@pytest.fixture(params=["root", "rootless"])
def outside(request: pytest.FixtureRequest, home: Path) -> Iterator[Inside]:
    """Run a story as root and as an ordinary user; whatever labs it leaves are ended."""
    rootless = request.param == "rootless"
    inside = sandbox.inside(rootless=rootless)
    if rootless and os.geteuid() == 0:
        os.chown(home, sandbox.NOBODY, sandbox.NOBODY)
    yield inside
    inside(lambda: [client.down(name) for name in rundir.names()] and None)


def up(name: str = "kubereach", count: int = 2) -> Lab:
    """Bring a lab up in which all pods listen."""
    lab = Lab.start(topology(count), name)
    lab.listen((pod.name, protocol, 80) for pod in topology(count).pods for protocol in Protocol)
    return lab


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_full_process_table_is_told_in_the_users_words(home: Path, most: int) -> None:
    """Wherever on the way to a lab's process there is no room for another; the limit is not for root."""
    inside = sandbox.inside(rootless=True)
    if os.geteuid() == 0:
        os.chown(home, sandbox.NOBODY, sandbox.NOBODY)

    def start() -> None:
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
        with pytest.raises(
            LabError, match=r"^cannot start the lab's process: Resource .* unavailable"
        ) as told:
            Lab.start(topology(2))
        assert "ulimit -u" in (told.value.help or "")
        assert not rundir.names()

    inside(start)


def test_a_lab_outlives_the_command_that_started_it(outside: Inside) -> None:
    def start() -> None:
        up().close()

    def probe() -> None:
        with Lab.connect() as lab:
            (result,) = lab.probe([TO_P2])
            assert (result.outcome, result.probe) == (Outcome.OPEN, TO_P2)

    outside(start)
    outside(probe)


def test_what_is_asked_of_a_lab_is_what_its_network_does(outside: Inside) -> None:
    def story() -> None:
        with up() as lab:
            lab.load_rulesets({"n2": hooked('ip daddr 10.244.0.2 log prefix "why" group 1 drop')})
            (result,) = lab.probe([TO_P2], Patience(timeout=30))
            assert (result.outcome, result.rule) == (Outcome.DROPPED, "why")
            lab.build_ruleset("n2", ["flush ruleset"])
            told: list[tuple[int, int]] = []
            assert (
                lab.probe([TO_P2] * 3, on_progress=lambda *counts: told.append(counts))[2].outcome
                is Outcome.OPEN
            )
            assert told[-1] == (3, 3)
            assert lab.probe([]) == []
            new = LabPod(name="ns/new", node="n1", addresses=("10.244.9.9",))
            lab.change(remove=["ns/p1"], pods=[new], hosts=[OutsideHost(name="dns", addresses=("8.8.8.8",))])
            lab.listen([("dns", Protocol.UDP, 53)])
            probe = Probe(source="ns/new", address="8.8.8.8", protocol=Protocol.UDP, port=53, expect="dns")
            assert lab.probe([probe])[0].outcome is Outcome.OPEN
            status = lab.status()
            assert [pod.name for pod in status.topology.pods] == ["ns/p2", "ns/new"]
            assert status.topology.nodes == topology().nodes
            assert ("dns", Protocol.UDP, 53) in status.listening
            assert (status.busy, status.name) == (False, "kubereach")
            assert status.rootless is (os.geteuid() != 0)
            assert abs(status.since - time.time()) < 60

    outside(story)


def test_down_removes_everything_and_may_be_called_twice(outside: Inside, home: Path) -> None:
    def story() -> None:
        up().close()
        assert client.running() == ["kubereach"]
        assert client.down()
        assert not client.down()
        assert client.running() == []

    outside(story)
    assert list((home / "kubereach").iterdir()) == []


def test_a_second_lab_of_the_same_name_is_refused_and_the_first_goes_on(outside: Inside) -> None:
    def story() -> None:
        with up() as lab:
            with pytest.raises(LabError, match="the lab `kubereach` is up already"):
                up()
            assert lab.probe([TO_P2])[0].outcome is Outcome.OPEN

    outside(story)


def test_labs_of_several_names_do_not_meet(outside: Inside) -> None:
    def story() -> None:
        with up("one") as one, up("two") as two:
            one.load_rulesets({"n2": hooked("reject with icmpx admin-prohibited")})
            assert one.probe([TO_P2])[0].outcome is Outcome.REJECTED
            assert two.probe([TO_P2])[0].outcome is Outcome.OPEN
            assert client.running() == ["one", "two"]
            one.down()
            assert client.running() == ["two"]
            assert two.probe([TO_P2])[0].outcome is Outcome.OPEN

    outside(story)


def test_what_does_not_run_is_said_in_one_line(outside: Inside) -> None:
    def story() -> None:
        with pytest.raises(LabError, match="no lab `nobody` is running") as raised:
            Lab.connect("nobody")
        assert raised.value.help == "start it with `invoke up`"
        with pytest.raises(LabError, match="`No!` cannot be the name of a lab"):
            Lab.connect("No!")

    outside(story)


def test_mistakes_come_back_as_they_are_and_the_lab_goes_on(outside: Inside) -> None:
    def story() -> None:
        with up() as lab:
            with pytest.raises(LabError, match="there is no `ns/p9`"):
                lab.listen([("ns/p9", TCP, 80)])
            with pytest.raises(LabError, match=r"nft refused the ruleset of `n1`: .*syntax error"):
                lab.load_rulesets({"n1": "nonsense\n"})
            with pytest.raises(LabError, match="there is no `ns/p9`"):
                lab.probe([Probe(source="ns/p9", address="10.0.0.1", protocol=TCP, port=1)])
            with pytest.raises(LabError, match="the lab does not know `dance`"):
                lab._ask({"do": "dance"})
            with pytest.raises(LabError, match="the lab does not know"):
                lab._ask({"do": ["down"]})
            with pytest.raises(LabError, match="the lab failed: KeyError"):
                lab._ask({"do": "listen"})
            with pytest.raises(LabError, match="is built already"):
                lab._ask({"do": "create"})
            assert lab.probe([TO_P2])[0].outcome is Outcome.OPEN

    outside(story)


def test_a_lab_that_cannot_be_built_leaves_nothing(outside: Inside, home: Path) -> None:
    def story() -> None:
        twins = topology(2)
        with pytest.raises(LabError, match="the name `ns/p1` is given 2 times"):
            Lab.start(type(twins)(nodes=twins.nodes, pods=twins.pods + twins.pods))
        files = rundir.files("kubereach")
        launch.launch(files)
        lab = Lab(files)
        with pytest.raises(LabError, match="is not built yet"):
            lab.status()
        with pytest.raises(LabError, match="the lab failed"):
            lab._ask({"do": "create", "topology": {}})
        lab.close()
        wait_for(lambda: not files.socket.exists())

    outside(story)
    assert list((home / "kubereach").iterdir()) == []


def test_a_lab_remembers_what_it_is_given(outside: Inside) -> None:
    def story() -> None:
        with up() as lab:
            assert lab.recall("manifests") is None
            lab.remember("manifests", {"files": ["a.yaml"], "é": [1, None]})
        with Lab.connect() as lab:
            assert lab.recall("manifests") == {"files": ["a.yaml"], "é": [1, None]}

    outside(story)


def test_probes_of_two_clients_wait_for_each_other_and_status_waits_for_nobody(outside: Inside) -> None:
    def story() -> None:
        with up() as slow, Lab.connect() as other:
            slow.load_rulesets({"n2": hooked("ip daddr 10.244.0.2 drop")})
            slow.close()
            probing = sandbox.begin(lambda: Lab.connect().probe([TO_P2], Patience(timeout=0.3))[0].outcome)
            wait_for(lambda: other.status().busy)
            other.load_rulesets({"n2": "flush ruleset\n"})  # waits until the probe is over
            assert not other.status().busy
            assert probing() is Outcome.DROPPED

    outside(story)


def test_a_client_that_leaves_takes_its_probes_along(outside: Inside) -> None:
    def story() -> None:
        with up() as lab:
            lab.load_rulesets({"n2": hooked("ip daddr 10.244.0.2 drop")})
            impatient = Lab.connect()
            request = {"do": "probe", "probes": pack_probes([TO_P2])}
            wire.send(impatient._socket, {**request, "patience": [60, 2, 5]})
            wait_for(lambda: lab.status().busy)
            impatient.close()
            wait_for(lambda: not lab.status().busy)
            lab.load_rulesets({"n2": "flush ruleset\n"})
            assert lab.probe([TO_P2])[0].outcome is Outcome.OPEN

    outside(story)


def test_a_shell_runs_in_a_pod_with_the_callers_files_and_its_own_hosts(outside: Inside, home: Path) -> None:
    def story() -> None:
        with up() as lab:
            script = f"curl --silent http://web > {home}/answer; exit 3"
            assert lab.shell("ns/p1", ["sh", "-c", script], hosts="10.244.0.2 web\n") == 3
            assert (home / "answer").read_text() == "ns/p2\n"
            assert lab.shell("ns/p1", ["sh", "-c", "kill -9 $$"]) == 137
            assert lab.shell("ns/p1", ["/no/such/program"]) == 127
            with pytest.raises(LabError, match="there is no `ns/p9`"):
                lab.shell("ns/p9", ["true"])

    outside(story)


def test_a_shell_ends_with_its_lab(outside: Inside) -> None:
    def story() -> None:
        lab, word = up(), f"61.{os.getpid()}"
        sleeping = sandbox.begin(lambda: Lab.connect().shell("ns/p1", ["sleep", word]))
        wait_for(lambda: bool(processes(word)))
        lab.down()
        assert sleeping() == 137

    outside(story)


def test_orphans_of_a_shell_end_with_the_lab(outside: Inside, home: Path) -> None:
    def story() -> int:
        with up() as lab:
            script = "setsid sleep 61.7 > /dev/null 2>&1 & readlink /proc/self/ns/net"
            lab.shell("ns/p1", ["sh", "-c", f"({script}) > {home}/network"])
        network = int((home / "network").read_text().strip().strip("net:[]"))
        assert list(holders({network}))
        client.down()
        return network

    network = outside(story)
    wait_for(lambda: not list(holders({network})))


def test_only_its_owner_can_speak_to_a_lab(outside: Inside, home: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be several users")
    outside(lambda: up().close())
    path = home / "kubereach/kubereach.socket"
    assert stat.S_IMODE((home / "kubereach").stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # Open the doors, as if the file system did not keep others out: the lab itself does.
    for opened in (home, home / "kubereach", path):
        opened.chmod(0o777)

    def stranger() -> bytes:
        os.setresuid(12345, 12345, 12345)
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(path))
            body = json.dumps({"do": "down"}).encode()
            with suppress(BrokenPipeError, ConnectionResetError):
                one.sendall(struct.pack("!I", len(body)) + body)
                return one.recv(100)
            return b""

    assert sandbox.run(stranger, rootless=False) == b""
    (home / "kubereach").chmod(0o700)
    home.chmod(0o700)
    assert outside(lambda: Lab.connect().status().name) == "kubereach"


def test_broken_messages_end_a_connection_and_not_the_lab(outside: Inside) -> None:
    def story() -> None:
        with up() as lab:
            for junk in (
                b"\xff\xff\xff\xff",
                struct.pack("!I", 2) + b"[]",
                struct.pack("!I", 1) + b"{",
                b"\0",
            ):
                with socket.socket(socket.AF_UNIX) as one:
                    one.connect(str(rundir.files("kubereach").socket))
                    one.sendall(junk)
                    one.shutdown(socket.SHUT_WR)
                    while one.recv(1000):
                        pass
            assert lab.probe([TO_P2])[0].outcome is Outcome.OPEN

    outside(story)


def test_a_terminated_lab_cleans_up(outside: Inside, home: Path) -> None:
    def story() -> None:
        with up() as lab:
            os.kill(lab.status().pid, signal.SIGTERM)
            wait_for(lambda: not client.running())
            with pytest.raises(LabError, match="the lab `kubereach` ended unexpectedly"):
                lab.status()

    outside(story)
    wait_for(lambda: list((home / "kubereach").iterdir()) == [])


def processes(word: str) -> list[int]:
    """Return the processes that have a word on their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if word.encode() in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def networks(pids: list[int]) -> set[int]:
    """Return the network namespaces that processes hold or are in, this one's excepted."""
    found = set[int]()
    for pid in pids:
        for link in (Path(f"/proc/{pid}/ns/net"), *Path(f"/proc/{pid}/fd").glob("*")):
            with suppress(OSError):
                target = str(link.readlink())
                if target.startswith("net:["):
                    found.add(int(target[5:-1]))
    return found - {Path("/proc/self/ns/net").stat().st_ino}


def end_all(word: str) -> bool:
    """Kill the processes that have a word on their command line, and tell whether there were any."""
    pids = processes(word)
    for pid in pids:
        end(pid)
    return bool(pids)


def end(pid: int) -> None:
    """Kill a process of this test, if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def test_a_temporary_lab_ends_with_the_process_that_made_it(outside: Inside) -> None:
    def story() -> None:
        def own() -> None:
            with Lab.start(topology(2), temporary=True):
                Lab.connect().close()  # who only visits is not missed
                with Lab.connect() as guest:
                    assert guest.status().topology == topology(2)
                os.kill(os.getpid(), signal.SIGKILL)

        if (owner := os.fork()) == 0:
            with suppress(BaseException):
                own()
            os._exit(1)
        assert os.WTERMSIG(os.waitpid(owner, 0)[1]) == signal.SIGKILL
        wait_for(lambda: not rundir.names())
        with pytest.raises(LabError, match="no lab `kubereach` is running"):
            Lab.connect()

    outside(story)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until something holds, as long as it may take on a busy machine."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.01)


@pytest.mark.parametrize("seed", range(6))
def test_after_a_kill_at_any_moment_nothing_is_left_and_up_works_again(
    outside: Inside, home: Path, seed: int
) -> None:
    rootless = home.stat().st_uid == sandbox.NOBODY
    name = f"killed-{seed}-{os.getpid()}"
    choice = random.Random(seed)
    moment = choice.uniform(0.0, 0.6)
    before, sessions = links(), set[int]()

    def live() -> None:
        with suppress(LabError):
            lab = up(name, count=24)
            while True:
                lab.probe([TO_P2] * 100)

    def kill() -> set[int]:
        wait_for(lambda: bool(processes(name)))
        time.sleep(moment)
        pids = processes(name)
        with suppress(ProcessLookupError):
            sessions.update(os.getsid(pid) for pid in pids)
        found = networks(pids)
        for pid in pids and [choice.choice(pids)]:
            end(pid)
        time.sleep(0.05)
        wait_for(lambda: not end_all(name))  # the first may not have been the one that matters
        return found

    living = sandbox.begin(live, rootless=rootless)
    left = kill()
    living()
    wait_for(lambda: not processes(name))
    wait_for(lambda: not any(list(holders(left, session)) for session in sessions))
    assert links() == before

    def story() -> bool:
        return up(name).probe([TO_P2])[0].outcome is Outcome.OPEN and client.down(name)

    assert outside(story)
    assert list((home / "kubereach").iterdir()) == []
