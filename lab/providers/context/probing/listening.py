"""Listeners for UDP in pods of the lab's own: only a reply proves that a datagram has arrived.

Comes in: who must answer at which ports. Goes out: who does, tried from the pod itself. agnhost answers with
its hostname; it is started in the lab's ephemeral container, and ends with it. No pod of somebody else's is
given a listener: it would be a service that nobody asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.errors import LabError
from lab.probes import Protocol
from lab.providers.context.probing.asking import Executor
from lab.providers.context.probing.sources import LIFETIME, Seat

Listener = tuple[str, Protocol, int]

_SCRIPT = r"""
agnhost=agnhost
[ -x /agnhost ] && agnhost=/agnhost
ok() { $agnhost connect --protocol=udp --timeout=1s "127.0.0.1:$1" >/dev/null 2>&1; }
while read -r port && [ "$port" != END ]; do
  if ok "$port"; then echo "kubereach1 listens $port"; continue; fi
  timeout $1 $agnhost serve-hostname --http=false --udp --port="$port" </dev/null >/dev/null 2>&1 &
  tried=
  while [ ${#tried} -lt 5 ]; do
    if ok "$port"; then echo "kubereach1 listens $port"; break; fi
    tried=x$tried
    sleep 1
  done </dev/null
done
"""
_MARK = "kubereach1 listens "


def listen(
    executor: Executor, seats: Mapping[str, Seat], wanted: Iterable[Listener], concurrency: int
) -> frozenset[Listener]:
    """Start listeners where they can be, and return who answers now."""
    ports: dict[str, list[int]] = {}
    for name, protocol, port in wanted:
        seat = seats.get(name)
        if seat and seat.ours and seat.ephemeral and protocol is Protocol.UDP:
            ports.setdefault(name, []).append(port)
    if not ports:
        return frozenset()
    threads = ThreadPoolExecutor(concurrency)
    try:
        answers = [*threads.map(lambda name: _start(executor, seats[name], ports[name]), ports)]
    finally:  # who is interrupted does not wait for them: the caller hangs up
        threads.shutdown(wait=False, cancel_futures=True)
    return frozenset(
        (name, Protocol.UDP, port) for name, found in zip(ports, answers, strict=True) for port in found
    )


def _start(executor: Executor, seat: Seat, ports: Sequence[int]) -> list[int]:
    told = "".join((*(f"{port}\n" for port in ports), "END\n")).encode()
    try:
        ended = executor.exec(
            seat.namespace,
            seat.pod,
            seat.containers[0],
            ["sh", "-c", _SCRIPT, "kubereach", str(LIFETIME)],
            stdin=told,
            timeout=15 + 12 * len(ports),
        )
    except LabError:
        return []
    return [*_answering(ended.lines)]


def _answering(lines: Iterable[str]) -> Iterator[int]:
    for line in lines:
        if line.startswith(_MARK) and line.removeprefix(_MARK).isdecimal():
            yield int(line.removeprefix(_MARK))
