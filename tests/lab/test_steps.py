"""Steps of long work: told on a terminal and elsewhere, undone in reverse when one fails."""

from __future__ import annotations

import io
import os
import re
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from analyzer import AnalyzerError, Diagnostic, Severity
from lab import steps
from lab.errors import LabError
from lab.steps import Steps


def fail(work: Steps, error: BaseException, *made: tuple[str, Callable[[], object]]) -> None:
    """Make some things, and fail."""
    with work.undone_on_failure():
        for what, undo in made:
            work.made(what, undo)
        raise error


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_elsewhere_than_on_a_terminal_each_step_has_plain_lines() -> None:
    stream = io.StringIO()
    with Steps(stream).step("creating the cluster") as say:
        say("pulling")
    assert re.fullmatch(r"creating the cluster \.\.\.\ncreating the cluster: \d\.\d s\n", stream.getvalue())


def test_a_long_step_says_now_and_then_that_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_HEARTBEAT", 0.02)
    stream = io.StringIO()
    with Steps(stream).step("waiting") as say:
        say("calico-node: 1 of 4")
        time.sleep(0.1)
    assert re.search(r"^waiting \.\.\. \d\.\d s: calico-node: 1 of 4$", stream.getvalue(), re.MULTILINE)


def test_on_a_terminal_a_step_leaves_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_PAUSE", 0.01)
    stream = Terminal()
    with Steps(stream).step("creating") as say:
        say("Preparing\x1b[2J nodes")
        time.sleep(0.1)
    text = stream.getvalue()
    assert "Preparing" in text
    assert "\x1b[2J" not in text, "what programs say cannot command the terminal"
    shown = text.rpartition("\r\x1b[K")[2]
    assert re.fullmatch(r"creating: \d\.\d s\n", shown)


def test_a_failed_step_says_so() -> None:
    stream = io.StringIO()
    with pytest.raises(LabError), Steps(stream).step("installing"):
        raise LabError("no")
    assert "installing: failed after 0.0 s" in stream.getvalue()


@pytest.mark.parametrize("error", [LabError("no"), KeyboardInterrupt()])
def test_what_was_made_is_undone_in_reverse(error: BaseException) -> None:
    stream, undone = io.StringIO(), []
    work = Steps(stream)
    cluster = ("the cluster", lambda: undone.append("cluster"))
    record = ("the record", lambda: undone.append("record"))
    with pytest.raises(type(error)):
        fail(work, error, cluster, record)
    assert undone == ["record", "cluster"]
    assert stream.getvalue().splitlines() == ["the record was removed again", "the cluster was removed again"]


def test_what_is_to_be_retained_is_kept() -> None:
    stream, undone = io.StringIO(), []
    work = Steps(stream, retain=True)
    with pytest.raises(LabError):
        fail(work, LabError("no"), ("the cluster", lambda: undone.append("cluster")))
    assert undone == []
    assert "the cluster is kept" in stream.getvalue()


def test_what_succeeds_is_not_undone() -> None:
    work, undone = Steps(io.StringIO()), []
    with work.undone_on_failure():
        work.made("the cluster", lambda: undone.append("cluster"))
    assert undone == []


def test_what_cannot_be_undone_is_told_and_the_rest_is_undone() -> None:
    stream, undone = io.StringIO(), []

    def refuse() -> None:
        raise LabError("docker does not answer")

    work = Steps(stream)
    network = ("the network", lambda: undone.append("network"))
    with pytest.raises(LabError, match="first"):
        fail(work, LabError("first"), network, ("the cluster", refuse))
    assert undone == ["network"]
    assert "the cluster is left behind: docker does not answer" in stream.getvalue()


def test_evidence_is_shown_before_anything_is_removed() -> None:
    stream = io.StringIO()
    work = Steps(stream, evidence=lambda: iter(["Pod x: ImagePullBackOff"]))
    with pytest.raises(LabError):
        fail(work, LabError("not ready"), ("the cluster", lambda: None))
    assert stream.getvalue().splitlines() == ["  Pod x: ImagePullBackOff", "the cluster was removed again"]


@pytest.mark.parametrize(
    "gone",
    [
        LabError("the API server is gone"),
        AnalyzerError(Diagnostic(severity=Severity.ERROR, code="x", message="the API server is gone")),
    ],
)
def test_evidence_that_cannot_be_had_does_not_hide_the_error(gone: Exception) -> None:
    def evidence() -> Iterator[str]:
        yield "one line"
        raise gone

    stream = io.StringIO()
    work = Steps(stream, evidence=evidence)
    with pytest.raises(LabError, match="not ready"):
        fail(work, LabError("not ready"), ("the cluster", lambda: None))
    assert stream.getvalue().splitlines() == [
        "  one line",
        "  nothing more is known: the API server is gone",
        "the cluster was removed again",
    ]


def test_an_interruption_while_evidence_is_looked_for_does_not_stop_the_removal() -> None:
    def evidence() -> Iterator[str]:
        yield "one line"
        raise KeyboardInterrupt

    undone: list[str] = []
    work = Steps(io.StringIO(), evidence=evidence)
    with pytest.raises(KeyboardInterrupt):
        fail(work, LabError("not ready"), ("the cluster", lambda: undone.append("cluster")))
    assert undone == ["cluster"]


def test_a_second_interruption_does_not_stop_the_removal() -> None:
    undone = []

    def undo() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        undone.append("cluster")

    work = Steps(io.StringIO())
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fail(work, KeyboardInterrupt(), ("the cluster", undo))
    assert undone == ["cluster"]
    assert signal.getsignal(signal.SIGINT) is before


def test_minutes_are_told_as_minutes() -> None:
    assert steps._seconds(75) == "1 min 15 s"
