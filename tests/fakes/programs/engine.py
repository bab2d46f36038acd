"""A `docker` and a `podman` that hold no container: what they say of themselves, images as files, `exec`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tests.fakes.programs import node, references
from tests.fakes.programs.state import State, fail, here

_SOCKET = "unix:///var/run/docker.sock"
_TROUBLES = {
    "docker": {
        "no-daemon": f"Cannot connect to the Docker daemon at {_SOCKET}. Is the docker daemon running?",
        "permission": (
            f"permission denied while trying to connect to the Docker daemon socket at {_SOCKET}: Get "
            '"http://%2Fvar%2Frun%2Fdocker.sock/v1.50/info": dial unix /var/run/docker.sock: connect: '
            "permission denied"
        ),
    },
    "podman": {
        "no-daemon": (
            "Cannot connect to Podman. Please verify your connection to the Linux system using `podman "
            "system connection list`, or try `podman machine init` and `podman machine start` to manage a "
            "new Linux VM\nError: unable to connect to Podman socket: failed to connect: dial tcp "
            "127.0.0.1:64503: connect: connection refused"
        ),
    },
}


def main(name: str) -> int:
    state, words = here(), sys.argv[1:]
    state.record(name, words)
    _in_trouble(state, name, words)
    if words[0] == "exec":
        node.main(state, name, words[1:])
        return 0
    match words:
        case ["info", "--format", _]:
            print(json.dumps(docker(state) if name == "docker" else podman(state)))
        case ["pull", *_]:
            pull(state, name, words[-1])
        case ["tag", image, target]:
            known_or_fail(state, name, image)
            state.keep("images", sorted({*images(state), full(name, target)}))
        case ["image", "inspect", *_]:
            inspect(state, name, words[-1])
        case ["save", *_]:
            save(state, name, words)
        case ["load", "-i", path]:
            load(state, Path(path))
        case _:
            fail(f"{name}: unknown command: {' '.join(words)}", 125)
    return 0


def _in_trouble(state: State, name: str, words: list[str]) -> None:
    """End as the real one does when its daemon does not answer, or not to us."""
    for trouble, text in _TROUBLES[name].items():
        if trouble in state.troubles:
            if name == "docker" and words[0] == "info":
                print(json.dumps({"ServerVersion": "", "ClientInfo": {"Version": "28.2.2"}}))
            fail(text)


def docker(state: State) -> dict[str, Any]:
    """Return what `docker info --format '{{json .}}'` tells, as far as anybody here asks."""
    troubles = state.troubles
    limited = "not-delegated" not in troubles
    options = ["name=seccomp,profile=builtin", "name=cgroupns"]
    return {
        "ServerVersion": "28.2.2",
        "CgroupDriver": "systemd" if limited else "none",
        "CgroupVersion": "1" if "cgroup-v1" in troubles else "2",
        "MemoryLimit": True,
        "PidsLimit": True,
        "CPUShares": True,
        "MemTotal": 2**30 if "little-memory" in troubles else 16 * 2**30,
        "SecurityOptions": [*options, *(["name=rootless"] if "rootless" in troubles else [])],
        "OSType": "linux",
        "Architecture": "x86_64",
    }


def podman(state: State) -> dict[str, Any]:
    """Return what `podman info --format json` tells, as far as anybody here asks."""
    troubles = state.troubles
    controllers = ["cpu", "io", "memory", "pids"]
    return {
        "host": {
            "arch": "amd64",
            "cgroupVersion": "v1" if "cgroup-v1" in troubles else "v2",
            "cgroupControllers": ["memory", "pids"] if "not-delegated" in troubles else controllers,
            "memTotal": 16 * 2**30,
            "security": {"rootless": "rootless" in troubles},
        },
        "version": {"Version": "2.2.1" if "old" in troubles else "5.4.0"},
    }


def images(state: State) -> list[str]:
    return list(state.read("images") or [])


def full(engine: str, image: str) -> str:
    """Return the name under which an engine keeps an image."""
    return references.of_podman(image) if engine == "podman" else references.of_docker(image)


def known(state: State, engine: str, image: str) -> str:
    """Return the full name of an image that is there; "" when it is not. Short names are looked for."""
    names = [full(engine, image), *([references.of_docker(image)] if references.is_short(image) else [])]
    return next((name for name in names if name in images(state)), "")


def pull(state: State, engine: str, image: str) -> None:
    if engine == "podman" and references.is_short(image):
        fail(
            f'Error: short-name "{image}" did not resolve to an alias and no unqualified-search registries '
            'are defined in "/etc/containers/registries.conf"',
            125,
        )
    if "pull-fails" in state.troubles:
        fail(
            'Error response from daemon: Get "https://registry.example/v2/": dial tcp: '
            "lookup registry.example: no such host"
        )
    state.keep("images", sorted({*images(state), full(engine, image)}))


def inspect(state: State, engine: str, image: str) -> None:
    if not known(state, engine, image):
        fail(f"Error response from daemon: No such image: {image}")
    print("sha256:1234")


def save(state: State, engine: str, words: list[str]) -> None:
    path = Path(words[words.index("-o") + 1])
    names = [word for word in words[words.index("-o") + 2 :] if not word.startswith("-")]
    if "--platform" in words and "old" in state.troubles:
        fail("unknown flag: --platform\n\nUsage:  docker image save [OPTIONS] IMAGE [IMAGE...]", 125)
    if "--platform" in words and "old-daemon" in state.troubles:
        fail('"--platform" requires API version 1.48, but the Docker daemon API version is 1.41')
    saved = [known_or_fail(state, engine, name) for name in names]
    single = "--platform" in words or engine == "podman"
    path.write_text(json.dumps({"images": saved, "platforms": "one" if single else "multi-platform"}))


def known_or_fail(state: State, engine: str, name: str) -> str:
    found = known(state, engine, name)
    if not found:
        fail(f"Error response from daemon: reference does not exist: {name}")
    return found


def load(state: State, path: Path) -> None:
    names = json.loads(path.read_text())["images"]
    state.keep("images", sorted({*images(state), *names}))
    for name in names:
        print(f"Loaded image: {name}")
