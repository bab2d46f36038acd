"""Runs `nft` inside namespaces of the lab.

Comes in: rulesets as text. Goes out: nothing when the kernel took them, LabError with nft's own words when
not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from lab.errors import LabError, unable
from lab.providers.netns.namespaces import Namespace

PLACES = ("/usr/sbin", "/sbin")
"""Where nft is when it is not on the PATH of an ordinary user."""
_CHUNK = 1 << 20
"""Bytes of text in one transaction, to begin with."""
_HELP = "install nftables: `apt install nftables`, `dnf install nftables` or `pacman -S nftables`"


class TransactionTooLongError(LabError):
    """A transaction does not fit into a socket's buffer, which only real root can raise: make it smaller."""


def find() -> str:
    """Return the path of `nft`. Raises LabError when it is not installed."""
    path = shutil.which("nft", path=os.pathsep.join((os.environ.get("PATH", ""), *PLACES)))
    if path is None:
        raise LabError("`nft` is not installed", _HELP)
    return path


def apply(rulesets: Mapping[str, tuple[Namespace, str]]) -> None:
    """Load rulesets, each by its name as one transaction in its namespace, all at the same time.

    Each is taken whole or not at all. Raises LabError (TransactionTooLongError) for the first that was
    refused.
    """
    running = [(name, *_start(namespace, text)) for name, (namespace, text) in rulesets.items()]
    problems = [_result(name, process, log) for name, process, log in running]
    for problem in problems:
        if problem is not None:
            raise problem


def listing(namespace: Namespace, table: str) -> str:
    """Return a table of the family inet as nft prints it in JSON. Raises LabError when there is none."""
    with namespace:
        done = subprocess.run(
            [find(), "-j", "list", "table", "inet", table],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={"LC_ALL": "C"},
        )
    if done.returncode != 0:
        raise LabError(f"nft cannot list the table `{table}`: {done.stderr.strip()}")
    return done.stdout


def build(name: str, namespace: Namespace, commands: Sequence[str]) -> None:
    """Carry out commands in order in as few transactions as fit; for tables that no hook calls yet.

    What has been carried out stays when a later command is refused.
    """
    waiting = list(_chunks(commands, _CHUNK))
    while waiting:
        chunk = waiting.pop(0)
        try:
            apply({name: (namespace, "\n".join(chunk) + "\n")})
        except TransactionTooLongError:
            if len(chunk) == 1:
                raise
            middle = len(chunk) // 2
            waiting[:0] = [chunk[:middle], chunk[middle:]]


def _chunks(commands: Sequence[str], limit: int) -> list[Sequence[str]]:
    found: list[Sequence[str]] = []
    first = size = 0
    for number, command in enumerate(commands):
        if size + len(command) > limit and number > first:
            found.append(commands[first:number])
            first, size = number, 0
        size += len(command) + 1
    if first < len(commands):
        found.append(commands[first:])
    return found


def _start(namespace: Namespace, text: str) -> tuple[subprocess.Popen[bytes], int]:
    source, log = os.memfd_create("ruleset"), os.memfd_create("log")
    try:
        with open(source, "wb", closefd=False) as file:
            file.write(text.encode())
        os.lseek(source, 0, os.SEEK_SET)
        with namespace:
            return subprocess.Popen(
                [find(), "-f", "-"], stdin=source, stdout=log, stderr=log, env={"LC_ALL": "C"}
            ), log
    except OSError as error:
        os.close(log)
        raise unable("run nft", error) from error
    except LabError:
        os.close(log)
        raise
    finally:
        os.close(source)


def _result(name: str, process: subprocess.Popen[bytes], log: int) -> LabError | None:
    code = process.wait()
    try:
        said = os.pread(log, 1 << 16, 0).decode("utf-8", "replace").strip()
    finally:
        os.close(log)
    if code == 0:
        return None
    if "Message too long" in said or "No buffer space available" in said:
        return TransactionTooLongError(f"the ruleset of `{name}` is too long for one transaction")
    return LabError(f"nft refused the ruleset of `{name}`: {said or f'exit status {code}'}")
