"""The peer: network-config-analyzer, installed apart and run as its users run it.

It stands in a virtual environment of its own under .cache/, because its requirements are pinned to
other versions than ours; the environment is made when it is missing.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

VERSION = "2.1.0"
HOME = Path(__file__).parents[1] / ".cache" / f"network-config-analyzer-{VERSION}"
TEXT_MODES = ("txt", "txt_no_fw_rules")


class PeerMissingError(Exception):
    """The peer is not installed and could not be: the message says what failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a run of NCA left behind: exit code 0 is a map, 7 an input that it gave up on."""

    code: int
    output: str
    errors: str


def executable() -> Path:
    """Return the path of the `nca` command, installing it first where it is missing.

    Raises PeerMissingError where the installation fails, as it does without a network.
    """
    command = HOME / "bin" / "nca"
    if command.exists():
        return command
    print(f"installing network-config-analyzer {VERSION} into {HOME}", file=sys.stderr)
    for step in (
        [sys.executable, "-m", "venv", "--clear", str(HOME)],
        [str(HOME / "bin" / "pip"), "install", "--quiet", f"network-config-analyzer=={VERSION}"],
    ):
        made = subprocess.run(step, capture_output=True, text=True, check=False)
        if made.returncode:
            raise PeerMissingError(f"`{' '.join(step)}` failed: {made.stderr.strip() or made.stdout.strip()}")
    return command


def command_line(manifests: Path, mode: str) -> list[str]:
    """Return the arguments that print the connectivity map of a file or folder.

    Namespaces and pods are read before policies, and namespaces first of all: given the same folder by
    `--resource_list` instead, NCA forgets the labels of a namespace that comes after its pods.
    """
    place = str(manifests)
    topology = ["--ns_list", place, "--pod_list", place]
    return [str(executable()), "--connectivity", place, *topology, "--output_format", mode]


def connectivity(manifests: Path, *, timeout: float = 600) -> Answer:
    """Return the map between single pods, IPv6 included, with a line for each pair.

    Raises subprocess.TimeoutExpired after `timeout` seconds.
    """
    command = [*command_line(manifests, "txt_no_fw_rules"), "--output_endpoints", "pods", "--print_ipv6"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    return Answer(code=run.returncode, output=run.stdout, errors=run.stderr)
