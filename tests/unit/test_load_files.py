"""Files, folders and standard input: which are read, in which order, and what is said of the others."""

from __future__ import annotations

import gc
import io
import os
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.diagnostics import AnalyzerError, Diagnostic
from analyzer.load import Loaded, NothingToAnalyze, limits, load
from analyzer.load.files import Source, Unreadable, drain


def pod(name: str) -> str:
    return f"apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\n"


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Run a test as somebody who may not read everything, in a folder that is theirs."""
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() == 0:
            try:
                os.chown(folder, 65534, -1)
                os.seteuid(65534)
            except OSError:
                pytest.skip("root cannot become anybody else here")
        try:
            monkeypatch.chdir(folder)
            yield Path(folder)
        finally:
            os.seteuid(os.getuid())
            monkeypatch.undo()


def write(path: str, text: str) -> Path:
    found = Path(path)
    found.parent.mkdir(parents=True, exist_ok=True)
    found.write_text(text)
    return found


def names(loaded: Loaded) -> list[str]:
    return [document.name for document in loaded.documents]


def refusals(*paths: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(AnalyzerError) as caught:
        load(paths)
    return caught.value.diagnostics


def refusal(*paths: str) -> str:
    (found,) = refusals(*paths)
    return found.render()


# Which are read


def test_a_folder_is_read_in_the_order_of_names_with_all_below_it() -> None:
    for path in ("b.yaml", "a/z.yml", "a/b/c.JSON", "c.Yaml", "a.yaml"):
        write(path, pod(Path(path).stem + "-" + Path(path).suffix[1:].lower()))
    loaded = load(["."])
    assert loaded.files == ("a/b/c.JSON", "a/z.yml", "a.yaml", "b.yaml", "c.Yaml")
    assert names(loaded) == ["c-json", "z-yml", "a-yaml", "b-yaml", "c-yaml"]


def test_files_that_are_no_manifests_are_not_looked_at() -> None:
    write("a.yaml", pod("a"))
    for path in ("README.md", ".git/config.yaml", ".#a.yaml", "a.yaml~", "secret"):
        write(path, "no: [manifest")
    assert load(["."]).files == ("a.yaml",)


def test_a_file_that_is_named_is_read_whatever_it_is_called() -> None:
    write(".hidden/manifest", pod("a"))
    assert names(load([".hidden/manifest"])) == ["a"]


def test_files_are_read_in_the_order_in_which_they_are_given_each_once() -> None:
    write("a.yaml", pod("a"))
    write("sub/b.yaml", pod("b"))
    os.link("a.yaml", "sub/c.yaml")
    Path("link").symlink_to("sub")
    assert load(["sub", "a.yaml", "link", ".", "sub"]).files == ("sub/b.yaml", "a.yaml")


def test_standard_input_is_read_once() -> None:
    loaded = load(["-", "-"], stdin=io.BytesIO(pod("a").encode()))
    assert (names(loaded), loaded.files) == (["a"], ("<stdin>",))


def test_standard_input_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pod("a").encode())))
    assert names(load(["-"])) == ["a"]


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert refusal("-") == "<stdin>:1:1: error: standard input is closed"


def test_standard_input_may_fail() -> None:
    with socket.socket() as unconnected:
        stream = unconnected.makefile("rb", buffering=0)
        with pytest.raises(AnalyzerError, match=r"^<stdin>:1:1: error: it cannot be read: "):
            load(["-"], stdin=stream)  # type: ignore[arg-type]  # raw streams have all that is asked for
        stream.close()


def test_folders_that_lead_to_each_other_are_read_once() -> None:
    write("a/b/pod.yaml", pod("a"))
    Path("a/b/up").symlink_to("../..")
    assert load(["a"]).files == ("a/b/pod.yaml",)


def test_a_link_to_itself_is_refused_where_a_manifest_would_be() -> None:
    write("pod.yaml", pod("a"))
    Path("loop").symlink_to("loop")
    assert names(load(["."])) == ["a"]
    Path("loop.yaml").symlink_to("loop.yaml")
    assert refusal(".") == "loop.yaml:1:1: error: it cannot be read: too many levels of symbolic links"
    assert refusal("loop") == "loop:1:1: error: it cannot be read: too many levels of symbolic links"


def test_a_folder_of_a_hundred_levels_is_read() -> None:
    write("/".join("d" * 100) + "/pod.yaml", pod("a"))
    assert names(load(["."])) == ["a"]


# What is refused


@pytest.mark.parametrize(
    ("path", "message", "help_"),
    [
        ("mainfests", "there is no file or folder `mainfests`", "did you mean `manifests`?"),
        ("manifests/pod.yml", "there is no file or folder `manifests/pod.yml`", "`manifests/pod.yaml`?"),
        ("manifests/", None, ""),
        ("pod/", "there is no file or folder `pod/`", ""),
        ("manifests/pod.yaml/x", "there is no file or folder `manifests/pod.yaml/x`", ""),
        ("nowhere/near", "there is no file or folder `nowhere/near`", ""),
        ("a\0b", r"there is no file or folder `a\x00b`", ""),
        ("\0/b", r"there is no file or folder `\x00/b`", ""),
        ("", "there is no file or folder ``", ""),
        ("\x1b[31m", r"there is no file or folder `\x1b[31m`", ""),
        ("caf\udce9", r"there is no file or folder `caf\xe9`", ""),
    ],
)
def test_a_path_that_leads_nowhere_is_told_with_what_it_may_be_a_slip_of(
    path: str, message: str | None, help_: str
) -> None:
    write("manifests/pod.yaml", pod("a"))
    if message is None:
        assert names(load([path])) == ["a"]
        return
    (found,) = refusals(path)
    assert (found.code, found.message) == ("no-such-file", message)
    assert help_ in found.help
    assert bool(found.help) == bool(help_)


def test_a_path_that_is_too_long_is_refused() -> None:
    assert "it cannot be read: file name too long" in refusal("x" * 10_000).rstrip()


def test_all_that_is_wrong_with_all_files_is_told_at_once() -> None:
    write("a.yaml", "a: [")
    write("b.yaml", pod("b") + "kind: Pod\n")
    found = refusals("nowhere", "a.yaml", "b.yaml")
    assert [each.code for each in found] == ["no-such-file", "yaml-syntax", "duplicate-key"]


def test_a_pipe_a_socket_and_a_device_are_no_manifests() -> None:
    os.mkfifo("pipe.yaml")
    assert refusal(".") == (
        "pipe.yaml:1:1: error: this is a pipe\n    help: pipe the manifests in, and give `-`"
    )
    assert "this is a device" in refusal("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert "this is a socket" in refusal("socket")


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="there is no /proc")
def test_files_that_the_kernel_makes_up_are_no_manifests() -> None:
    Path("a.yaml").symlink_to("/proc/kmsg")  # whose reading waits for messages, and takes them away
    for path in (".", "/proc/self/status"):
        assert "this is a file that the kernel makes up" in refusal(path)
    with pytest.raises(NothingToAnalyze):  # a folder that leads to all others
        load(["/proc"])


def test_a_file_that_becomes_a_pipe_while_it_is_looked_for_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.mkfifo("pipe.yaml")
    before = write("a.yaml", pod("a")).stat()
    monkeypatch.setattr("analyzer.load.files.os.stat", lambda _: before)
    assert "this is a pipe" in refusal("pipe.yaml")


def test_a_file_that_keeps_one_waiting_is_refused() -> None:
    end, other = os.pipe2(os.O_NONBLOCK)
    with (
        os.fdopen(end, "rb", buffering=0) as stream,
        os.fdopen(other, "wb"),
        pytest.raises(Unreadable) as told,
    ):
        drain(Source(path="a.yaml", name="a.yaml"), stream)
    assert told.value.diagnostic.message == "this is a file that ends only when somebody has written to it"


def test_standard_input_that_does_not_wait_is_waited_for() -> None:
    end, other = os.pipe2(os.O_NONBLOCK)

    def speak() -> None:
        with os.fdopen(other, "wb", buffering=0) as stream:
            for part in pod("slow").split(" "):
                time.sleep(0.01)
                stream.write(f"{part} ".encode())

    speaker = threading.Thread(target=speak)
    speaker.start()
    with os.fdopen(end, "rb") as stream:
        (document,) = load(["-"], stdin=stream).documents
    speaker.join()
    assert document.name == "slow"


def test_a_file_that_is_too_large_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "FILE_BYTES", 3 << 20)
    with write("a.yaml", "").open("wb") as file:
        file.truncate(1 << 40)
    assert refusal("a.yaml") == "a.yaml:1:1: error: this is more than 3 MB\n    help: split it"


def test_a_stream_that_never_ends_is_refused_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "FILE_BYTES", 3 << 20)
    with Path("/dev/zero").open("rb") as endless, pytest.raises(AnalyzerError) as caught:
        load(["-"], stdin=endless)
    assert "<stdin>:1:1: error: this is more than 3 MB" in str(caught.value)


def test_a_link_that_leads_nowhere_is_told_as_such() -> None:
    Path("a.yaml").symlink_to("nowhere.yaml")
    assert refusal("a.yaml") == "a.yaml:1:1: error: this is a link to a file that does not exist"


def test_after_very_many_problems_the_rest_of_a_file_is_left_unread() -> None:
    write("a.yaml", "---\n".join(["kind: Pod\nmetadata: {name: a}\n"] * 3000))
    found = refusals("a.yaml")
    assert len(found) == limits.FILE_PROBLEMS + 2
    assert found[-1].message == "too many problems: the rest was not read"


@pytest.mark.parametrize("path", ["a.yaml", "."])
def test_after_very_many_problems_the_rest_of_a_list_is_left_unread(path: str) -> None:
    write("a.yaml", "apiVersion: v1\nkind: List\nitems:\n" + "- apiVersion: v1\n" * 3000 + "  kind: Pod\n")
    found = refusals(path)
    assert len(found) == limits.FILE_PROBLEMS + 2
    assert found[-1].message == "too many problems: the rest was not read"


def test_very_many_values_that_are_not_kubernetes_are_left_out_together() -> None:
    write("a.yaml", "---\n".join(["a: 1\n"] * 3000))
    write("b.yaml", pod("b"))
    assert names(load(["."])) == ["b"]


def test_files_and_folders_that_may_not_be_read_are_told(ordinary_user: Path) -> None:
    write("a.yaml", pod("a")).chmod(0)
    write("sub/b.yaml", pod("b"))
    write("c.yaml", pod("c"))
    Path("sub").chmod(0)
    try:
        assert [each.render() for each in refusals(".", "sub/b.yaml")] == [
            "sub:1:1: error: it cannot be read: permission denied",
            "sub/b.yaml:1:1: error: it cannot be read: permission denied",
            "a.yaml:1:1: error: it cannot be read: permission denied",
        ]
    finally:
        Path("sub").chmod(0o700)


def test_bytes_that_are_no_text_are_refused_with_line_and_column() -> None:
    Path("a.yaml").write_bytes(pod("a").encode() + b"spec: caf\xe9\n")
    assert refusal(".").startswith("a.yaml:4:10: error: byte 0xe9 at offset ")


# What is no Kubernetes object


@pytest.mark.parametrize("count", [1, 5, 7])
def test_other_files_of_a_folder_are_left_out_and_named(count: int) -> None:
    write("pod.yaml", pod("a"))
    for number in range(count):
        write(f"values-{number}.yaml", "replicas: 2")
    (notice,) = load(["."]).diagnostics
    assert notice.code == "not-kubernetes"
    assert notice.message.startswith("left out, as they hold no Kubernetes object: `values-0.yaml`")
    assert notice.message.count("`") == 2 * min(count, 5)
    assert notice.message.endswith(" and 2 more") is (count == 7)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({}, "there is no Kubernetes object in `.`"),
        ({"a.yaml": "a: b"}, "there is no Kubernetes object in `.`"),
        ({"a.yaml": ""}, "there is no Kubernetes object in `.`"),
    ],
)
def test_where_there_is_no_object_that_is_told(texts: dict[str, str], message: str) -> None:
    for path, text in texts.items():
        write(path, text)
    with pytest.raises(NothingToAnalyze) as caught:
        load(["."])
    assert caught.value.diagnostics[0].message == message


def test_collection_of_cycles_goes_on_afterwards_and_only_where_it_did_before() -> None:
    write("pod.yaml", pod("a"))
    assert gc.isenabled()
    load(["."])
    assert gc.isenabled()
    gc.disable()
    try:
        load(["."])
        assert not gc.isenabled()
    finally:
        gc.enable()
