"""The script that starts listeners inside pods: run by real shells, with what stands in for agnhost."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lab.providers.context.probing.listening import SCRIPT

SHELLS = [shell for shell in ("dash", "bash", "busybox") if shutil.which(shell)]
# What agnhost says of ports that it cannot have, as it was heard: by klog, and it ends with 1.
_AGNHOST = """#!/bin/sh
head='I0102 15:04:05.1 17 log.go:244]'
case "$1 $*" in
  connect*) echo "OTHER: nobody is there" >&2 ;;
  *--port=53) echo "$head Error from ListenUDP(): listen udp :53: bind: permission denied" >&2 ;;
  porter*) [ "$SERVE_SCTP_PORT_9" ] && echo "$head Failed to listen SCTP. error:protocol not supported" ;;
esac
exit 1
"""


@pytest.mark.parametrize("shell", SHELLS)
def test_why_nobody_listens_is_told_in_the_words_of_the_kernel(tmp_path: Path, shell: str) -> None:
    (tmp_path / "agnhost").write_text(_AGNHOST)
    (tmp_path / "agnhost").chmod(0o755)
    for name in ("timeout", "env", "sleep"):
        (tmp_path / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    words = [shutil.which(shell) or "sh", *(["sh"] if shell == "busybox" else []), "-c", SCRIPT, "kubereach"]
    told = "udp 53 10.0.0.1 fd00::1\nsctp 9 10.0.0.1\nEND\nudp 99 10.0.0.1\n"
    done = subprocess.run(
        [*words, "30", "yes", "16"],
        input=told,
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path)},
        timeout=60,
        check=False,
    )
    assert sorted(done.stdout.splitlines()) == [
        "kubereach1 silent 10.0.0.1 sctp 9 protocol not supported",
        "kubereach1 silent 10.0.0.1 udp 53 permission denied",
        "kubereach1 silent fd00::1 udp 53 permission denied",
    ]
    assert done.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_listener_that_goes_on_does_not_keep_the_stream_of_answers_open(tmp_path: Path, shell: str) -> None:
    """A container's runtime waits for everybody who has it open, before it says that a command has ended."""
    (tmp_path / "agnhost").write_text(
        f"#!/bin/sh\n[ $1 = connect ] && exec test -e {tmp_path}/up\n: >{tmp_path}/up\nexec sleep 20\n"
    )
    (tmp_path / "agnhost").chmod(0o755)
    for name in ("timeout", "env", "sleep", "test"):
        (tmp_path / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    words = [shutil.which(shell) or "sh", *(["sh"] if shell == "busybox" else []), "-c", SCRIPT, "kubereach"]
    done = subprocess.run(
        [*words, "20", "yes", "16"],
        input="udp 54 10.0.0.1\nsctp 9 10.0.0.1\nEND\n",
        capture_output=True,
        text=True,
        env={"PATH": str(tmp_path)},
        timeout=15,  # and not as long as the listeners go on
        check=False,
    )
    assert sorted(done.stdout.splitlines()) == [
        "kubereach1 listens 10.0.0.1 sctp 9",
        "kubereach1 listens 10.0.0.1 udp 54",
    ]
