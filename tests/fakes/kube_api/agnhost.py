"""What of agnhost the probes use: it says what the real one says, and ends as the real one does.

SCTP is spoken as far as the INIT-ACK, by raw packets: kernels of test machines have no sockets for it. With
NO_SCTP in its environment it finds none either, as on a node whose kernel refuses them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import select
import socket
import sys
import time
from _socket import socket as BareSocket  # noqa: N812 - what open_raw returns
from ipaddress import ip_address
from pathlib import Path
from typing import NoReturn

sys.path.insert(0, str(Path(__file__).parents[3]))

from lab.providers.netns import sctp
from lab.providers.netns.rawsctp import open_raw

LIFETIME = 600.0
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
WORDS = {
    errno.EACCES: "permission denied",
    errno.EADDRINUSE: "address already in use",
    errno.ECONNREFUSED: "connection refused",
    errno.EHOSTUNREACH: "no route to host",
    errno.EINVAL: "invalid argument",
    errno.ENETUNREACH: "network is unreachable",
}
"""How Go says it."""
SECOND_THOUGHT = 0.5
"""Seconds for an INIT-ACK behind an ABORT: who refuses for the kernel, which has no SCTP, knows no porter."""


def fail(words: str) -> NoReturn:
    sys.stderr.write(f"{words}\n")
    sys.exit(1)


def log(words: str) -> NoReturn:
    """End as log.Fatal does, by way of klog."""
    fail(f"I0102 15:04:05.000000 {os.getpid():7} log.go:244] {words}")


def go(error: OSError) -> str:
    return WORDS.get(error.errno or 0, (error.strerror or "").lower())


def connect(options: dict[str, str], place: str) -> None:
    protocol = options.get("--protocol", "tcp")
    seconds = float(options.get("--timeout", "0s").removesuffix("s")) or None
    host, _, port = place.rpartition(":")
    if not host or (":" in host and host[0] != "["):
        kind = "UNKNOWN" if protocol == "tcp" else "DNS"
        what = "too many colons in address" if host else "missing port in address"
        fail(f"{kind}: address {place}: {what}")
    number = int(port)
    if number > 65535:
        fail(f"DNS: address {port}: invalid port")
    host = host.strip("[]")
    try:
        ip_address(host)
    except ValueError:
        fail(f"DNS: lookup {host}: no such host")
    if protocol == "sctp":
        initiate(host, number, seconds or 75)
    else:
        exchange(protocol, host, number, seconds)


def exchange(protocol: str, host: str, port: int, seconds: float | None) -> None:
    """Connect, and over UDP await an answer."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with socket.socket(family, KINDS[protocol]) as made:
        made.settimeout(seconds)
        try:
            made.connect((host, port))
        except TimeoutError:
            fail("TIMEOUT")
        except ConnectionRefusedError:
            fail("REFUSED")
        except OSError as error:
            fail(f"OTHER: dial {protocol} {place}: connect: {go(error)}")
        if protocol == "udp":
            mine = made.getsockname()
            here = f"[{mine[0]}]:{mine[1]}" if ":" in host else f"{mine[0]}:{mine[1]}"
            step = "write"
            try:
                made.send(b"hostname\n")
                step = "read"
                made.recv(1024)
            except OSError as error:
                kind = {TimeoutError: "TIMEOUT", ConnectionRefusedError: "REFUSED"}.get(
                    type(error), "UNKNOWN"
                )
                words = "i/o timeout" if kind == "TIMEOUT" else f"{step}: {go(error)}"
                fail(f"{kind}: {step} udp {here}->{place}: {words}")


