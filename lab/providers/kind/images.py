"""Images for machines without a network: all that a lab needs in one file, and from it on the nodes again.

Comes in: names of images, an engine. Goes out: a tar file of `index.json`, the node image, the images of pods
and Calico's manifest; or all of that where it is needed. Archives are of one platform: with Docker's
containerd image store others list content that they do not hold, and kind refuses those
(https://github.com/kubernetes-sigs/kind/issues/3795).
"""

from __future__ import annotations

import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analyzer.load.text import shown
from lab.errors import LabError
from lab.programs import Ended, Told, run
from lab.providers.kind.cluster import KindCluster
from lab.providers.kind.engines import Engine
from lab.providers.kind.troubles import of_engine
from lab.providers.kind.versions import in_full, without_digest

_SCHEMA = "kubereach/images/v1"
_INDEX, _NODE, _PODS, _CALICO = "index.json", "node.tar", "pods.tar", "calico.yaml"
_SECONDS = 3600.0
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What a file of images holds: the images of nodes and pods, and whether Calico's manifest is in it.

    `node` is the image for nodes that name none.
    """

    path: Path
    node: str
    images: tuple[str, ...]
    calico: str = ""

    def manifest(self) -> bytes | None:
        """Return Calico's manifest, None when it is not in the file."""
        if not self.calico:
            return None
        with tarfile.open(self.path) as tar:
            member = tar.extractfile(_CALICO)
            assert member, "the index says that it is there"
            return member.read()

    def load_node(self, engine: Engine) -> None:
        """Give the images of nodes to the engine."""
        with self._extracted(_NODE) as archive:
            _engine(engine, "load", "-i", str(archive))

    def load_pods(self, cluster: KindCluster, told: Told | None = None) -> None:
        """Put the images of pods on all nodes of a cluster."""
        if self.images:
            with self._extracted(_PODS) as archive:
                cluster.load(archive, told)

    @contextmanager
    def _extracted(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="kubereach-") as folder:
            what = f"{shown(str(self.path))} cannot be unpacked to `{folder}`"
            with _told(what, "set TMPDIR to a disk with room"), tarfile.open(self.path) as tar:
                tar.extract(name, folder, filter="data")
            yield Path(folder, name)


def save(
    path: Path,
    engine: Engine,
    nodes: Sequence[str],
    images: Sequence[str],
    calico: tuple[str, bytes] | None = None,
) -> Bundle:
    """Write a file with images, pulling those that are not there. `calico`: a version, and its manifest.

    The first of the `nodes`' images is for nodes that name none. Raises LabError; a file of that name stays
    as it was then.
    """
    names = tuple(dict.fromkeys(without_digest(image) for image in images))
    with (
        _told(
            f"{shown(str(path))} cannot be written", "name a file in a folder of yours, on a disk with room"
        ),
        tempfile.TemporaryDirectory(prefix=".kubereach-", dir=path.absolute().parent) as folder,
    ):
        for image in (*nodes, *images):
            _pulled(engine, image)
        _save(engine, Path(folder, _NODE), tuple(dict.fromkeys(without_digest(node) for node in nodes)))
        if names:
            _save(engine, Path(folder, _PODS), names)
        index = {
            "schema": _SCHEMA,
            "node": without_digest(nodes[0]),
            "images": names,
            "calico": calico[0] if calico else "",
        }
        made = Path(folder, "all.tar")
        with tarfile.open(made, "w") as tar:
            _add(tar, _INDEX, json.dumps(index, indent=2).encode())
            if calico:
                _add(tar, _CALICO, calico[1])
            for name in (_NODE, *([_PODS] if names else [])):
                tar.add(Path(folder, name), name)
        made.replace(path)
    return opened(path)


def opened(path: Path) -> Bundle:
    """Return what a file of images holds. Raises LabError when it is none."""
    try:
        with tarfile.open(path) as tar:
            member = tar.extractfile(_INDEX)
            index: Any = json.loads(member.read()) if member else None
            whole = _NODE in tar.getnames()  # which fails where the end is missing
    except OSError as error:
        raise LabError(
            f"{shown(str(path))} cannot be read: {error.strerror or error}", "name a file that is there"
        ) from error
    except (tarfile.TarError, KeyError, ValueError):
        index, whole = None, False
    if not whole or not isinstance(index, Mapping) or index.get("schema") != _SCHEMA:
        raise LabError(
            f"{shown(str(path))} is no file of images for a lab",
            "make one where there is a network: `invoke images.save FILE`",
        )
    return Bundle(
        path=path, node=index["node"], images=tuple(index["images"]), calico=index.get("calico", "")
    )


def of_documents(documents: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the images of all containers in some objects, each once, in order."""
    found: dict[str, None] = {}

    def look(value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                if key in {"containers", "initContainers"} and isinstance(inner, list):
                    for container in inner:
                        image = container.get("image") if isinstance(container, Mapping) else None
                        if isinstance(image, str) and image:
                            found[image] = None
                look(inner)
        elif isinstance(value, list):
            for inner in value:
                look(inner)

    for document in documents:
        look(document)
    return tuple(found)


def _pulled(engine: Engine, image: str) -> None:
    """Make sure that the engine has an image, under its tag too."""
    name = _named(engine, image)
    if _run(engine, "image", "inspect", "--format", "{{.Id}}", name).code:
        _engine(engine, "pull", name)
    if without_digest(image) != image:
        _engine(engine, "tag", name, _named(engine, without_digest(image)))


def _named(engine: Engine, image: str) -> str:
    """Return the name by which an engine finds an image, and by which nodes find it again."""
    return in_full(image) if engine.name == "podman" else image


def _save(engine: Engine, path: Path, images: Sequence[str]) -> None:
    if engine.name == "podman":
        names = [_named(engine, image) for image in images]
        _engine(engine, "save", "--multi-image-archive", "-o", str(path), *names)
        return
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    one = _run(engine, "save", "--platform", f"linux/{machine}", "-o", str(path), *images)
    # Docker has the option since version 28, of the client and of the daemon, which may be older; before, its
    # usual store held one platform only.
    if one.code and ("unknown flag: --platform" in one.err or '"--platform" requires API version' in one.err):
        _engine(engine, "save", "-o", str(path), *images)
    elif one.code:
        raise of_engine(engine.name, one)


@contextmanager
def _told(what: str, remedy: str) -> Iterator[None]:
    """Say what could not be done with files of ours."""
    try:
        yield
    except OSError as error:
        raise LabError(f"{what}: {error.strerror or error}", remedy) from error


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def _engine(engine: Engine, *words: str) -> None:
    ended = _run(engine, *words)
    if ended.code:
        raise of_engine(engine.name, ended)


def _run(engine: Engine, *words: str) -> Ended:
    return run((engine.name, *words), seconds=_SECONDS)
