"""Recordings: what was seen comes back as it was, and no file that is none is taken for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import manifests, recording, verify
from lab.compare import Comparison, Status
from lab.errors import LabError
from lab.plan import Wanted, plan
from lab.probes import Outcome, ProbeResult
from lab.recording import Files, Recorder
from lab.world import Placing, World, realize
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


def _shop(folder: Path, *, ports: str = "80", web: int = 3, lines: int = 0) -> World:
    """Return a world of web servers and a database that admits them at some ports."""
    folder.mkdir(exist_ok=True)
    path = folder / "shop.yaml"
    path.write_text(
        "#\n" * lines
        + "".join(
            "apiVersion: v1\nkind: Pod\n"
            f"metadata: {{name: {name}, namespace: shop, labels: {{app: {app}}}}}\n"
            "spec: {containers: [{name: c, image: i}]}\n---\n"
            for name, app in [*((f"web-{number}", "web") for number in range(web)), ("db", "db")]
        )
        + "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: db, namespace: shop}\n"
        "spec: {podSelector: {matchLabels: {app: db}},"
        " ingress: [{from: [{podSelector: {matchLabels: {app: web}}}],"
        f" ports: [{{port: {ports}}}]}}]}}\n"
    )
    return realize(manifests.read((str(path),)).cluster, Placing())


@pytest.fixture
def kept(tmp_path: Path) -> tuple[World, recording.Recording]:
    world = _shop(tmp_path / "a")
    path = str(tmp_path / "seen.json")
    recording.save(as_predicted(plan(world)), path)
    return world, recording.read(path)


def _moved(world: World, *names: str) -> World:
    pods = [
        replace(pod, addresses=(f"10.244.9.{number}",)) if name in names else pod
        for number, (name, pod) in enumerate(world.pods())
    ]
    return replace(world, cluster=replace(world.cluster, pods=tuple(pods)))


def test_all_of_the_same_cluster_counts_wherever_its_manifests_stand(
    kept: tuple[World, recording.Recording], tmp_path: Path
) -> None:
    world, found = kept
    assert found.still(world).results == found.results
    assert found.still(_shop(tmp_path / "b", lines=7)).results == found.results


def test_what_was_seen_of_a_pod_that_has_moved_does_not_count(
    kept: tuple[World, recording.Recording],
) -> None:
    world, found = kept
    still = found.still(_moved(world, "shop/web-1"))
    lost = {probe for probe in found.results if "shop/web-1" in (probe.source, probe.expect)}
    assert lost
    assert found.results.keys() - still.results.keys() == lost


def test_nothing_counts_when_everybody_has_moved(kept: tuple[World, recording.Recording]) -> None:
    world, found = kept
    with pytest.raises(LabError, match="was elsewhere when it was recorded"):
        found.still(_moved(world, *world.names))


def test_nothing_counts_under_other_policies(kept: tuple[World, recording.Recording], tmp_path: Path) -> None:
    _, found = kept
    with pytest.raises(LabError, match="policies, or labels of namespaces, have changed"):
        found.still(_shop(tmp_path / "b", ports="81"))


def test_a_pod_with_other_labels_is_another_one(kept: tuple[World, recording.Recording]) -> None:
    world, found = kept
    pods = [replace(pod, labels={"app": "db"}) if name == "shop/web-1" else pod for name, pod in world.pods()]
    still = found.still(replace(world, cluster=replace(world.cluster, pods=tuple(pods))))
    assert {"shop/web-1"} == {
        name
        for probe in found.results.keys() - still.results.keys()
        for name in (probe.source, probe.expect)
        if name == "shop/web-1"
    }


def test_a_pod_that_decided_nothing_is_asked_again_and_so_is_an_error(
    kept: tuple[World, recording.Recording],
) -> None:
    world, found = kept
    probes = list(found.results)
    mute = probes[0].source
    results = {
        probe: replace_outcome(result, Outcome.UNDECIDABLE if probe.source == mute else Outcome.ERROR)
        if probe.source == mute or probe == probes[-1]
        else result
        for probe, result in found.results.items()
    }
    assert probes[-1].source != mute
    still = replace(found, results=results).still(world).results
    assert found.results.keys() - still.keys() == {
        probe for probe in probes if probe.source == mute or probe == probes[-1]
    }


def replace_outcome(result: ProbeResult, outcome: Outcome) -> ProbeResult:
    return result._replace(outcome=outcome)


def test_with_one_pod_more_all_that_was_seen_of_the_others_counts(
    kept: tuple[World, recording.Recording], tmp_path: Path
) -> None:
    world, found = kept
    pods = {name: (pod.node, pod.addresses) for name, pod in world.pods()}
    more = realize(
        _shop(tmp_path / "b", web=4).cluster, Placing(), before=replace(world.placement, pods=pods)
    )
    still = found.still(more)
    made = plan(more, Wanted(known=still.pairs))
    rest = Recorder(made, Files(resume=str(tmp_path / "none")), still.results).rest
    outside = {each.name for each in more.outside}
    assert {probe for probe in found.results if probe.source not in outside} <= still.results.keys()
    assert all("shop/web-3" in (each.probe.source, each.probe.expect) for each in rest.questions)


def test_who_is_stopped_keeps_what_there_is(comparison: Comparison, tmp_path: Path) -> None:
    path = tmp_path / "seen.json"
    taking = Recorder(comparison.plan, Files(output=str(path)))
    assert taking.keep() == ""
    assert not path.exists(), "nothing was seen yet"
    taking.take(3, comparison.findings[3].result)
    assert taking.keep() == str(path)
    assert [*recording.read(str(path)).results] == [comparison.plan.questions[3].probe]
