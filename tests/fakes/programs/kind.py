"""A `kind` that starts nothing: it says what the real one says, and writes a kubeconfig.

The kubeconfig is the file `kubeconfig` of the test's folder, whose context is called `kind-kubereach`; a test
puts there the one of its fake API server.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from tests.fakes.programs import references
from tests.fakes.programs.state import State, fail, here, play

_TROUBLES = {
    "cgroup-v1",
    "exists",
    "kubeadm-fails",
    "no-daemon",
    "node-does-not-start",
    "not-delegated",
    "permission",
    "port-taken",
    "pull-fails",
}
_PERMANENT = "Not sure what to do next? 😅  Check out https://kind.sigs.k8s.io/docs/user/quick-start/"


def main() -> int:
    state, words = here(), sys.argv[1:]
    stdin = sys.stdin.read() if "-" in words else ""
    state.record("kind", words, stdin)
    if chosen := os.environ.get("KIND_EXPERIMENTAL_PROVIDER"):
        say(f"using {chosen} due to KIND_EXPERIMENTAL_PROVIDER")
    match words[:2]:
        case ["version"]:
            version = "0.23.0" if "old-kind" in state.troubles else "0.33.0"
            print(f"kind v{version} go1.26.8 linux/amd64")
        case ["get", "clusters"] if "no-daemon" in state.troubles:
            play("kind/create-no-daemon.txt")
            return 1
        case ["get", "clusters"]:
            clusters(state)
        case ["get", "nodes"]:
            print("\n".join(state.clusters.get(option(words, "--name"), ())))
        case ["create", "cluster"]:
            create(state, words, json.loads(stdin))
        case ["delete", "cluster"]:
            delete(state, option(words, "--name"), Path(option(words, "--kubeconfig")))
        case ["load", "image-archive"]:
            load(state, words)
        case _:
            fail(f'ERROR: unknown command "{words[0]}" for "kind"')
    return 0


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1] if name in words else "kind"


def clusters(state: State) -> None:
    if state.clusters:
        print("\n".join(state.clusters))
    else:
        sys.stderr.write("No kind clusters found.\n")


def create(state: State, words: list[str], configuration: dict[str, Any]) -> None:
    name = option(words, "--name")
    check(state, name, configuration)
    nodes = configuration.get("nodes") or [{"role": "control-plane"}]
    made = named(name, nodes)
    troubles = state.troubles & _TROUBLES
    if all(present(state, str(node.get("image", ""))) for node in nodes):
        troubles -= {"pull-fails"}
    for trouble in troubles:
        if "--retain" in words:
            state.keep("clusters", {**state.clusters, name: made})
        play(f"kind/create-{trouble}.txt")
        sys.exit(1)
    say(f'Creating cluster "{name}" ...')
    image = str(nodes[0].get("image", "kindest/node:v1.37.0")).partition("@")[0]
    step(f"Ensuring node image ({image}) 🖼️")
    # From here on there are containers, which stay behind when kind is interrupted.
    state.keep("clusters", {**state.clusters, name: made})
    step(f"Preparing nodes {'📦 ' * len(nodes)}")
    if "creation-hangs" in state.troubles:
        say(" • Writing configuration 📜  ...")
        time.sleep(60)
    step("Writing configuration 📜")
    step("Starting control-plane 🕹️")
    if not (configuration.get("networking") or {}).get("disableDefaultCNI"):
        step("Installing CNI 🔌")
    step("Installing StorageClass 💾")
    if len(nodes) > 1:
        step("Joining worker nodes 🚜")
    write_kubeconfig(state, name, Path(option(words, "--kubeconfig")))
    say(f'Set kubectl context to "kind-{name}"')
    say(f"You can now use your cluster with:\n\nkubectl cluster-info --context kind-{name}\n\n{_PERMANENT}")


def present(state: State, image: str) -> bool:
    """Tell whether the engine has a node image by the name that kind gives it: in full for Podman."""
    name = references.of_docker(image)
    podman = os.environ.get("KIND_EXPERIMENTAL_PROVIDER") == "podman"
    return (references.of_podman(name) if podman else name) in (state.read("images") or ())


def check(state: State, name: str, configuration: dict[str, Any]) -> None:
    version = configuration.get("apiVersion")
    if version != "kind.x-k8s.io/v1alpha4":
        fail(f"ERROR: failed to create cluster: unknown apiVersion: {version}")
    if name in state.clusters:
        fail(f'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "{name}"')


def named(name: str, nodes: list[dict[str, Any]]) -> list[str]:
    made: list[str] = []
    for node in nodes:
        role = node.get("role", "control-plane")
        count = sum(each.startswith(f"{name}-{role}") for each in made)
        made.append(f"{name}-{role}{count + 1 if count else ''}")
    return made


def write_kubeconfig(state: State, name: str, path: Path) -> None:
    template = state.folder / "kubeconfig"
    text = template.read_text() if template.exists() else "current-context: kind-kubereach\n"
    path.write_text(text.replace("kind-kubereach", f"kind-{name}"))


def delete(state: State, name: str, kubeconfig: Path) -> None:
    say(f'Deleting cluster "{name}" ...')
    if "no-daemon" in state.troubles:
        play("kind/create-no-daemon.txt")
        sys.exit(1)
    nodes = state.clusters.get(name)
    if nodes:
        listed = " ".join(f'"{node}"' for node in nodes)
        say(f"Deleted nodes: [{listed}]")
    state.keep("clusters", {key: value for key, value in state.clusters.items() if key != name})
    kubeconfig.unlink(missing_ok=True)


def load(state: State, words: list[str]) -> None:
    archive, name = Path(words[2]), option(words, "--name")
    if not archive.exists():
        fail(f"ERROR: stat {archive}: no such file or directory")
    if name not in state.clusters:
        fail(f'ERROR: no nodes found for cluster "{name}"')
    if "loading-hangs" in state.troubles:
        time.sleep(60)
    if "multi-platform" in archive.read_bytes().decode(errors="replace"):
        fail(
            'ERROR: command "docker exec --privileged -i node ctr --namespace=k8s.io images import '
            '--all-platforms --digests --snapshotter=overlayfs -" failed with error: exit status 1\n\n'
            "Command Output: ctr: content digest sha256:9106d83981393d7489c50e7cfa87a9d30b78444420c22931094"
            "256e55f9d0e5f: not found"
        )
    state.keep("loaded", json.loads(archive.read_text())["images"])


def step(text: str) -> None:
    say(f" • {text}  ...")
    say(f" ✓ {text}")


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
