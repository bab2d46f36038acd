"""What kind, Docker and Podman say when they fail, told in the user's words.

Comes in: how a program ended. Goes out: a LabError with what is wrong and what to do; of words that are not
known the last line is passed on, because kind quotes the program that failed at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analyzer.load.text import printable
from lab.errors import LabError
from lab.programs import Ended

_LONGEST = 400
# What says nothing: a frame of kubeadm's stack, which is two lines, and Docker's word on its own help.
_NOISE = re.compile(r"^.*\n\s+\S+\.(?:go|s):\d+$|^(?:Run|See) '.*--help'.*$", re.MULTILINE)
_NOTHING = "it said nothing"


@dataclass(frozen=True, slots=True)
class _Known:
    """A trouble by its words; `{name}`, `{1}` and so on in message and help are filled in."""

    words: re.Pattern[str]
    message: str
    help: str


def _known(words: str, message: str, help_: str) -> _Known:
    return _Known(re.compile(words, re.IGNORECASE), message, help_)


_ENGINE = (
    _known(
        r"permission denied.*(?:docker|podman).*sock",
        "you may not use the socket of {name}",
        "become a member of the group `docker` and log in again, use sudo, or run {name} rootless",
    ),
    _known(
        r"Cannot connect to the Docker daemon at ([^\s.]+(?:\.\w+)*)|Is the docker daemon running",
        "the daemon of {name} does not answer",
        "start it (`sudo systemctl start docker`, or Docker Desktop), or bring the lab up without: "
        "`--provider netns`",
    ),
    _known(
        r"Cannot connect to Podman|unable to connect to Podman",
        "{name} does not answer",
        "start its machine: `podman machine start`",
    ),
    _known(
        r"no space left on device",
        "there is no space left on a disk: {last}",
        "remove what is not needed: `{name} system prune` does so with the images of {name}",
    ),
)
_KIND = (
    _known(
        r"node\(s\) already exist for a cluster with the name \"([^\"]*)\"",
        "there is a kind cluster `{1}` already, which this lab did not make",
        "choose another name with `--name`, or delete it: `kind delete cluster --name {1}`",
    ),
    _known(
        r"Bind for (\S+?):(\d+) failed: port is already allocated"
        r"|(?:listen|bind).*?(\S+?):(\d+).*address already in use",
        "a port that kind-config.yaml asks for is taken: {port}",
        "change `hostPort` or `apiServerPort` there, or end what listens on it",
    ),
    _known(
        r"failed to pull image \"([^\"@]+)[^\"]*\"",
        "the node image {1} cannot be pulled: {last}",
        "without a network load it from a file: `invoke images.load FILE`, made by `invoke images.save FILE`",
    ),
    _known(
        r"requires cgroup v2",
        "kind on a rootless engine needs cgroup v2",
        "see https://kind.sigs.k8s.io/docs/user/rootless/",
    ),
    _known(
        r"systemd property \"?Delegate=yes",
        "the rootless engine may not limit memory, processes and CPU of containers",
        "see https://kind.sigs.k8s.io/docs/user/rootless/",
    ),
    _known(
        r"too many open files",
        "the kernel's inotify limits are too low for so many nodes",
        "sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512",
    ),
    _known(
        r"could not find a log line that matches",
        "a node's container did not start up",
        "often the kernel's inotify limits or the memory are too low: try `--nodes 1`, or keep the "
        "containers with `--retain` and read `kind export logs --name {cluster}`",
    ),
    _known(
        r"exit status 137|out of memory|oom-kill",
        "there is not enough memory for the nodes",
        "give the engine more, or bring up fewer with `--nodes`",
    ),
    _known(
        r"failed to init node with kubeadm",
        "Kubernetes did not start on the control plane: {last}",
        "often memory or disk is short; keep the containers with `--retain` and read "
        "`kind export logs --name {cluster}`",
    ),
    _known(
        r"unknown apiVersion: (\S+)|unable to decode config: ([\s\S]*)",
        "kind does not accept its configuration: {last}",
        "see kind-config.yaml, and whether kind is of the version that its fields need",
    ),
    _known(
        r"no nodes found for cluster \"([^\"]*)\"",
        "there is no kind cluster `{1}`",
        "bring one up: `invoke up --provider kind`",
    ),
    _known(
        r"content digest sha256:\w+: not found",
        "the archive lacks the content of platforms that it lists",
        "save it for one platform: `invoke images.save FILE` does",
    ),
)


def of_engine(name: str, ended: Ended) -> LabError:
    """Return why an engine did not do what was asked."""
    return _told(ended, _ENGINE, name=name, cluster="")


def of_kind(ended: Ended, cluster: str, engine: str) -> LabError:
    """Return why kind did not do what was asked."""
    return _told(ended, (*_ENGINE, *_KIND), name=engine, cluster=cluster)


def _told(ended: Ended, known: tuple[_Known, ...], *, name: str, cluster: str) -> LabError:
    last = _last(ended)
    for each in known:
        if match := each.words.search(ended.said):
            groups = [group or "" for group in match.groups()]
            port = ":".join(group for group in groups if group)
            filled = {"name": name, "cluster": cluster, "last": last, "port": port}
            return LabError(
                each.message.format("", *groups, **filled), each.help.format("", *groups, **filled)
            )
    what = " ".join(ended.words[:3])
    return LabError(f"`{what}` failed with exit code {ended.code}: {last}")


def _last(ended: Ended) -> str:
    """Return the last line that says something, on one line and not too long."""
    lines = [line.strip() for line in _NOISE.sub("", ended.said).splitlines()]
    told = [line for line in lines if line and not line.startswith("{")]
    text = printable(told[-1].removeprefix("Command Output: ").removeprefix("error: ") if told else _NOTHING)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
