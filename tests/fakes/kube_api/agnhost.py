"""What of agnhost the probes use: it says what the real one says, and ends as the real one does."""

from __future__ import annotations

import errno
import os
import socket
import sys
import time

SOCKETS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def fail(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.exit(1)


def connect(options: dict[str, str], place: str) -> None:
    host, _, port = place.rpartition(":")
    host = host.strip("[]")
    protocol = options.get("--protocol", "tcp")
    seconds = float(options.get("--timeout", "0s").removesuffix("s")) or None
    if protocol == "sctp":
        fail("OTHER: protocol not supported")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, SOCKETS[protocol]) as made:
        made.settimeout(seconds)
        try:
            made.connect((host, int(port)))
            if protocol == "udp":
                made.send(b"hostname\n")
                made.recv(1024)
        except TimeoutError:
            fail("TIMEOUT")
        except ConnectionRefusedError:
            fail("REFUSED")
        except OSError as error:
            name = errno.errorcode.get(error.errno or 0, "")
            words = {"EHOSTUNREACH": "no route to host"}.get(name, str(error))
            fail(f"OTHER: dial {protocol} {place}: connect: {words}")


def serve(options: dict[str, str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("", int(options["--port"])))
        ends = time.monotonic() + 60  # a test that forgets it is not outlived for long
        made.settimeout(1)
        while time.monotonic() < ends:
            try:
                _, asker = made.recvfrom(16)
            except TimeoutError:
                continue
            made.sendto(os.uname().nodename.encode(), asker)


def main() -> None:
    command, *words = sys.argv[1:]
    options = {key: value for key, _, value in (word.partition("=") for word in words if word[0] == "-")}
    if command == "connect":
        connect(options, words[-1])
    elif command == "serve-hostname":
        serve(options)
    else:
        fail(f"unknown command {command}")


if __name__ == "__main__":
    main()
