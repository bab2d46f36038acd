"""Images for machines without a network: saved in one file, loaded into the engine and onto the nodes."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from lab import manifests
from lab.errors import LabError
from lab.providers.kind import images, versions
from lab.providers.kind.cluster import KindCluster
from lab.providers.kind.config import read
from lab.providers.kind.engines import Engine
from lab.providers.kind.provider import with_local_images
from tests.fakes.programs.state import State

_NODE = "kindest/node:v1.36.4@sha256:099e"
_DOCKER, _PODMAN = Engine(name="docker"), Engine(name="podman")


def saved(tmp_path: Path, engine: Engine = _DOCKER) -> images.Bundle:
    return images.save(
        tmp_path / "images.tar", engine, [_NODE], ["nginx", "nginx"], ("v3.32.1", b"kind: x\n")
    )


@pytest.mark.parametrize("engine", [_DOCKER, _PODMAN])
def test_what_is_not_there_is_pulled_and_all_of_it_is_in_the_file(
    fakes: State, tmp_path: Path, engine: Engine
) -> None:
    made = saved(tmp_path, engine)
    assert made == images.opened(tmp_path / "images.tar")
    assert (made.node, made.images, made.calico) == ("kindest/node:v1.36.4", ("nginx",), "v3.32.1")
    assert made.manifest() == b"kind: x\n"
    pulls = [call["words"][1] for call in fakes.calls(engine.name) if call["words"][0] == "pull"]
    in_full = ["docker.io/kindest/node@sha256:099e", "docker.io/library/nginx"]
    assert pulls == (in_full if engine.name == "podman" else [_NODE, "nginx"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".kubereach")] == []


def test_a_file_that_cannot_be_written_is_told_before_anything_is_pulled(
    fakes: State, tmp_path: Path
) -> None:
    for path in (tmp_path / "nowhere" / "images.tar", Path("/proc/images.tar")):
        with pytest.raises(LabError, match="cannot be written") as raised:
            images.save(path, _DOCKER, [_NODE], ["nginx"])
        assert "name a file in a folder of yours" in (raised.value.help or "")
    assert fakes.calls() == []


@pytest.mark.parametrize("part", [0.01, 0.3, 0.999])
def test_a_file_that_was_cut_off_is_told(fakes: State, tmp_path: Path, part: float) -> None:
    made = saved(tmp_path)
    data = made.path.read_bytes().rstrip(b"\0")  # up to the end of what is in it
    made.path.write_bytes(data[: int(len(data) * part)])
    with pytest.raises(LabError, match="is no file of images for a lab"):
        images.opened(made.path)


def test_a_disk_without_room_to_unpack_is_told(
    fakes: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = saved(tmp_path)
    made.path.unlink()  # any trouble with files
    with pytest.raises(LabError, match=r"cannot be unpacked to .*: No such file"):
        made.load_node(_DOCKER)


def test_what_is_there_is_not_pulled_again(fakes: State, tmp_path: Path) -> None:
    saved(tmp_path)
    count = len([call for call in fakes.calls() if call["words"][0] == "pull"])
    saved(tmp_path)
    assert len([call for call in fakes.calls() if call["words"][0] == "pull"]) == count


def test_docker_saves_one_platform(fakes: State, tmp_path: Path) -> None:
    saved(tmp_path)
    (call, _) = (call["words"] for call in fakes.calls("docker") if call["words"][0] == "save")
    assert call[1] == "--platform"
    assert call[2].startswith("linux/")


@pytest.mark.parametrize("trouble", ["old", "old-daemon"])
def test_a_docker_that_does_not_know_platforms_saves_as_it_can(
    fakes: State, tmp_path: Path, trouble: str
) -> None:
    fakes.trouble(trouble)
    saved(tmp_path)
    calls = [call["words"] for call in fakes.calls("docker") if call["words"][0] == "save"]
    assert ["--platform" in words for words in calls] == [True, False, True, False]


def test_the_file_is_loaded_into_the_engine_and_onto_the_nodes(fakes: State, tmp_path: Path) -> None:
    made = saved(tmp_path)
    fakes.keep("images", [])
    made.load_node(_DOCKER)
    assert fakes.read("images") == ["docker.io/kindest/node:v1.36.4"]
    cluster = KindCluster(name="kubereach", engine=_DOCKER, kubeconfig=tmp_path / "labs" / "k")
    cluster.create(read())
    made.load_pods(cluster)
    words = fakes.calls("kind")[-1]["words"]
    assert words[:2] == ["load", "image-archive"]
    assert words[-2:] == ["--name", "kubereach"]
    assert not Path(words[2]).exists(), "what was unpacked for kind is removed"


def test_each_image_that_nodes_name_is_in_the_file(fakes: State, tmp_path: Path) -> None:
    made = images.save(tmp_path / "images.tar", _DOCKER, [_NODE, "mine:v1.35.0@sha256:1"], [])
    assert made.node == "kindest/node:v1.36.4"
    fakes.keep("images", [])
    made.load_node(_DOCKER)
    assert fakes.read("images") == ["docker.io/kindest/node:v1.36.4", "docker.io/library/mine:v1.35.0"]


def test_without_pods_nothing_is_put_on_the_nodes(fakes: State, tmp_path: Path) -> None:
    made = images.save(tmp_path / "images.tar", _DOCKER, [_NODE], [])
    assert made.manifest() is None
    made.load_pods(KindCluster(name="k", engine=_DOCKER, kubeconfig=tmp_path / "k"))
    assert not fakes.calls("kind")


def test_a_pull_that_fails_leaves_the_file_that_was_there(fakes: State, tmp_path: Path) -> None:
    path = tmp_path / "images.tar"
    path.write_text("before")
    fakes.trouble("pull-fails")
    with pytest.raises(LabError, match="no such host"):
        saved(tmp_path)
    assert path.read_text() == "before"


@pytest.mark.parametrize("trouble", ["absent", "text", "tar", "json"])
def test_what_is_no_file_of_images_is_told(tmp_path: Path, trouble: str) -> None:
    path = tmp_path / "x.tar"
    if trouble == "text":
        path.write_text("hello")
    elif trouble in ("tar", "json"):
        inner = tmp_path / ("index.json" if trouble == "json" else "other.json")
        inner.write_text(json.dumps({"schema": "another"}))
        with tarfile.open(path, "w") as tar:
            tar.add(inner, inner.name)
    with pytest.raises(LabError, match="cannot be read" if trouble == "absent" else "no file of images"):
        images.opened(path)


def test_the_images_of_objects_are_found_in_every_workload() -> None:
    pod = {"containers": [{"image": "a"}, {"image": "b"}], "initContainers": [{"image": "c"}]}
    documents = [
        {"kind": "Pod", "spec": pod},
        {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": pod}}}}},
        {"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"image": "d"}, {}, "x"]}}}},
        {"kind": "CustomResourceDefinition", "spec": {"containers": {"image": "no"}}},
    ]
    assert images.of_documents(documents) == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("version", "image"),
    [
        ("", "kindest/node:v1.37.0@sha256:"),
        ("1.36.4", "kindest/node:v1.36.4@sha256:"),
        ("v1.29.14", "kindest/node:v1.29.14"),
    ],
)
def test_a_version_of_kubernetes_is_a_node_image(version: str, image: str) -> None:
    assert versions.node_image(version).startswith(image)
    assert ("@" in versions.node_image(version)) is ("@" in image)


@pytest.mark.parametrize(
    ("image", "full"),
    [
        ("nginx", "docker.io/library/nginx"),
        ("nginx:1.29", "docker.io/library/nginx:1.29"),
        ("kindest/node:v1.37.0", "docker.io/kindest/node:v1.37.0"),
        ("kindest/node:v1.37.0@sha256:a1", "docker.io/kindest/node@sha256:a1"),
        ("nginx@sha256:a1", "docker.io/library/nginx@sha256:a1"),
        ("quay.io/calico/node:v3.33.0", "quay.io/calico/node:v3.33.0"),
        ("registry.k8s.io/a/agnhost:2.53@sha256:a1", "registry.k8s.io/a/agnhost@sha256:a1"),
        ("localhost/mine", "localhost/mine"),
        ("localhost:5000/mine:1", "localhost:5000/mine:1"),
        ("registry:5000/mine:1@sha256:a1", "registry:5000/mine@sha256:a1"),
    ],
)
def test_a_name_in_full_has_its_registry_and_one_of_tag_and_digest(image: str, full: str) -> None:
    assert versions.in_full(image) == full


@pytest.mark.parametrize(("from_", "to"), [(_DOCKER, _PODMAN), (_PODMAN, _DOCKER), (_PODMAN, _PODMAN)])
def test_what_one_engine_saved_has_names_that_the_other_and_nodes_find(
    fakes: State, tmp_path: Path, from_: Engine, to: Engine
) -> None:
    made = saved(tmp_path, from_)
    fakes.keep("images", [])
    made.load_node(to)
    assert fakes.read("images") == ["docker.io/kindest/node:v1.36.4"]
    fakes.keep("clusters", {"kubereach": ["kubereach-control-plane"]})
    made.load_pods(KindCluster(name="kubereach", engine=to, kubeconfig=tmp_path / "k"))
    assert fakes.read("loaded") == ["docker.io/library/nginx:latest"]


@pytest.mark.parametrize("version", ["1.36", "latest", "v1.36.4;rm"])
def test_what_is_no_version_is_told(version: str) -> None:
    with pytest.raises(LabError, match="is no version of Kubernetes"):
        versions.node_image(version)


def test_an_image_tells_its_kubernetes() -> None:
    assert versions.kubernetes_of(versions.node_image()) == (1, 37)
    assert versions.kubernetes_of("mine:latest") is None


def test_images_that_were_loaded_are_not_asked_for_again() -> None:
    before = manifests.read(["manifests"])
    made = with_local_images(before)
    pods = [each for each in made.documents if each.kind == "Pod"]
    assert [each.data["spec"]["containers"][0]["imagePullPolicy"] for each in pods] == ["IfNotPresent"] * 3  # type: ignore[index]
    assert "imagePullPolicy" not in repr(before.documents[3].data), "what was read stays as it is"
