"""How a lab's background process comes to life.

Comes in: a name. Goes out: a process that listens for its owner, in a network, a process and, for ordinary
users, a user namespace of its own: when it ends, however it ends, the kernel ends whatever still runs in the
lab.

The first process makes the namespaces and leaves. The second is number 1 of the lab's process namespace: it
waits for orphaned processes, and ends with the third, which is the lab.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from lab.errors import LabError, unable, up_already
from lab.providers.netns import namespaces, rundir, syscalls
from lab.providers.netns.rundir import LabFiles

_ROOT = Path(__file__).parents[3]
_PATIENCE = 5.0
"""Seconds to wait for a lab of the same name that is just ending."""
_BACKLOG = 64


def launch(files: LabFiles) -> None:
    """Start a lab's process, and return when it listens. Raises LabError with its reason when it cannot."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        answer = _spawn(files)
        if "ready" in answer:
            return
        if "taken" not in answer:
            raise LabError(answer.get("error") or last_words(files), answer.get("help"))
        if _answers(files):
            raise up_already(files.name)
        if time.monotonic() > deadline:
            raise LabError(f"the lab `{files.name}` neither answers nor ends", f"{files.log} may say why")
        time.sleep(0.02)


def last_words(files: LabFiles) -> str:
    """Return what is to be said about a lab that ended unasked: the last line that it wrote."""
    with suppress(OSError, IndexError):
        line = files.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1]
        return f"the lab `{files.name}` ended unexpectedly: {line}"
    return f"the lab `{files.name}` ended unexpectedly"


def _spawn(files: LabFiles) -> dict[str, Any]:
    ours, its = os.pipe()
    try:
        with files.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "lab.providers.netns.launch", files.name, str(its)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "PYTHONPATH": str(_ROOT)},
                pass_fds=[its],
                start_new_session=True,
            )
    except OSError as error:
        os.close(ours)
        raise unable("start the lab's process", error) from error
    finally:
        os.close(its)
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read()
    process.wait()
    return dict(json.loads(answer)) if answer else {}


def _answers(files: LabFiles) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        return one.connect_ex(str(files.socket)) == 0


def main(name: str, report: int) -> None:
    """Become the lab's process, and tell by the descriptor `report` whether that went well."""
    os.umask(0o077)
    files = rundir.files(name)
    if files.take() is None:  # the lock is this process's as long as it lives
        _tell(report, {"taken": True})
        return
    try:
        _enter_own_namespaces()
        listener = _listen(files)
    except (LabError, OSError) as error:
        told = unable("start the lab's process", error) if isinstance(error, OSError) else error
        _tell(report, {"error": told.message, "help": told.help})
        files.clear()
        return
    _tell(report, {"ready": True})
    _serve(files, listener)


def _tell(report: int, answer: dict[str, Any]) -> None:
    with suppress(BrokenPipeError):
        os.write(report, json.dumps(answer).encode())
    os.close(report)


def _enter_own_namespaces() -> None:
    """Return in the lab's process: the grandchild of the one that called. Raises LabError in the caller."""
    namespaces.isolate(syscalls.CLONE_NEWPID)
    if os.fork():
        os._exit(0)
    lab = os.fork()
    if lab:
        _wait_for_all(lab)


def _wait_for_all(lab: int) -> NoReturn:
    """Be the first process of a process namespace: wait for everyone, until the lab has ended."""
    os.closerange(3, 1 << 20)  # the lab's lock and pipe go with the lab
    while os.wait()[0] != lab:
        pass
    os._exit(0)


def _listen(files: LabFiles) -> socket.socket:
    files.socket.unlink(missing_ok=True)  # we have the lock: whoever listened there is gone
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(files.socket))
        files.socket.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        raise LabError(f"cannot listen at `{files.socket}`: {error.strerror}") from error
    return listener


def _serve(files: LabFiles, listener: socket.socket) -> None:
    from lab.providers.netns.daemon import Daemon

    def end(*_: object) -> NoReturn:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    try:
        Daemon(files, listener).serve()
    except SystemExit:
        pass
    except BaseException:  # noqa: BLE001 - it is written down, and the process ends
        traceback.print_exc()
        os._exit(1)  # the log stays, for whoever asks
    files.clear()
    os._exit(0)  # everything else is the kernel's to remove


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
