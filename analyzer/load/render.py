"""Helm charts and kustomizations become the manifests that they stand for, by the tools made for them.

Comes in: a folder. Goes out: what the tool prints, as bytes. The tools are run without a shell, without
standard input, for a bounded time; they reach the network only where a kustomization names a remote base.
"""

# Paths stay the texts that the user gave, and pathlib takes a while to import.
# ruff: noqa: PTH100, PTH118

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import IO, cast

from analyzer.diagnostics import Diagnostic, Severity
from analyzer.load import limits
from analyzer.load.block import Memory
from analyzer.load.files import KUSTOMIZATIONS, Form, Source, Unreadable, read
from analyzer.load.text import Refused, decode, printable
from analyzer.load.yaml_text import read_yaml

# How each form is rendered: by the first of these commands that is installed.
_COMMANDS = {
    Form.CHART: (("helm", "template", "--skip-tests"),),  # a test's pods run only when somebody tests
    Form.KUSTOMIZATION: (("kustomize", "build"), ("kubectl", "kustomize")),
}
_WHAT = {Form.CHART: "a Helm chart", Form.KUSTOMIZATION: "a kustomization"}
_TOLD = 300  # characters of the tool's own complaint
_PART = 1 << 16  # bytes read at once
_LONGEST = 4096  # characters of a path: PATH_MAX


def render(source: Source) -> tuple[Source, bytes]:
    """Return the source under the name of the command that renders it, and what that prints.

    Raise Unreadable when no tool is installed, or when it fails, takes too long or prints too much.
    """
    commands = _COMMANDS[source.form]
    command = next((c for c in commands if shutil.which(c[0])), None)
    if command is None:
        tools = " or ".join(f"`{c[0]}`" for c in commands)
        message = f"`{source.name}` is {_WHAT[source.form]}, and {tools} is not installed"
        raise _unreadable("tool-missing", message, "install it, or render the folder and analyze the result")
    title = f"{command[0]} {command[1]} {source.name}"
    # An absolute path is taken neither for an option nor for the address of a repository.
    try:
        output = _run([*command, "--", os.path.abspath(source.path)], title)
    except OSError as error:
        raise _unreadable("render-failed", f"`{title}` cannot be run: {error.strerror}") from None
    return replace(source, name=title), output


def _unreadable(code: str, message: str, remedy: str = "") -> Unreadable:
    return Unreadable(Diagnostic(severity=Severity.ERROR, code=code, message=message, help=remedy))


def _run(command: Sequence[str], title: str) -> bytes:
    """Return what a command prints, or raise Unreadable with what it complains of."""
    deadline = time.monotonic() + limits.RENDER_SECONDS
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            printed, complaint = _listen(process, title, deadline)
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            message = f"`{title}` took longer than {limits.RENDER_SECONDS:g} seconds"
            raise _unreadable("render-failed", message) from None
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        raise _unreadable("render-failed", f"`{title}` failed: {_tail(complaint)}")
    return printed


def _listen(process: subprocess.Popen[bytes], title: str, deadline: float) -> tuple[bytes, bytes]:
    """Return what a process prints on both outputs, of its complaints only the last."""
    printed, complaint = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(cast("IO[bytes]", process.stdout), selectors.EVENT_READ, printed)
        selector.register(cast("IO[bytes]", process.stderr), selectors.EVENT_READ, complaint)
        while selector.get_map():
            left = deadline - time.monotonic()
            # A tool that never stops talking always has something ready: the clock is asked, too.
            if left <= 0 or not (ready := selector.select(left)):
                raise subprocess.TimeoutExpired(process.args, limits.RENDER_SECONDS)
            for key, _ in ready:
                if part := os.read(key.fd, _PART):
                    key.data.extend(part)
                else:
                    selector.unregister(key.fileobj)
            if len(printed) > limits.RENDERED_BYTES:
                message = f"`{title}` printed more than {limits.RENDERED_BYTES >> 20} MB"
                raise _unreadable("render-failed", message)
            del complaint[:-_PART]
    return bytes(printed), bytes(complaint)


def _tail(complaint: bytes) -> str:
    """Return the end of what a tool printed as its error, on one line."""
    words = " ".join(complaint.decode("utf-8", "replace").split())
    return printable(words[-_TOLD:]) or "it does not say why"


def bases(source: Source) -> Iterator[str]:
    """Yield the folders that a kustomization builds on, resolved; what they hold is in what it renders."""
    for name in KUSTOMIZATIONS:
        try:
            text = decode(read(Source(path=os.path.join(source.path, name), name=name)))
        except (Unreadable, Refused):
            continue
        for value in read_yaml(text, Memory()):
            data = value.data if isinstance(value.data, dict) else {}
            for key in ("resources", "bases", "components"):
                for entry in _list(data.get(key)):
                    # A longer one is no path, and resolving it takes the square of its length.
                    if isinstance(entry, str) and len(entry) <= _LONGEST and "\0" not in entry:
                        yield os.path.realpath(os.path.join(source.path, entry))


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
