"""Who answers UDP and SCTP in pods of the lab's own: only a reply proves that a packet has arrived.

Comes in: who must answer at which ports, and at which addresses they are. Goes out: who does at which
address, asked from the pod itself; else why nobody does. agnhost answers, started in the lab's ephemeral
container, and ends with it: `serve-hostname` over UDP, `porter` over SCTP, which has UDP since 2.60 only.
(`netexec` has both, and serves a shell over HTTP beside them.) No pod of somebody else's is given a listener:
it would be a service that nobody asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from lab.errors import LabError
from lab.probes import Probe, Protocol
from lab.providers.context.probing.asking import Executor
from lab.providers.context.probing.sources import LIFETIME, Seat

Listener = tuple[str, Protocol, int]
Spot = tuple[str, Protocol, int]
"""An address, a protocol and a port."""
Ports = Mapping[tuple[Protocol, int], Sequence[str]]
"""Ports of one pod, with the addresses at which they are asked."""

# Each port is asked at the pod's own addresses, where no policy stands in between: a server that listens on
# the loopback only, or for one IP version, answers nobody else either. `env -i`: Services named `serve` would
# be ports of the porter. `exec`: a shell that waits for a listener would keep the stream of answers open. Why
# a listener cannot run it says best itself, run once more. agnhost takes a minute to end when it is asked to.
SCRIPT = r"""
set -f
export LC_ALL=C
life=$1 serve=$2 window=$3
shift $#
agnhost=agnhost
[ -x /agnhost ] && agnhost=/agnhost
hear() {
  silent= heard=
  for address in "$@"; do
    case $address in *:*) url="[$address]" ;; *) url=$address ;; esac
    if $agnhost connect --protocol=$protocol --timeout=1s "$url:$port" >/dev/null 2>&1; then
      heard=yes
      echo "kubereach1 listens $address $protocol $port"
    else
      silent="$silent $address"
    fi
  done
}
serve() {
  case $protocol in
    udp) exec timeout -s KILL $life $agnhost serve-hostname --http=false --udp --port=$port ;;
    sctp) exec env -i "PATH=$PATH" "SERVE_SCTP_PORT_$port=kubereach" timeout -s KILL $life $agnhost porter ;;
  esac
}
start() {
  (serve) </dev/null >/dev/null 2>&1 &
  listener=$! tried=
  while [ ${#tried} -lt 10 ]; do
    sleep 1
    hear $silent
    [ -n "$silent" ] && [ -z "$heard" ] && kill -0 $listener || break
    tried=x$tried
  done
  if [ -n "$heard" ]; then hear $silent
  elif [ -n "$silent" ]; then
    life=1
    why=$(serve </dev/null 2>&1)
    [ $? = 1 ] || why=
  fi
}
look() {
  protocol=$1 port=$2 why=
  shift 2
  hear "$@"
  [ -z "$silent" ] && return
  if [ $serve = yes ]; then start; else
    sleep 1
    hear $silent
  fi
  for address in $silent; do echo "kubereach1 silent $address $protocol $port" ${why##*:}; done
}
while read -r line && [ "$line" != END ]; do
  look $line </dev/null 2>/dev/null &
  set -- "$@" $!
  if [ $# -ge $window ]; then
    wait $1
    shift
  fi
done
wait
"""
_LINE = re.compile(r"kubereach1 (listens|silent) (\S+) (udp|sctp) ([0-9]+)(?: (.*))?")
_WINDOW = 16


class Listening:
    """Those who answer for us. `spots` says where: "" where somebody does, else why nobody does."""

    def __init__(
        self,
        executor: Executor,
        seats: Mapping[str, Seat],
        addresses: Mapping[str, Sequence[str]],
        concurrency: int,
    ) -> None:
        """Take over the pods: where commands run in them, and their addresses, by name."""
        self._executor, self._seats = executor, seats
        self._addresses, self._concurrency = addresses, concurrency
        self.spots: dict[Spot, str] = {}

    def start(self, wanted: Iterable[Listener]) -> None:
        """Have the lab's own pods answer at these ports, as far as they can."""
        pods: dict[str, dict[tuple[Protocol, int], Sequence[str]]] = {}
        for name, protocol, port in wanted:
            seat = self._seats.get(name)
            if protocol is not Protocol.TCP and seat and seat.ours and seat.ephemeral:
                pods.setdefault(name, {})[protocol, port] = self._addresses[name]
        self.spots |= self._look(pods, serve=True)

    def gone(self, probes: Iterable[Probe]) -> dict[Probe, str]:
        """Ask again those who should have answered some probes; return why not, where they answer no more."""
        asked = [each for each in probes if self.spots.get((each.address, each.protocol, each.port)) == ""]
        pods: dict[str, dict[tuple[Protocol, int], list[str]]] = {}
        for each in asked:
            known = pods.setdefault(each.expect or "", {}).setdefault((each.protocol, each.port), [])
            if each.address not in known:
                known.append(each.address)
        found = self._look(pods, serve=False)
        return {
            each: f"who answered {each.protocol.name} there does so no more"
            for each in asked
            if found[each.address, each.protocol, each.port]
        }

    def _look(self, pods: Mapping[str, Ports], *, serve: bool) -> dict[Spot, str]:
        """See who answers, in all pods at the same time; with `serve` who does not answer is started."""
        if not pods:
            return {}
        threads = ThreadPoolExecutor(self._concurrency)
        try:
            found = [*threads.map(partial(self._look_in, serve=serve), pods, pods.values())]
        finally:  # who is interrupted does not wait for them: the caller hangs up
            threads.shutdown(wait=False, cancel_futures=True)
        return {spot: why for each in found for spot, why in each.items()}

    def _look_in(self, name: str, ports: Ports, *, serve: bool) -> dict[Spot, str]:
        seat = self._seats[name]
        words = [str(LIFETIME), "yes" if serve else "no", str(_WINDOW)]
        lines = (f"{of.name.lower()} {port} {' '.join(ports[of, port])}\n" for of, port in ports)
        slowest = (13 if serve else 3) * (1 + max(len(each) for each in ports.values()))
        found = {(address, *port): "no answer" for port, known in ports.items() for address in known}
        try:
            ended = self._executor.exec(
                seat.namespace,
                seat.pod,
                seat.containers[0],
                ["sh", "-c", SCRIPT, "kubereach", *words],
                stdin="".join((*lines, "END\n")).encode(),
                timeout=15 + slowest * -(-len(ports) // _WINDOW),
            )
        except LabError as error:
            return dict.fromkeys(found, error.message)
        return {**found, **{spot: why for spot, why in _read(ended.lines) if spot in found}}


def _read(lines: Iterable[str]) -> Iterator[tuple[Spot, str]]:
    """Yield what the script said: "" of who listens, else why nobody does."""
    for line in lines:
        if told := _LINE.fullmatch(line):
            verb, address, protocol, port, words = told.groups()
            silent = (words or "").strip() or "no answer"
            yield (address, Protocol[protocol.upper()], int(port)), "" if verb == "listens" else silent
