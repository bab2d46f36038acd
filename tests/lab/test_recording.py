"""Recordings: what was seen comes back as it was, and no file that is none is taken for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import recording, verify
from lab.compare import Comparison, Status
from lab.errors import LabError
from lab.plan import plan
from lab.probes import Outcome
from lab.recording import Files, Recorder
from lab.world import realize
from tests.lab.labs import EXAMPLES
from tests.lab.seen import all_alike, as_predicted, of_paths

Data = dict[str, Any]


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return as_predicted(of_paths(("manifests/",)))


@pytest.fixture
def saved(comparison: Comparison, tmp_path: Path) -> Path:
    path = tmp_path / "seen.json"
    recording.save(comparison, str(path))
    return path


def test_what_was_seen_comes_back_as_it_was(comparison: Comparison, saved: Path) -> None:
    found = recording.read(str(saved))
    assert found.sources == ("manifests/",)
    assert found.placement == comparison.plan.world.placement
    assert found.answers(comparison.plan) == [each.result for each in comparison.findings]


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda path: path.name)
def test_a_recording_is_compared_with_the_same_questions(folder: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "seen.json")
    recording.save(as_predicted(of_paths((str(folder),))), path)
    assert verify.main(["--recording", path]) == 0


def test_other_manifests_differ_from_a_recording(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify.main(["--recording", str(saved), "examples/deny-all"]) == 1
    assert capsys.readouterr().out.endswith("not verified\n")


def test_what_was_seen_to_be_wrong_stays_wrong(tmp_path: Path) -> None:
    path = str(tmp_path / "seen.json")
    recording.save(all_alike(of_paths(("manifests/",)), Outcome.ERROR), path)
    assert verify.main(["--recording", path]) == 1


def test_what_was_not_asked_then_is_an_error_and_no_denial(comparison: Comparison, saved: Path) -> None:
    data = json.loads(saved.read_text())
    data["observations"] = data["observations"][:-1]
    saved.write_text(json.dumps(data))
    answers = recording.read(str(saved)).answers(comparison.plan)
    assert answers[-1].outcome is Outcome.ERROR
    assert Comparison(comparison.plan, answers).counts[Status.FAILED] == 1


def test_pods_that_a_recording_does_not_know_are_placed_anew(saved: Path, tmp_path: Path) -> None:
    found = recording.read(str(saved))
    made = of_paths(("examples/deny-all",))
    world = realize(made.world.cluster, before=found.placement)
    answers = found.answers(plan(world))
    assert {each.outcome for each in answers} == {Outcome.ERROR}


def _attempts(place: int, value: object) -> Callable[[Data], object]:
    return lambda data: data["observations"][0][1][1][0].__setitem__(place, value)


def _pods(value: object) -> Callable[[Data], object]:
    return lambda data: data["placement"].update(pods={"test-a/test-pod-a": value})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.pop("placement"),
        lambda data: data.update(placement=[]),
        lambda data: data.update(nodes=[]),
        lambda data: data.update(nodes="abc"),
        lambda data: data.update(nodes=[["a"]]),
        lambda data: data.update(manifests=None),
        lambda data: data.update(cni=7),
        lambda data: data.update(observations=5),
        lambda data: data.update(observations=[[]]),
        lambda data: data["placement"].update(nodes={"n": 5}),
        lambda data: data["placement"].update(services={"n": ["10.0.0.0/8"]}),
        _pods(["node", [1]]),
        _pods(["node", ["x"]]),
        _pods([["node"], ["10.0.0.1"]]),
        _pods(["node"]),
        lambda data: data["observations"][0][0].__setitem__(2, "ICMP"),
        lambda data: data["observations"][0][0].__setitem__(1, []),
        lambda data: data["observations"][0][1].__setitem__(0, "fine"),
        _attempts(0, "fine"),
        _attempts(1, float("nan")),
        _attempts(2, "soon"),
        _attempts(3, "80"),
        _attempts(4, ["me"]),
        _attempts(5, "a"),
        _attempts(6, 6),
        _attempts(7, {}),
    ],
)
def test_what_is_no_recording_is_refused(
    saved: Path, spoil: Callable[[Data], object], capfd: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(saved.read_text())
    spoil(data)
    saved.write_text(json.dumps(data))
    with pytest.raises(LabError, match="is no recording"):
        recording.read(str(saved))
    assert verify.main(["--recording", str(saved)]) == 2
    assert capfd.readouterr().err.count("error: ") == 1


@pytest.mark.parametrize("text", ["", "null", "5", "[]", "{", "[" * 100_000, "\0", '{"schema": "x"}'])
def test_files_of_something_else_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "seen.json"
    path.write_text(text)
    with pytest.raises(LabError, match="is no recording"):
        recording.read(str(path))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    path.write_bytes(b"\xff\xfe\xfd")
    with pytest.raises(LabError, match="is no recording"):
        recording.read(str(path))


def test_another_version_is_refused(saved: Path) -> None:
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "version": 2}))
    with pytest.raises(LabError, match="a recording of another version"):
        recording.read(str(saved))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"cannot read `.*none\.json`: No such file"):
        recording.read(str(tmp_path / "none.json"))
    with pytest.raises(LabError, match="cannot read"):
        recording.read(str(tmp_path))


def test_a_file_that_is_too_long_for_a_recording_is_refused(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = saved.stat().st_size
    monkeypatch.setattr(recording, "MOST_BYTES", size)
    assert recording.read(str(saved)).sources == ("manifests/",)
    monkeypatch.setattr(recording, "MOST_BYTES", size - 1)
    with pytest.raises(LabError, match="too much for a recording"):
        recording.read(str(saved))


def test_a_recording_that_could_not_be_read_is_not_written(
    comparison: Comparison, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = saved.stat().st_size
    before = saved.read_bytes()
    monkeypatch.setattr(recording, "MOST_BYTES", size - 1)
    with pytest.raises(LabError, match="too much for a recording"):
        recording.save(comparison, str(saved))
    assert saved.read_bytes() == before
    monkeypatch.setattr(recording, "MOST_BYTES", size)
    recording.save(comparison, str(saved))
    assert recording.read(str(saved)).sources == ("manifests/",)


def test_more_observations_than_a_recording_has_room_for_are_refused_before_any_is_made(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(comparison.findings)
    monkeypatch.setattr(recording, "MOST", count - 1)
    for files in (Files(output=str(tmp_path / "o")), Files(resume=str(tmp_path / "r"))):
        with pytest.raises(LabError, match=f"has room for {count - 1} observations, and these are {count}"):
            Recorder(comparison.plan, files)
    monkeypatch.setattr(recording, "MOST", count)
    assert Recorder(comparison.plan, Files(output=str(tmp_path / "o"))).rest.questions


def test_a_recording_that_will_be_too_large_is_given_up_early(
    comparison: Comparison, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a tenth of the observations it is known how large all of them will be."""
    some = len(comparison.findings) // 10
    whole = recording.save(comparison, str(tmp_path / "whole"))
    monkeypatch.setattr(recording, "_PAUSE", 0.0)
    monkeypatch.setattr(recording, "_TENTH", 0)
    for limit, refused in ((whole * 4, False), (whole // 4, True)):
        monkeypatch.setattr(recording, "MOST_BYTES", limit)
        taking = Recorder(comparison.plan, Files(output=str(tmp_path / "some")))
        told = False
        try:
            for number, each in enumerate(comparison.findings[:some]):
                taking.take(number, each.result)
        except LabError:
            told = True
        assert told is refused