def initiate(host: str, port: int, seconds: float) -> None:
    """Send an INIT, again after three seconds as kernels do, and see what comes.

    Who cannot be reached, and who says so by ICMP, is silent for SCTP's sockets, unless it is a kernel that
    knows no SCTP.
    """
    if os.environ.get("NO_SCTP"):
        fail("OTHER: protocol not supported")
    kinds = (sctp.ChunkType.INIT_ACK, sctp.ChunkType.ABORT)
    raw = open_raw(socket.AF_INET6 if ":" in host else socket.AF_INET, kinds)
    try:
        raw.connect((host, 0))
    except OSError:
        time.sleep(seconds)
        fail("TIMEOUT")
    mine, tag = random.randint(32768, 60999), random.randint(1, 2**32 - 1)
    init = sctp.Packet(
        source_port=mine, destination_port=port, tag=0, chunk=sctp.ChunkType.INIT, initiate=tag
    )
    ends, refused, sent = time.monotonic() + seconds, False, -3.0
    while (left := ends - time.monotonic()) > 0:
        if not refused and time.monotonic() - sent >= 3:
            sent = time.monotonic()
            with contextlib.suppress(OSError):
                raw.send(init.encode())
        select.select([raw], [], [], min(left, 0.05))
        packet = heard(raw)
        if packet is None or (packet.source_port, packet.destination_port, packet.tag) != (port, mine, tag):
            continue
        if packet.chunk is sctp.ChunkType.INIT_ACK:
            return
        refused, ends = True, min(ends, time.monotonic() + SECOND_THOUGHT)
    fail("OTHER: connection refused" if refused else "TIMEOUT")


def heard(raw: BareSocket) -> sctp.Packet | None:
    """Return the next packet of a raw socket, None when there is none or it is not for us."""
    try:
        data = raw.recv(2048)
    except OSError as error:
        if error.errno in (errno.ENOPROTOOPT, errno.EPROTO):  # no SCTP there, say ICMP and ICMPv6
            fail("OTHER: connection refused")
        return None
    return sctp.decode(data if raw.family == socket.AF_INET6 else data[(data[0] & 15) * 4 :])


def serve(options: dict[str, str]) -> None:
    port = int(options["--port"])
    family = socket.AF_INET6 if Path("/proc/net/if_inet6").exists() else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as made:
        if family is socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        try:
            made.bind(("", port))
        except OSError as error:
            log(f"Error from ListenUDP(): listen udp :{port}: bind: {go(error)}")
        ends = time.monotonic() + LIFETIME  # a test that forgets it is not outlived for long
        made.settimeout(1)
        while time.monotonic() < ends:
            try:
                _, asker = made.recvfrom(16)
                made.sendto(os.uname().nodename.encode(), asker)
            except OSError:
                continue


def porter() -> None:
    """Answer INITs over IPv4 at a port; who has it already is known by a name of the same network."""
    prefix = "SERVE_SCTP_PORT_"
    (port,) = (int(name.removeprefix(prefix)) for name in os.environ if name.startswith(prefix))
    if os.environ.get("NO_SCTP"):
        log("Failed to listen SCTP. error:protocol not supported")
    with socket.socket(socket.AF_UNIX) as taken:
        try:
            taken.bind(f"\0sctp/{port}")
        except OSError as error:
            log(f"Failed to listen SCTP. error:{go(error)}")
        raw = open_raw(socket.AF_INET, (sctp.ChunkType.INIT,))
        ends = time.monotonic() + LIFETIME
        while time.monotonic() < ends:
            if not select.select([raw], [], [], 1)[0]:
                continue
            data, asker = raw.recvfrom(2048)
            packet = sctp.decode(data[(data[0] & 15) * 4 :])
            if packet is None or packet.destination_port != port:
                continue
            answer = sctp.Packet(
                source_port=port,
                destination_port=packet.source_port,
                tag=packet.initiate,
                chunk=sctp.ChunkType.INIT_ACK,
                initiate=1,
                cookie=os.environ[f"{prefix}{port}"].encode(),
            )
            raw.sendto(answer.encode(), asker)


def main() -> None:
    command, *words = sys.argv[1:]
    options = {key: value for key, _, value in (word.partition("=") for word in words if word[0] == "-")}
    if command == "connect":
        connect(options, words[-1])
    elif command == "serve-hostname":
        serve(options)
    elif command == "porter":
        porter()
    else:
        fail(f"unknown command {command}")


if __name__ == "__main__":
    main()
